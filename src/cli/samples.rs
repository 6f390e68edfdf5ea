//! A configuration for the snapshots of the command line, and history that makes their tables wide.

pub(super) mod history;

use std::collections::BTreeMap;

use crate::config::{Config, load};

const TEXT: &str = r#"
vantage = "us-west-2"
[database]
data_dir = "/data"
[defaults]
channels = ["voip-ops"]
[[resolver]]
id = "office"
operator = "ACME IT"
addresses = ["192.0.2.53", "[2001:db8::53]:5353"]
transport = "tcp"
max_qps = 1
ttl_cap = 60
[[resolver]]
id = "office-https"
operator = "ACME IT"
address = "192.0.2.53"
transport = "https"
server_name = "dns.example.net"
ca_file = "/etc/ssl/office.pem"
recursion_desired = false
ecs = "192.0.2.0/24"
[[group]]
name = "dialers"
names = ["dialer{1..3}.example.com"]
resolvers = ["quad9", "google", "office", "quad9+tls"]
[[group]]
name = "shops"
names = ["bücher{01..06}.example"]
types = ["A"]
schedule = "*/5 * * * * *"
resolvers = ["office"]
channels = []
[[channel]]
id = "voip-ops"
kind = "slack"
url = "http://127.0.0.1:9/"
[[channel]]
id = "spare"
kind = "webhook"
url = "http://127.0.0.1:9/"
min_severity = "critical"
"#;

pub(crate) fn config() -> Config {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auditor.toml");
    std::fs::write(&file, TEXT).unwrap();
    load(Some(&file), &BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Whether every line has room on a terminal of 100 columns.
pub(crate) fn fits(text: &str) -> bool {
    text.lines()
        .all(|line| line.chars().count() <= super::table::WIDTH)
}
