//! `state`: every source's answer as of an instant.
//!
//! Deliberately absent: the query. The API reads the same one.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::{
    CliError, EXIT_OK, evidence, history,
    instants::{Instants, instant},
    length,
    listing::{Listing, exact, exact_or_empty, or_empty},
    output::{Output, inert},
    pattern::Pattern,
    table,
    who::{self, Who},
};
use crate::{
    config::Config,
    store::{Store, StoreError, state::StateRow},
    types::{Severity, SourceKind},
};

#[derive(Debug, Args)]
pub(super) struct StateArgs {
    /// As of this instant: RFC 3339, or relative such as -2h
    #[arg(long, value_name = "INSTANT", default_value = "now", allow_hyphen_values = true,
        value_parser = history::instant)]
    at: DateTime<Utc>,
    /// Only this name; `dialer{1..40}.example.com` stands for forty
    name: Option<Pattern>,
}

/// One instant as `state --format json` and the API show it. Stable.
#[derive(Debug, Serialize)]
struct Snapshot {
    /// The instant.
    at: DateTime<Utc>,
    /// One per question, source and backend.
    states: Vec<StateRow>,
}

pub(super) async fn run(args: &StateArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let states = history::read(config, output, async |store| states(store, args).await).await?;
    let periods = config.periods();
    let states = states.into_iter().map(|row| row.or_unknown(&periods));
    let snapshot = Snapshot {
        at: args.at,
        states: states.collect(),
    };
    output.list(&snapshot, render, listing)?;
    Ok(EXIT_OK)
}

async fn states(store: &Store, args: &StateArgs) -> Result<Vec<StateRow>, StoreError> {
    let Some(pattern) = &args.name else {
        return store.state_at(args.at, None).await;
    };
    let mut states = Vec::new();
    for name in &pattern.names {
        states.extend(store.state_at(args.at, Some(name)).await?);
    }
    Ok(states)
}

fn render(snapshot: &Snapshot) -> String {
    if snapshot.states.is_empty() {
        return format!("nothing was recorded by {}\n", instant(snapshot.at));
    }
    let cached = snapshot
        .states
        .iter()
        .filter_map(|row| row.span.span.cached_until);
    let instants = Instants::over(cached.chain([snapshot.at]));
    let mut text = format!("as of {}\n", instant(snapshot.at));
    let question = |one: &StateRow, other: &StateRow| {
        one.span.span.series.question == other.span.span.series.question
    };
    for states in snapshot.states.chunk_by(question) {
        text += &section(states, instants);
    }
    text
}

/// One question: who says what.
fn section(states: &[StateRow], instants: Instants) -> String {
    let who = Who::over_sources(states.iter().map(|row| &*row.span.span.series.source));
    let rows = states.iter().map(|row| {
        let span = &row.span.span;
        let facts = [
            who.source(&span.series.source),
            judged(row).to_owned(),
            history::ttls(span),
            instants.show_or_dash(span.cached_until),
            length::text(row.age_seconds),
        ];
        let site = inert(span.site.as_deref().unwrap_or_default());
        (facts, [site, inert(&span.answer.to_string())])
    });
    let head = ["WHO", "VERDICT", "TTL", "CACHED UNTIL", "AGE"];
    let question = &states[0].span.span.series.question;
    let mut text = format!("\n{}\n", who::question(question));
    text += &table::render(head, ["SITE", "ANSWER"], rows);
    let said: Vec<_> = states.iter().filter_map(|row| said(row, &who)).collect();
    text + &evidence::reasons(
        said.iter()
            .map(|(who, reason)| (who.clone(), reason.as_str())),
    )
}

/// What a verdict that matters, or is remarkable, says, and of whom.
fn said(row: &StateRow, who: &Who<'_>) -> Option<(String, String)> {
    let verdict = row.verdict.as_ref()?;
    let is_told = verdict.severity > Severity::None || !verdict.flags.is_empty();
    is_told.then(|| {
        let reason = format!("since {}: {}", instant(verdict.since), verdict.reason);
        (who.source(&row.span.span.series.source), reason)
    })
}

fn judged(row: &StateRow) -> &'static str {
    match (&row.verdict, row.span.span.series.source.kind) {
        (Some(verdict), _) => verdict.state.name(),
        (None, SourceKind::Authority) => "(authority)",
        (None, SourceKind::Resolver) => "-",
    }
}

fn listing(snapshot: &Snapshot) -> Listing {
    let headings = [
        "vantage",
        "name",
        "type",
        "kind",
        "source",
        "address",
        "site",
        "state",
        "severity",
        "ttl_min",
        "ttl_max",
        "last_seen",
        "age_seconds",
        "cached_until",
        "answer",
    ];
    let row = |row: &StateRow| {
        let span = &row.span.span;
        let source = &span.series.source;
        [
            row.span.vantage.to_string(),
            span.series.question.name.to_string(),
            span.series.question.rtype.to_string(),
            history::kind(source.kind).to_owned(),
            source.id.clone(),
            source.address.to_string(),
            or_empty(span.site.as_deref()),
            or_empty(row.verdict.as_ref().map(|verdict| verdict.state)),
            or_empty(row.verdict.as_ref().map(|verdict| verdict.severity)),
            or_empty(span.ttl_min),
            or_empty(span.ttl_max),
            exact(span.last_seen),
            row.age_seconds.to_string(),
            exact_or_empty(span.cached_until),
            span.answer.to_string(),
        ]
    };
    Listing::new(headings, snapshot.states.iter().map(row))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        audit::verdict::State,
        cli::samples::{fits, history},
        store::state::StateVerdict,
    };

    #[test]
    fn old_answers_are_shown_with_their_age() {
        let row = |span| StateRow {
            span,
            age_seconds: 97_445,
            verdict: Some(Arc::new(StateVerdict {
                group: "dialers".into(),
                state: State::NxdomainMismatch,
                severity: Severity::Critical,
                flags: Vec::new(),
                since: history::at("2026-11-22T19:05:00Z"),
                reason: "no authority ever said so".to_owned(),
            })),
        };
        let snapshot = Snapshot {
            at: history::at("2026-11-23T22:34:05Z"),
            states: history::timeline().spans.into_iter().map(row).collect(),
        };
        let text = render(&snapshot);
        insta::assert_snapshot!(text);
        assert!(fits(&text));
    }
}
