//! What the samples of one verdict say of each backend.

use chrono::{DateTime, TimeDelta};

use super::lab::{Lab, dialer, kinds, seen};
use crate::audit::{
    incident::TransitionKind::{Opened, Updated},
    ledger::backends::bad_between,
    verdict::{Family, State},
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
    // Another wrong value beside the one that decides is as bad; what is no wrong value is not.
    for (beside, followed) in [
        (State::StaleOverdue, 3),
        (State::Unexplained, 2),
        (State::Servfail, 2),
    ] {
        let both = [("fra", BAD), ("ams", beside)];
        assert_eq!(clean(BAD, &both).len(), followed, "{beside}");
    }
}

#[test]
fn a_breach_is_seen_from_its_first_bad_sample_to_its_last() {
    let samples = [("fra", GOOD), ("ams", BAD), ("ams", BAD), ("fra", GOOD)];
    let mut verdict = seen(&dialer(7), "google", BAD).sites(&samples);
    let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
    for (sample, seconds) in verdict.samples.iter_mut().zip(1..) {
        sample.at = at(seconds);
    }
    assert_eq!(bad_between(&verdict, Family::Value), (at(2), at(3)));
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

/// Clean rounds of a failure at google, and its samples since it was told (bad, all): the last bad one, and these.
fn failure_after(state: State, samples: &[(&str, State)]) -> (u32, (u32, u32)) {
    let mut lab = Lab::new();
    lab.rounds(3, &[seen(&dialer(7), "google", State::Servfail)]);
    lab.round(vec![seen(&dialer(7), "google", state).sites(samples)]);
    let mut incidents = lab.ledger.incidents.iter();
    let failure = incidents.find(|one| one.key.family == Family::Failure);
    let failure = failure.unwrap();
    let share = failure.tallies["google"].share(lab.now);
    (failure.clean_rounds, (share.bad, share.all))
}

#[test]
fn whatever_was_said_is_no_failure_and_one_beside_it_is_not_counted() {
    for state in [BAD, State::Unexplained, State::Unknown, GOOD] {
        let after = failure_after(state, &[("fra", state)]);
        assert_eq!(after, (1, (1, 2)), "{state}");
    }
    let after = failure_after(BAD, &[("fra", BAD), ("ams", State::Servfail)]);
    assert_eq!(after, (1, (1, 2)));
}
