//! How incidents get better, and worse again.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;

use super::lab::{Lab, dialer, found, found_at_server, kinds, seen};
use crate::{
    audit::{
        finding::FindingKind,
        incident::{
            Status,
            TransitionKind::{Opened, Resolved, Updated},
        },
        ledger::{AuthorityReach, retire},
        verdict::State,
    },
    types::{QueryOptions, Resolver, ResolverTraits, Transport},
};

const GOOD: State = State::Consistent;
const BAD: State = State::Divergent;

#[test]
fn a_wrong_answer_recovers_after_three_clean_rounds_and_ends_after_its_cached_until() {
    let mut lab = Lab::new();
    let told = lab.round(vec![seen(&dialer(7), "google", BAD).ttl(3600)]);
    let cached_until = told[0].incident.cached_until.unwrap();
    let good = [seen(&dialer(7), "google", GOOD)];
    assert!(lab.rounds(2, &good).is_empty());
    let told = lab.round(good.to_vec());
    assert_eq!(kinds(&told), [Updated]);
    assert_eq!(told[0].incident.status, Status::Recovering);
    assert_eq!(told[0].incident.recovering_at, Some(lab.now));
    assert!(
        told[0]
            .reason
            .ends_with("watched until 2026-11-22T20:00:59Z"),
        "{}",
        told[0].reason
    );
    let told = lab.rounds(60, &good);
    assert_eq!(kinds(&told), [Resolved]);
    assert_eq!(told[0].incident.status, Status::Resolved);
    assert_eq!(
        told[0].at,
        cached_until + TimeDelta::seconds(1),
        "the first round after it"
    );
    assert_eq!(told[0].incident.resolved_at, Some(told[0].at));
    assert!(lab.ledger.incidents.is_empty());
}

#[test]
fn a_short_ttl_waits_for_the_window_and_a_failure_for_nothing_else() {
    for state in [State::Divergent, State::Bogus] {
        let mut lab = Lab::new();
        lab.round(vec![seen(&dialer(7), "google", state).ttl(30)]);
        let told = lab.rounds(30, &[seen(&dialer(7), "google", GOOD)]);
        assert_eq!(kinds(&told), [Updated, Resolved], "{state}");
        assert_eq!(
            told[1].at - told[1].incident.last_bad_at,
            TimeDelta::seconds(601),
            "{state}"
        );
    }
    let mut lab = Lab::new();
    lab.rounds(3, &[seen(&dialer(7), "google", State::Servfail).ttl(7200)]);
    let told = lab.rounds(15, &[seen(&dialer(7), "google", GOOD)]);
    assert_eq!(
        kinds(&told),
        [Updated, Resolved],
        "a failure's cached_until plays no part"
    );
}

#[test]
fn with_rounds_longer_than_the_window_it_ends_with_the_third_clean_one_in_one_step() {
    let mut lab = Lab::new();
    lab.policy.period = std::time::Duration::from_hours(1);
    lab.round(vec![seen(&dialer(7), "google", BAD)]);
    for _ in 0..2 {
        lab.now += TimeDelta::minutes(59);
        assert!(lab.round(vec![seen(&dialer(7), "google", GOOD)]).is_empty());
    }
    lab.now += TimeDelta::minutes(59);
    assert_eq!(
        kinds(&lab.round(vec![seen(&dialer(7), "google", GOOD)])),
        [Resolved]
    );
}

#[test]
fn a_relapse_reopens_it_and_is_told_once() {
    let mut lab = Lab::new();
    lab.round(vec![seen(&dialer(7), "google", BAD)]);
    lab.rounds(3, &[seen(&dialer(7), "google", GOOD)]);
    let told = lab.rounds(3, &[seen(&dialer(7), "google", BAD)]);
    assert_eq!(kinds(&told), [Updated]);
    assert_eq!(
        told[0].reason,
        "bad again: dialer7.example.com A is divergent at google"
    );
    assert_eq!(lab.only().status, Status::Open);
    assert_eq!(lab.only().recovering_at, None);
    assert_eq!((lab.only().transitions, lab.only().clean_rounds), (3, 0));
}

#[test]
fn a_relapse_must_be_believed_like_an_opening_but_holds_the_end_up_at_once() {
    let mut lab = Lab::new();
    lab.rounds(3, &[seen(&dialer(7), "google", State::Servfail)]);
    lab.rounds(3, &[seen(&dialer(7), "google", GOOD)]);
    assert!(
        lab.round(vec![seen(&dialer(7), "google", State::Unreachable)])
            .is_empty()
    );
    assert_eq!(lab.only().status, Status::Recovering);
    let held = lab.now - TimeDelta::seconds(1);
    let told = lab.rounds(15, &[seen(&dialer(7), "google", GOOD)]);
    assert_eq!(kinds(&told), [Resolved]);
    assert_eq!(told[0].at - held, TimeDelta::seconds(601));

    lab.rounds(3, &[seen(&dialer(7), "google", State::Servfail)]);
    lab.rounds(3, &[seen(&dialer(7), "google", GOOD)]);
    let told = lab.rounds(3, &[seen(&dialer(7), "google", State::Servfail)]);
    assert_eq!(
        kinds(&told),
        [Updated],
        "three rounds in a row are a relapse"
    );
}

