//! Silent and lame servers, and delegations.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        finding::{FindingKind, Subject},
        testing::{GOOD, NAME, Reply, Scene, a, at, data, name, question, rrset, server, zone},
    },
    types::{Listed, Question, Rcode, RecordType, Severity, Source, Zone},
};

/// Everybody answers, but ns2 so.
fn ns2(reply: Reply) -> impl Fn(&Source, &Question, DateTime<Utc>) -> Reply {
    move |source, asked, _| match &*source.id {
        "ns2" => reply.clone(),
        _ => data().link(asked.name.as_str(), rrset(&[GOOD]), 60),
    }
}

#[test]
fn a_silent_server_and_a_lame_one_are_told_apart() {
    let refused = Reply::rcode(Rcode::REFUSED);
    let lame = |said| {
        format!("is listed for example.com and does not answer for it with authority ({said})")
    };
    let cases = [
        (
            Reply::silence(),
            FindingKind::AuthorityUnreachable,
            "does not answer for example.com".to_owned(),
        ),
        (refused, FindingKind::LameAuthority, lame("REFUSED")),
        (
            Reply::rcode(Rcode::SERVFAIL),
            FindingKind::LameAuthority,
            lame("SERVFAIL"),
        ),
        (data(), FindingKind::LameAuthority, lame("NOERROR")),
    ];
    for (reply, kind, what) in cases {
        let round = Scene::new().round(at("10:00"), &ns2(reply));
        assert_eq!(round.kinds(), [kind]);
        let finding = round.finding(kind);
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(finding.reason, format!("ns2 (192.0.2.2) {what}"));
        assert_eq!(finding.authorities, ["ns2"]);
        assert_eq!(finding.questions, [question(NAME, RecordType::A)]);
        assert!(
            matches!(&finding.subject, Subject::Server { name, address } if name == "ns2" && address == "192.0.2.2")
        );
    }
}

#[test]
fn a_zone_without_any_answer_is_critical() {
    let world = |source: &Source, _: &Question, _: DateTime<Utc>| match &*source.id {
        "google" => a(&[GOOD], 60),
        _ => Reply::silence(),
    };
    let round = Scene::new().round(at("10:00"), &world);
    let finding = round.finding(FindingKind::AuthorityUnreachable);
    assert_eq!(
        (finding.severity, &finding.subject),
        (Severity::Critical, &Subject::Zone(name("example.com")))
    );
    assert_eq!(finding.authorities, ["ns1", "ns2"]);
}

#[test]
fn a_server_this_vantage_has_no_route_to_is_not_blamed() {
    assert_eq!(
        Scene::new()
            .round(at("10:00"), &ns2(Reply::no_route()))
            .findings,
        []
    );
}

#[test]
fn a_server_that_was_removed_owes_nobody_an_answer() {
    let mut scene = Scene::new();
    let mut gone = server("ns2", "192.0.2.2");
    gone.listed = Listed::Removed {
        until: at("31T10:00"),
    };
    scene
        .zones
        .insert(zone("example.com", vec![server("ns1", "192.0.2.1"), gone]));
    assert_eq!(
        scene.round(at("10:00"), &ns2(Reply::silence())).findings,
        []
    );
    assert_eq!(
        scene
            .round(at("10:01"), &ns2(Reply::rcode(Rcode::REFUSED)))
            .findings,
        []
    );
}

#[test]
fn one_lost_datagram_is_no_silence() {
    let mut scene = Scene::new();
    scene
        .questions
        .push(question("dialer8.example.com", RecordType::A));
    let world = |source: &Source, asked: &Question, now: DateTime<Utc>| {
        if asked.name == name(NAME) {
            ns2(Reply::silence())(source, asked, now)
        } else {
            ns2(data().link(asked.name.as_str(), rrset(&[GOOD]), 60))(source, asked, now)
        }
    };
    assert_eq!(scene.round(at("10:00"), &world).findings, []);
}

#[test]
fn a_server_of_two_zones_is_told_once() {
    let mut scene = Scene::new();
    scene.zones.insert(zone(
        "example.net",
        vec![server("ns1", "192.0.2.1"), server("ns2", "192.0.2.2")],
    ));
    scene
        .questions
        .push(question("dialer7.example.net", RecordType::A));
    let round = scene.round(at("10:00"), &ns2(Reply::silence()));
    let finding = round.finding(FindingKind::AuthorityUnreachable);
    assert_eq!((finding.questions.len(), &finding.zone), (2, &None));
    assert_eq!(finding.authorities, ["ns2"]);
}

#[test]
fn a_finding_carries_a_hundred_replies_at_most() {
    let mut scene = Scene::new();
    scene.questions = (0..150)
        .map(|n| question(&format!("dialer{n}.example.com"), RecordType::A))
        .collect();
    let round = scene.round(at("10:00"), &ns2(Reply::silence()));
    let finding = round.finding(FindingKind::AuthorityUnreachable);
    assert_eq!(
        (finding.questions.len(), finding.observed.len()),
        (150, 100)
    );
}

#[test]
fn parent_and_child_that_list_different_servers_are_a_mismatch() {
    let names = |texts: &[&str]| -> BTreeSet<_> { texts.iter().map(|text| name(text)).collect() };
    let mut scene = Scene::new();
    let healthy = Zone::clone(&zone("example.com", vec![server("ns1", "192.0.2.1")]));
    let listed = Zone {
        parent_ns: names(&["ns1.example.com", "ns2.example.com"]),
        child_ns: names(&["ns1.example.com", "ns3.example.com"]),
        delegation_ttl: Some(Duration::from_hours(48)),
        ..healthy
    };
    scene.zones.insert(Arc::new(listed.clone()));
    let finding = scene
        .round(at("10:00"), &ns2(data()))
        .finding(FindingKind::NsMismatch)
        .clone();
    assert!(
        finding.reason.contains("parent only: ns2.example.com")
            && finding.reason.contains("child only: ns3.example.com")
    );
    for (parent_ns, child_ns) in [
        (listed.parent_ns.clone(), BTreeSet::new()),
        (BTreeSet::new(), listed.child_ns.clone()),
    ] {
        scene.zones.insert(Arc::new(Zone {
            parent_ns,
            child_ns,
            ..listed.clone()
        }));
        let found = scene.round(at("10:00"), &ns2(data())).findings;
        assert_eq!(found, [], "what was not heard is no mismatch");
    }
    scene.zones.insert(Arc::new(Zone {
        child_ns: listed.parent_ns.clone(),
        ..listed
    }));
    assert_eq!(scene.round(at("10:01"), &ns2(data())).findings, []);
    scene.policy.max_delegation_ttl = Some(172_800);
    assert_eq!(scene.round(at("10:02"), &ns2(data())).findings, []);
    scene.policy.max_delegation_ttl = Some(172_799);
    let round = scene.round(at("10:03"), &ns2(data()));
    assert!(
        round
            .finding(FindingKind::DelegationTtl)
            .reason
            .contains("172800 s")
    );
}
