//! Networks as people write them.
//!
//! Deliberately absent: ranges that are no network.

use std::net::IpAddr;

use ipnet::IpNet;

/// A network (CIDR), or an address as the network that holds it alone. Bits beyond the prefix are dropped.
pub fn parse_network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let network = address.or_else(|_| text.parse::<IpNet>().map(|net| net.trunc()));
    network.map_err(|_| format!("`{text}` is neither an address nor a network (CIDR)"))
}

#[cfg(test)]
mod tests {
    use super::parse_network;

    #[test]
    fn an_address_is_the_network_that_holds_it_alone() {
        for (text, expected) in [
            ("203.0.113.7", "203.0.113.7/32"),
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("2001:db8::1", "2001:db8::1/128"),
        ] {
            assert_eq!(parse_network(text).unwrap().to_string(), expected);
        }
        assert!(parse_network("dialer7").unwrap_err().contains("`dialer7`"));
    }
}
