//! Runs of answers of many names: as a table, and as rows.
//!
//! Deliberately absent: the timeline of one name, which stands under its backends.

use super::{
    history,
    instants::Instants,
    listing::{Listing, exact, exact_or_empty, or_empty},
    output::inert,
    table,
    who::{self, Who},
};
use crate::{
    store::{RecordedSpan, Within},
    types::SeriesKey,
};

/// For people: in order of first sight.
pub(super) fn table(found: &Within<RecordedSpan>) -> String {
    let spans = found.items.iter().map(|recorded| &recorded.span);
    let who = Who::over_sources(spans.clone().map(|span| &*span.series.source));
    let instants = Instants::over(spans.clone().flat_map(|span| {
        let seen = [span.first_seen, span.last_seen];
        seen.into_iter().chain(span.cached_until)
    }));
    let rows = spans.map(|span| {
        let facts = [
            instants.show(span.first_seen),
            instants.show(span.last_seen),
            instants.show_or_dash(span.cached_until),
            history::ttls(span),
            who.source(&span.series.source),
        ];
        let site = inert(span.site.as_deref().unwrap_or_default());
        let question = who::question(&span.series.question);
        (facts, [question, site, inert(&span.answer.to_string())])
    });
    let head = ["FIRST SEEN", "LAST SEEN", "CACHED UNTIL", "TTL", "WHO"];
    format!(
        "{}\n{}",
        instants.note(),
        table::render(head, ["QUESTION", "SITE", "ANSWER"], rows)
    )
}

/// One row per run.
pub(super) fn listing<'a>(spans: impl IntoIterator<Item = &'a RecordedSpan>) -> Listing {
    let headings = [
        "vantage",
        "name",
        "type",
        "kind",
        "source",
        "address",
        "site",
        "first_seen",
        "last_seen",
        "samples",
        "ttl_min",
        "ttl_max",
        "cached_until",
        "answer",
    ];
    Listing::new(headings, spans.into_iter().map(row))
}

fn row(RecordedSpan { vantage, span }: &RecordedSpan) -> [String; 14] {
    let SeriesKey { question, source } = &span.series;
    [
        vantage.to_string(),
        question.name.to_string(),
        question.rtype.to_string(),
        history::kind(source.kind).to_owned(),
        source.id.clone(),
        source.address.to_string(),
        or_empty(span.site.as_deref()),
        exact(span.first_seen),
        exact(span.last_seen),
        span.samples.to_string(),
        or_empty(span.ttl_min),
        or_empty(span.ttl_max),
        exact_or_empty(span.cached_until),
        span.answer.to_string(),
    ]
}
