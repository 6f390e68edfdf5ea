//! What a row of an export holds, column by column.
//!
//! Deliberately absent: the file format.

use chrono::{DateTime, Utc};

use crate::{
    cli::history,
    store::observations::RecordedObservation,
    types::{Ede, Observation, Source, Status},
};

/// A sample and the vantage that took it.
pub(super) struct Row<'a> {
    pub(super) vantage: &'a str,
    pub(super) recorded: &'a RecordedObservation,
}

/// What a column holds, and how it is read off a row.
pub(super) enum Field {
    /// An instant in UTC.
    Instant(fn(&Row<'_>) -> DateTime<Utc>),
    /// A whole number; `None` where there is none.
    Number(fn(&Row<'_>) -> Option<i64>),
    /// UTF-8; `None` where there is none.
    Text(fn(&Row<'_>) -> Option<String>),
}

/// Every column, in order. The names are those of the JSON, where it has them.
pub(super) const FIELDS: [(&str, Field); 23] = [
    ("at", Field::Instant(|row| row.sample().at)),
    ("vantage", Field::Text(|row| text(row.vantage))),
    ("group", Field::Text(|row| text(&row.recorded.group))),
    ("due_at", Field::Instant(|row| row.recorded.due_at)),
    ("name", Field::Text(|row| text(&row.sample().question.name))),
    ("type", Field::Text(|row| text(row.sample().question.rtype))),
    (
        "source_kind",
        Field::Text(|row| text(history::kind(row.source().kind))),
    ),
    ("source", Field::Text(|row| text(&row.source().id))),
    ("address", Field::Text(|row| text(row.source().address))),
    ("transport", Field::Text(|row| text(row.sample().transport))),
    ("site", Field::Text(|row| row.sample().site())),
    ("rcode", Field::Text(rcode)),
    ("answer", Field::Text(|row| text(&row.sample().answer))),
    (
        "ttl",
        Field::Number(|row| row.sample().ttl().map(i64::from)),
    ),
    ("ttls", Field::Text(|row| text(ttls(&row.sample().ttls)))),
    (
        "serial",
        Field::Number(|row| row.sample().serial.map(i64::from)),
    ),
    ("flags", Field::Number(|row| number(row.sample().flags.0))),
    ("ede", Field::Text(|row| extended(&row.sample().ede))),
    ("rtt_us", Field::Number(rtt_us)),
    (
        "attempts",
        Field::Number(|row| number(row.sample().attempts)),
    ),
    (
        "mismatched",
        Field::Number(|row| number(row.sample().mismatched)),
    ),
    ("age", Field::Number(|row| number(row.sample().age))),
    ("size", Field::Number(|row| number(row.sample().size))),
];

impl Row<'_> {
    fn sample(&self) -> &Observation {
        &self.recorded.observation
    }

    fn source(&self) -> &Source {
        &self.sample().source
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a column's value, as every other")]
fn number(number: impl Into<i64>) -> Option<i64> {
    Some(number.into())
}

#[expect(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "a column's value, as every other; most are borrowed already"
)]
fn text(text: impl ToString) -> Option<String> {
    Some(text.to_string())
}

fn rcode(row: &Row<'_>) -> Option<String> {
    match row.sample().answer.status {
        Status::Rcode(rcode) | Status::Malformed(rcode) => Some(rcode.to_string()),
        Status::NoReply(_) => None,
    }
}

fn rtt_us(row: &Row<'_>) -> Option<i64> {
    i64::try_from(row.sample().rtt.as_micros()).ok()
}

/// `300 300;60`: links parted by semicolons.
fn ttls(links: &[Vec<u32>]) -> String {
    let link = |ttls: &Vec<u32>| {
        let ttls: Vec<String> = ttls.iter().map(ToString::to_string).collect();
        ttls.join(" ")
    };
    links.iter().map(link).collect::<Vec<_>>().join(";")
}

/// `22 no reachable authority; 3`; `None` where there is none.
fn extended(all: &[Ede]) -> Option<String> {
    let one = |ede: &Ede| format!("{} {}", ede.code, ede.text).trim_end().to_owned();
    let all: Vec<String> = all.iter().map(one).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
