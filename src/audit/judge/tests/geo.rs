//! Authorities that answer by place: what they said to this vantage, and for a client subnet's scope.

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        testing::{ALIEN, BAD, GOOD, Reply, Scene, a, at, nxdomain, secs},
        verdict::State::{self, Consistent, Divergent, NxdomainMismatch},
    },
    types::{Expect, Mode, Question, Source, SourceKind},
};

fn scene(mode: Mode) -> Scene {
    let mut scene = Scene::new();
    scene.policy.mode = mode;
    scene
}

/// A day of rounds of an authority that moves this vantage from one address to the other every minute, then one at google.
fn judged(mut scene: Scene, says: &Reply) -> State {
    let moving = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority if (now - at("00:00")).num_minutes() % 2 == 0 => a(&[GOOD], 60),
        SourceKind::Authority => a(&[BAD], 60),
        SourceKind::Resolver if now < at("31T00:30") => a(&[GOOD], 60),
        SourceKind::Resolver => says.clone(),
    };
    let mut minute = at("00:00");
    while minute < at("31T00:30") {
        // Rounds of the day but for the last hour tell nothing new.
        minute += if minute < at("23:30") {
            secs(170)
        } else {
            secs(60)
        };
        scene.round(minute, &moving);
    }
    scene.round(minute + secs(60), &moving).state("google")
}

#[test]
fn whatever_this_vantage_was_given_within_the_window_is_right_and_nothing_else() {
    assert_eq!(judged(scene(Mode::Geo), &a(&[GOOD], 60)), Consistent);
    assert_eq!(judged(scene(Mode::Geo), &a(&[BAD], 60)), Consistent);
    assert_eq!(judged(scene(Mode::Geo), &a(&[GOOD, BAD], 60)), Consistent);
    assert_eq!(judged(scene(Mode::Geo), &a(&[ALIEN], 60)), Divergent);
    assert_eq!(judged(scene(Mode::Geo), &a(&[GOOD, ALIEN], 60)), Divergent);
    assert_eq!(judged(scene(Mode::Geo), &nxdomain(60)), NxdomainMismatch);
    let mut declared = scene(Mode::Geo);
    declared.policy.expect = Expect {
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        texts: Vec::new(),
    };
    assert_eq!(
        judged(declared, &a(&[ALIEN], 60)),
        Consistent,
        "another place's"
    );
}

/// After two hours in which the authority gives GOOD for /24 networks and BAD for /20 ones, a minute apart, google answers
/// with this.
fn scoped(mode: Mode, address: &str, scope: Option<u8>) -> State {
    let mut scene = scene(mode);
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let narrow = (now - at("00:00")).num_minutes() % 2 == 0;
        match source.kind {
            SourceKind::Authority if narrow => a(&[GOOD], 60).for_scope(24),
            SourceKind::Authority => a(&[BAD], 60).for_scope(20),
            SourceKind::Resolver if now < at("31T02:00") => {
                a(&[if narrow { GOOD } else { BAD }], 60)
            }
            SourceKind::Resolver => match scope {
                Some(scope) => a(&[address], 60).for_scope(scope),
                None => a(&[address], 60),
            },
        }
    };
    let mut minute = at("00:00");
    while minute < at("31T02:00") {
        minute += secs(60);
        scene.round(minute, &world);
    }
    scene.round(minute + secs(60), &world).state("google")
}

#[test]
fn an_answer_for_a_client_subnet_is_held_against_what_was_said_for_its_scope() {
    assert_eq!(scoped(Mode::Geo, GOOD, Some(24)), Consistent);
    assert_eq!(
        scoped(Mode::Geo, BAD, Some(24)),
        Divergent,
        "that is for /20"
    );
    assert_eq!(scoped(Mode::Geo, BAD, Some(20)), Consistent);
    // Made for everybody, or for a scope that no authority was heard on: this vantage's view.
    assert_eq!(scoped(Mode::Geo, BAD, Some(0)), Consistent);
    assert_eq!(scoped(Mode::Geo, BAD, Some(16)), Consistent);
    assert_eq!(scoped(Mode::Geo, ALIEN, Some(16)), Divergent);
    // A pool knows no places.
    assert_eq!(scoped(Mode::Pool, BAD, Some(24)), Consistent);
}
