//! Pools: who is a member, until when, and which record that left decides.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        testing::{ALIEN, BAD, GOOD, Reply, Scene, a, at, nxdomain, says},
        verdict::State::{self, Consistent, Divergent, Propagating, StaleOverdue, Unexplained},
    },
    types::{Mode, Question, Source, SourceKind},
};

const OTHER: &str = "198.51.100.8";

fn pool() -> Scene {
    let mut scene = Scene::new();
    scene.policy.mode = Mode::Pool;
    scene
}

#[test]
fn a_part_of_what_was_served_last_is_right_for_as_long_as_the_authority_counts() {
    let mut scene = pool();
    scene.run(
        "10:00",
        "10:05",
        &says(a(&[GOOD, OTHER], 60), a(&[GOOD, OTHER], 60)),
    );
    // Longer than a record stays a member by itself, and less than the authority may be silent.
    let silent = says(Reply::silence(), a(&[GOOD], 60));
    let round = scene.run("10:05", "10:40", &silent).unwrap();
    assert_eq!(round.state("google"), Consistent);
    let alien = says(Reply::silence(), a(&[GOOD, ALIEN], 60));
    assert_ne!(scene.round(at("10:40"), &alien).state("google"), Consistent);
}

#[test]
fn a_declared_record_beside_a_served_one_is_right_and_neither_excuses_a_third() {
    let mut scene = pool();
    scene.policy.expect.declare(BAD).unwrap();
    let world = |records: &[&str]| says(a(&[GOOD], 60), a(records, 60));
    scene.run("10:00", "10:05", &world(&[GOOD]));
    assert_eq!(
        scene
            .round(at("10:05"), &world(&[GOOD, BAD]))
            .state("google"),
        Consistent
    );
    assert_eq!(
        scene
            .round(at("10:06"), &world(&[GOOD, BAD, ALIEN]))
            .state("google"),
        Divergent
    );
}

/// `BAD` left the pool at 10:05 and `OTHER` at 10:10; a record is a member for twenty minutes more, and held for a TTL.
fn shrunk(now: &str, records: &[&str]) -> (State, Option<DateTime<Utc>>) {
    let world = |source: &Source, _: &Question, now| match source.kind {
        SourceKind::Authority if now < at("10:05") => a(&[GOOD, BAD, OTHER], 60),
        SourceKind::Authority if now < at("10:10") => a(&[GOOD, OTHER], 60),
        _ => a(&[GOOD], 60),
    };
    let mut scene = pool();
    scene.policy.period = Duration::from_mins(1);
    scene.run("10:00", now, &world);
    let round = scene.round(at(now), &says(a(&[GOOD], 60), a(records, 30)));
    (round.state("google"), round.at("google").deadline)
}

#[test]
fn a_record_that_left_is_a_member_for_the_window_and_then_held_for_its_ttl() {
    let last = at("10:04") + TimeDelta::minutes(20);
    assert_eq!(shrunk("10:23", &[GOOD, BAD]), (Consistent, None));
    // It is judged two seconds after the round's beginning.
    assert_eq!(shrunk("10:23:58", &[GOOD, BAD]).0, Consistent);
    assert_eq!(shrunk("10:23:59", &[GOOD, BAD]).0, Propagating);
    assert_eq!(
        shrunk("10:24", &[GOOD, BAD]),
        (Propagating, Some(last + TimeDelta::seconds(60)))
    );
    assert_eq!(shrunk("10:27", &[GOOD, BAD]).0, StaleOverdue);
}

#[test]
fn of_two_records_that_left_the_one_that_must_go_first_decides() {
    let first = at("10:04") + TimeDelta::minutes(20) + TimeDelta::seconds(60);
    for records in [[BAD, OTHER], [OTHER, BAD]] {
        let (state, deadline) = shrunk("10:31", &records);
        assert_eq!(
            (state, deadline),
            (StaleOverdue, Some(first)),
            "{records:?}"
        );
    }
}

#[test]
fn a_denial_is_no_part_of_a_pool_that_its_backend_could_have_had() {
    let mut scene = pool();
    let round = |scene: &mut Scene, when, said| {
        scene
            .round(at(when), &says(a(&[GOOD], 60), said))
            .state("google")
    };
    round(&mut scene, "10:00", nxdomain(60));
    // Nothing that it has shown was right: it may be an older cache.
    let young = round(&mut scene, "10:01", a(&[ALIEN], 60));
    assert_eq!(young, Unexplained);
    round(&mut scene, "10:02", a(&[GOOD], 60));
    let known = round(&mut scene, "10:03", a(&[OTHER], 60));
    assert_eq!(known, Divergent);
}
