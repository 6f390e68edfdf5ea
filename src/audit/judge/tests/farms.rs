//! Several caches behind one address that nothing tells apart, with one NSID or none, at the beginning of a watch: what an older copy
//! in one of them may not be taken for, and from when on a lie is told all the same.
//!
//! Deliberately absent: caches with NSIDs of their own (`false_positives`).

use std::{cell::Cell, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        testing::{BAD, GOOD, Reply, Scene, a, at, farm, resolver, says, secs},
        verdict::State::{self, Consistent, Divergent, Unexplained},
    },
    types::{Question, Resolver, Severity, Source, SourceKind},
};

/// What one cache holds until when; after that, what the authority serves.
type Copy = (&'static str, &'static str);

/// The NSIDs that the caches may give: none, or the name of the place where all of them are.
const SITES: [Option<&str>; 2] = [None, Some("fra3")];

fn scene_at(site: Option<&'static str>) -> Scene {
    watching(&farm("google", "8.8.8.8", Some(21_600)), site)
}

fn single(site: Option<&'static str>) -> Scene {
    watching(&resolver("google", "8.8.8.8", Some(21_600)), site)
}

fn watching(google: &Arc<Resolver>, site: Option<&'static str>) -> Scene {
    let mut scene = Scene::new().with_resolvers(std::slice::from_ref(google));
    scene.site = site;
    scene
}

/// The state of an address in each of so many rounds from 10:00 on, asked twice a round. Its caches take turns.
fn rounds(site: Option<&'static str>, count: i64, copies: &[Copy]) -> Vec<(State, Severity)> {
    let turn = Cell::new(0);
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        if source.kind == SourceKind::Authority {
            return a(&[GOOD], 300);
        }
        let (held, until) = copies[turn.get() % copies.len()];
        turn.set(turn.get() + 1);
        let left = (at(until) - now).num_seconds();
        match u32::try_from(left) {
            Ok(left) if left > 0 => a(&[held], left),
            _ => a(&[GOOD], 300),
        }
    };
    let mut scene = scene_at(site);
    scene.samples = 2;
    let minutes = (0..count).map(|minute| at("10:00") + secs(60 * minute));
    let round = |now| {
        let round = scene.round(now, &world);
        (round.state("google"), round.at("google").severity)
    };
    minutes.map(round).collect()
}

#[test]
fn older_copies_with_ends_of_their_own_are_no_fetches() {
    for site in SITES {
        for copies in [
            &[(BAD, "10:20"), (BAD, "10:40")][..],
            &[(BAD, "10:40"), (BAD, "10:20")],
            &[
                (BAD, "10:20"),
                (BAD, "10:30"),
                (BAD, "10:40"),
                (BAD, "10:50"),
            ],
        ] {
            for (minute, seen) in rounds(site, 18, copies).into_iter().enumerate() {
                let severity = if minute < 5 {
                    Severity::None
                } else {
                    Severity::Warning
                };
                assert_eq!(seen, (Unexplained, severity), "{copies:?}, {minute}");
            }
        }
    }
}

#[test]
fn the_right_answer_of_one_cache_says_nothing_of_anothers_older_copy() {
    for site in SITES {
        for copies in [
            &[(GOOD, "10:04"), (BAD, "10:40")][..],
            &[(BAD, "10:40"), (GOOD, "10:04")],
            &[(GOOD, "10:04"), (GOOD, "10:05"), (BAD, "10:40")],
            &[
                (GOOD, "10:04"),
                (GOOD, "10:04"),
                (GOOD, "10:05"),
                (GOOD, "10:05"),
                (BAD, "10:40"),
            ],
        ] {
            let rounds = rounds(site, 18, copies).into_iter();
            for (minute, (state, severity)) in rounds.enumerate() {
                assert!(
                    [Consistent, Unexplained].contains(&state),
                    "{copies:?}, {minute}: {state:?}"
                );
                assert_ne!(severity, Severity::Critical);
            }
        }
    }
}