#[test]
fn a_round_that_did_not_ask_is_not_clean_and_silence_says_nothing_of_a_value() {
    let mut lab = Lab::new();
    lab.round(vec![seen(&dialer(7), "google", BAD)]);
    for state in [State::Unknown, State::Unreachable, State::Servfail] {
        lab.round(vec![seen(&dialer(7), "google", state)]);
    }
    lab.rounds(
        30,
        &[
            seen(&dialer(8), "google", GOOD),
            seen(&dialer(7), "quad9", GOOD),
        ],
    );
    assert!(
        lab.ledger
            .incidents
            .iter()
            .any(|one| one.key.subject == "dialer7.example.com A")
    );
    let value = &lab.ledger.incidents[0];
    assert_eq!((value.status, value.clean_rounds), (Status::Open, 0));
}

#[test]
fn an_anycast_site_that_stays_bad_holds_it_open_while_another_is_clean() {
    let mut lab = Lab::new();
    let at = |state, sites: &[_]| seen(&dialer(7), "google", state).sites(sites);
    lab.round(vec![at(BAD, &[("fra", BAD), ("ams", BAD), ("fra", GOOD)])]);
    let tracks: Vec<_> = lab.only().backends.keys().cloned().collect();
    assert_eq!(
        tracks,
        [
            "google 192.0.2.8:53 *",
            "google 192.0.2.8:53 ams",
            "google 192.0.2.8:53 fra"
        ]
    );
    assert!(
        lab.rounds(9, &[at(BAD, &[("ams", GOOD), ("fra", BAD)])])
            .is_empty()
    );
    assert!(
        lab.rounds(9, &[at(GOOD, &[("ams", GOOD), ("lon", GOOD)])])
            .is_empty()
    );
    assert_eq!(
        lab.only().status,
        Status::Open,
        "fra was not sampled: neither clean nor bad"
    );
    let told = lab.rounds(3, &[at(GOOD, &[("fra", GOOD)])]);
    assert_eq!(
        kinds(&told),
        [Resolved],
        "every site clean, and the window is over by now"
    );
}

#[test]
fn a_site_never_sampled_again_does_not_hold_it_open_for_ever() {
    let mut lab = Lab::new();
    let at = |state, site| {
        seen(&dialer(7), "google", state)
            .sites(&[(site, state)])
            .ttl(3600)
    };
    let cached_until = lab.round(vec![at(BAD, "fra")])[0]
        .incident
        .cached_until
        .unwrap();
    let told = lab.rounds(70, &[at(GOOD, "ams")]);
    assert_eq!(kinds(&told), [Resolved]);
    assert_eq!(told[0].at, cached_until + TimeDelta::seconds(1));
}

#[test]
fn a_resolver_that_falls_silent_does_not_end_its_wrong_answer() {
    let mut lab = Lab::new();
    let bad = |resolver| seen(&dialer(7), resolver, BAD);
    lab.round(vec![bad("google"), bad("quad9")]);
    let silent = [
        seen(&dialer(7), "google", State::Unreachable),
        seen(&dialer(7), "quad9", GOOD),
    ];
    lab.rounds(60, &silent);
    let value = lab
        .ledger
        .incidents
        .iter()
        .find(|one| one.verdict == "divergent")
        .unwrap();
    assert_eq!(
        value.status,
        Status::Open,
        "nobody has seen google give the right answer"
    );
}

#[test]
fn the_last_seconds_of_a_bad_value_are_not_clean_but_an_honest_change_is() {
    let mut lab = Lab::new();
    let at = |state| seen(&dialer(7), "google", state);
    lab.round(vec![at(State::PropagatingLong).ttl(900)]);
    assert!(lab.rounds(5, &[at(State::Propagating).ttl(200)]).is_empty());
    assert_eq!(
        lab.only().clean_rounds,
        0,
        "the same value, with less TTL left"
    );
    assert_eq!(kinds(&lab.rounds(3, &[at(GOOD)])), [Updated]);
    assert!(lab.round(vec![at(State::Propagating).ttl(200)]).is_empty());
    assert_eq!(
        lab.only().status,
        Status::Recovering,
        "seen once more, quietly: no relapse"
    );
    assert_eq!(lab.only().clean_rounds, 0, "but not clean either");

    let mut lab = Lab::new();
    lab.round(vec![at(BAD)]);
    let other = at(State::Propagating).records("192.0.2.70");
    assert_eq!(
        kinds(&lab.rounds(3, &[other])),
        [Updated],
        "another value, within its TTL"
    );
}

