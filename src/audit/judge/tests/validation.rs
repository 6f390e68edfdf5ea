//! Row 3 without an extended error: what CD=1 tells of a failure, and when that is believed.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        testing::{
            GOOD, NAME, Reply, Round, Scene, a, at, data, resolver, rrset, says, secs, server, zone,
        },
        verdict::{
            State::{Bogus, Consistent, Servfail},
            VerdictFlag,
        },
    },
    types::{QueryOptions, Question, Rcode, Severity, Source, SourceKind},
};

/// Rounds from 09:00 at google, which fails the plain question and answers thus with CD=1; the last one.
fn failing(until: &str, fails: Reply, unchecked: fn() -> Reply) -> (Scene, Round) {
    let mut scene = Scene::new();
    scene.unchecked = Arc::new(move |_, _, _| unchecked());
    let last = scene.run("09:00", until, &says(good(), fails));
    (scene, last.unwrap())
}

fn good() -> Reply {
    a(&[GOOD], 60)
}

fn servfail() -> Reply {
    Reply::rcode(Rcode::SERVFAIL)
}

#[test]
fn a_failure_that_cd_1_alone_mends_is_bogus_once_it_outlives_what_may_be_remembered() {
    // 09:05 is 299 s after the first answer to CD=1, 09:06 is 359 s after it.
    let (_, round) = failing("09:06", servfail(), good);
    assert_eq!(
        (round.state("google"), round.at("google").severity),
        (Servfail, Severity::Warning)
    );
    assert!(
        round
            .at("google")
            .reason
            .contains("answers with CD=1 since 2020-08-30T09:00:01Z"),
        "{}",
        round.at("google").reason
    );
    let (scene, round) = failing("09:07", servfail(), good);
    let verdict = round.at("google");
    assert_eq!(
        (verdict.state, verdict.severity, verdict.confirmed),
        (Bogus, Severity::Critical, true)
    );
    assert_eq!(verdict.samples.len(), 3, "no client sees an answer to CD=1");
    assert_eq!(scene.asides, 7, "one a round");
    // What was seen of CD=1 is forgotten by a restart; the failure is not.
    let mut restarted = scene.restarted();
    let again = restarted.round(at("09:07"), &says(good(), servfail()));
    assert_eq!(again.state("google"), Servfail);
}

#[test]
fn a_failure_of_the_way_or_of_the_zone_is_none_of_validation() {
    let (_, round) = failing("09:20", servfail(), servfail);
    assert_eq!(round.state("google"), Servfail, "CD=1 fails, too");
    let (_, round) = failing("09:20", servfail().with_ede(22), good);
    assert_eq!(round.state("google"), Servfail, "it says what is wrong");
    let (_, round) = failing("09:20", servfail().with_ede(13), good);
    assert_eq!(round.state("google"), Bogus);
}

#[test]
fn cd_1_is_asked_only_where_an_answer_would_say_something() {
    let mut scene = Scene::new();
    scene.run("09:00", "09:03", &says(Reply::silence(), servfail()));
    assert_eq!(
        scene.asides, 0,
        "the zone is silent: what CD=1 brings is from a cache"
    );
    for options in [
        QueryOptions {
            checking_disabled: Some(true),
            ..QueryOptions::default()
        },
        QueryOptions {
            recursion_desired: Some(false),
            ..QueryOptions::default()
        },
    ] {
        let mut scene = Scene::new();
        scene.options = options;
        scene.run("09:00", "09:03", &says(good(), servfail()));
        assert_eq!(scene.asides, 0, "{options:?}");
    }
    let mut scene = Scene::new();
    scene.run(
        "09:00",
        "09:03",
        &says(good(), Reply::rcode(Rcode::REFUSED)),
    );
    assert_eq!(scene.asides, 0);
}

#[test]
fn a_failure_may_be_remembered_for_300_s_and_five_more() {
    // CD=1 was answered for the first time at 09:00:01, and a resolver is heard 5 ms after the round's beginning.
    let (scene, _) = failing("09:05", servfail(), good);
    let remembered = at("09:05:06") - TimeDelta::milliseconds(5);
    for (begins, expected) in [
        (remembered, Servfail),
        (remembered + TimeDelta::milliseconds(1), Bogus),
    ] {
        let round = scene.clone().round(begins, &says(good(), servfail()));
        assert_eq!(round.state("google"), expected, "{begins}");
    }
}

#[test]
fn while_no_authority_answers_what_cd_1_brought_before_says_nothing_of_validation() {
    let (scene, _) = failing("09:06", servfail(), good);
    for (authority, expected) in [(good(), Bogus), (Reply::silence(), Servfail)] {
        let round = scene
            .clone()
            .round(at("09:06"), &says(authority, servfail()));
        assert_eq!(round.state("google"), expected);
    }
}

/// The zone is dark from 09:02 to 09:30; google goes on failing for 280 s, as RFC 9520 allows, and answers CD=1 at once.
#[test]
fn a_failure_that_is_remembered_after_an_outage_is_never_bogus() {
    let dark = |now: DateTime<Utc>| (at("09:02")..at("09:30")).contains(&now);
    let mut scene = Scene::new();
    scene.unchecked = Arc::new(|_, _, now| {
        if now < at("09:30") {
            servfail()
        } else {
            good()
        }
    });
    let mut minute = at("09:00");
    while minute < at("09:40") {
        let round = scene.round(minute, &|source, _, now| match source.kind {
            SourceKind::Authority if dark(now) => Reply::silence(),
            SourceKind::Resolver if dark(now - secs(280)) || dark(now) => servfail(),
            _ => good(),
        });
        assert!(
            matches!(round.state("google"), Servfail | Consistent),
            "{minute}"
        );
        minute += secs(60);
    }
    assert!(scene.asides >= 4, "{}", scene.asides);
}