#[test]
fn an_older_copy_that_is_met_late_is_still_no_lie() {
    for site in SITES {
        let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
            SourceKind::Resolver if now >= at("10:40") => a(&[BAD], 7_200),
            _ => a(&[GOOD], 300),
        };
        let mut scene = scene_at(site);
        scene.run("10:00", "10:40", &world);
        let round = scene.round(at("10:40"), &world);
        assert_eq!(round.state("google"), Unexplained);
    }
}

#[test]
fn what_no_authority_served_is_told_once_the_caches_of_an_address_have_been_met() {
    let honest = says(a(&[GOOD], 300), a(&[GOOD], 300));
    let lies = says(a(&[GOOD], 300), a(&[BAD], 86_400));
    for site in SITES {
        let mut scene = scene_at(site);
        scene.run("10:00", "11:04", &honest);
        for mut scene in [scene.clone(), scene.restarted()] {
            assert_eq!(scene.round(at("11:04"), &lies).state("google"), Divergent);
        }
        // An address that is watched since a minute ago, of which nothing is known, and one that has a single cache.
        for (mut scene, told) in [(scene_at(site), Unexplained), (single(site), Divergent)] {
            scene.round(at("10:00"), &honest);
            assert_eq!(scene.round(at("10:01"), &lies).state("google"), told);
        }
    }
}

#[test]
fn an_end_that_moves_later_is_a_fetch_once_the_caches_of_an_address_have_been_met() {
    let renews = |from: &'static str| {
        move |source: &Source, _: &Question, now: DateTime<Utc>| -> Reply {
            match source.kind {
                SourceKind::Authority => a(&[GOOD], 300),
                SourceKind::Resolver if now < at(from) => a(&[GOOD], 60).at_site("elsewhere"),
                SourceKind::Resolver => a(&[BAD], 86_400),
            }
        }
    };
    // From the beginning of the watch on, and of an address that shows itself later.
    for (from, told) in [("10:00", "11:04"), ("10:30", "11:34")] {
        let world = renews(from);
        let mut scene = scene_at(None);
        let mut states = Vec::new();
        for minute in 0..100 {
            let now = at("10:00") + secs(60 * minute);
            let state = scene.round(now, &world).state("google");
            if now >= at(from) {
                states.push((now < at(told), state));
            }
        }
        for (is_early, state) in states {
            assert_eq!(
                state,
                if is_early { Unexplained } else { Divergent },
                "{from}"
            );
        }
    }
}

#[test]
fn a_fetch_is_still_known_as_one_after_a_restart() {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let fetched = if now < at("11:15") { "10:00" } else { "11:15" };
        let age = (now - at(fetched)).num_seconds();
        match source.kind {
            SourceKind::Authority => a(&[GOOD], 300),
            SourceKind::Resolver => a(&[BAD], u32::try_from(86_400 - age).unwrap()),
        }
    };
    let mut scene = scene_at(None);
    let before = scene.run("10:00", "11:15", &world).unwrap();
    assert_eq!(before.state("google"), Unexplained);
    let told = scene.run("11:15", "11:20", &world).unwrap();
    assert_eq!(told.state("google"), Divergent);
    let mut restarted = scene.restarted();
    assert_eq!(
        restarted.round(at("11:20"), &world).state("google"),
        Divergent
    );
    // Nothing was fetched here but by another cache, which had its copy from the beginning on.
    let copies = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let until = if now.timestamp() % 120 < 60 {
            "11:40"
        } else {
            "12:10"
        };
        match source.kind {
            SourceKind::Authority => a(&[GOOD], 300),
            SourceKind::Resolver => a(
                &[BAD],
                u32::try_from((at(until) - now).num_seconds()).unwrap(),
            ),
        }
    };
    let mut scene = scene_at(None);
    scene.run("10:00", "11:20", &copies);
    let restarted = scene.restarted().round(at("11:20"), &copies);
    assert_eq!(restarted.state("google"), Unexplained);
}
