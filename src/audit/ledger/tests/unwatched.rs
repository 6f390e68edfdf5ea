//! The incident of a group of which no round was finished for too long.

use std::time::Duration;

use chrono::TimeDelta;

use super::lab::{GROUP, instant};
use crate::{
    audit::{
        incident::{Axis, TransitionKind},
        ledger::{UNWATCHED, acknowledge, still_unwatched, unwatched},
    },
    types::Severity,
};

#[test]
fn it_says_since_when_nothing_is_known_and_is_the_same_at_every_look() {
    let since = instant("2026-11-22T19:00:00Z");
    let looked = |seconds| {
        let now = since + TimeDelta::seconds(seconds);
        unwatched("us-west-2", GROUP, since, now).unwrap()
    };
    let told = looked(420);
    assert_eq!(told.kind, TransitionKind::Opened);
    assert_eq!(
        told.reason,
        "no round of dialers was finished at us-west-2 since 2026-11-22T19:00:00Z (7 min): nothing is known of it, and \
         nothing else will be told"
    );
    let incident = &told.incident;
    assert_eq!(
        (&*incident.verdict, incident.severity),
        (UNWATCHED, Severity::Critical)
    );
    assert_eq!(
        (incident.key.axis, &*incident.key.subject),
        (Axis::Vantage, "us-west-2")
    );
    assert_eq!((incident.opened_at, incident.last_bad_at), (since, told.at));
    assert_eq!(looked(480).incident.id, incident.id);
    for (seconds, length) in [(59, "(59 s)"), (60, "(1 min)"), (119, "(1 min)")] {
        let reason = looked(seconds).reason;
        assert!(reason.contains(length), "{reason}");
    }
}

#[test]
fn it_is_told_again_after_the_interval_unless_a_person_took_it() {
    let since = instant("2026-11-22T19:00:00Z");
    let opened = unwatched("us-west-2", GROUP, since, since + TimeDelta::minutes(7)).unwrap();
    let hour = Duration::from_hours(1);
    let due = opened.at + TimeDelta::hours(1);
    let mut open = opened.incident;
    assert!(still_unwatched(&open, hour, due - TimeDelta::milliseconds(1)).is_none());
    let told = still_unwatched(&open, hour, due).unwrap();
    assert_eq!((told.kind, told.number), (TransitionKind::Reminder, 1));
    assert_eq!(told.incident.id, open.id);
    assert_eq!(told.incident.last_bad_at, due);
    let still = format!(
        "still open, nothing changed since 2026-11-22T19:07:00Z: {}",
        open.reason
    );
    assert_eq!(told.reason, still);
    acknowledge(&mut open, due);
    assert!(still_unwatched(&open, hour, due).is_none());
}
