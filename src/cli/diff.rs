//! `diff`: what changed between two instants.
//!
//! Deliberately absent: what happened in between.

use chrono::{DateTime, Utc};
use clap::Args;

use super::{
    CliError, EXIT_OK, history,
    instants::instant,
    listing::{Listing, or_empty},
    output::{Output, count, inert, wrap},
    pattern::Pattern,
    who::{self, Who},
    window,
};
use crate::{
    config::Config,
    store::{
        diff::{Changed, Diff},
        state::StateRow,
    },
};

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The instants, given twice: RFC 3339, or relative such as -2h
    #[arg(long, value_name = "INSTANT", required = true, num_args = 1, allow_hyphen_values = true,
        value_parser = history::instant)]
    at: Vec<DateTime<Utc>>,
    /// Only this name; `dialer{1..40}.example.com` stands for forty [default: every name]
    name: Option<Pattern>,
}

pub(super) async fn run(args: &DiffArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let [one, other] = args.at[..] else {
        let wrong = "which two instants? diff --at 2026-11-22T15:00:00Z --at 2026-11-22T15:10:00Z";
        return Err(CliError::Usage(wrong.to_owned()));
    };
    let (from, to) = (one.min(other), one.max(other));
    let names = window::names(args.name.as_ref());
    let diff = history::read(config, output, async |store| {
        store.diff((from, to), &names, &config.periods()).await
    });
    let diff = diff.await?;
    output.list(&diff, table, listing)?;
    Ok(EXIT_OK)
}

fn table(diff: &Diff) -> String {
    let mut text = format!(
        "from {} to {}: {} changed answer or verdict, {} did not\n",
        instant(diff.from),
        instant(diff.to),
        count(diff.changed.len(), "backend"),
        diff.unchanged
    );
    let rows = diff.changed.iter().filter_map(Changed::either);
    let who = Who::over_sources(rows.map(|row| &*row.span.span.series.source));
    let question = |one: &Changed, other: &Changed| {
        let of = |changed: &Changed| {
            changed
                .either()
                .map(|row| row.span.span.series.question.clone())
        };
        of(one) == of(other)
    };
    for changed in diff.changed.chunk_by(question) {
        let first = changed.first().and_then(Changed::either);
        if let Some(row) = first {
            text += &format!("\n{}\n", who::question(&row.span.span.series.question));
        }
        text += &changed
            .iter()
            .map(|one| lines(one, &who))
            .collect::<String>();
    }
    text
}

/// Who, then before and after, one below the other.
fn lines(changed: &Changed, who: &Who<'_>) -> String {
    let Some(row) = changed.either() else {
        return String::new();
    };
    let span = &row.span.span;
    let site = span
        .site
        .as_deref()
        .map(|site| format!(", site {}", inert(site)));
    let mut text = format!(
        "{}{}\n",
        who.source(&span.series.source),
        site.unwrap_or_default()
    );
    text += &wrap(&said(changed.before.as_ref()), "  - ");
    text + &wrap(&said(changed.after.as_ref()), "  + ")
}

fn said(row: Option<&StateRow>) -> String {
    let Some(row) = row else {
        return "not seen yet".to_owned();
    };
    let answer = inert(&row.span.span.answer.to_string());
    match &row.verdict {
        Some(verdict) => format!("{answer} ({})", verdict.state),
        None => answer,
    }
}

fn listing(diff: &Diff) -> Listing {
    let headings = [
        "vantage",
        "name",
        "type",
        "kind",
        "source",
        "address",
        "site",
        "state_before",
        "state_after",
        "answer_before",
        "answer_after",
    ];
    let state = |row: Option<&StateRow>| {
        or_empty(
            row.and_then(|row| row.verdict.as_ref())
                .map(|verdict| verdict.state),
        )
    };
    let answer = |row: Option<&StateRow>| or_empty(row.map(|row| &row.span.span.answer));
    let row = |changed: &Changed| {
        let row = changed.either()?;
        let span = &row.span.span;
        let (before, after) = (changed.before.as_ref(), changed.after.as_ref());
        Some([
            row.span.vantage.to_string(),
            span.series.question.name.to_string(),
            span.series.question.rtype.to_string(),
            history::kind(span.series.source.kind).to_owned(),
            span.series.source.id.clone(),
            span.series.source.address.to_string(),
            or_empty(span.site.as_deref()),
            state(before),
            state(after),
            answer(before),
            answer(after),
        ])
    };
    Listing::new(headings, diff.changed.iter().filter_map(row))
}
