//! The file that the service of the demonstration reads, as a user would write it.
//!
//! Deliberately absent: anything that leads away from loopback.

use std::net::SocketAddr;

use super::{
    GROUP, RESOLVERS, Resolver, VANTAGE,
    directory::Directory,
    story::{self, Site},
};

/// The file's text: `servers` are two name servers and the resolvers in their order, `sink` receives for Slack, and a
/// round is due every `period` minutes.
pub(super) fn text(
    servers: &[SocketAddr],
    sink: SocketAddr,
    directory: &Directory,
    period: u32,
) -> String {
    let (authorities, resolvers) = servers.split_at(2);
    let resolvers = RESOLVERS.iter().zip(resolvers);
    let resolvers: Vec<String> = resolvers
        .map(|(one, address)| entry(one, *address))
        .collect();
    let resolvers = resolvers.concat();
    let data = directory.path().join("data").display().to_string();
    let ids = RESOLVERS
        .map(|resolver| format!("{:?}", resolver.id))
        .join(", ");
    let names = story::DIALERS
        .map(|dialer| format!("{:?}", dialer.name()))
        .join(", ");
    let [ns1, ns2] = [authorities[0], authorities[1]];
    format!(
        r#"vantage = "{VANTAGE}"
[database]
data_dir = {data:?}
[http]
listen = "127.0.0.1:0"
url = "https://auditor.example"
[authority]
root_hints = ["{ns1}", "{ns2}"]
max_qps = 10000
{resolvers}
[[group]]
name = "{GROUP}"
names = [{names}]
types = ["A"]
resolvers = [{ids}]
authorities = ["{ns1}", "{ns2}"]
schedule = "0 */{period} * * * *"
known_bad = ["{site_b}"]
repeat_interval = "12h"
channels = ["voip-ops"]
[[channel]]
id = "voip-ops"
kind = "slack"
url = "http://{sink}/services/demo"
"#,
        site_b = Site::B.network(),
    )
}

fn entry(resolver: &Resolver, address: SocketAddr) -> String {
    let cap = resolver.cap.map(|cap| format!("ttl_cap = {cap}\n"));
    let cap = cap.unwrap_or_default();
    let id = resolver.id;
    format!(
        "[[resolver]]\nid = \"{id}\"\naddress = \"{address}\"\nmax_qps = 10000\nsingle_cache = true\n{cap}"
    )
}
