//! A zone of forty names as they are in real life: plain, rotating, aliases within the zone and out of it.

use std::cell::Cell;

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        testing::{Reply, Scene, at, data, name, question, resolver, rrset, secs, server, zone},
        verdict::State,
    },
    types::{Mode, Question, RecordType, Severity, Source, SourceKind, Value},
};

const SHARED: &str = "lb.example.com";
const CDN: &str = "edge.cdn.net";

fn number(asked: &Question) -> usize {
    let digits: String = asked
        .name
        .as_str()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or(0)
}

fn healthy(turn: &Cell<usize>) -> impl Fn(&Source, &Question, DateTime<Utc>) -> Reply {
    move |source, asked, _| {
        turn.set(turn.get() + 1);
        let owner = asked.name.as_str();
        let is_resolver = source.kind == SourceKind::Resolver;
        // A resolver's copy is somewhere between fresh and gone.
        let ttl = if is_resolver {
            (turn.get() % 60) as u32
        } else {
            60
        };
        if asked.rtype == RecordType::AAAA {
            let end = if number(asked) % 4 == 3 { CDN } else { owner };
            let start = if end == owner {
                data()
            } else {
                data().alias(owner, end, ttl)
            };
            let foreign = end != owner && !is_resolver;
            return if foreign {
                start
            } else {
                start.link(end, Value::Nodata, ttl)
            };
        }
        let one = |host: usize| format!("192.0.2.{host}");
        // Two of six, in turn.
        let (first, second) = (one(100 + turn.get() % 6), one(100 + (turn.get() + 1) % 6));
        let pool = rrset(&[&first, &second]);
        match (owner, number(asked) % 4) {
            (CDN, _) => data().link(CDN, pool, ttl),
            (_, 0) => data().link(owner, rrset(&[&one(number(asked))]), ttl),
            (_, 1) => data().link(owner, pool, ttl),
            (_, 2) => data().alias(owner, SHARED, ttl).link(SHARED, pool, ttl),
            _ if is_resolver => data().alias(owner, CDN, ttl).link(CDN, pool, ttl),
            _ => data().alias(owner, CDN, ttl),
        }
    }
}

fn forty() -> Scene {
    let resolvers =
        [("google", "8.8.8.8"), ("quad9", "9.9.9.9")].map(|(id, ip)| resolver(id, ip, None));
    let mut scene = Scene::new().with_resolvers(&resolvers);
    scene.policy.mode = Mode::Pool;
    scene
        .zones
        .insert(zone("cdn.net", vec![server("ns.cdn.net", "192.0.2.40")]));
    scene.questions = (1..=40)
        .flat_map(|n| {
            let owner = format!("dialer{n}.example.com");
            [RecordType::A, RecordType::AAAA].map(|rtype| question(&owner, rtype))
        })
        .collect();
    scene.targets = [RecordType::A, RecordType::AAAA]
        .map(|rtype| question(CDN, rtype))
        .into();
    scene
}

#[test]
fn forty_healthy_names_give_no_finding_and_no_bad_verdict() {
    let turn = Cell::new(0);
    let mut scene = forty();
    for minute in 0..20 {
        let round = scene.round(at("10:00") + secs(60 * minute), &healthy(&turn));
        assert_eq!(round.findings, [], "{minute}");
        assert_eq!(round.verdicts.len(), 160);
        for verdict in &round.verdicts {
            // In the first round some members of the pools have not been seen yet.
            let is_new = minute < 3 && verdict.state == State::Unexplained;
            assert!(
                verdict.state == State::Consistent || is_new,
                "{minute}: {verdict:#?}"
            );
            assert_eq!(verdict.severity, Severity::None);
            assert!(is_new || verdict.flags.is_empty(), "{:?}", verdict.flags);
        }
        if minute == 10 {
            scene = scene.restarted();
        }
    }
}

#[test]
fn one_sick_name_among_forty_is_found_alone() {
    let turn = Cell::new(0);
    let mut scene = forty();
    scene.run("10:00", "10:10", &healthy(&turn));
    let sick = |source: &Source, asked: &Question, now: DateTime<Utc>| {
        let is_it = asked.name == name("dialer7.example.com");
        if is_it && source.kind == SourceKind::Authority && asked.rtype == RecordType::A {
            data().alias(asked.name.as_str(), CDN, 301)
        } else {
            healthy(&turn)(source, asked, now)
        }
    };
    let round = scene.round(at("10:10"), &sick);
    assert_eq!(round.findings.len(), 1, "{:#?}", round.findings);
    assert_eq!(
        round.findings[0].questions,
        [question("dialer7.example.com", RecordType::A)]
    );
    assert!(
        round.findings[0]
            .reason
            .contains("alias dialer7.example.com is 301 s"),
        "{}",
        round.findings[0].reason
    );
}
