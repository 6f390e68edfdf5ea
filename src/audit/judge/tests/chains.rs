//! Aliases: every link by itself, each against the servers of its own zone.

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        evidence::BaselineKind,
        testing::{
            ALIEN, BAD, GOOD, NAME, Reply, Scene, a, at, data, question, resolver, rrset, says,
            secs, server, zone,
        },
        verdict::{
            State::{
                Consistent, Divergent, NodataMismatch, Propagating, PropagatingLong, Unexplained,
            },
            VerdictFlag,
        },
    },
    types::{Expect, Question, Rcode, RecordType, Severity, Source, SourceKind, Value},
};

#[test]
fn a_known_bad_address_behind_an_old_alias_is_critical() {
    let mut scene = Scene::new();
    scene.policy.known_bad = Expect {
        networks: vec!["203.0.113.7/32".parse().unwrap()],
        texts: Vec::new(),
    };
    let (good, bad) = ("good.example.com", "bad.example.com");
    scene.targets = vec![question(good, RecordType::A), question(bad, RecordType::A)];
    let world = |source: &Source, asked: &Question, now: DateTime<Utc>| {
        let old = source.kind == SourceKind::Resolver || now < at("10:02");
        let (target, address) = if old { (bad, BAD) } else { (good, GOOD) };
        match asked.name.as_str() {
            NAME => data()
                .alias(NAME, target, 100)
                .link(target, rrset(&[address]), 100),
            name => data().link(name, rrset(&[if name == bad { BAD } else { GOOD }]), 100),
        }
    };
    let round = scene.run("10:00", "10:03", &world).unwrap();
    let verdict = round.at("google");
    assert_eq!(
        (verdict.state, verdict.severity),
        (Propagating, Severity::Critical)
    );
    assert!(verdict.flags.contains(&VerdictFlag::KnownBad));
    assert_eq!(verdict.link.as_ref().unwrap().as_str(), NAME);
}

#[test]
fn an_alias_that_became_an_address_propagates_by_the_aliass_ttl() {
    let target = "lb.example.com";
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let old = source.kind == SourceKind::Resolver || now < at("10:02");
        if old {
            data()
                .alias(NAME, target, 3_600)
                .link(target, rrset(&[BAD]), 60)
        } else {
            a(&[GOOD], 60)
        }
    };
    let mut scene = Scene::new();
    let round = scene.run("10:00", "10:03", &world).unwrap();
    let verdict = round.at("google");
    assert_eq!(
        (verdict.state, verdict.deadline),
        (PropagatingLong, Some(at("11:02")))
    );
    assert_eq!(verdict.observed.records, [target]);
}

#[test]
fn each_link_is_held_against_its_own_zone_and_a_foreign_one_is_a_pool() {
    let mut scene = Scene::new();
    scene
        .zones
        .insert(zone("cdn.net", vec![server("ns.cdn.net", "192.0.2.40")]));
    let target = "lb.cdn.net";
    scene.targets = vec![question(target, RecordType::A)];
    let reply =
        |source: &Source, asked: &Question, end: Value| match (source.kind, asked.name.as_str()) {
            (SourceKind::Authority, NAME) => data().alias(NAME, target, 60),
            (SourceKind::Authority, _) => data().link(target, rrset(&[GOOD, BAD]), 60),
            (SourceKind::Resolver, _) => data().alias(NAME, target, 60).link(target, end, 60),
        };
    let mut minute = at("10:00");
    let mut state = |end: Value| {
        minute += secs(60);
        scene
            .round(minute, &|source, asked, _| {
                reply(source, asked, end.clone())
            })
            .state("google")
    };
    assert_eq!(state(rrset(&[GOOD])), Consistent, "a subset of the pool");
    assert_eq!(state(rrset(&[GOOD, ALIEN])), Divergent);
    assert_eq!(state(Value::Nodata), NodataMismatch);
}

#[test]
fn an_end_that_no_authority_answers_for_is_judged_with_low_confidence() {
    let mut scene = Scene::new();
    scene
        .zones
        .insert(zone("cdn.net", vec![server("ns.cdn.net", "192.0.2.40")]));
    let target = "lb.cdn.net";
    scene.targets = vec![question(target, RecordType::A)];
    let world = |source: &Source, asked: &Question, _: DateTime<Utc>| match (
        source.kind,
        asked.name.as_str(),
    ) {
        (SourceKind::Authority, NAME) => data().alias(NAME, target, 60),
        (SourceKind::Authority, _) => Reply::silence(),
        (SourceKind::Resolver, _) => {
            data()
                .alias(NAME, target, 60)
                .link(target, rrset(&[ALIEN]), 60)
        }
    };
    let round = scene.round(at("10:00"), &world);
    assert_eq!(
        (round.state("google"), round.at("google").severity),
        (Unexplained, Severity::None)
    );
    assert!(
        round
            .at("google")
            .flags
            .contains(&VerdictFlag::LowConfidence)
    );
}

