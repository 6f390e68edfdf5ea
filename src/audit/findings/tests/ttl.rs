//! TTLs above policy, unequal TTLs, and resolvers that stretch them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        finding::{FindingKind, Subject},
        testing::{
            BAD, GOOD, NAME, Reply, Scene, a, at, data, name, nodata, question, rrset, says,
            server, zone,
        },
    },
    types::{Question, RecordType, Severity, Source, SourceKind, Value},
};

#[test]
fn the_limit_is_the_authoritys_and_a_second_above_it_is_told() {
    let mut scene = Scene::new();
    assert_eq!(
        scene
            .round(at("10:00"), &says(a(&[GOOD], 300), a(&[GOOD], 300)))
            .findings,
        []
    );
    let round = scene.round(at("10:01"), &says(a(&[GOOD], 301), a(&[GOOD], 12)));
    let finding = round.finding(FindingKind::TtlAbovePolicy);
    assert!(
        finding
            .reason
            .contains("RRset dialer7.example.com is 301 s"),
        "{}",
        finding.reason
    );
    let baseline = finding.baseline.as_ref().unwrap();
    assert_eq!(
        (&*baseline.rcode, &*baseline.records, baseline.ttl),
        ("NOERROR", &[GOOD.to_owned()][..], Some(301))
    );
    // What is cached does not clear it, the authority's next answer does.
    let round = scene.round(at("10:02"), &says(Reply::silence(), a(&[GOOD], 12)));
    assert!(round.kinds().contains(&FindingKind::TtlAbovePolicy));
    let round = scene.round(at("10:03"), &says(a(&[GOOD], 300), a(&[GOOD], 250)));
    assert_eq!(round.findings, []);
}

#[test]
fn the_longest_link_of_a_chain_is_named_with_its_zone() {
    let mut scene = Scene::new();
    scene
        .zones
        .insert(zone("cdn.net", vec![server("ns.cdn.net", "192.0.2.40")]));
    let target = "lb.cdn.net";
    scene.targets = vec![question(target, RecordType::A)];
    let world = |source: &Source, asked: &Question, _: DateTime<Utc>| match source.kind {
        SourceKind::Authority if asked.name.as_str() == target => {
            data().link(target, rrset(&[GOOD]), 3_600)
        }
        SourceKind::Authority => data().alias(NAME, target, 600),
        SourceKind::Resolver => data()
            .alias(NAME, target, 60)
            .link(target, rrset(&[GOOD]), 60),
    };
    let round = scene.round(at("10:00"), &world);
    let finding = round.finding(FindingKind::TtlAbovePolicy);
    assert_eq!(
        finding.subject,
        Subject::Question(question(NAME, RecordType::A))
    );
    assert!(
        finding
            .reason
            .contains("RRset lb.cdn.net is 3600 s at the authority, in zone cdn.net"),
        "{}",
        finding.reason
    );
    assert_eq!(finding.authorities, ["ns.cdn.net"]);
}

#[test]
fn of_two_links_with_the_same_ttl_the_one_nearest_to_the_asked_name_is_named() {
    let target = "lb.example.com";
    let chain = || {
        let alias = data().alias(NAME, target, 600);
        alias.link(target, rrset(&[GOOD]), 600)
    };
    let round = Scene::new().round(at("10:00"), &says(chain(), chain()));
    let reason = &round.finding(FindingKind::TtlAbovePolicy).reason;
    assert!(reason.contains("alias dialer7.example.com is"), "{reason}");
}

#[test]
fn twelve_links_of_a_chain_are_followed_and_no_more() {
    // NAME leads over h1, h2 and so on to h14; all links but this one have a short TTL.
    let told = |long: usize| {
        let owner = |nth: usize| match nth {
            0 => NAME.to_owned(),
            nth => format!("h{nth}.example.com"),
        };
        let ttl = |nth| if nth == long { 3_600 } else { 60 };
        let world = |_: &Source, asked: &Question, _: DateTime<Utc>| {
            let first = (0..15).position(|nth| name(&owner(nth)) == asked.name);
            let aliases = first.unwrap()..14;
            let chain = aliases.fold(data(), |chain, nth| {
                chain.alias(&owner(nth), &owner(nth + 1), ttl(nth))
            });
            chain.link(&owner(14), rrset(&[GOOD]), ttl(14))
        };
        Scene::new().round(at("10:00"), &world).kinds()
    };
    assert_eq!(told(11), [FindingKind::TtlAbovePolicy]);
    assert_eq!(told(12), []);
}

