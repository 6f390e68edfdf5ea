//! Reads what is said beside a question: the keys that `[defaults]`, `[[group]]` and `[[resolver]]` share.
//!
//! Deliberately absent: what happens where none of them says anything, which is for whoever asks.

use super::{error::Complaint, raw::Value, section::Section};
use crate::types::{ClientSubnet, QueryOptions};

impl Section<'_, '_> {
    /// The options of `[defaults]` and `[[group]]`.
    pub(super) fn options(&mut self) -> QueryOptions {
        QueryOptions {
            ecs: self.subnet(),
            ..self.options_without_subnet()
        }
    }

    /// The options of a resolver, and whether it passes client subnets on: whoever is told one is one that does.
    pub(super) fn options_of_resolver(&mut self) -> (QueryOptions, bool) {
        let options = self.options_without_subnet();
        let told = |value: &Value| matches!(value, Value::Text(_) | Value::Word(_));
        if self.node("ecs").is_some_and(|node| told(&node.value)) {
            let ecs = self.subnet();
            return (QueryOptions { ecs, ..options }, true);
        }
        (options, self.flag("ecs").unwrap_or(false))
    }

    fn options_without_subnet(&mut self) -> QueryOptions {
        QueryOptions {
            dnssec: self.flag("dnssec"),
            checking_disabled: self.flag("checking_disabled"),
            recursion_desired: self.flag("recursion_desired"),
            ecs: None,
            cookies: self.flag("cookies"),
            case_randomization: self.flag("case_randomization"),
        }
    }

    fn subnet(&mut self) -> Option<ClientSubnet> {
        Some(self.parsed("ecs", client_subnet)?.value)
    }
}

fn client_subnet(text: &str) -> Result<ClientSubnet, Complaint> {
    read_client_subnet(text).map_err(Complaint::new)
}

/// Reads `unsaid`, `hidden`, or the network that a resolver is told; an address stands for itself alone.
///
/// # Errors
///
/// It is none of them; says so in words.
pub fn read_client_subnet(text: &str) -> Result<ClientSubnet, String> {
    match text {
        "unsaid" => return Ok(ClientSubnet::Unsaid),
        "hidden" => return Ok(ClientSubnet::Hidden),
        _ => {}
    }
    let network = text.parse::<ipnet::IpNet>().map(|network| network.trunc());
    let network = network.or_else(|_| text.parse::<std::net::IpAddr>().map(Into::into));
    network.map(ClientSubnet::Of).map_err(|_| {
        format!("`{text}` is no client subnet: write \"unsaid\", \"hidden\" or a network such as \"192.0.2.0/24\"")
    })
}

/// As it is written.
pub fn show_client_subnet(subnet: ClientSubnet) -> String {
    match subnet {
        ClientSubnet::Unsaid => "unsaid".to_owned(),
        ClientSubnet::Hidden => "hidden".to_owned(),
        ClientSubnet::Of(network) => network.to_string(),
    }
}
