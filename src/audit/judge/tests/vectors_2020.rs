//! The incident of 2020, minute by minute: a failover to B at 10:20 and back at 15:10, under a TTL of a day, and again
//! under one of five minutes.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        finding::FindingKind,
        testing::{BAD, GOOD, Reply, Scene, a, at, resolver, secs},
        verdict::State::{self, Consistent, Propagating, PropagatingLong, StaleOverdue},
    },
    types::{Expect, Question, Resolver, Severity, Source, SourceKind},
};

const DAY: u32 = 86_400;

/// Every resolver's cap, seconds; "isp" keeps whatever it is given for a day.
const CAPS: [(&str, &str, u32); 4] = [
    ("opendns", "208.67.222.222", 3_600),
    ("google", "8.8.8.8", 21_600),
    ("quad9", "9.9.9.9", 43_200),
    ("isp", "192.0.2.53", DAY),
];

fn resolvers() -> Vec<Arc<Resolver>> {
    CAPS.iter()
        .map(|(id, ip, cap)| resolver(id, ip, Some(*cap)))
        .collect()
}

fn served(now: DateTime<Utc>) -> &'static str {
    if now >= at("10:20") && now < at("15:10") {
        BAD
    } else {
        GOOD
    }
}

/// The last fetch before `now` of a cache that fetches whenever its copy has expired: at these instants, as it happened.
fn fetches(id: &str) -> Vec<DateTime<Utc>> {
    let times: &[&str] = match id {
        // An hour each, the last of B at 15:05, then of G whenever it expires.
        "opendns" => &[
            "09:00", "10:00", "11:00", "12:00", "13:00", "14:00", "15:05", "16:05", "17:05",
        ],
        "google" => &["09:00", "15:05", "21:05"],
        "quad9" => &["09:00", "15:05", "31T03:05"],
        _ => &["09:00", "15:05", "31T15:05"],
    };
    times.iter().map(|text| at(text)).collect()
}

fn cached(id: &str, now: DateTime<Utc>, theta: u32) -> Reply {
    let cap = CAPS.iter().find(|one| one.0 == id).unwrap().2;
    let held = theta.min(cap);
    let fetched = if theta == DAY {
        let before = fetches(id).into_iter().rfind(|fetched| *fetched <= now);
        // After the last one that is written down it is clean and fetches anew every cap seconds.
        let last = before.unwrap();
        let cycles = (now - last).num_seconds() / i64::from(held);
        last + secs(cycles * i64::from(held))
    } else {
        let begin = at("09:00") + secs(i64::from(theta) / 2);
        begin + secs((now - begin).num_seconds().div_euclid(i64::from(theta)) * i64::from(theta))
    };
    let left = i64::from(held) - (now - fetched).num_seconds();
    a(&[served(fetched)], u32::try_from(left).unwrap())
}

fn world(theta: u32) -> impl Fn(&Source, &Question, DateTime<Utc>) -> Reply {
    move |source, _, now| match source.kind {
        SourceKind::Authority => a(&[served(now)], theta),
        SourceKind::Resolver => cached(&source.id, now, theta),
    }
}

/// Runs every minute up to the instant, and says what each resolver comes to there.
fn states(scene: &mut Scene, from: &mut DateTime<Utc>, until: &str, theta: u32) -> [State; 4] {
    let world = world(theta);
    let mut last = None;
    while *from <= at(until) {
        if *from >= at("15:10") {
            scene.policy.known_bad = Expect {
                networks: vec![format!("{BAD}/32").parse().unwrap()],
                texts: Vec::new(),
            };
        }
        last = Some(scene.round(*from, &world));
        *from += secs(60);
    }
    let round = last.unwrap();
    for verdict in &round.verdicts {
        let bad = verdict.state.row() == 9 && verdict.observed.records == [BAD];
        assert!(
            !bad || verdict.severity == Severity::Critical,
            "B is known to be bad: {verdict:?}"
        );
    }
    CAPS.map(|(id, ..)| round.state(id))
}

