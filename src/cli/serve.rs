//! `serve`: the service in the foreground, until SIGTERM or SIGINT.
//!
//! Deliberately absent: daemonising, which is the service manager's work.

use std::path::Path;

use super::{
    CliError, EXIT_OK,
    output::{Output, count},
    signals::stop_on_signal,
};
use crate::{config::Config, daemon};

pub(super) async fn run(config: Config, file: &Path, output: Output) -> Result<u8, CliError> {
    config.require_groups(Some(file))?;
    let shutdown = stop_on_signal()?;
    let names = config.groups.iter().map(|group| group.names.len()).sum();
    let groups = config.groups.len();
    let vantage = config.vantage.clone();
    daemon::run(config, shutdown, |running| {
        output.error(&welcome(&vantage, names, groups, running.address));
    })
    .await?;
    Ok(EXIT_OK)
}

/// What a newcomer wants to know next.
fn welcome(vantage: &str, names: usize, groups: usize, address: std::net::SocketAddr) -> String {
    format!(
        "dns-auditor watches {} in {} from vantage {vantage}\n\
         \n\
         look here   http://{address}/             what there is; /readyz, /metrics, /api/v1/…\n\
         then try    dns-auditor incidents         what is wrong\n\
         \u{20}           dns-auditor timeline NAME     who served what, from when until when\n\
         \u{20}           dns-auditor config check      the next runs of every group\n\
         next        put your own names into config/dns-auditor.toml, and a Slack or webhook channel\n",
        count(names, "name"),
        count(groups, "group"),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_newcomer_is_told_where_to_look_and_what_to_do_next() {
        let address = "127.0.0.1:8053".parse().unwrap();
        insta::assert_snapshot!(super::welcome("us-west-2", 41, 1, address));
    }
}
