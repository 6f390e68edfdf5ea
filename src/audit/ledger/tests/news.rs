//! Who joins and leaves: gathered for `group_interval`, told beyond a threshold, and along with everything else.

use std::time::Duration;

use chrono::TimeDelta;

use super::lab::{Lab, all, dialer, kinds, seen, some};
use crate::{
    audit::{
        incident::{
            Cause,
            TransitionKind::{Opened, Reminder, Updated},
        },
        verdict::{State, Verdict},
    },
    types::Telling,
};

const BAD: State = State::Divergent;
const GOOD: State = State::Consistent;
const OLD: State = State::PropagatingLong;

/// With the defaults of the configuration.
fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.policy.telling = Telling::default();
    lab
}

fn at(resolver: &str, state: State) -> Verdict {
    seen(&dialer(7), resolver, state).ttl(30)
}

#[test]
fn those_who_join_within_the_interval_are_told_in_one_message_after_it() {
    let mut lab = lab();
    let opened = lab.round(vec![at("google", BAD)]);
    assert_eq!(kinds(&opened), [Opened]);
    assert!(
        lab.round(vec![at("google", BAD), at("quad9", BAD)])
            .is_empty()
    );
    let three = ["google", "quad9", "office"].map(|resolver| at(resolver, BAD));
    let told = lab.rounds(30, &three);
    assert_eq!(kinds(&told), [Updated]);
    assert_eq!(told[0].reason, "also at office, quad9");
    assert_eq!(told[0].causes, [Cause::Grown]);
    assert_eq!(told[0].at - opened[0].at, TimeDelta::minutes(5));
    assert_eq!(told[0].incident.resolvers.len(), 3);
    assert!(told[0].incident.untold.is_empty());
}

#[test]
fn what_becomes_critical_is_not_held_and_takes_those_who_joined_along() {
    let mut lab = lab();
    lab.round(vec![at("google", OLD)]);
    lab.round(vec![at("google", OLD), at("quad9", OLD)]);
    let told = lab.round(vec![at("google", State::StaleOverdue), at("quad9", OLD)]);
    assert_eq!(kinds(&told), [Updated]);
    assert_eq!(told[0].causes, [Cause::Worse, Cause::Grown]);
    assert!(
        told[0].reason.ends_with("; also at quad9"),
        "{}",
        told[0].reason
    );
    assert!(
        lab.rounds(20, &[at("google", OLD), at("quad9", OLD)])
            .is_empty()
    );
}

#[test]
fn too_few_to_matter_wait_for_the_reminder() {
    let mut lab = lab();
    lab.policy.repeat_interval = Duration::from_mins(30);
    lab.rounds(2, &some(10, 20, "google", BAD));
    assert!(
        lab.rounds(20, &some(11, 20, "google", BAD)).is_empty(),
        "one of ten"
    );
    let told = lab.rounds(9, &some(11, 20, "google", BAD));
    assert_eq!(kinds(&told), [Reminder]);
    assert!(
        told[0].reason.starts_with("still open: 10 of 20 names"),
        "{}",
        told[0].reason
    );
    assert!(
        told[0].reason.ends_with("; also dialer11.example.com"),
        "{}",
        told[0].reason
    );
    let told = lab.rounds(30, &some(11, 20, "google", BAD));
    assert_eq!(kinds(&told), [Reminder]);
    let expected = "still open, nothing changed since 2026-11-22T19:31:00Z: ";
    assert!(told[0].reason.starts_with(expected), "{}", told[0].reason);
    let told = lab.rounds(10, &some(14, 20, "google", BAD));
    assert_eq!(kinds(&told), [Updated], "three of eleven");
}

#[test]
fn a_resolver_leaves_once_it_was_clean_for_the_window_and_comes_back_with_its_first_bad_sample() {
    let mut lab = lab();
    lab.rounds(1, &["google", "quad9"].map(|resolver| at(resolver, BAD)));
    let left = [at("google", BAD), at("quad9", GOOD)];
    assert!(lab.rounds(10, &left).is_empty());
    let told = lab.rounds(1, &left);
    assert_eq!(kinds(&told), [Updated]);
    assert_eq!(told[0].reason, "clean again at quad9");
    assert!(lab.rounds(20, &left).is_empty(), "told once");
    let told = lab.rounds(1, &["google", "quad9"].map(|resolver| at(resolver, BAD)));
    assert_eq!(told[0].reason, "also at quad9");
}

#[test]
fn who_joined_and_left_between_two_messages_is_not_spoken_of() {
    let mut lab = lab();
    lab.policy.telling.group_interval = Duration::from_hours(1);
    lab.round(vec![at("google", BAD)]);
    lab.round(vec![at("google", BAD), at("quad9", BAD)]);
    assert!(
        lab.rounds(70, &[at("google", BAD), at("quad9", GOOD)])
            .is_empty()
    );
    assert!(lab.only().untold.is_empty());
}

#[test]
fn a_resolver_that_comes_and_goes_faster_than_the_window_does_not_leave() {
    let mut lab = lab();
    lab.rounds(1, &["google", "quad9"].map(|resolver| at(resolver, BAD)));
    for _ in 0..10 {
        assert!(
            lab.rounds(8, &[at("google", BAD), at("quad9", GOOD)])
                .is_empty()
        );
        assert!(
            lab.round(vec![at("google", BAD), at("quad9", BAD)])
                .is_empty()
        );
    }
}

#[test]
fn names_leave_a_resolvers_incident_as_resolvers_leave_a_names() {
    let mut lab = lab();
    lab.rounds(1, &all(10, "google", BAD));
    let told = lab.rounds(12, &some(7, 10, "google", BAD));
    assert_eq!(kinds(&told), [Updated]);
    let three = "clean again dialer10.example.com, dialer8.example.com, dialer9.example.com";
    assert_eq!(told[0].reason, three);
    assert_eq!(
        told[0].incident.names.len(),
        10,
        "what was bad stays on record"
    );
}

#[test]
fn silence_is_neither_leaving_nor_a_sample() {
    let mut lab = lab();
    lab.rounds(1, &["google", "quad9"].map(|resolver| at(resolver, BAD)));
    let told = lab.rounds(2, &[at("google", BAD), at("quad9", State::Unreachable)]);
    assert!(told.is_empty(), "{told:#?}");
    let incident = lab.only();
    assert!(incident.calm.is_empty());
    let share = |resolver: &str| incident.tallies[resolver].share(lab.now);
    assert_eq!((share("google").bad, share("google").all), (3, 3));
    assert_eq!((share("quad9").bad, share("quad9").all), (1, 1));
}

#[test]
fn who_joins_is_told_also_where_nobody_else_is_bad_in_that_round() {
    let mut lab = Lab::new();
    lab.round(vec![at("google", BAD)]);
    let told = lab.round(vec![at("google", GOOD), at("quad9", BAD)]);
    assert_eq!(kinds(&told), [Updated]);
    assert_eq!(told[0].reason, "also at quad9");
}

#[test]
fn a_resolver_does_not_leave_while_a_site_that_was_bad_was_not_seen_since() {
    let mut lab = Lab::new();
    let quad9 = |site, state| at("quad9", state).sites(&[(site, state)]);
    lab.round(vec![at("google", BAD), quad9("fra", BAD)]);
    let elsewhere = [at("google", BAD), quad9("ams", GOOD)];
    assert!(lab.rounds(20, &elsewhere).is_empty());
    let told = lab.rounds(3, &[at("google", BAD), quad9("fra", GOOD)]);
    assert_eq!(kinds(&told), [Updated]);
    assert_eq!(told[0].reason, "clean again at quad9");
}
