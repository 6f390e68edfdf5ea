//! What a row of an export holds, column by column.
//!
//! Deliberately absent: the file format.

use chrono::{DateTime, Utc};

use crate::{
    cli::history,
    store::observations::RecordedObservation,
    types::{Ede, Status},
};

/// Rows that are held before they are written.
const ENOUGH: usize = 50_000;

/// A column's values so far. An absent value is `None`.
#[derive(Debug)]
pub(super) enum Column {
    /// Microseconds since 1970, UTC.
    Instant(Vec<i64>),
    /// Whole numbers.
    Number(Vec<Option<i64>>),
    /// UTF-8.
    Text(Vec<Option<String>>),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// [`Column::Instant`].
    Instant,
    /// [`Column::Number`].
    Number,
    /// [`Column::Text`].
    Text,
}

/// Every column, in order. The names are those of the JSON, where it has them.
pub(super) const FIELDS: [(&str, Kind); 23] = [
    ("at", Kind::Instant),
    ("vantage", Kind::Text),
    ("group", Kind::Text),
    ("due_at", Kind::Instant),
    ("name", Kind::Text),
    ("type", Kind::Text),
    ("source_kind", Kind::Text),
    ("source", Kind::Text),
    ("address", Kind::Text),
    ("transport", Kind::Text),
    ("site", Kind::Text),
    ("rcode", Kind::Text),
    ("answer", Kind::Text),
    ("ttl", Kind::Number),
    ("ttls", Kind::Text),
    ("serial", Kind::Number),
    ("flags", Kind::Number),
    ("ede", Kind::Text),
    ("rtt_us", Kind::Number),
    ("attempts", Kind::Number),
    ("mismatched", Kind::Number),
    ("age", Kind::Number),
    ("size", Kind::Number),
];

/// Rows that are still to be written.
#[derive(Debug)]
pub(super) struct Rows {
    columns: Vec<Column>,
    rows: usize,
}

/// One value of one row.
enum Cell {
    Instant(DateTime<Utc>),
    Number(Option<i64>),
    Text(Option<String>),
}

impl Cell {
    fn number(number: impl Into<i64>) -> Self {
        Self::Number(Some(number.into()))
    }

    fn text(text: &impl ToString) -> Self {
        Self::Text(Some(text.to_string()))
    }
}

impl Default for Rows {
    fn default() -> Self {
        let empty = |(_, kind)| match kind {
            Kind::Instant => Column::Instant(Vec::new()),
            Kind::Number => Column::Number(Vec::new()),
            Kind::Text => Column::Text(Vec::new()),
        };
        Self {
            columns: FIELDS.map(empty).into(),
            rows: 0,
        }
    }
}

impl Rows {
    /// One more row.
    pub(super) fn push(&mut self, vantage: &str, recorded: &RecordedObservation) {
        for (column, cell) in self.columns.iter_mut().zip(cells(vantage, recorded)) {
            match (column, cell) {
                (Column::Instant(values), Cell::Instant(at)) => values.push(at.timestamp_micros()),
                (Column::Number(values), Cell::Number(number)) => values.push(number),
                (Column::Text(values), Cell::Text(text)) => values.push(text),
                (column, _) => unreachable!("a cell of another kind than {column:?}"),
            }
        }
        self.rows += 1;
    }

    /// Whether it is time to write them.
    pub(super) fn are_enough(&self) -> bool {
        self.rows >= ENOUGH
    }

    /// The columns, in the order of [`FIELDS`]; `None` where there are no rows.
    pub(super) fn columns(self) -> Option<Vec<Column>> {
        (self.rows > 0).then_some(self.columns)
    }
}

/// Every value of a row, in the order of [`FIELDS`].
fn cells(vantage: &str, recorded: &RecordedObservation) -> [Cell; FIELDS.len()] {
    let one = &recorded.observation;
    let (source, question) = (&one.source, &one.question);
    let rcode = match one.answer.status {
        Status::Rcode(rcode) | Status::Malformed(rcode) => Some(rcode.to_string()),
        Status::NoReply(_) => None,
    };
    let rtt = i64::try_from(one.rtt.as_micros()).unwrap_or(i64::MAX);
    [
        Cell::Instant(one.at),
        Cell::text(&vantage),
        Cell::text(&recorded.group),
        Cell::Instant(recorded.due_at),
        Cell::text(&question.name),
        Cell::text(&question.rtype),
        Cell::text(&history::kind(source.kind)),
        Cell::text(&source.id),
        Cell::text(&source.address),
        Cell::text(&one.transport),
        Cell::Text(one.site()),
        Cell::Text(rcode),
        Cell::text(&one.answer),
        Cell::Number(one.ttl().map(i64::from)),
        Cell::text(&ttls(&one.ttls)),
        Cell::Number(one.serial.map(i64::from)),
        Cell::number(one.flags.0),
        Cell::Text(extended(&one.ede)),
        Cell::number(rtt),
        Cell::number(one.attempts),
        Cell::number(one.mismatched),
        Cell::number(one.age),
        Cell::number(one.size),
    ]
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
