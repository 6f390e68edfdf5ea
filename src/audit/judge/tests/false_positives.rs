//! Every known way in which a naive comparison cries wolf, and that this judgement does not.

use std::cell::Cell;

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        testing::{BAD, GOOD, Reply, Scene, a, at, nodata, nxdomain, says, secs},
        verdict::State::{self, Consistent, Divergent, Propagating},
    },
    types::{Mode, Question, Severity, Source, SourceKind},
};

#[test]
fn the_order_of_records_does_not_matter() {
    let mut scene = Scene::new();
    let round = scene.round(at("10:00"), &says(a(&[GOOD, BAD], 60), a(&[BAD, GOOD], 60)));
    assert_eq!(round.state("google"), Consistent);
}

#[test]
fn a_rotating_pool_does_not_diverge_from_itself() {
    let all: Vec<String> = (1..=12).map(|n| format!("192.0.2.{n}")).collect();
    let turn = Cell::new(0_usize);
    // Every reply another window of four, whoever asks.
    let world = |_: &Source, _: &Question, _: DateTime<Utc>| {
        let first = turn.replace(turn.get() + 5);
        let some: Vec<&str> = (0..4).map(|n| &*all[(first + n) % 12]).collect();
        a(&some, 30)
    };
    let mut scene = Scene::new();
    scene.policy.mode = Mode::Pool;
    for minute in 0..30 {
        let round = scene.round(at("10:00") + secs(60 * minute), &world);
        // The first rounds have not seen the whole pool yet.
        assert!(
            minute < 6 || round.state("google") == Consistent,
            "{minute}"
        );
        assert_ne!(round.state("google"), Divergent, "{minute}");
        assert_eq!(round.kinds(), []);
    }
}

#[test]
fn an_authority_whose_ttl_counts_down_serves_one_epoch() {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let age = (now - at("10:00")).num_seconds() % 300;
        match source.kind {
            SourceKind::Authority => a(&[GOOD], u32::try_from(300 - age).unwrap()),
            SourceKind::Resolver => a(&[GOOD], 290),
        }
    };
    let mut scene = Scene::new();
    let round = scene.run("10:00", "11:04", &world).unwrap();
    assert_eq!(round.state("google"), Consistent);
    assert_eq!(round.kinds(), [], "neither stretched nor split");
    let runs = scene.spans.iter();
    let authority = runs.filter(|span| span.series.source.kind == SourceKind::Authority);
    assert_eq!(authority.count(), 2, "one span a server");
    let round = scene.restarted().round(at("11:04"), &world);
    assert_eq!((round.state("google"), round.kinds()), (Consistent, vec![]));
}

#[test]
fn a_change_propagates_silently_while_ttls_are_within_policy() {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let changed = match source.kind {
            SourceKind::Authority => at("10:02"),
            SourceKind::Resolver => at("10:06"),
        };
        let left = (at("10:06") - now).num_seconds().rem_euclid(300);
        let ttl = if source.kind == SourceKind::Authority {
            300
        } else {
            u32::try_from(left).unwrap()
        };
        a(&[if now < changed { BAD } else { GOOD }], ttl)
    };
    let mut scene = Scene::new();
    for minute in 0..10 {
        let round = scene.round(at("10:00") + secs(60 * minute), &world);
        assert_eq!(round.at("google").severity, Severity::None, "{minute}");
        assert_eq!(round.kinds(), []);
    }
}

#[test]
fn many_caches_behind_one_address_are_each_judged_by_themselves() {
    let turn = Cell::new(0);
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let served = if now < at("10:05") { BAD } else { GOOD };
        if source.kind == SourceKind::Authority {
            return a(&[served], 300);
        }
        // fra3 fetched just before the change, ams1 just after it.
        let fetched = [("fra3", BAD, at("10:04")), ("ams1", GOOD, at("10:06"))];
        turn.set(turn.get() + 1);
        let (site, held, since) = fetched[turn.get() % 2];
        let age = (now - since).num_seconds();
        if !(0..300).contains(&age) {
            return a(&[served], 300).at_site(site);
        }
        a(&[held], u32::try_from(300 - age).unwrap()).at_site(site)
    };
    let mut scene = Scene::new();
    scene.samples = 3;
    for minute in 0..20 {
        let round = scene.round(at("10:00") + secs(60 * minute), &world);
        let state = round.state("google");
        assert!(
            [Consistent, Propagating].contains(&state),
            "{minute}: {}",
            round.at("google").reason
        );
        assert!(round.at("google").samples.len() >= 3);
    }
}

#[test]
fn a_denial_without_soa_is_compared_like_any_other() {
    let mut scene = Scene::new();
    let mut bare = nodata(60);
    bare.links[0].1.clear();
    let round = scene.round(at("10:00"), &says(nodata(60), bare));
    assert_eq!(round.state("google"), Consistent);
}

#[test]
fn a_block_is_filtered_and_no_mismatch() {
    let mut scene = Scene::new();
    let round = scene.round(
        at("10:00"),
        &says(a(&[GOOD], 60), nxdomain(60).with_ede(15)),
    );
    assert_eq!(round.state("google"), State::Filtered);
}

#[test]
fn loss_is_no_answer_where_anything_was_answered() {
    let turn = Cell::new(0);
    let world = |source: &Source, _: &Question, _: DateTime<Utc>| {
        turn.set(turn.get() + 1);
        let lost = source.kind == SourceKind::Resolver && turn.get() % 2 == 0;
        if lost {
            Reply::silence()
        } else {
            a(&[GOOD], 60)
        }
    };
    let mut scene = Scene::new();
    scene.samples = 3;
    let round = scene.round(at("10:00"), &world);
    assert_eq!(round.state("google"), Consistent);
    assert!(
        round.at("google").samples.len() < 3,
        "the lost ones are no samples"
    );
}

#[test]
fn a_denial_cached_before_the_name_existed_is_legal() {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority if now >= at("10:02") => a(&[GOOD], 60),
        _ => nxdomain(240),
    };
    let mut scene = Scene::new();
    scene.run("10:00", "10:03", &world);
    let world = says(a(&[GOOD], 60), nxdomain(170));
    assert_eq!(
        scene.round(at("10:03"), &world).state("google"),
        Propagating
    );
}
