//! `findings`: what was wrong at the authorities, since when, at which record and link.
//!
//! Deliberately absent: what is a finding, and what is wrong at resolvers.

use clap::Args;

use super::{
    CliError, EXIT_OK, history,
    instants::instant,
    listing::{Listing, exact, exact_or_empty},
    output::Output,
    pattern::Pattern,
    timeline,
    window::{self, WindowArgs},
};
use crate::{
    audit::finding::FindingKind,
    config::Config,
    store::{
        Within,
        findings::{FindingQuery, FindingSpan},
    },
    types::RecordType,
};

#[derive(Debug, Args)]
pub(super) struct FindingsArgs {
    /// Only of this name; `dialer{1..40}.example.com` stands for forty [default: every name]
    name: Option<Pattern>,
    /// Only of these kinds, by the names that findings have
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    kind: Vec<FindingKind>,
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<RecordType>,
    #[command(flatten)]
    window: WindowArgs,
}

pub(super) async fn run(
    args: &FindingsArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let (from, to) = args.window.ends()?;
    let query = FindingQuery {
        names: window::names(args.name.as_ref()),
        rtype: args.rtype,
        kinds: args.kind.clone(),
        from,
        to,
    };
    let items = history::read(config, output, async |store| store.findings(&query).await).await?;
    output.list(&Within { from, to, items }, table, listing)?;
    Ok(EXIT_OK)
}

fn table(found: &Within<FindingSpan>) -> String {
    if found.items.is_empty() {
        let to = instant(found.to);
        return format!("nothing was found by {to}; `coverage` says when anything was watched\n");
    }
    found.items.iter().map(timeline::finding).collect()
}

fn listing(found: &Within<FindingSpan>) -> Listing {
    let headings = [
        "vantage", "group", "kind", "severity", "since", "until", "names", "reason",
    ];
    let row = |one: &FindingSpan| {
        [
            one.vantage.clone(),
            one.group.clone(),
            one.kind.clone(),
            one.severity.to_string(),
            exact(one.since),
            exact_or_empty(one.until),
            one.names.join(" "),
            timeline::reason(&one.evidence).to_owned(),
        ]
    };
    Listing::new(headings, found.items.iter().map(row))
}
