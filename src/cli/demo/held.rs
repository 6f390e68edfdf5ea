//! Who went on handing out site B after the authority was right again, and until when: the sum of the day.
//!
//! Deliberately absent: anything that was not seen. It is read off the service's history.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::words::clock_face;
use crate::{
    cli::{length, table},
    demo::RESOLVERS,
    store::RecordedSpan,
    types::{SourceKind, Span},
};

/// The runs of B that were seen at or after `since`, a line a resolver.
pub(super) fn table(spans: &[RecordedSpan], since: DateTime<Utc>) -> String {
    let rows = RESOLVERS.iter().filter_map(|resolver| {
        let of_resolver = |span: &&Span| {
            span.series.source.kind == SourceKind::Resolver && span.series.source.id == resolver.id
        };
        let spans = spans
            .iter()
            .map(|recorded| &recorded.span)
            .filter(of_resolver);
        let spans: Vec<&Span> = spans.filter(|span| span.last_seen >= since).collect();
        let names: BTreeSet<_> = spans
            .iter()
            .map(|span| &span.series.question.name)
            .collect();
        let numbers = names.iter().filter_map(|name| {
            let first = name.labels().next()?;
            Some(first.trim_start_matches("dialer").to_owned())
        });
        let until = spans.iter().filter_map(|span| span.cached_until).max()?;
        let facts = [
            resolver.id.to_owned(),
            numbers.collect::<Vec<_>>().join(" "),
            clock_face(spans.iter().map(|span| span.last_seen).max()?),
            clock_face(until),
            length::text((until - since).num_seconds()),
        ];
        Some((facts, []))
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return "nobody\n".to_owned();
    }
    let head = [
        "RESOLVER",
        "DIALERS",
        "LAST SEEN",
        "COULD BE HELD UNTIL",
        "TOO LATE BY",
    ];
    table::render(head, [], rows)
}
