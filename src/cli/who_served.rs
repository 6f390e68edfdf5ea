//! `who-served`: which source handed out an address, for which names, when.
//!
//! Deliberately absent: whether it was right to, which `timeline` and `explain` say.

use clap::Args;
use ipnet::IpNet;

use super::{
    CliError, EXIT_OK, history, instants::instant, output::Output, spans, window::WindowArgs,
};
use crate::{
    config::Config,
    store::{RecordedSpan, Within},
    types::parse_network,
};

#[derive(Debug, Args)]
pub(super) struct WhoServedArgs {
    /// The address, or a network such as 203.0.113.0/24
    #[arg(value_name = "ADDRESS|CIDR", value_parser = parse_network)]
    addresses: IpNet,
    #[command(flatten)]
    window: WindowArgs,
}

pub(super) async fn run(
    args: &WhoServedArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let (from, to) = args.window.ends()?;
    let addresses = args.addresses;
    let items = history::read(config, output, async |store| {
        store.who_served(addresses, Some(from), Some(to)).await
    });
    let items = items.await?;
    let found = Within { from, to, items };
    output.list(
        &found,
        |found| table(found, addresses),
        |found| spans::listing(&found.items),
    )?;
    Ok(EXIT_OK)
}

fn table(found: &Within<RecordedSpan>, addresses: IpNet) -> String {
    if found.items.is_empty() {
        let to = instant(found.to);
        return format!(
            "nothing recorded by {to} held {addresses}; `coverage` says when anything was watched\n"
        );
    }
    spans::table(found)
}
