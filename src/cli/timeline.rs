//! `timeline`: who served what, from when until when, what was made of it and who was told.
//!
//! Deliberately absent: the query. The API reads the same one.

mod report;

pub(super) use report::{finding, reason};

use chrono::{DateTime, Utc};
use clap::Args;

use super::{CliError, EXIT_OK, history, output::Output, pattern::Pattern};
use crate::{
    config::Config,
    store::{
        Store, StoreError,
        timeline::{Timeline, TimelineQuery},
    },
    types::RecordType,
};

#[derive(Debug, Args)]
pub(super) struct TimelineArgs {
    /// The name; `dialer{1..40}.example.com` stands for forty, and their JSON is a list
    name: Pattern,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<RecordType>,
    /// From this instant: RFC 3339, or relative such as -2h
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    from: Option<DateTime<Utc>>,
    /// Up to this instant
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    to: Option<DateTime<Utc>>,
    /// Only this resolver (authorities are shown all the same)
    #[arg(long, value_name = "ID")]
    resolver: Option<String>,
}

pub(super) async fn run(
    args: &TimelineArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    history::in_order(args.from, args.to)?;
    let timelines =
        history::read(config, output, async |store| timelines(store, args).await).await?;
    match timelines.as_slice() {
        [one] if !args.name.braced => output.list(one, report::table, |one| {
            report::listing(std::slice::from_ref(one))
        })?,
        _ => output.list(&timelines, |all| sections(all), |all| report::listing(all))?,
    }
    Ok(EXIT_OK)
}

async fn timelines(store: &Store, args: &TimelineArgs) -> Result<Vec<Timeline>, StoreError> {
    let mut timelines = Vec::new();
    for name in &args.name.names {
        let query = TimelineQuery {
            name: name.clone(),
            rtype: args.rtype,
            from: args.from,
            to: args.to,
            resolver: args.resolver.clone(),
        };
        timelines.push(store.timeline(&query).await?);
    }
    Ok(timelines)
}

fn sections(timelines: &[Timeline]) -> String {
    let rule = format!("\n{}\n", "-".repeat(super::table::WIDTH));
    let sections: Vec<String> = timelines.iter().map(report::table).collect();
    sections.join(&rule)
}