#[test]
fn long_denials_are_one_finding_of_their_zone() {
    let mut scene = Scene::new();
    scene.questions = (1..5)
        .flat_map(|n| {
            let owner = format!("dialer{n}.example.com");
            [RecordType::A, RecordType::AAAA].map(|rtype| question(&owner, rtype))
        })
        .collect();
    let world = |limit: u32| {
        move |_: &Source, asked: &Question, _: DateTime<Utc>| {
            let value = if asked.rtype == RecordType::A {
                rrset(&[GOOD])
            } else {
                Value::Nodata
            };
            let ttl = if asked.rtype == RecordType::A {
                60
            } else {
                limit
            };
            data().link(asked.name.as_str(), value, ttl)
        }
    };
    assert_eq!(scene.round(at("10:00"), &world(300)).findings, []);
    let round = scene.round(at("10:01"), &world(900));
    let finding = round.finding(FindingKind::NegativeTtlAbovePolicy);
    assert_eq!(
        (finding.questions.len(), &finding.subject),
        (4, &Subject::Zone(name("example.com")))
    );
    assert!(finding.reason.contains("900 s"));
}

#[test]
fn unequal_ttls_within_a_set_are_the_authoritys_fault() {
    let mut uneven = a(&[GOOD, BAD], 60);
    uneven.links[0].1 = vec![60, 30];
    let round = Scene::new().round(at("10:00"), &says(uneven.clone(), a(&[GOOD, BAD], 30)));
    assert_eq!(round.kinds(), [FindingKind::RrsetTtlMismatch]);
    assert_eq!(round.findings[0].authorities, ["ns1", "ns2"]);
    let round = Scene::new().round(at("10:00"), &says(a(&[GOOD, BAD], 60), uneven));
    assert_eq!(round.findings, []);
    // SOA TTL and MINIMUM are two numbers by design.
    assert_eq!(
        Scene::new()
            .round(at("10:00"), &says(nodata(60), nodata(60)))
            .kinds(),
        [FindingKind::NameMissing]
    );
}

#[test]
fn an_older_cache_is_noted_and_a_renewed_one_is_told() {
    let counted_down = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority => a(&[GOOD], 300),
        SourceKind::Resolver => a(
            &[GOOD],
            u32::try_from((at("23:00") - now).num_seconds()).unwrap(),
        ),
    };
    let mut scene = Scene::new();
    let round = scene.run("10:00", "10:10", &counted_down).unwrap();
    assert_eq!(
        round.finding(FindingKind::TtlStretched).severity,
        Severity::Info
    );
    let round = scene
        .run("10:10", "10:13", &says(a(&[GOOD], 300), a(&[GOOD], 60_000)))
        .unwrap();
    assert_eq!(
        round.finding(FindingKind::TtlStretched).severity,
        Severity::Warning
    );
}

#[test]
fn a_stale_answers_own_ttl_is_not_stretched() {
    let round = Scene::new().round(
        at("10:00"),
        &says(a(&[GOOD], 5), a(&[GOOD], 30).with_ede(3)),
    );
    assert_eq!(round.findings, []);
}

#[test]
fn nobody_stretches_what_no_server_was_heard_on_in_the_round() {
    let mut scene = Scene::new();
    let long = || a(&[GOOD], 60_000);
    scene.run("10:00", "10:05", &says(a(&[GOOD], 300), a(&[GOOD], 300)));
    let silent = scene.round(at("10:05"), &says(Reply::silence(), long()));
    assert_eq!(silent.kinds(), [FindingKind::AuthorityUnreachable]);
    let heard = scene.round(at("10:06"), &says(a(&[GOOD], 300), long()));
    assert_eq!(heard.kinds(), [FindingKind::TtlStretched]);
}

#[test]
fn a_ttl_may_have_risen_at_a_server_that_was_not_heard_since_the_copy_was_fetched() {
    let legal = says(a(&[GOOD], 300), Reply::silence());
    // Beside each other within five seconds; a resolver is heard 5 ms after the round's beginning.
    let last = at("10:00:05") - TimeDelta::milliseconds(5);
    for (begins, severity) in [
        (last, Severity::Warning),
        (last + TimeDelta::milliseconds(1), Severity::Info),
    ] {
        let mut scene = Scene::new();
        scene.round(at("10:00"), &legal);
        let ns2_is_silent = |source: &Source, _: &Question, _: DateTime<Utc>| match &*source.id {
            "ns1" => a(&[GOOD], 300),
            "ns2" => Reply::silence(),
            _ => a(&[GOOD], 100_000),
        };
        let round = scene.round(begins, &ns2_is_silent);
        let finding = round.finding(FindingKind::TtlStretched);
        assert_eq!(finding.severity, severity, "{begins}");
    }
}
