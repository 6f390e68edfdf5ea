//! The configuration of a service that watches a lab: its four recursors as the public resolvers, two channels.
//!
//! Deliberately absent: defaults of its own beyond what makes a test quick. A test says what it watches.

use std::{fs, net::SocketAddr, path::PathBuf};

use tempfile::TempDir;

use crate::{lab::Lab, postgres::open_dir};

/// The webhook's signing secret, as a configuration holds it.
pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Where the configuration points.
pub(super) struct Setup<'a> {
    /// The names of the only group, `lab`, as a TOML list.
    pub(super) names: &'a str,
    /// More keys of the group.
    pub(super) settings: &'a str,
    /// The keys of `[database]`; without any, a private server in the setup's own directory.
    pub(super) database: String,
    /// Where the HTTP face listens.
    pub(super) listen: SocketAddr,
    /// The Slack channel's URL.
    pub(super) slack: String,
    /// The webhook channel's URL.
    pub(super) webhook: String,
}

impl Setup<'_> {
    /// Writes the configuration into a directory of its own, `dns-auditor.toml`, with the secret beside it.
    pub(super) fn write(&self, lab: &Lab) -> (TempDir, PathBuf) {
        let dir = open_dir();
        fs::write(dir.path().join("hook-secret"), SECRET).unwrap();
        let file = dir.path().join("dns-auditor.toml");
        fs::write(&file, self.text(lab)).unwrap();
        (dir, file)
    }

    fn text(&self, lab: &Lab) -> String {
        let ids: Vec<_> = lab.resolvers().into_iter().map(|(id, ..)| id).collect();
        let resolvers = lab.resolvers().into_iter().map(|(id, operator, address)| {
            let address = address.ip();
            format!(
                "[[resolver]]\nid = {id:?}\noperator = {operator:?}\naddress = \"{address}\"\nmax_qps = 2000\nsingle_cache = true\n"
            )
        });
        let Self {
            names,
            settings,
            database,
            listen,
            slack,
            webhook,
        } = self;
        format!(
            r#"
vantage = "lab"

[database]
data_dir = "data"
{database}

[http]
listen = "{listen}"

[authority]
root_hints = ["{root}"]

{resolvers}
[[group]]
name = "lab"
names = {names}
resolvers = {ids:?}
channels = ["slack", "webhook"]
{settings}

[[channel]]
id = "slack"
kind = "slack"
url = "{slack}"

[[channel]]
id = "webhook"
kind = "webhook"
url = "{webhook}"
secret_file = "hook-secret"
"#,
            root = lab.root_hint().ip(),
            resolvers = resolvers.collect::<String>(),
        )
    }
}
