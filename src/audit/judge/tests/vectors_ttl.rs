//! Worked examples of TTLs that change, are stretched, or belong to denials.

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        finding::FindingKind,
        testing::{BAD, GOOD, Scene, a, at, nxdomain, resolver, says},
        verdict::State::{Consistent, Propagating, PropagatingLong, StaleOverdue},
    },
    types::{Question, Severity, Source, SourceKind},
};

const DAY: u32 = 86_400;

#[test]
fn a_ttl_above_the_authoritys_is_stretched() {
    let mut scene = Scene::new();
    let world = |source: &Source, _: &Question, _| match source.kind {
        SourceKind::Authority => a(&[GOOD], 300),
        SourceKind::Resolver => a(&[GOOD], 3_600),
    };
    let round = scene.run("10:00", "10:05", &world).unwrap();
    assert_eq!(round.state("google"), Consistent);
    let finding = round.finding(FindingKind::TtlStretched);
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(finding.resolvers, ["google"]);
    assert!(finding.reason.contains("3600 s") && finding.reason.contains("300 s"));
}

#[test]
fn after_a_ttl_was_lowered_the_old_one_still_bounds_what_is_legal() {
    let lowered = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority if now < at("12:00") => a(&[GOOD], 86_400),
        SourceKind::Authority => a(&[GOOD], 300),
        SourceKind::Resolver => a(&[GOOD], 200),
    };
    for (ttl, stretched) in [(80_000, false), (86_400, true)] {
        let mut scene = Scene::new();
        scene.run("11:00", "13:00", &lowered);
        let round = scene.round(at("13:00"), &says(a(&[GOOD], 300), a(&[GOOD], ttl)));
        assert_eq!(round.state("google"), Consistent);
        assert_eq!(
            round.kinds().contains(&FindingKind::TtlStretched),
            stretched,
            "{ttl}"
        );
        assert!(!round.kinds().contains(&FindingKind::TtlAbovePolicy));
    }
}

#[test]
fn after_a_ttl_was_lowered_the_worst_case_is_the_old_ones() {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let kept = if source.id == "opendns" { 3_600 } else { DAY };
        match now {
            now if now < at("12:00") => a(&[BAD], kept),
            now if now < at("12:30") => a(&[BAD], 300),
            _ => a(&[GOOD], 300),
        }
    };
    let mut scene = Scene::new().with_resolvers(&[
        resolver("isp", "192.0.2.53", None),
        resolver("opendns", "208.67.222.222", Some(3_600)),
    ]);
    scene.run("11:00", "12:59", &world);
    let round = scene.round(at("12:59"), &says(a(&[GOOD], 300), a(&[BAD], 50)));
    let isp = round.at("isp");
    assert_eq!(isp.deadline, Some(at("31T12:00")));
    assert_eq!(isp.worst_case_until, Some(at("31T12:00")));
    assert_eq!(isp.state, Propagating);
    assert_eq!(round.at("opendns").worst_case_until, Some(at("13:00")));
    // More than its cap allows: what was seen counts.
    let round = scene.round(at("13:00"), &says(a(&[GOOD], 300), a(&[BAD], 1_000)));
    assert_eq!(round.state("opendns"), PropagatingLong);
    let worst = round.at("opendns").worst_case_until.unwrap();
    assert!((worst - at("13:16:40")).num_seconds() < 2, "{worst}");
}

#[test]
fn denials_propagate_by_the_negative_ttl() {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority if now < at("12:00") => nxdomain(900),
        SourceKind::Authority => a(&[GOOD], 300),
        SourceKind::Resolver => nxdomain(200),
    };
    let mut scene = Scene::new();
    scene.run("11:00", "12:10", &world);
    let round = scene.round(at("12:10"), &world);
    assert_eq!(round.state("google"), Propagating);
    assert_eq!(round.at("google").deadline, Some(at("12:15")));
    let until = round.at("google").cached_until.unwrap();
    assert!((until - at("12:13:20")).num_seconds() < 2);
    scene.run("12:11", "12:30", &world);
    let round = scene.round(at("12:30"), &world);
    assert_eq!(round.state("google"), StaleOverdue);
    assert_eq!(round.at("google").observed.rcode, "NXDOMAIN");
}
