//! Missing names and split authorities.

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        finding::{FindingKind, Subject},
        testing::{
            BAD, GOOD, NAME, Reply, Scene, a, at, data, name, nodata, nxdomain, question, rrset,
            says,
        },
    },
    types::{Mode, Question, RecordType, Severity, Source, SourceKind},
};

fn both_types() -> Scene {
    let mut scene = Scene::new();
    scene.questions = [RecordType::A, RecordType::AAAA]
        .map(|rtype| question(NAME, rtype))
        .into();
    scene
}

#[test]
fn a_denied_name_is_missing_once_whatever_is_asked() {
    let round = both_types().round(at("10:00"), &says(nxdomain(60), nxdomain(60)));
    let finding = round.finding(FindingKind::NameMissing);
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(finding.questions.len(), 2);
    assert_eq!(
        finding.subject,
        Subject::Question(question(NAME, RecordType::A))
    );
    assert!(finding.reason.contains("NXDOMAIN"));
    assert!(!finding.observed.is_empty());
    let round = both_types().round(at("10:00"), &says(nodata(60), nodata(60)));
    assert!(
        round
            .finding(FindingKind::NameMissing)
            .reason
            .contains("no data")
    );
}

#[test]
fn a_name_with_data_of_one_type_is_not_missing() {
    let world = |_: &Source, asked: &Question, _: DateTime<Utc>| match asked.rtype {
        RecordType::A => a(&[GOOD], 60),
        _ => nodata(60),
    };
    assert_eq!(both_types().round(at("10:00"), &world).findings, []);
}

#[test]
fn nxdomain_for_one_type_denies_the_whole_name() {
    let world = |_: &Source, asked: &Question, _: DateTime<Utc>| match asked.rtype {
        RecordType::A => a(&[GOOD], 60),
        _ => nxdomain(60),
    };
    both_types()
        .round(at("10:00"), &world)
        .finding(FindingKind::NameMissing);
}

#[test]
fn a_resolvers_denial_makes_no_name_missing() {
    let round = both_types().round(at("10:00"), &says(a(&[GOOD], 60), nxdomain(60)));
    assert!(!round.kinds().contains(&FindingKind::NameMissing));
}

/// ns2 stays behind from 10:02 on.
fn split(owner: &'static str) -> impl Fn(&Source, &Question, DateTime<Utc>) -> Reply {
    move |source, _, now| {
        let behind = source.id != "ns1" || now < at("10:02");
        let end = rrset(&[if behind { BAD } else { GOOD }]);
        if owner == NAME {
            data().link(NAME, end, 60)
        } else {
            data().alias(NAME, owner, 60).link(owner, end, 60)
        }
    }
}

#[test]
fn servers_that_disagree_for_more_than_a_minute_are_one_finding_of_their_zone() {
    for owner in [NAME, "lb.example.com"] {
        let mut scene = Scene::new();
        assert_eq!(
            scene.run("10:00", "10:04", &split(owner)).unwrap().findings,
            [],
            "{owner}"
        );
        let round = scene.run("10:04", "10:06", &split(owner)).unwrap();
        let finding = round.finding(FindingKind::AuthoritySplit);
        assert_eq!(finding.subject, Subject::Zone(name("example.com")));
        assert_eq!(finding.questions, [question(NAME, RecordType::A)]);
    }
}

#[test]
fn a_pools_servers_may_differ() {
    let mut scene = Scene::new();
    scene.policy.mode = Mode::Pool;
    assert_eq!(
        scene.run("10:00", "10:10", &split(NAME)).unwrap().findings,
        []
    );
}

#[test]
fn a_server_that_fell_silent_before_the_change_disagrees_with_nobody() {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match (&*source.id, source.kind)
    {
        ("ns2", _) if now >= at("10:01") => Reply::silence(),
        (_, SourceKind::Authority) if now >= at("10:03") => a(&[GOOD], 60),
        _ => a(&[BAD], 60),
    };
    let round = Scene::new().run("10:00", "10:20", &world).unwrap();
    assert!(!round.kinds().contains(&FindingKind::AuthoritySplit));
}

#[test]
fn a_name_that_one_server_denies_and_another_has_without_data_is_said_to_be_denied() {
    let world = |source: &Source, _: &Question, _: DateTime<Utc>| match &*source.id {
        "ns2" => nxdomain(60),
        _ => nodata(60),
    };
    let round = Scene::new().round(at("10:00"), &world);
    let reason = &round.finding(FindingKind::NameMissing).reason;
    assert_eq!(reason, "dialer7.example.com: the authority says NXDOMAIN");
}

#[test]
fn a_split_names_every_server_that_spoke_and_keeps_a_hundred_replies() {
    let mut scene = Scene::new();
    let owner = |n: usize| format!("dialer{n}.example.com");
    scene.questions = (0..60)
        .map(|n| question(&owner(n), RecordType::A))
        .collect();
    let world = |source: &Source, asked: &Question, _: DateTime<Utc>| {
        let value = rrset(&[if source.id == "ns1" { GOOD } else { BAD }]);
        data().link(asked.name.as_str(), value, 60)
    };
    let round = scene.run("10:00", "10:05", &world).unwrap();
    let finding = round.finding(FindingKind::AuthoritySplit);
    assert_eq!(finding.authorities, ["ns1", "ns2"]);
    let sizes = (finding.questions.len(), finding.observed.len());
    assert_eq!(sizes, (60, 100));
}
