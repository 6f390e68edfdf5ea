//! Where what is measured begins and ends: how many names, how far apart, how soon after the first.

use chrono::{DateTime, TimeDelta, Utc};

use super::{TOKEN, asked, canary, right, run, served, source};
use crate::{
    audit::{
        calibration::{
            Calibration, Limit,
            plan::{Kind, Probe},
        },
        testing::{Reply, at},
    },
    types::{Rcode, Value},
};

/// What these replies say: whose name, how many milliseconds after 10:00, and the TTL.
fn said_at(site: Option<&str>, replies: &[(Kind, u8, i64, u32)]) -> Calibration {
    let reply = |&(kind, number, after, ttl): &(Kind, u8, i64, u32)| {
        let probe = Probe::new(kind, number);
        let right = right(probe, ttl);
        let right = site.map_or(right.clone(), |site| right.at_site(site));
        asked(probe, at("10:00") + TimeDelta::milliseconds(after), &right)
    };
    let replies: Vec<_> = replies.iter().map(reply).collect();
    let (zone, token) = (canary().origin().clone(), TOKEN.to_owned());
    Calibration::of(source(), zone, token, &served(), &replies, at("10:00:15"))
}

fn said(replies: &[(Kind, u8, i64, u32)]) -> Calibration {
    said_at(None, replies)
}

fn limit(seconds: Option<u32>, tested: u32) -> Limit {
    Limit { seconds, tested }
}

#[test]
fn two_names_are_enough_and_their_spread_is_told_where_it_is_more_than_rounding() {
    let cap = |other| {
        let replies = [(Kind::Long, 0, 0, 3_600), (Kind::Long, 1, 100, other)];
        said(&replies).measures.ttl_cap
    };
    let how = "the highest of 2 TTLs of 2 new names with a TTL of 604800 s";
    for (other, spread) in [
        (3_600, ""),
        (3_595, ""),
        (3_594, "; some were given 3594 s at first"),
    ] {
        let cap = cap(other);
        assert_eq!(cap.value, Some(limit(Some(3_600), 604_800)));
        assert_eq!(cap.how, format!("{how}{spread}"));
    }
    let short = (Kind::Short, 0, 0, 30);
    let zero = (Kind::Zero, 0, 100, 30);
    assert_eq!(
        said(&[short, zero]).measures.ttl_floor.value,
        Some(limit(Some(30), 0))
    );
    assert_eq!(said(&[short]).measures.ttl_floor.value, None);
}

#[test]
fn who_is_silent_is_told_by_how_many_names_it_was_asked() {
    let measures = run(|_, _| Reply::silence()).measures;
    let none = |asked| format!("none of {asked} new names was answered as the zone has it");
    assert_eq!(measures.ttl_cap.how, none(8));
    assert_eq!(measures.ttl_floor.how, none(8));
    assert_eq!(measures.negative_ttl_cap.how, none(4));
}

#[test]
fn names_that_were_all_fetched_in_the_last_wave_are_not_made_up() {
    let measures = run(|probe, now| match probe.kind {
        Kind::Long if now >= at("10:00:10") => right(probe, 604_800),
        _ => Reply::silence(),
    })
    .measures;
    assert_eq!(measures.ttl_cap.value, Some(limit(None, 604_800)));
}

#[test]
fn a_denial_that_says_nothing_of_its_ttl_is_no_measure() {
    let measures = run(|probe, _| match probe.kind {
        Kind::Absent => right(probe, 900).signed_as_blocked(),
        _ => right(probe, 0),
    })
    .measures;
    assert_eq!(measures.negative_ttl_cap.value, None);
    // Nor is data where the zone has none.
    let measures = run(|probe, _| match probe.kind {
        Kind::Absent => {
            let name = canary().question(TOKEN, probe).unwrap().name;
            Reply::rcode(Rcode::NOERROR).link(name.as_str(), Value::Nodata, 900)
        }
        _ => right(probe, 0),
    })
    .measures;
    assert_eq!(measures.negative_ttl_cap.value, None);
}

#[test]
fn a_floor_is_what_the_cache_says_before_the_authoritys_ttl_is_over() {
    let floor = |kind, after| {
        let (short, zero) = ((Kind::Short, 0, 0, 1), (Kind::Zero, 0, 100, 0));
        let later = match kind {
            Kind::Short => (kind, 0, after, 30),
            _ => (kind, 0, 100 + after, 30),
        };
        said(&[short, zero, later]).measures.ttl_floor.value
    };
    assert_eq!(floor(Kind::Short, 799), Some(limit(Some(30), 0)));
    assert_eq!(floor(Kind::Short, 800), Some(limit(None, 0)));
    // A TTL of zero is over at once.
    assert_eq!(floor(Kind::Zero, 50), Some(limit(None, 0)));
}

#[test]
fn countdowns_of_one_cache_end_within_two_seconds_of_each_other() {
    let caches = |after: i64| {
        let replies = [
            (Kind::Long, 0, 0, 1_000),
            (Kind::Long, 0, 3_000, 997),
            // Ends at 1000 s, and so many milliseconds.
            (Kind::Long, 0, 5_000 + after, 995),
        ];
        said(&replies).measures.backends.value.unwrap().caches
    };
    assert_eq!(caches(1_900), Some(1));
    assert_eq!(caches(1_901), Some(2));
}

#[test]
fn a_named_backend_that_repeats_a_ttl_once_tells_too_little() {
    let replies = [(Kind::Long, 0, 0, 604_800), (Kind::Long, 0, 2_500, 604_800)];
    let decrement = said_at(Some("fra1"), &replies).measures.decrement;
    assert_eq!(decrement.value, None);
    assert_eq!(
        decrement.how,
        "of repeated TTLs 0 had fallen by the time gone by, 1 had stayed: too few to tell"
    );
}

#[test]
fn an_answer_is_stale_where_its_own_first_ttl_is_over_and_it_was_given_a_longer_one() {
    let stale = |after, ttl| {
        let replies = [(Kind::Short, 0, 0, 1), (Kind::Short, 0, after, ttl)];
        said_at(Some("fra1"), &replies).serve_stale.value.is_some()
    };
    assert!(stale(2_201, 2));
    assert!(!stale(2_200, 2));
    // Fetched anew.
    assert!(!stale(2_500, 1));
}

#[test]
fn what_another_name_was_given_at_first_is_no_measure_of_a_stale_answer() {
    let calibration = run(|probe: Probe, _: DateTime<Utc>| {
        let ttl = match probe {
            Probe {
                kind: Kind::Short,
                number: 0,
            } => 1,
            _ => 30,
        };
        right(probe, ttl).at_site("fra1")
    });
    assert_eq!(calibration.serve_stale.value, None);
}
