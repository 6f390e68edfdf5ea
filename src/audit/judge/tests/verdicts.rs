//! Which sample decides, when a verdict is confirmed, and what it carries.

use std::cell::Cell;

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        testing::{ALIEN, BAD, GOOD, Reply, Scene, a, at, says, secs},
        verdict::State::{Consistent, Divergent, Propagating, StaleOverdue},
    },
    types::{Mode, Question, Severity, Source, SourceKind},
};

#[test]
fn the_worst_backend_decides_and_the_share_is_shown() {
    let turn = Cell::new(0);
    let mut scene = Scene::new();
    scene.samples = 3;
    scene.run("09:00", "09:05", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    let world = |source: &Source, _: &Question, _: DateTime<Utc>| {
        if source.kind == SourceKind::Authority {
            return a(&[GOOD], 60);
        }
        turn.set(turn.get() + 1);
        match turn.get() {
            2 => a(&[ALIEN], 60).at_site("fra3"),
            _ => a(&[GOOD], 60).at_site("ams1"),
        }
    };
    let round = scene.round(at("09:05"), &world);
    let verdict = round.at("google");
    // fra3 has never been seen before, so that it may be an older cache.
    assert_ne!(verdict.state, Consistent);
    assert_eq!(verdict.observed.site.as_deref(), Some("fra3"));
    let states = verdict.samples.iter().map(|sample| sample.state);
    let bad = states.filter(|state| *state == verdict.state).count();
    assert_eq!((bad, verdict.samples.len()), (1, 5));
    assert!(!verdict.confirmed, "seen once");
}

#[test]
fn two_samples_in_one_state_confirm_it_whatever_they_hold() {
    let turn = Cell::new(0);
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        if source.kind == SourceKind::Authority || now < at("09:05") {
            return a(&[GOOD, BAD], 60);
        }
        turn.set(turn.get() + 1);
        a(&[if turn.get() % 2 == 0 { GOOD } else { BAD }, ALIEN], 60)
    };
    let mut scene = Scene::new();
    scene.policy.mode = Mode::Pool;
    scene.run("09:00", "09:05", &world);
    let round = scene.round(at("09:05"), &world);
    assert_eq!(
        (round.state("google"), round.at("google").confirmed),
        (Divergent, true)
    );
}

#[test]
fn a_silent_state_never_hides_one_that_must_be_asked_again() {
    let turn = Cell::new(0);
    let mut scene = Scene::new();
    scene.samples = 2;
    scene.run("09:00", "09:05", &says(a(&[BAD], 60), a(&[BAD], 60)));
    let world = |source: &Source, _: &Question, _: DateTime<Utc>| {
        if source.kind == SourceKind::Authority {
            return a(&[GOOD], 60);
        }
        turn.set(turn.get() + 1);
        if turn.get() == 1 {
            a(&[BAD], 20)
        } else {
            a(&[ALIEN], 20)
        }
    };
    let round = scene.round(at("09:05"), &world);
    assert_eq!(round.state("google"), Divergent);
    assert!(
        round
            .at("google")
            .samples
            .iter()
            .any(|sample| sample.state == Propagating)
    );
}

#[test]
fn what_never_was_outranks_what_is_over() {
    let turn = Cell::new(0);
    let mut scene = Scene::new();
    scene.samples = 2;
    scene.run("09:00", "09:05", &says(a(&[BAD], 60), a(&[BAD], 60)));
    scene.run("09:05", "09:10", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    let world = |source: &Source, _: &Question, _: DateTime<Utc>| {
        if source.kind == SourceKind::Authority {
            return a(&[GOOD], 60);
        }
        turn.set(turn.get() + 1);
        a(&[if turn.get() % 2 == 0 { BAD } else { ALIEN }], 20)
    };
    let round = scene.round(at("09:10"), &world);
    assert_eq!(round.state("google"), Divergent);
    assert!(
        round
            .at("google")
            .samples
            .iter()
            .any(|sample| sample.state == StaleOverdue)
    );
}

#[test]
fn exposure_is_the_most_that_was_seen_and_the_most_that_can_be() {
    let mut scene = Scene::new();
    scene.run("09:00", "09:05", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    let world = |ttl| says(a(&[GOOD], 60), a(&[ALIEN], ttl));
    scene.round(at("09:05"), &world(50_000));
    let round = scene.round(at("09:06"), &world(40));
    let verdict = round.at("google");
    // 09:05 + 50,000 s; google keeps nothing for longer than six hours, so that 09:06 + 21,600 s bounds what it may do.
    let slack = |found: Option<DateTime<Utc>>, exact: DateTime<Utc>| {
        (found.unwrap() - exact).num_seconds().abs() <= 2
    };
    assert!(
        slack(verdict.cached_until, at("09:05") + secs(50_000)),
        "{verdict:?}"
    );
    assert!(
        slack(verdict.worst_case_until, at("09:06") + secs(21_600)),
        "{verdict:?}"
    );
    assert_eq!(verdict.observed.records, [ALIEN]);
    assert_eq!(verdict.observed.ttl, Some(40));
    let baseline = verdict.baseline.as_ref().unwrap();
    assert_eq!(
        (&*baseline.records, baseline.ttl, &*baseline.rcode),
        (&[GOOD.to_owned()][..], Some(60), "NOERROR")
    );
}

#[test]
fn where_nothing_was_answered_nothing_can_be_held() {
    let mut scene = Scene::new();
    let round = scene.round(at("09:00"), &says(Reply::silence(), Reply::silence()));
    let verdict = round.at("google");
    assert_eq!(
        (verdict.cached_until, verdict.worst_case_until),
        (None, None)
    );
    assert_eq!(verdict.baseline, None);
    assert_eq!(verdict.severity, Severity::Warning);
    assert_eq!(verdict.observed.rcode, "no reply");
}

#[test]
fn a_right_answer_carries_no_worst_case() {
    let mut scene = Scene::new();
    let round = scene.round(at("09:00"), &says(a(&[GOOD], 60), a(&[GOOD], 40)));
    let verdict = round.at("google");
    assert_eq!((verdict.deadline, verdict.worst_case_until), (None, None));
    assert!(verdict.cached_until.is_some());
}
