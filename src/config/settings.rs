//! The keys that `[defaults]` and `[[group]]` share, as far as they were written.
//!
//! Deliberately absent: default values, which stand with the group they complete.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc, time::Duration};

use super::{
    MOST_TTL,
    error::{Complaint, nearest, suggestion},
    identity, named,
    raw::Value,
    schedule::Schedule,
    section::Section,
};
use crate::types::{
    Expect, Mode, NotAValue, QueryOptions, RecordType, Resolver, Serials, Severity,
};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// How often a reminder may be told, a group's or a channel's.
pub(super) const REPEAT_INTERVAL: RangeInclusive<Duration> =
    Duration::from_mins(1)..=Duration::from_hours(30 * 24);
/// The longest `flap_window`.
pub const LONGEST_FLAP_WINDOW: Duration = Duration::from_hours(7 * 24);

/// The words of `unexpected_change`.
const SEVERITIES: [(&str, Severity); 4] = [
    ("off", Severity::None),
    ("info", Severity::Info),
    ("warning", Severity::Warning),
    ("critical", Severity::Critical),
];

/// The words of `serial_mode`.
pub(super) const SERIALS: [(&str, Serials); 2] =
    [("compare", Serials::Compare), ("ignore", Serials::Ignore)];

/// What `resolvers` and `channels` may refer to.
pub(super) struct References<'a> {
    pub(super) resolvers: &'a [Arc<Resolver>],
    pub(super) channels: &'a [String],
}

/// A limit that can be taken back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    /// `"off"`.
    Off,
    /// The highest TTL allowed, seconds.
    Seconds(u32),
}

/// Every shared key; `None` where it was not written, or was wrong and is in the report.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) schedule: Option<Schedule>,
    pub(super) types: Option<Vec<RecordType>>,
    pub(super) resolvers: Option<Vec<Arc<Resolver>>>,
    pub(super) channels: Option<Vec<String>>,
    pub(super) max_ttl: Option<u32>,
    pub(super) max_negative_ttl: Option<u32>,
    pub(super) max_delegation_ttl: Option<Limit>,
    pub(super) mode: Option<Mode>,
    pub(super) expect: Option<Expect>,
    pub(super) known_bad: Option<Expect>,
    pub(super) unexpected_change: Option<Severity>,
    pub(super) serials: Option<Serials>,
    pub(super) recovery_window: Option<Duration>,
    pub(super) axis_threshold: Option<f64>,
    pub(super) authority_blind_limit: Option<Duration>,
    pub(super) repeat_interval: Option<Duration>,
    pub(super) group_interval: Option<Duration>,
    pub(super) update_threshold: Option<f64>,
    pub(super) flap_threshold: Option<u32>,
    pub(super) flap_window: Option<Duration>,
    pub(super) samples: Option<u8>,
    pub(super) timeout: Option<Duration>,
    pub(super) attempts: Option<u8>,
    pub(super) options: QueryOptions,
    pub(super) runbook: Option<String>,
    pub(super) tags: Option<BTreeMap<String, String>>,
}

impl Settings {
    /// Reads every shared key of a section.
    pub(super) fn read(section: &mut Section<'_, '_>, known: &References<'_>) -> Self {
        let ttl = 1..=MOST_TTL;
        group_wait(section);
        Self {
            schedule: schedule(section),
            types: types(section),
            resolvers: resolvers(section, known.resolvers),
            channels: channels(section, known.channels),
            max_ttl: section.integer("max_ttl", ttl.clone()).map(seconds),
            max_negative_ttl: section.integer("max_negative_ttl", ttl).map(seconds),
            max_delegation_ttl: delegation_ttl(section),
            mode: section.parsed("mode", mode).map(|mode| mode.value),
            expect: declared(section, "expect"),
            known_bad: declared(section, "known_bad"),
            unexpected_change: section
                .word("unexpected_change", &SEVERITIES)
                .map(|severity| severity.value),
            serials: section
                .word("serial_mode", &SERIALS)
                .map(|serials| serials.value),
            recovery_window: section.duration("recovery_window", Duration::ZERO..=7 * DAY),
            axis_threshold: section.number("axis_threshold", 0.01..=1.0),
            authority_blind_limit: section
                .duration("authority_blind_limit", 60 * SECOND..=30 * DAY),
            repeat_interval: section.duration("repeat_interval", REPEAT_INTERVAL),
            group_interval: section.duration("group_interval", Duration::ZERO..=DAY),
            update_threshold: section.number("update_threshold", 0.0..=1.0),
            flap_threshold: flap_threshold(section),
            flap_window: section.duration("flap_window", 60 * SECOND..=LONGEST_FLAP_WINDOW),
            samples: section
                .integer("samples", 1..=10)
                .map(|samples| samples as u8),
            timeout: section.duration("timeout", SECOND / 20..=10 * SECOND),
            attempts: section
                .integer("attempts", 1..=5)
                .map(|attempts| attempts as u8),
            options: section.options(),
            runbook: section
                .parsed("runbook", identity::page)
                .map(|page| page.value),
            tags: section.texts_by_key("tags"),
        }
    }