#[test]
fn exposure_only_rises() {
    let mut lab = Lab::new();
    lab.round(vec![seen(&dialer(7), "google", BAD).ttl(3600)]);
    let first = lab.only().cached_until;
    lab.round(vec![seen(&dialer(7), "google", BAD).ttl(60)]);
    assert_eq!(lab.only().cached_until, first);
    lab.round(vec![seen(&dialer(7), "google", BAD).ttl(7200)]);
    assert!(lab.only().cached_until > first);
}

#[test]
fn a_finding_is_clean_only_where_the_authority_answered() {
    let mut lab = Lab::new();
    let good = || vec![seen(&dialer(7), "google", GOOD)];
    lab.round_with(good(), vec![found(FindingKind::TtlAbovePolicy, &dialer(7))]);
    lab.authorities = AuthorityReach {
        asked: 2,
        answered: 0,
        lame: 0,
    };
    lab.rounds(20, &good());
    assert_eq!(
        (lab.only().status, lab.only().clean_rounds),
        (Status::Open, 0)
    );
    lab.authorities = AuthorityReach {
        asked: 2,
        answered: 1,
        lame: 0,
    };
    lab.rounds(5, &[seen(&dialer(8), "google", GOOD)]);
    assert_eq!(lab.only().clean_rounds, 0, "the name was not asked");
    assert_eq!(
        kinds(&lab.rounds(3, &good())),
        [Resolved],
        "the window is long over"
    );
}

#[test]
fn a_finding_recovers_and_relapses() {
    let mut lab = Lab::new();
    let good = || vec![seen(&dialer(7), "google", GOOD)];
    let finding = || vec![found(FindingKind::TtlAbovePolicy, &dialer(7))];
    assert_eq!(kinds(&lab.round_with(good(), finding())), [Opened]);
    assert_eq!(kinds(&lab.rounds(4, &good())), [Updated]);
    assert_eq!(kinds(&lab.round_with(good(), finding())), [Updated]);
    assert_eq!(kinds(&lab.rounds(11, &good())), [Updated, Resolved]);
}

#[test]
fn a_lame_server_that_falls_silent_is_not_clean() {
    let mut lab = Lab::new();
    let good = || vec![seen(&dialer(7), "google", GOOD)];
    for _ in 0..3 {
        lab.round_with(
            good(),
            vec![found_at_server(FindingKind::LameAuthority, 1, 1)],
        );
    }
    for _ in 0..20 {
        let silent = found_at_server(FindingKind::AuthorityUnreachable, 1, 1);
        lab.round_with(good(), vec![silent]);
    }
    assert_eq!(lab.ledger.incidents.len(), 2);
    assert!(
        lab.ledger
            .incidents
            .iter()
            .all(|one| one.status == Status::Open)
    );
}

#[test]
fn what_the_configuration_no_longer_asks_is_retired() {
    let resolver = |id: &str, address: &str| {
        Arc::new(Resolver {
            id: id.to_owned(),
            operator: id.to_owned(),
            addresses: vec![address.parse().unwrap()],
            transport: Transport::Udp,
            endpoint: None,
            options: QueryOptions::default(),
            max_qps: 100,
            traits: ResolverTraits::default(),
        })
    };
    let both = [
        resolver("google", "192.0.2.8:53"),
        resolver("quad9", "192.0.2.9:53"),
    ];
    let names = BTreeSet::from([dialer(7).name]);
    let mut lab = Lab::new();
    lab.round(vec![
        seen(&dialer(7), "google", BAD),
        seen(&dialer(8), "google", BAD),
        seen(&dialer(7), "quad9", State::Servfail),
        seen(&dialer(8), "quad9", State::Servfail),
    ]);
    let now = lab.now;
    let told = retire(&mut lab.ledger, &names, &both, now);
    assert_eq!(kinds(&told), [Resolved]);
    assert_eq!(told[0].incident.key.subject, "dialer8.example.com A");
    assert_eq!(
        lab.ledger.candidates.len(),
        1,
        "dialer8 is not counted any more"
    );
    assert!(retire(&mut lab.ledger, &names, &both, now).is_empty());
    let told = retire(&mut lab.ledger, &names, &both[1..], now);
    assert_eq!(told[0].incident.key.subject, "dialer7.example.com A");
    assert!(lab.ledger.incidents.is_empty());
}
