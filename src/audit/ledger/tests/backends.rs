//! What the samples of one verdict say of each backend.

use chrono::TimeDelta;

use super::lab::{Lab, dialer, kinds, seen};
use crate::audit::{
    incident::TransitionKind::{Opened, Updated},
    verdict::State,
};

const GOOD: State = State::Consistent;
const BAD: State = State::Divergent;

/// The clean rounds of each backend's site after one bad round at `fra` and one of these samples.
fn clean(state: State, samples: &[(&str, State)]) -> Vec<(String, u32)> {
    let mut lab = Lab::new();
    lab.round(vec![seen(&dialer(7), "google", BAD).sites(&[("fra", BAD)])]);
    lab.round(vec![seen(&dialer(7), "google", state).sites(samples)]);
    let tracks = lab.ledger.incidents[0].backends.iter();
    tracks
        .map(|(name, track)| {
            (
                name.rsplit(' ').next().unwrap().to_owned(),
                track.clean_rounds,
            )
        })
        .collect()
}

#[test]
fn what_says_nothing_of_a_value_is_neither_clean_nor_bad() {
    let of = |star, fra| vec![("*".to_owned(), star), ("fra".to_owned(), fra)];
    assert_eq!(clean(GOOD, &[("fra", GOOD)]), of(1, 1));
    assert_eq!(
        clean(State::Propagating, &[("fra", State::Propagating)]),
        of(0, 0),
        "the same value"
    );
    for silent in [State::Unexplained, State::Unreachable, State::Unknown] {
        assert_eq!(clean(silent, &[("fra", silent)]), of(0, 0), "{silent}");
        assert_eq!(
            clean(GOOD, &[("ams", GOOD), ("fra", silent)]),
            of(1, 0),
            "{silent}"
        );
    }
    // Another wrong value beside the one that decides is as bad.
    let both = [("fra", State::StaleOverdue), ("ams", BAD)];
    assert_eq!(clean(BAD, &both).len(), 3);
}

#[test]
fn a_failure_at_one_backend_is_the_address_that_fails() {
    let mut lab = Lab::new();
    let servfail = seen(&dialer(7), "google", State::Servfail);
    let sites = [("fra", State::Servfail), ("ams", GOOD)];
    let told = lab.rounds(3, &[servfail.sites(&sites)]);
    assert_eq!(kinds(&told), [Opened]);
    let names: Vec<_> = lab.only().backends.keys().cloned().collect();
    assert_eq!(names, ["google 192.0.2.8:53 *"]);
}

#[test]
fn a_failure_too_quiet_to_tell_is_neither_clean_nor_bad() {
    let mut lab = Lab::new();
    lab.rounds(3, &[seen(&dialer(7), "google", State::Servfail)]);
    let last_bad = lab.only().last_bad_at;
    // The answers are wrong now: nothing of the failure is left.
    lab.round(vec![seen(&dialer(7), "google", State::Propagating)]);
    assert_eq!(lab.only().clean_rounds, 1);
    assert_eq!(lab.only().last_bad_at, last_bad);
}

#[test]
fn what_a_quiet_sight_proves_is_kept_and_tells_nobody() {
    let mut lab = Lab::new();
    let at = |state, ttl| seen(&dialer(7), "google", state).ttl(ttl);
    lab.round(vec![at(State::PropagatingLong, 400)]);
    lab.rounds(4, &[seen(&dialer(8), "google", GOOD)]);
    assert!(lab.round(vec![at(State::Propagating, 290)]).is_empty());
    let seen_at = lab.now - TimeDelta::seconds(1);
    assert_eq!(
        lab.only().cached_until,
        Some(seen_at + TimeDelta::seconds(290))
    );
    assert_eq!(lab.only().observed[0].at, seen_at);
    assert_eq!(lab.only().last_bad_at, seen_at);
}

#[test]
fn an_incident_of_a_value_is_over_after_its_last_second_not_in_it() {
    let mut lab = Lab::new();
    // Held until 20:01:00, which is a round's instant.
    lab.round(vec![seen(&dialer(7), "google", BAD).ttl(3_601)]);
    let until = lab.only().cached_until.unwrap();
    let told = lab.rounds(62, &[seen(&dialer(7), "google", GOOD)]);
    assert_eq!(told[0].kind, Updated);
    assert_eq!(told[1].at, until + TimeDelta::minutes(1));
}
