//! The authority against what is declared of it: a bad push makes everything consistent.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        declared::Matter,
        finding::{FindingKind, Subject},
        testing::{
            ALIEN, BAD, GOOD, NAME, Reply, Scene, a, at, data, declared, name, nxdomain, planned,
            question, rrset, says, server, zone,
        },
        verdict::{State, VerdictFlag},
    },
    types::{Expect, Mode, Question, RecordType, Severity, Source, SourceKind},
};

fn addresses(texts: &[&str]) -> Expect {
    let networks = texts.iter().map(|text| text.parse::<IpAddr>().unwrap());
    Expect {
        networks: networks.map(Into::into).collect(),
        texts: Vec::new(),
    }
}

fn expecting(texts: &[&str]) -> Scene {
    let mut scene = Scene::new();
    scene.policy.expect = addresses(texts);
    scene
}

/// What everybody answering so comes to.
fn kinds(scene: &mut Scene, reply: Reply) -> Vec<FindingKind> {
    let round = scene.round(at("10:00"), &says(reply.clone(), reply));
    assert_eq!(round.state("google"), State::Consistent);
    round.kinds()
}

#[test]
fn a_bad_push_that_makes_everything_consistent_is_told() {
    let mut scene = expecting(&[GOOD]);
    assert_eq!(kinds(&mut scene, a(&[GOOD], 60)), []);
    let round = scene.round(at("10:01"), &says(a(&[BAD], 60), a(&[BAD], 60)));
    assert_eq!(round.state("google"), State::Consistent);
    assert_eq!(round.at("google").flags, [VerdictFlag::ExpectedMismatch]);
    let finding = round.finding(FindingKind::ExpectedMismatch);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(
        finding.subject,
        Subject::Question(question(NAME, RecordType::A))
    );
    assert_eq!(finding.authorities, ["ns1", "ns2"]);
    let reason = "dialer7.example.com A: the authority itself serves 203.0.113.7 at dialer7.example.com, which `expect` \
                  does not declare";
    assert_eq!(finding.reason, reason);
}

#[test]
fn one_server_alone_is_enough_and_is_named() {
    let world = |source: &Source, _: &Question, _: DateTime<Utc>| {
        a(&[if source.id == "ns2" { BAD } else { GOOD }], 60)
    };
    let round = expecting(&[GOOD]).round(at("10:00"), &world);
    let finding = round.finding(FindingKind::ExpectedMismatch);
    assert_eq!(finding.authorities, ["ns2"]);
    assert_eq!(finding.observed.len(), 1);
}

#[test]
fn one_outsider_beside_declared_records_is_told_in_every_mode() {
    for mode in [Mode::Exact, Mode::Pool] {
        let found = |records: &[&str]| {
            let mut scene = expecting(&[GOOD, BAD]);
            scene.policy.mode = mode;
            kinds(&mut scene, a(records, 60))
        };
        assert_eq!(found(&[GOOD, BAD]), []);
        let told = found(&[GOOD, BAD, ALIEN]);
        assert_eq!(told, [FindingKind::ExpectedMismatch]);
    }
}

#[test]
fn what_is_declared_of_ipv4_says_nothing_of_other_types_and_denials_are_told_otherwise() {
    let mut scene = expecting(&[GOOD]);
    scene.questions = vec![question(NAME, RecordType::AAAA)];
    let v6 = || data().link(NAME, rrset(&["2001:db8::7"]), 60);
    assert_eq!(kinds(&mut scene, v6()), []);
    assert_eq!(
        kinds(&mut expecting(&[GOOD]), nxdomain(60)),
        [FindingKind::NameMissing]
    );
    assert_eq!(kinds(&mut Scene::new(), a(&[BAD], 60)), []);
}

#[test]
fn a_value_known_as_bad_is_told_whatever_is_expected() {
    let mut scene = Scene::new();
    scene.policy.known_bad = addresses(&[BAD]);
    assert_eq!(kinds(&mut scene, a(&[GOOD], 60)), []);
    let round = scene.round(at("10:01"), &says(a(&[GOOD, BAD], 60), a(&[GOOD, BAD], 60)));
    let finding = round.finding(FindingKind::ExpectedMismatch);
    assert!(
        finding.reason.ends_with("which `known_bad` lists"),
        "{}",
        finding.reason
    );
}

#[test]
fn a_declared_change_makes_it_right_from_its_instant_on() {
    let mut scene = expecting(&[GOOD]);
    scene.declared = declared([Matter::Change(planned(&[BAD], at("10:05")))]);
    let world = says(a(&[BAD], 60), a(&[BAD], 60));
    let early = scene.round(at("10:00"), &world);
    assert_eq!(early.kinds(), [FindingKind::ExpectedMismatch]);
    assert_eq!(scene.round(at("10:05"), &world).findings, []);
    // The window is over, and nobody has declared anything since.
    assert_eq!(scene.round(at("31T12:00"), &world).findings, []);
}

/// `NAME` is an alias, whose target holds this.
fn aliased(scene: &mut Scene, address: &'static str) -> Vec<FindingKind> {
    let target = "lb.example.net";
    scene
        .zones
        .insert(zone("example.net", vec![server("ns", "192.0.2.9")]));
    scene.targets = vec![question(target, RecordType::A)];
    let world = |source: &Source, asked: &Question, _: DateTime<Utc>| {
        let end = |reply: Reply| reply.link(target, rrset(&[address]), 60);
        match source.kind {
            SourceKind::Authority if asked.name == name(target) => end(data()),
            SourceKind::Authority => data().alias(NAME, target, 60),
            SourceKind::Resolver => end(data().alias(NAME, target, 60)),
        }
    };
    scene.round(at("10:00"), &world).kinds()
}

#[test]
fn the_end_of_a_chain_counts_unless_the_alias_itself_is_declared() {
    assert_eq!(aliased(&mut expecting(&[GOOD]), GOOD), []);
    let told = [FindingKind::ExpectedMismatch];
    assert_eq!(aliased(&mut expecting(&[GOOD]), BAD), told);
    let mut by_alias = expecting(&[GOOD]);
    by_alias
        .policy
        .expect
        .texts
        .push("lb.example.net".to_owned());
    assert_eq!(aliased(&mut by_alias, BAD), []);
    let mut bad_alias = Scene::new();
    bad_alias
        .policy
        .known_bad
        .texts
        .push("lb.example.net".to_owned());
    assert_eq!(aliased(&mut bad_alias, GOOD), told);
}

#[test]
fn an_alias_counts_where_it_is_what_is_asked_for_and_is_passed_over_on_the_way() {
    let [declared, other] = ["lb.example.net", "lb2.example.net"];
    let told = |rtype, target: &str| {
        let mut scene = expecting(&[GOOD]);
        scene.policy.expect.texts.push(declared.to_owned());
        scene.questions = vec![question(NAME, rtype)];
        let alias = data().alias(NAME, target, 60);
        // Nobody was asked for what it leads to.
        let resolved = match rtype {
            RecordType::CNAME => alias.clone(),
            _ => alias.clone().link(target, rrset(&[GOOD]), 60),
        };
        scene.round(at("10:00"), &says(alias, resolved)).kinds()
    };
    let mismatch = [FindingKind::ExpectedMismatch];
    assert_eq!(told(RecordType::CNAME, declared), []);
    assert_eq!(told(RecordType::CNAME, other), mismatch);
    assert_eq!(told(RecordType::A, other), []);
}
