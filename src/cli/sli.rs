//! `sli`: bad seconds per resolver and month.
//!
//! Deliberately absent: the reckoning, which is the store's.

use clap::Args;

use super::{
    CliError, EXIT_OK, history,
    instants::instant,
    length,
    listing::{Listing, or_empty},
    output::{Output, inert},
    pattern::Pattern,
    table, who,
    window::{self, WindowArgs},
};
use crate::{
    config::Config,
    store::{
        Within,
        service_level::{BadQuestion, ServiceLevel},
    },
};

#[derive(Debug, Args)]
pub(super) struct SliArgs {
    /// Only this name; `dialer{1..40}.example.com` stands for forty [default: every name]
    name: Option<Pattern>,
    #[command(flatten)]
    window: WindowArgs,
}

pub(super) async fn run(args: &SliArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let (from, to) = args.window.ends()?;
    let names = window::names(args.name.as_ref());
    let items = history::read(config, output, async |store| {
        store.service_levels(&names, from, to).await
    });
    let items = items.await?;
    output.list(&Within { from, to, items }, table, listing)?;
    Ok(EXIT_OK)
}

/// For people: resolvers and months, then the questions that had bad seconds.
pub(super) fn table(found: &Within<ServiceLevel>) -> String {
    if found.items.is_empty() {
        let to = instant(found.to);
        return format!("no verdict was given by {to}: no data is not no problem\n");
    }
    let rows = found.items.iter().map(|level| {
        let facts = [
            level.month.clone(),
            inert(&level.resolver),
            inert(&level.group),
            inert(&level.vantage),
            level.questions.to_string(),
            length::text(level.watched_s),
            length::text(level.bad_s),
        ];
        (facts, [percent(level.bad_percent)])
    });
    let head = [
        "MONTH",
        "RESOLVER",
        "GROUP",
        "VANTAGE",
        "QUESTIONS",
        "WATCHED",
        "BAD",
    ];
    let mut text =
        "times are summed over all questions; only what was watched counts\n\n".to_owned();
    text += &table::render(head, ["BAD %"], rows);
    if found.items.iter().any(|level| !level.bad.is_empty()) {
        text += &format!("\nWHERE\n{}", bad(found));
    }
    text
}

fn bad(found: &Within<ServiceLevel>) -> String {
    let rows = found.items.iter().flat_map(|level| {
        level.bad.iter().map(|bad| {
            let facts = [
                level.month.clone(),
                inert(&level.resolver),
                bad.address.ip().to_string(),
                length::text(bad.bad_s),
            ];
            (facts, [states(bad), who::question(&bad.question)])
        })
    });
    let head = ["MONTH", "RESOLVER", "ADDRESS", "BAD"];
    table::render(head, ["AS", "QUESTION"], rows)
}

fn states(bad: &BadQuestion) -> String {
    let states = bad.states.iter();
    let told = states.map(|(state, seconds)| format!("{state} {}", length::text(*seconds)));
    told.collect::<Vec<_>>().join(", ")
}

fn percent(percent: Option<f64>) -> String {
    percent.map_or_else(
        || "not watched".to_owned(),
        |percent| format!("{percent:.3}"),
    )
}

/// One row per resolver and month.
fn listing(found: &Within<ServiceLevel>) -> Listing {
    let headings = [
        "vantage",
        "group",
        "resolver",
        "month",
        "questions",
        "watched_s",
        "bad_s",
        "bad_percent",
    ];
    let row = |level: &ServiceLevel| {
        [
            level.vantage.clone(),
            level.group.clone(),
            level.resolver.clone(),
            level.month.clone(),
            level.questions.to_string(),
            level.watched_s.to_string(),
            level.bad_s.to_string(),
            or_empty(level.bad_percent),
        ]
    };
    Listing::new(headings, found.items.iter().map(row))
}