#[test]
fn an_answer_between_two_failures_begins_the_count_anew() {
    let mut scene = Scene::new();
    scene.unchecked = Arc::new(|_, _, _| good());
    let flapping = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Resolver if now < at("09:04") || now > at("09:05") => servfail(),
        _ => good(),
    };
    let round = scene.run("09:00", "09:08", &flapping).unwrap();
    assert_eq!(round.state("google"), Servfail);
    // Another backend's answer is another backend's.
    let mut scene = Scene::new();
    scene.unchecked = Arc::new(|_, _, _| good());
    scene.samples = 2;
    let two_backends = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Resolver if now.timestamp_subsec_millis() < 10 => servfail().at_site("fra"),
        SourceKind::Resolver => good().at_site("ams"),
        SourceKind::Authority => good(),
    };
    let round = scene.run("09:00", "09:08", &two_backends).unwrap();
    assert_eq!(round.state("google"), Bogus);
}

/// The flags at google after a day's worth of `before` at it and at others, and then `now`.
fn remarks([before, others, now]: [Reply; 3]) -> Vec<VerdictFlag> {
    let both = [
        resolver("google", "8.8.8.8", None),
        resolver("isp", "192.0.2.53", None),
    ];
    let mut scene = Scene::new().with_resolvers(&both);
    let world = |source: &Source, _: &Question, at_: DateTime<Utc>| match (&*source.id, source.kind)
    {
        (_, SourceKind::Authority) => good(),
        ("google", _) if at_ < at("09:02") => before.clone(),
        ("google", _) => now.clone(),
        _ => others.clone(),
    };
    let round = scene.run("09:00", "09:04", &world).unwrap();
    round.at("google").flags.clone()
}

#[test]
fn an_answer_that_was_vouched_for_and_is_no_longer_is_remarked_on_and_no_more() {
    let lost = [VerdictFlag::ValidationLost];
    assert_eq!(
        remarks([good().validated(), good().validated(), good()]),
        lost
    );
    assert_eq!(
        remarks([good().validated(), good(), good()]),
        lost,
        "it has itself to go by"
    );
    assert_eq!(
        remarks([good(), good().validated(), good()]),
        [],
        "it never validated"
    );
    assert_eq!(
        remarks([good(), good(), good()]),
        [],
        "nobody does: it is not signed"
    );
    assert_eq!(
        remarks([good().validated(), good(), good().validated()]),
        []
    );
    assert_eq!(
        remarks([good().validated(), good(), servfail()]),
        [],
        "a failure vouches for nothing"
    );
    let alias = data().alias(NAME, "lb.example.net", 60);
    let alias = alias.link("lb.example.net", rrset(&[GOOD]), 60);
    let flags = remarks([good().validated(), good(), alias]);
    assert!(
        !flags.contains(&lost[0]),
        "another chain: perhaps into a zone that is not signed"
    );
}

#[test]
fn where_signatures_are_configured_every_answer_of_the_zone_must_be_vouched_for() {
    let mut scene = Scene::new();
    scene.options.dnssec = Some(true);
    let round = scene.round(at("09:00"), &says(good(), good()));
    assert_eq!(round.at("google").flags, [VerdictFlag::ValidationLost]);
    assert_eq!(
        (round.state("google"), round.at("google").severity),
        (Consistent, Severity::None)
    );
    let round = scene.round(at("09:01"), &says(good(), good().validated()));
    assert_eq!(round.at("google").flags, []);
    // With CD=1 nobody validates.
    scene.options.checking_disabled = Some(true);
    let round = scene.round(at("09:02"), &says(good(), good()));
    assert_eq!(round.at("google").flags, []);
}

#[test]
fn a_zone_that_nobody_has_vouched_for_within_a_day_is_not_signed_any_more() {
    let mut scene = Scene::new();
    scene.run("09:00", "09:03", &says(good(), good().validated()));
    let round = scene.run("09:03", "09:05", &says(good(), good())).unwrap();
    assert_eq!(round.at("google").flags, [VerdictFlag::ValidationLost]);
    let round = scene.round(at("31T09:04"), &says(good(), good()));
    assert_eq!(round.at("google").flags, []);
}

#[test]
fn what_another_zone_does_about_signatures_is_its_owners() {
    let flags = |target: &str| {
        let mut scene = Scene::new();
        let servers = vec![server("ns.cdn.net", "192.0.2.40")];
        scene.zones.insert(zone("cdn.net", servers));
        scene.options.dnssec = Some(true);
        let chain = data().alias(NAME, target, 60);
        let chain = chain.link(target, rrset(&[GOOD]), 60);
        let round = scene.round(at("09:00"), &says(chain.clone(), chain));
        round.at("google").flags.clone()
    };
    let lost = VerdictFlag::ValidationLost;
    assert!(flags("lb.example.com").contains(&lost));
    assert!(!flags("lb.cdn.net").contains(&lost));
    assert!(
        !flags("lb.example.net").contains(&lost),
        "whose it is, nobody knows"
    );
}