#[test]
fn what_another_zones_server_believes_of_a_target_has_no_say() {
    let mut scene = Scene::new();
    scene
        .zones
        .insert(zone("cdn.net", vec![server("ns.cdn.net", "192.0.2.40")]));
    let target = "lb.cdn.net";
    scene.targets = vec![question(target, RecordType::A)];
    let world = |source: &Source, question: &Question, _: DateTime<Utc>| {
        let chain = data().alias(NAME, target, 60);
        match (&*source.id, source.kind) {
            // ns1 adds an address that lb.cdn.net never had.
            ("ns1" | "ns2", _) => chain.link(target, rrset(&[BAD]), 60),
            _ if question.name.as_str() == target => data().link(target, rrset(&[GOOD]), 60),
            _ => chain.link(target, rrset(&[BAD]), 60),
        }
    };
    scene.resolvers = vec![resolver("google", "8.8.8.8", None)];
    let right = |_: &Source, question: &Question, _: DateTime<Utc>| {
        if question.name.as_str() == target {
            data().link(target, rrset(&[GOOD]), 60)
        } else {
            data()
                .alias(NAME, target, 60)
                .link(target, rrset(&[GOOD]), 60)
        }
    };
    scene.run("10:00", "10:05", &right);
    let round = scene.round(at("10:05"), &world);
    assert_eq!(round.state("google"), Divergent);
    assert_eq!(round.at("google").link.as_ref().unwrap().as_str(), target);
}

#[test]
fn a_remark_on_any_link_is_kept() {
    let target = "lb.example.com";
    let chain = |ttl| {
        data()
            .alias(NAME, target, ttl)
            .link(target, rrset(&[GOOD]), ttl)
    };
    let mut scene = Scene::new();
    scene.policy.expect = Expect {
        networks: vec!["203.0.113.0/24".parse().unwrap()],
        texts: Vec::new(),
    };
    let round = scene.round(at("10:00"), &says(chain(60), chain(30).with_ede(3)));
    assert_eq!(
        round.at("google").flags,
        [VerdictFlag::ServeStaleInUse, VerdictFlag::ExpectedMismatch]
    );
    // The alias's server falls silent for too long, the target's does not.
    let mut scene = Scene::new();
    scene
        .zones
        .insert(zone("cdn.net", vec![server("ns.cdn.net", "192.0.2.40")]));
    let target = "lb.cdn.net";
    scene.targets = vec![question(target, RecordType::A)];
    let world =
        |source: &Source, asked: &Question, now: DateTime<Utc>| match (&*source.id, source.kind) {
            ("ns.cdn.net", _) => data().link(target, rrset(&[GOOD]), 60),
            (_, SourceKind::Authority) if now >= at("10:01") => Reply::silence(),
            (_, SourceKind::Authority) => data().alias(asked.name.as_str(), target, 60),
            _ => data()
                .alias(NAME, target, 60)
                .link(target, rrset(&[GOOD]), 60),
        };
    let round = scene.run("10:00", "11:30", &world).unwrap();
    assert_eq!(round.state("google"), Consistent);
    assert_eq!(round.at("google").flags, [VerdictFlag::LowConfidence]);
}

#[test]
fn an_alias_that_is_asked_for_is_the_whole_answer() {
    let [near, far] = ["lb.example.com", "lb2.example.com"];
    let mut scene = Scene::new();
    scene.questions = [NAME, near]
        .map(|name| question(name, RecordType::CNAME))
        .to_vec();
    let world = |_: &Source, asked: &Question, _: DateTime<Utc>| match asked.name.as_str() {
        NAME => data().alias(NAME, near, 60),
        name => data().alias(name, far, 60),
    };
    let round = scene.run("10:00", "10:02", &world).unwrap();
    for verdict in &round.verdicts {
        assert_eq!(verdict.state, Consistent, "{}", verdict.reason);
    }
    assert_eq!(round.verdicts.len(), 2);
    assert_eq!(round.at("google").observed.records, [near]);
}

#[test]
fn an_alias_that_leads_to_nothing_names_the_alias_and_no_link_beyond_it() {
    let target = "lb.example.com";
    let whole = |_: &Source, asked: &Question, _: DateTime<Utc>| {
        let chain = match asked.name.as_str() {
            NAME => data().alias(NAME, target, 60),
            _ => data(),
        };
        chain.link(target, rrset(&[GOOD]), 60)
    };
    let mut scene = Scene::new();
    scene.run("10:00", "10:02", &whole);
    let cut = |source: &Source, asked: &Question, now| match source.kind {
        SourceKind::Authority => whole(source, asked, now),
        SourceKind::Resolver => data().alias(NAME, target, 60),
    };
    let round = scene.round(at("10:02"), &cut);
    let verdict = round.at("google");
    assert_eq!((verdict.state, verdict.confirmed), (NodataMismatch, true));
    assert_eq!(verdict.observed.records, [target], "what it did say");
    assert_eq!(verdict.baseline.as_ref().unwrap().records, [GOOD]);
}

#[test]
fn a_failure_is_held_against_the_end_of_the_chain() {
    let target = "lb.example.com";
    let baseline = |rtype, records: &[&str]| {
        let mut scene = Scene::new();
        scene.questions = vec![question(NAME, rtype)];
        let world = |source: &Source, asked: &Question, _: DateTime<Utc>| {
            let end = |reply: Reply| reply.link(target, rrset(&[GOOD]), 60);
            match (source.kind, asked.name.as_str(), asked.rtype) {
                (SourceKind::Resolver, ..) => Reply::rcode(Rcode::SERVFAIL),
                (_, NAME, RecordType::CNAME) => data().alias(NAME, target, 60),
                (_, NAME, _) => end(data().alias(NAME, target, 60)),
                _ => end(data()),
            }
        };
        let round = scene.run("10:00", "10:02", &world).unwrap();
        let baseline = round.at("google").baseline.clone().unwrap();
        assert_eq!(baseline.kind, BaselineKind::Authority);
        assert_eq!(baseline.records, records, "{rtype}");
    };
    baseline(RecordType::A, &[GOOD]);
    baseline(RecordType::CNAME, &[target]);
}
