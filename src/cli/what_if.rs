//! `what-if`: how long old and wrong answers would have lasted under another TTL.
//!
//! Deliberately absent: the model, which [`crate::audit::what_if`] states and works out.

mod report;

use chrono::{DateTime, Utc};
use clap::Args;

use super::{CliError, EXIT_OK, history, incidents, output::Output, pattern::Pattern};
use crate::{
    clock,
    config::Config,
    replay::what_if::{WhatIfQuery, what_if},
    store::replay::HeldQuery,
    types::RecordType,
};

pub(crate) use report::table;

#[derive(Debug, Args)]
pub(super) struct WhatIfArgs {
    /// The TTL that the authority would have served, in seconds
    #[arg(long, value_name = "SECONDS")]
    ttl: u32,
    /// The name; `dialer{1..40}.example.com` stands for forty [default: every name]
    name: Option<Pattern>,
    /// Of an incident's names while it lasted: its id, or the beginning of it
    #[arg(long, value_name = "ID", conflicts_with = "name", value_parser = incidents::beginning)]
    incident: Option<String>,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<RecordType>,
    /// Only this resolver
    #[arg(long, value_name = "ID")]
    resolver: Option<String>,
    /// Only what could be held at or after this instant: RFC 3339, or relative such as -2h
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    from: Option<DateTime<Utc>>,
    /// Only what began by this instant
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    to: Option<DateTime<Utc>>,
}

pub(super) async fn run(
    args: &WhatIfArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    history::in_order(args.from, args.to)?;
    let worked_out = history::with(config, output, async |store| {
        let mut of = HeldQuery {
            vantage: config.vantage.clone(),
            names: args
                .name
                .iter()
                .flat_map(|name| name.names.clone())
                .collect(),
            types: args.rtype.into_iter().collect(),
            resolvers: args.resolver.iter().cloned().collect(),
            from: args.from.unwrap_or(DateTime::UNIX_EPOCH),
            to: args.to.unwrap_or_else(clock::now),
        };
        if let Some(id) = &args.incident {
            let (incident, _) = incidents::read(store, id).await?;
            of.names = incident.names.into_iter().collect();
            of.from = args.from.unwrap_or(incident.opened_at);
            of.to = args.to.or(incident.resolved_at).unwrap_or(of.to);
        }
        let query = WhatIfQuery { of, ttl: args.ttl };
        Ok::<_, CliError>(what_if(store, &query, &config.resolvers).await?)
    });
    let worked_out = worked_out.await??;
    output.list(&worked_out, table, report::listing)?;
    Ok(EXIT_OK)
}
