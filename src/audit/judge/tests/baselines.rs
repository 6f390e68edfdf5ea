//! On whose word a verdict stands: declarations, authorities that fall silent or leave, the quorum; and chains.

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        evidence::BaselineKind,
        testing::{
            ALIEN, BAD, GOOD, NAME, Reply, Scene, a, at, data, question, resolver, rrset, says,
            secs, server, zone,
        },
        verdict::{
            State::{Consistent, Propagating, StaleOverdue, Unexplained},
            VerdictFlag,
        },
    },
    types::{Expect, Listed, Question, RecordType, Severity, Source, SourceKind},
};

fn declared(networks: &[&str]) -> Expect {
    Expect {
        networks: networks.iter().map(|one| one.parse().unwrap()).collect(),
        texts: Vec::new(),
    }
}

#[test]
fn what_is_declared_is_consistent_and_says_so() {
    let mut scene = Scene::new();
    scene.policy.expect = declared(&["203.0.113.0/24"]);
    let round = scene.round(at("10:00"), &says(a(&[GOOD], 60), a(&[BAD], 60)));
    let verdict = round.at("google");
    assert_eq!(verdict.state, Consistent);
    assert_eq!(
        verdict.baseline.as_ref().unwrap().kind,
        BaselineKind::Declared
    );
    assert_eq!(verdict.worst_case_until, None);
}

#[test]
fn an_authority_that_serves_the_undeclared_is_flagged() {
    let mut scene = Scene::new();
    scene.policy.expect = declared(&["203.0.113.0/24"]);
    let round = scene.round(
        at("10:00"),
        &says(a(&[GOOD], 60), a(&[GOOD], 60).with_ede(3)),
    );
    let flags = &round.at("google").flags;
    assert_eq!(round.state("google"), Consistent);
    assert_eq!(
        *flags,
        [VerdictFlag::ServeStaleInUse, VerdictFlag::ExpectedMismatch]
    );
    // IPv4 networks declare nothing of AAAA.
    scene.questions = vec![question(NAME, RecordType::AAAA)];
    let six = || data().link(NAME, rrset(&["2001:db8::7"]), 60);
    let round = scene.round(at("10:01"), &says(six(), six()));
    assert_eq!(round.at("google").flags, []);
}

#[test]
fn while_every_authority_is_silent_its_last_word_stands() {
    let mut scene = Scene::new();
    scene.run("08:00", "09:00", &says(a(&[GOOD], 300), a(&[GOOD], 300)));
    let silent = says(Reply::silence(), a(&[GOOD], 300));
    let round = scene.run("09:00", "10:30", &silent).unwrap();
    let verdict = round.at("google");
    assert_eq!(
        (verdict.state, verdict.severity),
        (Consistent, Severity::None)
    );
    assert!(verdict.flags.contains(&VerdictFlag::LowConfidence));
    assert!(verdict.reason.contains("last"), "{}", verdict.reason);
    assert_eq!(verdict.baseline.as_ref().unwrap().records, [GOOD]);
    // Whatever else is said now may be the authority's new word.
    let round = scene.round(at("10:30"), &says(Reply::silence(), a(&[BAD], 300)));
    assert_eq!(
        (round.state("google"), round.at("google").severity),
        (Unexplained, Severity::None)
    );
}

