//! What comes and goes is told once, held open, and ends when it is quiet.

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;

use super::lab::{Lab, dialer, kinds, seen};
use crate::{
    audit::{
        incident::{
            Status,
            TransitionKind::{Opened, Reminder, Resolved, Updated},
        },
        ledger::{resolve_by_hand, retire},
        verdict::{State, Verdict},
    },
    types::Severity,
};

fn at(state: State) -> [Verdict; 1] {
    [seen(&dialer(7), "google", state).ttl(30)]
}

const BAD: State = State::Divergent;
const GOOD: State = State::Consistent;

/// Bad for a round, clean for twelve: an incident from beginning to end.
fn come_and_go(lab: &mut Lab) -> Vec<crate::audit::incident::TransitionKind> {
    let mut told = lab.rounds(1, &at(BAD));
    told.extend(lab.rounds(12, &at(GOOD)));
    kinds(&told)
}

#[test]
fn the_third_opening_within_an_hour_is_told_as_flapping_and_nothing_more_until_it_is_quiet() {
    let mut lab = Lab::new();
    assert_eq!(come_and_go(&mut lab), [Opened, Updated, Resolved]);
    assert_eq!(come_and_go(&mut lab), [Opened, Updated, Resolved]);
    let told = lab.rounds(1, &at(BAD));
    assert_eq!(kinds(&told), [Opened]);
    assert_eq!(
        told[0].reason,
        "flapping, bad 3 times since 2026-11-22T19:01:00Z, now again: dialer7.example.com A is divergent at google; \
         it stays open until it was quiet for 1h"
    );
    lab.rounds(12, &at(GOOD));
    for _ in 0..4 {
        assert_eq!(come_and_go(&mut lab), []);
    }
    let incident = lab.only();
    assert_eq!(incident.status, Status::Open);
    assert_eq!(incident.flapping.as_ref().unwrap().onsets, 7);
    assert!(incident.is_calm());
    let last = incident.last_bad_at;
    let told = lab.rounds(60, &at(GOOD));
    assert_eq!(kinds(&told), [Resolved]);
    assert!(told[0].at - last >= TimeDelta::hours(1), "{}", told[0].at);
    assert!(told[0].at - last < TimeDelta::minutes(62), "{}", told[0].at);
    assert!(
        told[0]
            .reason
            .ends_with("after it was bad 7 times since 2026-11-22T19:01:00Z"),
        "{}",
        told[0].reason
    );
    assert_eq!(told[0].incident.flapping.as_ref().unwrap().onsets, 7);
    assert!(lab.ledger.recurrences.is_empty());
    assert_eq!(
        come_and_go(&mut lab),
        [Opened, Updated, Resolved],
        "a new beginning"
    );
}

#[test]
fn relapses_count_as_openings_do() {
    let mut lab = Lab::new();
    let mut told = lab.rounds(1, &at(BAD));
    for _ in 0..6 {
        told.extend(lab.rounds(3, &at(GOOD)));
        told.extend(lab.rounds(1, &at(BAD)));
    }
    assert_eq!(kinds(&told), [Opened, Updated, Updated, Updated, Updated]);
    assert!(
        told[4].reason.starts_with("flapping, bad 3 times since"),
        "{}",
        told[4].reason
    );
    assert_eq!(lab.only().flapping.as_ref().unwrap().onsets, 7);
}

#[test]
fn what_flaps_is_told_when_it_is_worse_and_again_after_the_repeat_interval() {
    let mut lab = Lab::new();
    lab.policy.repeat_interval = Duration::from_mins(30);
    for _ in 0..3 {
        lab.rounds(1, &at(State::PropagatingLong));
        lab.rounds(3, &at(GOOD));
    }
    let worse = lab.rounds(1, &at(State::StaleOverdue));
    assert_eq!(kinds(&worse), [Updated]);
    assert_eq!(worse[0].incident.severity, Severity::Critical);
    let told = lab.rounds(30, &at(GOOD));
    assert_eq!(kinds(&told), [Reminder]);
    assert!(
        told[0]
            .reason
            .contains("flapping, bad 4 times since 2026-11-22T19:01:00Z: "),
        "{}",
        told[0].reason
    );
}

#[test]
fn beginnings_far_apart_are_no_flapping_nor_is_anything_where_it_is_off() {
    let mut lab = Lab::new();
    for _ in 0..4 {
        assert_eq!(come_and_go(&mut lab), [Opened, Updated, Resolved]);
        lab.now += TimeDelta::minutes(20);
    }
    let mut lab = Lab::new();
    lab.policy.telling.flap_threshold = 0;
    for _ in 0..6 {
        assert_eq!(come_and_go(&mut lab), [Opened, Updated, Resolved]);
    }
    assert!(lab.ledger.recurrences.is_empty());
}

#[test]
fn what_a_person_ended_begins_afresh() {
    let mut lab = Lab::new();
    for _ in 0..5 {
        assert_eq!(kinds(&lab.rounds(1, &at(BAD))), [Opened]);
        let (id, now) = (lab.only().id, lab.now);
        let step = resolve_by_hand(&mut lab.ledger, id, now).unwrap();
        assert!(step.incident.flapping.is_none());
        lab.rounds(3, &at(GOOD));
    }
}

#[test]
fn a_lull_is_no_end_while_a_cache_may_hold_it() {
    let mut lab = Lab::new();
    let long = [seen(&dialer(7), "google", BAD).ttl(7_200)];
    for _ in 0..3 {
        lab.rounds(1, &long);
        lab.rounds(3, &at(GOOD));
    }
    let until = lab.only().cached_until.unwrap();
    assert!(lab.rounds(100, &at(GOOD)).is_empty());
    let told = lab.rounds(30, &at(GOOD));
    assert_eq!(kinds(&told), [Resolved]);
    assert!(told[0].at > until);
}

#[test]
fn a_beginning_counts_for_less_than_the_window() {
    let third_after = |apart: [i64; 2]| {
        let mut lab = Lab::new();
        lab.policy.telling.flap_window = Duration::from_hours(1);
        lab.rounds(1, &at(BAD));
        for minutes in apart {
            lab.rounds(12, &at(GOOD));
            lab.now += TimeDelta::minutes(minutes - 13);
            lab.rounds(1, &at(BAD));
        }
        lab.only().flapping.is_some()
    };
    assert!(third_after([29, 30]));
    assert!(!third_after([30, 30]), "the first is an hour ago");
    let mut lab = Lab::new();
    lab.rounds(1, &at(BAD));
    lab.rounds(59, &at(GOOD));
    assert_eq!(lab.ledger.recurrences.len(), 1);
    lab.rounds(1, &at(GOOD));
    assert!(lab.ledger.recurrences.is_empty());
}

#[test]
fn what_is_asked_no_more_begins_afresh() {
    let mut lab = Lab::new();
    lab.rounds(1, &at(BAD));
    assert_eq!(lab.ledger.recurrences.len(), 1);
    let now = lab.now;
    let told = retire(&mut lab.ledger, &BTreeSet::new(), &[], now);
    assert_eq!(kinds(&told), [Resolved]);
    assert!(lab.ledger.recurrences.is_empty());
}
