//! `propagation`: who saw a change when, and who saw it last.
//!
//! Deliberately absent: the reckoning, which is the store's.

use clap::Args;

use super::{
    CliError, EXIT_OK, history,
    instants::Instants,
    length,
    listing::{Listing, exact, exact_or_empty, or_empty},
    output::{Output, inert, wrap},
    pattern::Pattern,
    table,
    who::{self, Who},
    window::WindowArgs,
};
use crate::{
    config::Config,
    store::{
        Within,
        propagation::{Followed, Propagation},
        timeline::TimelineQuery,
    },
    types::RecordType,
};

#[derive(Debug, Args)]
pub(super) struct PropagationArgs {
    /// The name; `dialer{1..40}.example.com` stands for forty
    name: Pattern,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<RecordType>,
    /// Only this resolver
    #[arg(long, value_name = "ID")]
    resolver: Option<String>,
    #[command(flatten)]
    window: WindowArgs,
}

pub(super) async fn run(
    args: &PropagationArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let (from, to) = args.window.ends()?;
    let items = history::read(config, output, async |store| {
        let mut changes = Vec::new();
        for name in &args.name.names {
            let query = TimelineQuery {
                name: name.clone(),
                rtype: args.rtype,
                from: Some(from),
                to: Some(to),
                resolver: args.resolver.clone(),
            };
            changes.extend(store.propagation(&query).await?);
        }
        Ok(changes)
    });
    let items = items.await?;
    output.list(&Within { from, to, items }, table, listing)?;
    Ok(EXIT_OK)
}

fn table(found: &Within<Propagation>) -> String {
    if found.items.is_empty() {
        return "no authoritative server was seen to change its answer within this window; `coverage` says when \
                anything was watched\n"
            .to_owned();
    }
    let sections: Vec<String> = found.items.iter().map(section).collect();
    sections.join("\n")
}

/// One change: where it began, the curve, and every backend.
fn section(change: &Propagation) -> String {
    let ends = change
        .backends
        .iter()
        .flat_map(|one| [one.last_other, one.at]);
    let servers = change.servers.iter().map(|server| server.at);
    let instants = Instants::over(ends.flatten().chain(servers).chain([change.changed_at]));
    let mut text = format!(
        "{} ({}), seen from {}\n",
        who::question(&change.question),
        instants.note(),
        inert(&change.vantage)
    );
    text += &wrap(&inert(&change.to.to_string()), "  now     ");
    let all = change.servers.iter();
    let who = Who::over(all.map(|server| (server.server.as_str(), server.address)));
    for server in &change.servers {
        let at = instants.show(server.at);
        let label = who.label(&server.server, server.address);
        text += &format!("  at      {at} {}\n", inert(&label));
    }
    if let Some(ended) = change.ended_at {
        text += &format!(
            "  until   {} at the earliest\n",
            super::instants::instant(ended)
        );
    }
    text += &format!("  caches  {}\n", curve(change));
    text + &backends(change, instants)
}

fn curve(change: &Propagation) -> String {
    if change.backends.is_empty() {
        return "none had been seen with anything else".to_owned();
    }
    let share = |seconds: Option<i64>| seconds.map_or_else(|| "never".to_owned(), length::text);
    format!(
        "50 % after {}, 95 % after {}, all {} after {}",
        share(change.t50_s),
        share(change.t95_s),
        change.backends.len(),
        share(change.t100_s)
    )
}

fn backends(change: &Propagation, instants: Instants) -> String {
    let all = change.backends.iter();
    let who = Who::over(all.map(|one| (one.resolver.as_str(), one.address)));
    let rows = change.backends.iter().map(|one| {
        let facts = [
            who.label(&one.resolver, one.address),
            instants.show_or_dash(one.at),
            one.after_s.map_or_else(|| "never".to_owned(), length::text),
            instants.show_or_dash(one.last_other),
        ];
        (facts, [inert(one.site.as_deref().unwrap_or_default())])
    });
    table::render(["WHO", "FOLLOWED", "AFTER", "LAST OTHER"], ["SITE"], rows)
}

/// One row per change and backend.
fn listing(found: &Within<Propagation>) -> Listing {
    let headings = [
        "vantage",
        "name",
        "type",
        "answer",
        "changed_at",
        "ended_at",
        "resolver",
        "address",
        "site",
        "last_other",
        "followed_at",
        "after_s",
    ];
    let row = |change: &Propagation, one: &Followed| {
        [
            change.vantage.clone(),
            change.question.name.to_string(),
            change.question.rtype.to_string(),
            change.to.to_string(),
            exact(change.changed_at),
            exact_or_empty(change.ended_at),
            one.resolver.clone(),
            one.address.to_string(),
            or_empty(one.site.as_deref()),
            exact_or_empty(one.last_other),
            exact_or_empty(one.at),
            or_empty(one.after_s),
        ]
    };
    let changes = found.items.iter();
    let rows = changes.flat_map(|change| change.backends.iter().map(move |one| row(change, one)));
    Listing::new(headings, rows)
}