#[test]
fn nothing_is_overdue_while_no_authority_can_be_asked() {
    let mut scene = Scene::new();
    scene.run("08:00", "08:30", &says(a(&[BAD], 60), a(&[BAD], 60)));
    scene.run("08:30", "09:00", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    let round = scene.round(at("09:00"), &says(a(&[GOOD], 60), a(&[BAD], 60)));
    assert_eq!(round.state("google"), StaleOverdue);
    let round = scene.round(at("09:01"), &says(Reply::silence(), a(&[BAD], 60)));
    assert_eq!(
        (round.state("google"), round.at("google").severity),
        (Unexplained, Severity::None)
    );
}

#[test]
fn one_blind_server_leaves_what_is_served_now_after_the_limit() {
    let mut scene = Scene::new();
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match &*source.id {
        "ns2" if now >= at("09:00") => Reply::silence(),
        "google" => a(&[BAD], 30),
        _ => a(&[if now < at("09:00") { BAD } else { GOOD }], 300),
    };
    let round = scene.run("08:00", "09:59", &world).unwrap();
    assert_eq!(round.state("google"), Consistent, "ns2 may still serve it");
    let round = scene.run("09:59", "10:03", &world).unwrap();
    let verdict = round.at("google");
    assert_eq!(verdict.state, Propagating);
    assert_eq!(verdict.deadline, Some(at("09:59") + secs(300)));
    assert!(verdict.flags.contains(&VerdictFlag::LowConfidence));
    assert_eq!(
        scene.run("10:03", "10:10", &world).unwrap().state("google"),
        StaleOverdue
    );
}

#[test]
fn what_a_removed_server_said_may_still_be_held() {
    let mut scene = Scene::new();
    let world = |source: &Source, _: &Question, _: DateTime<Utc>| {
        a(&[if source.id == "ns2" { BAD } else { GOOD }], 300)
    };
    scene.run("10:00", "10:05", &world);
    let mut gone = server("ns2", "192.0.2.2");
    gone.listed = Listed::Removed { until: at("10:07") };
    scene
        .zones
        .insert(zone("example.com", vec![server("ns1", "192.0.2.1"), gone]));
    let held = |ttl| says(a(&[GOOD], 300), a(&[BAD], ttl));
    let still = |source: &Source, question: &Question, now| match source.kind {
        SourceKind::Authority => world(source, question, now),
        SourceKind::Resolver => a(&[BAD], 200),
    };
    assert_eq!(
        scene.run("10:05", "10:07", &still).unwrap().state("google"),
        Consistent
    );
    scene
        .zones
        .insert(zone("example.com", vec![server("ns1", "192.0.2.1")]));
    assert_eq!(
        scene.round(at("10:07"), &held(200)).state("google"),
        Propagating
    );
    scene.run("10:08", "10:14", &says(a(&[GOOD], 300), a(&[GOOD], 300)));
    assert_eq!(
        scene.round(at("10:14"), &held(200)).state("google"),
        StaleOverdue
    );
}

#[test]
fn without_any_authority_the_quorum_stands_in_and_tells_nobody() {
    let three = ["google", "quad9", "isp"].map(|id| {
        resolver(
            id,
            if id == "isp" {
                "192.0.2.53"
            } else if id == "google" {
                "8.8.8.8"
            } else {
                "9.9.9.9"
            },
            None,
        )
    });
    let mut scene = Scene::new().with_resolvers(&three);
    let world = |source: &Source, _: &Question, _: DateTime<Utc>| match &*source.id {
        "ns1" | "ns2" => Reply::silence(),
        "isp" => a(&[ALIEN], 60),
        _ => a(&[GOOD], 60),
    };
    let round = scene.round(at("10:00"), &world);
    assert_eq!(
        (round.state("google"), round.state("isp")),
        (Consistent, Unexplained)
    );
    for verdict in &round.verdicts {
        assert_eq!(verdict.severity, Severity::None);
        assert_eq!(verdict.flags, [VerdictFlag::LowConfidence]);
        let baseline = verdict.baseline.as_ref().unwrap();
        assert_eq!(
            (baseline.kind, &*baseline.records[0]),
            (BaselineKind::Quorum, GOOD)
        );
    }
    assert!(round.at("isp").worst_case_until.is_some());
}

#[test]
fn a_stale_majority_never_outvotes_the_authority() {
    let three = [
        ("google", "8.8.8.8"),
        ("quad9", "9.9.9.9"),
        ("isp", "192.0.2.53"),
    ]
    .map(|(id, ip)| resolver(id, ip, None));
    let mut scene = Scene::new().with_resolvers(&three);
    scene.run("09:00", "09:05", &says(a(&[BAD], 60), a(&[BAD], 60)));
    scene.run("09:05", "09:10", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    let round = scene.round(at("09:10"), &says(a(&[GOOD], 60), a(&[BAD], 60)));
    assert!(
        round
            .verdicts
            .iter()
            .all(|verdict| verdict.state == StaleOverdue)
    );
}