#[test]
fn a_ttl_of_a_day_makes_a_day_of_legal_wrong_answers() {
    let table = [
        ("10:19", [Consistent; 4]),
        ("10:21", [PropagatingLong; 4]),
        (
            "12:00",
            [
                Consistent,
                PropagatingLong,
                PropagatingLong,
                PropagatingLong,
            ],
        ),
        ("15:09", [Consistent; 4]),
        ("15:11", [PropagatingLong; 4]),
        (
            "16:04",
            [
                Propagating,
                PropagatingLong,
                PropagatingLong,
                PropagatingLong,
            ],
        ),
        (
            "16:10",
            [
                Consistent,
                PropagatingLong,
                PropagatingLong,
                PropagatingLong,
            ],
        ),
        (
            "21:10",
            [Consistent, Consistent, PropagatingLong, PropagatingLong],
        ),
        (
            "31T03:10",
            [Consistent, Consistent, Consistent, PropagatingLong],
        ),
        (
            "31T15:04",
            [Consistent, Consistent, Consistent, Propagating],
        ),
        ("31T15:10", [Consistent; 4]),
    ];
    let mut scene = Scene::new().with_resolvers(&resolvers());
    let mut now = at("09:10");
    for (until, expected) in table {
        // The ISP's and Quad9's last fetches before the failover were at 09:00: not at 10:20 nor since.
        let found = states(&mut scene, &mut now, until, DAY);
        assert_eq!(found, expected, "{until}");
    }
}

#[test]
fn every_minute_of_the_revert_carries_its_deadline_its_end_and_the_worst_case() {
    let mut scene = Scene::new().with_resolvers(&resolvers());
    let mut now = at("15:00");
    states(&mut scene, &mut now, "15:10", DAY);
    let round = scene.round(at("15:11"), &world(DAY));
    let ends = [
        ("opendns", "16:05", "16:10"),
        ("google", "21:05", "21:10"),
        ("quad9", "31T03:05", "31T03:10"),
        ("isp", "31T15:05", "31T15:10"),
    ];
    for (id, cached_until, worst) in ends {
        let verdict = round.at(id);
        assert_eq!(verdict.deadline, Some(at("31T15:10")), "{id}");
        assert_eq!(verdict.worst_case_until, Some(at(worst)), "{id}");
        let until = verdict.cached_until.unwrap();
        assert!((until - at(cached_until)).abs() < secs(2), "{id}: {until}");
        let baseline = verdict.baseline.as_ref().unwrap();
        assert_eq!((&*baseline.records[0], baseline.ttl), (GOOD, Some(DAY)));
    }
    assert!(
        round.at("isp").reason.contains("2020-08-31T15:10:00Z"),
        "{}",
        round.at("isp").reason
    );
}

#[test]
fn the_ttl_of_a_day_is_told_weeks_before() {
    let mut scene = Scene::new().with_resolvers(&resolvers());
    let round = scene.round(at("09:30"), &world(DAY));
    let finding = round.finding(FindingKind::TtlAbovePolicy);
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.reason.contains("86400 s") && finding.reason.contains("300 s"));
    assert_eq!(finding.authorities, ["ns1", "ns2"]);
}

#[test]
fn a_ttl_of_five_minutes_makes_five_minutes_of_it() {
    let mut scene = Scene::new().with_resolvers(&resolvers());
    let mut now = at("14:00");
    assert_eq!(states(&mut scene, &mut now, "15:09", 300), [Consistent; 4]);
    while now <= at("15:30") {
        let found = states(
            &mut scene,
            &mut now.clone(),
            &now.format("%H:%M").to_string(),
            300,
        );
        let expected = if now <= at("15:15") {
            Propagating
        } else {
            Consistent
        };
        let clean = found.iter().all(|state| *state == Consistent);
        assert!(clean || found == [expected; 4], "{now}: {found:?}");
        assert!(now < at("15:16") || clean, "{now}: {found:?}");
        now += secs(60);
    }
}

#[test]
fn under_five_minutes_the_bad_value_is_overdue_at_20_past() {
    let mut scene = Scene::new();
    scene.run("14:30", "15:20", &world(300));
    let pinned = |source: &Source, _: &Question, now| match source.kind {
        SourceKind::Authority => a(&[served(now)], 300),
        SourceKind::Resolver => a(&[BAD], 240),
    };
    let round = scene.round(at("15:20"), &pinned);
    assert_eq!(round.state("google"), StaleOverdue);
    assert!(round.at("google").confirmed);
    assert_eq!(round.at("google").deadline, Some(at("15:15")));
    assert!(round.at("google").reason.contains("2020-08-30T15:15:00Z"));
}
