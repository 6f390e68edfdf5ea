//! Changes at the authority that nobody declared.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        declared::{Change, Declared, Matter},
        finding::FindingKind,
        testing::{ALIEN, BAD, GOOD, Reply, Scene, a, at, declared, nxdomain, planned, says},
    },
    types::{Mode, Question, Severity, Source},
};

const NONE: [i64; 0] = [];

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.policy.unexpected_change = Severity::Warning;
    scene
}

/// The minutes from 10:00 to 10:39 whose rounds tell of a change; after a restart likewise.
fn told(scene: &mut Scene, world: impl Fn(&Source, DateTime<Utc>) -> Reply) -> Vec<i64> {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| world(source, now);
    let mut minutes = Vec::new();
    for minute in 0..40 {
        let now = at("10:00") + TimeDelta::minutes(minute);
        let round = scene.round(now, &world);
        if round.kinds().contains(&FindingKind::UnexpectedChange) {
            minutes.push(minute);
        }
        *scene = scene.restarted();
    }
    minutes
}

/// `BAD` until 10:05, `GOOD` from then on, everywhere.
fn moves(_: &Source, now: DateTime<Utc>) -> Reply {
    a(&[if now < at("10:05") { BAD } else { GOOD }], 60)
}

fn with(changes: &[Change]) -> Declared {
    declared(changes.iter().cloned().map(Matter::Change))
}

#[test]
fn a_change_is_told_for_as_long_as_the_recovery_window_and_only_where_that_is_wanted() {
    let window: Vec<i64> = (5..15).collect();
    assert_eq!(told(&mut scene(), moves), window);
    assert_eq!(told(&mut Scene::new(), moves), NONE);
    let mut short = scene();
    short.policy.recovery_window = std::time::Duration::ZERO;
    assert_eq!(told(&mut short, moves), [5, 6, 7]);
}

#[test]
fn the_finding_says_from_what_to_what_and_how_much_that_matters() {
    let mut scene = scene();
    scene.policy.unexpected_change = Severity::Critical;
    scene.run("09:00", "10:00", &says(a(&[BAD], 60), a(&[BAD], 60)));
    let round = scene.round(at("10:00"), &says(a(&[GOOD], 60), a(&[BAD], 60)));
    let finding = round.finding(FindingKind::UnexpectedChange);
    assert_eq!(finding.severity, Severity::Critical);
    let reason = "dialer7.example.com A: dialer7.example.com changed at the authority from 203.0.113.7 to 198.51.100.7, \
                  seen at 2020-08-30T10:00:00Z; nobody declared that";
    assert_eq!(finding.reason, reason);
    assert_eq!(finding.authorities, ["ns1", "ns2"]);
}

#[test]
fn a_declared_change_is_not_told() {
    for (change, silent) in [
        (planned(&[GOOD], at("10:00")), true),
        (planned(&[GOOD], at("10:05")), true),
        (planned(&[GOOD], at("10:06")), false),
        (planned(&[ALIEN], at("10:00")), false),
    ] {
        let mut scene = scene();
        scene.declared = with(std::slice::from_ref(&change));
        assert_eq!(told(&mut scene, moves).is_empty(), silent, "{change:?}");
    }
    let from_alien = Change {
        from: Some(vec![ALIEN.to_owned()].try_into().unwrap()),
        ..planned(&[GOOD], at("10:00"))
    };
    let mut scene = scene();
    scene.declared = with(&[from_alien]);
    assert!(!told(&mut scene, moves).is_empty());
}

#[test]
fn a_change_declared_afterwards_is_told_no_more() {
    let mut scene = scene();
    scene.run("09:00", "10:00", &says(a(&[BAD], 60), a(&[BAD], 60)));
    let world = says(a(&[GOOD], 60), a(&[GOOD], 60));
    let round = scene.round(at("10:00"), &world);
    assert_eq!(round.kinds(), [FindingKind::UnexpectedChange]);
    scene.declared = with(&[planned(&[GOOD], at("09:59"))]);
    assert_eq!(scene.round(at("10:01"), &world).findings, []);
}

#[test]
fn a_server_that_follows_another_is_the_same_change() {
    let world = |source: &Source, now: DateTime<Utc>| {
        let moves_at = if source.id == "ns1" {
            at("10:05")
        } else {
            at("10:20")
        };
        a(&[if now < moves_at { BAD } else { GOOD }], 60)
    };
    let window: Vec<i64> = (5..15).collect();
    assert_eq!(told(&mut scene(), world), window);
}

#[test]
fn a_denial_and_a_way_back_are_changes_too() {
    let world = |_: &Source, now: DateTime<Utc>| {
        if now >= at("10:02") && now < at("10:20") {
            nxdomain(60)
        } else {
            a(&[GOOD], 60)
        }
    };
    let both: Vec<i64> = (2..12).chain(20..30).collect();
    assert_eq!(told(&mut scene(), world), both);
}

#[test]
fn a_first_sight_a_changed_ttl_and_a_pool_are_no_changes() {
    assert_eq!(told(&mut scene(), |_, _| a(&[GOOD], 60)), NONE);
    let ttl = |_: &Source, now: DateTime<Utc>| a(&[GOOD], if now < at("10:05") { 300 } else { 60 });
    assert_eq!(told(&mut scene(), ttl), NONE);
    let mut pool = scene();
    pool.policy.mode = Mode::Pool;
    assert_eq!(told(&mut pool, moves), NONE);
    // A server that is asked for the first time gives what the others gave all the time.
    let joins = |source: &Source, now: DateTime<Utc>| match &*source.id {
        "ns2" if now < at("10:05") => Reply::silence(),
        _ => a(&[GOOD], 60),
    };
    assert_eq!(told(&mut scene(), joins), NONE);
}
