//! `evidence`: the messages that prove what was wrong, as they travelled.
//!
//! Deliberately absent: the query, which the API reads, too, and what octets mean, which `probe` says.

mod report;

use chrono::{DateTime, Utc};
use clap::Args;

use super::{CliError, EXIT_OK, history, output::Output, pattern::Pattern};
use crate::{config::Config, store::messages::MessageQuery, types::RecordType};

pub(super) use report::{message, page};

#[derive(Debug, Args)]
pub(super) struct EvidenceArgs {
    /// The name; `dialer{1..40}.example.com` stands for forty
    name: Pattern,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<RecordType>,
    /// Only this resolver (authorities are shown all the same)
    #[arg(long, value_name = "ID")]
    resolver: Option<String>,
    /// From this instant: RFC 3339, or relative such as -2h
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    from: Option<DateTime<Utc>>,
    /// Up to this instant
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    to: Option<DateTime<Utc>>,
    /// What each source was last seen to say, of what was kept, by this instant
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant,
        conflicts_with_all = ["from", "to"])]
    at: Option<DateTime<Utc>>,
    /// At most so many, the latest
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Octets in hexadecimal besides
    #[arg(long)]
    hex: bool,
}

pub(super) async fn run(
    args: &EvidenceArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    history::in_order(args.from, args.to)?;
    let query = MessageQuery {
        names: args.name.names.clone(),
        types: args.rtype.into_iter().collect(),
        resolvers: args.resolver.iter().cloned().collect(),
        from: args.from,
        to: args.to.or(args.at),
        last_only: args.at.is_some(),
    };
    let messages = history::read(config, output, async |store| {
        store.messages(&query, args.limit).await
    });
    output.whole(&messages.await?, |messages| page(messages, args.hex))?;
    Ok(EXIT_OK)
}