    /// These settings, completed by `defaults`. A list or table that is written replaces the default one.
    pub(super) fn or(self, defaults: Self) -> Self {
        Self {
            schedule: self.schedule.or(defaults.schedule),
            types: self.types.or(defaults.types),
            resolvers: self.resolvers.or(defaults.resolvers),
            channels: self.channels.or(defaults.channels),
            max_ttl: self.max_ttl.or(defaults.max_ttl),
            max_negative_ttl: self.max_negative_ttl.or(defaults.max_negative_ttl),
            max_delegation_ttl: self.max_delegation_ttl.or(defaults.max_delegation_ttl),
            mode: self.mode.or(defaults.mode),
            expect: self.expect.or(defaults.expect),
            known_bad: self.known_bad.or(defaults.known_bad),
            unexpected_change: self.unexpected_change.or(defaults.unexpected_change),
            serials: self.serials.or(defaults.serials),
            recovery_window: self.recovery_window.or(defaults.recovery_window),
            axis_threshold: self.axis_threshold.or(defaults.axis_threshold),
            authority_blind_limit: self
                .authority_blind_limit
                .or(defaults.authority_blind_limit),
            repeat_interval: self.repeat_interval.or(defaults.repeat_interval),
            group_interval: self.group_interval.or(defaults.group_interval),
            update_threshold: self.update_threshold.or(defaults.update_threshold),
            flap_threshold: self.flap_threshold.or(defaults.flap_threshold),
            flap_window: self.flap_window.or(defaults.flap_window),
            samples: self.samples.or(defaults.samples),
            timeout: self.timeout.or(defaults.timeout),
            attempts: self.attempts.or(defaults.attempts),
            options: self.options.over(defaults.options),
            runbook: self.runbook.or(defaults.runbook),
            tags: self.tags.or(defaults.tags),
        }
    }
}

/// Known here only as none: a round is told as one batch already, and how much longer to wait is a channel's own.
fn group_wait(section: &mut Section<'_, '_>) {
    section.parsed("group_wait", |text| match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Ok(()),
        _ => Err(
            Complaint::new("`group_wait` is a channel's: here it can only be \"0s\"")
                .hint("set it in the [[channel]] that is to wait"),
        ),
    });
}

/// `"off"`, or how many beginnings are too many; one is none.
fn flap_threshold(section: &mut Section<'_, '_>) -> Option<u32> {
    let is_off =
        |value: &Value| matches!(value, Value::Text(text) | Value::Word(text) if text == "off");
    let node = section.node("flap_threshold")?;
    if is_off(&node.value) {
        return Some(0);
    }
    let most = section.integer("flap_threshold", 2..=100)?;
    u32::try_from(most).ok()
}

fn seconds(ttl: i64) -> u32 {
    // The range that was checked fits.
    u32::try_from(ttl).unwrap_or(u32::MAX)
}

fn schedule(section: &mut Section<'_, '_>) -> Option<Schedule> {
    let located = section.parsed("schedule", |text| {
        Schedule::parse(text).map_err(|error| Complaint::new(error.to_string()))
    })?;
    Some(located.value)
}

fn types(section: &mut Section<'_, '_>) -> Option<Vec<RecordType>> {
    let known: Vec<&str> = RecordType::known_names().collect();
    let list = section.list("types", |text| {
        let read = text.parse::<RecordType>();
        read.map_err(|error| match nearest(text, known.iter().copied()) {
            Some(near) => Complaint::new(error.to_string()).hint(format!("did you mean `{near}`?")),
            None => Complaint::new(error.to_string()),
        })
    })?;
    Some(section.distinct("types", list))
}

fn resolvers(section: &mut Section<'_, '_>, known: &[Arc<Resolver>]) -> Option<Vec<Arc<Resolver>>> {
    let mut found = BTreeMap::new();
    let list = section.list("resolvers", |text| {
        let resolver = named::named(known, text)?;
        found.insert(resolver.id.clone(), resolver.clone());
        Ok(resolver.id.clone())
    })?;
    let ids = section.distinct("resolvers", list);
    Some(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
}

fn channels(section: &mut Section<'_, '_>, known: &[String]) -> Option<Vec<String>> {
    let ids: Vec<&str> = known.iter().map(String::as_str).collect();
    let list = section.list("channels", |text| {
        let found = ids.contains(&text);
        found
            .then(|| text.to_owned())
            .ok_or_else(|| dangling("channel", text, &ids))
    })?;
    // No channel is a choice: such a group is only looked at.
    Some(section.without_repeats("channels", list))
}

fn dangling(what: &str, id: &str, known: &[&str]) -> Complaint {
    let complaint = Complaint::new(format!("there is no {what} `{id}`"));
    match known {
        [] => complaint.hint(format!("there is no [[{what}]] at all")),
        known => complaint.hint(suggestion(id, known)),
    }
}

fn delegation_ttl(section: &mut Section<'_, '_>) -> Option<Limit> {
    let off =
        |value: &Value| matches!(value, Value::Text(text) | Value::Word(text) if text == "off");
    if section
        .node("max_delegation_ttl")
        .is_some_and(|node| off(&node.value))
    {
        return Some(Limit::Off);
    }
    let ttl = section.integer("max_delegation_ttl", 1..=MOST_TTL)?;
    Some(Limit::Seconds(seconds(ttl)))
}

fn mode(text: &str) -> Result<Mode, Complaint> {
    match text {
        "exact" => Ok(Mode::Exact),
        "pool" => Ok(Mode::Pool),
        "geo" => Ok(Mode::Geo),
        _ => Err(Complaint::new(format!("`{text}` is no mode"))
            .hint(suggestion(text, &["exact", "pool", "geo"]))),
    }
}

fn declared(section: &mut Section<'_, '_>, key: &'static str) -> Option<Expect> {
    let mut expect = Expect::default();
    let list = section.list(key, |text| {
        let declared = expect.declare(text);
        declared.map_err(|error| Complaint::new(error.to_string()).hint(NotAValue::HINT))
    });
    list.map(|_| expect)
}
