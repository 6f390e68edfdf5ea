//! The incident of a group of which no round was finished for too long: nothing is known of it, and that is told.
//!
//! It is opened by whoever misses the rounds, since no round does; the rounds that run again end it as they end `blind`,
//! whose key it has. Deliberately absent: how long is too long.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        incident::{Axis, Cause, Incident, IncidentKey, Transition},
        ledger::{
            book::Entry,
            growth,
            ids::incident_id,
            recovery::{self, instant},
        },
        verdict::Family,
    },
    types::Severity,
};

/// What it is called.
pub const UNWATCHED: &str = "unwatched";

/// What it is about.
pub fn unwatched_key(vantage: &str, group: &str) -> IncidentKey {
    IncidentKey {
        group: group.to_owned(),
        axis: Axis::Vantage,
        subject: vantage.to_owned(),
        family: Family::Blind,
    }
}

/// Opens it. `since`: when a round was finished last, or the first was to be waited for.
pub fn unwatched(
    vantage: &str,
    group: &str,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Transition> {
    let key = unwatched_key(vantage, group);
    let mut incident = growth::empty(&key, since, vantage, now);
    // Whoever misses the rounds looks again and again: the same silence has the same id at every look.
    incident.id = incident_id(vantage, &key, since, since);
    UNWATCHED.clone_into(&mut incident.verdict);
    incident.severity = Severity::Critical;
    incident.last_bad_at = now;
    incident.reason = format!(
        "no round of {group} was finished at {vantage} since {} ({}): nothing is known of it, and nothing else will be told",
        instant(since),
        minutes(now - since)
    );
    let reason = incident.reason.clone();
    let mut entry = Entry::candidate(incident);
    entry.step(Cause::Confirmed, reason);
    entry.tell(now)
}

/// Reminds of it, where nothing was said of it for `repeat_interval` and no person took it.
pub fn still_unwatched(
    open: &Incident,
    repeat_interval: Duration,
    now: DateTime<Utc>,
) -> Option<Transition> {
    let mut entry = Entry::new(Incident {
        last_bad_at: now,
        ..open.clone()
    });
    recovery::remind_every(&mut entry, repeat_interval, now);
    entry.tell(now)
}

fn minutes(length: TimeDelta) -> String {
    match length.num_minutes() {
        0 => format!("{} s", length.num_seconds()),
        minutes => format!("{minutes} min"),
    }
}
