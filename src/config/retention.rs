//! Reads `[retention]`: what is kept for how long.
//!
//! Deliberately absent: letting anything go, which is `store`'s.

use std::time::Duration;

use super::{
    error::{Complaint, Origin, Report},
    raw::{Table, Value},
    section::Section,
};

const DAY: Duration = Duration::from_hours(24);

/// A hundred years: no one need know what lies between that and [`FOREVER`].
const LONGEST: Duration = Duration::from_hours(24 * 36_525);

/// The judgement looks back for days, and people for weeks.
const SHORTEST_OF_SPANS: Duration = Duration::from_hours(24 * 30);

/// The word for a kind that nothing ever goes of.
pub(super) const FOREVER: &str = "forever";

/// What is kept for how long; `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long the samples of a closed day stay raw before they are packed.
    pub raw: Duration,
    /// How long samples are kept, with what it takes to judge their rounds again.
    pub packed: Option<Duration>,
    /// How long messages are kept.
    pub messages: Option<Duration>,
    /// How long spans of answers, verdicts and findings are kept that have ended.
    pub spans: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            raw: 7 * DAY,
            packed: None,
            messages: None,
            spans: None,
        }
    }
}

pub(super) fn read(written: Option<(Origin, &Table)>, report: &mut Report) -> Retention {
    let empty = Table::new();
    let (at, table) = written.unwrap_or((Origin::File(0), &empty));
    let mut section = Section::new("in [retention]", at, table, report);
    let raw = section.duration("raw", Duration::ZERO..=LONGEST);
    let retention = Retention {
        raw: raw.unwrap_or(Retention::default().raw),
        packed: limit(&mut section, "packed", DAY),
        messages: limit(&mut section, "messages", DAY),
        spans: limit(&mut section, "spans", SHORTEST_OF_SPANS),
    };
    if retention
        .packed
        .is_some_and(|packed| packed < retention.raw)
    {
        let complaint =
            Complaint::new("`packed` is less than `raw`: samples would go before they are packed");
        section.complain_here(complaint.hint("make `raw` shorter, or keep samples longer"));
    }
    section.finish();
    retention
}

fn limit(section: &mut Section<'_, '_>, key: &'static str, shortest: Duration) -> Option<Duration> {
    let is_forever =
        |value: &Value| matches!(value, Value::Text(text) | Value::Word(text) if text == FOREVER);
    if section
        .node(key)
        .is_some_and(|node| is_forever(&node.value))
    {
        return None;
    }
    section.duration(key, shortest..=LONGEST)
}
