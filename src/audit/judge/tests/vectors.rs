//! The other worked examples of the model: one resolver each, at one instant.

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        finding::FindingKind,
        testing::{
            ALIEN, BAD, GOOD, NAME, Reply, Scene, a, at, data, nxdomain, resolver, rrset, says,
            secs,
        },
        verdict::{
            State::{
                self, Bogus, Consistent, Divergent, Filtered, Propagating, PropagatingLong,
                Servfail, StaleDeclared, StaleExtended, StaleOverdue, Unexplained,
            },
            Verdict, VerdictFlag,
        },
    },
    types::{Mode, Question, Rcode, Severity, Source, SourceKind},
};

/// B until 15:10, G from then on, TTL 300; the resolver is an honest cache.
fn reverted(source: &Source, _: &Question, now: DateTime<Utc>) -> Reply {
    let age = match source.kind {
        SourceKind::Authority => 0,
        SourceKind::Resolver => (now - at("14:30")).num_seconds() % 300,
    };
    let fetched = now - secs(age);
    let served = if fetched < at("15:10") { BAD } else { GOOD };
    a(&[served], u32::try_from(300 - age).unwrap())
}

/// The verdict on one reply at `when`, after the reverted authority was polled until then.
fn check(when: &str, reply: &Reply, expected: (State, Severity)) -> Verdict {
    let mut scene = Scene::new();
    scene.run("14:30", when, &reverted);
    let round = scene.round(at(when), &|source, question, now| match source.kind {
        SourceKind::Authority => reverted(source, question, now),
        SourceKind::Resolver => reply.clone(),
    });
    let verdict = round.at("google").clone();
    assert_eq!(
        (verdict.state, verdict.severity),
        expected,
        "{when}: {}",
        verdict.reason
    );
    verdict
}

#[test]
fn past_values_are_legal_until_the_deadline_and_never_after_it() {
    let (none, warning, critical) = (Severity::None, Severity::Warning, Severity::Critical);
    check("15:11", &a(&[BAD], 240), (Propagating, none));
    // Two minutes after the revert the whole TTL again: it will overstay until 15:17.
    let extended = check("15:12", &a(&[BAD], 300), (StaleExtended, warning));
    assert!((extended.cached_until.unwrap() - at("15:17")).num_seconds() < 2);
    assert_eq!(extended.deadline, Some(at("15:15")));
    let stale = a(&[BAD], 30).with_ede(3);
    check("16:00", &stale, (StaleDeclared, warning));
    check("16:00", &a(&[BAD], 30), (StaleOverdue, critical));
    check("16:00", &a(&[GOOD], 300), (Consistent, none));
    let fresh = check("16:00", &a(&[GOOD], 30).with_ede(3), (Consistent, none));
    assert_eq!(fresh.flags, [VerdictFlag::ServeStaleInUse]);
}

#[test]
fn the_deadline_itself_is_legal_and_five_seconds_are_tolerated() {
    check("15:15", &a(&[BAD], 0), (Propagating, Severity::None));
    check("15:14:30", &a(&[BAD], 33), (Propagating, Severity::None));
    check(
        "15:14:30",
        &a(&[BAD], 40),
        (StaleExtended, Severity::Warning),
    );
}

#[test]
fn a_resolver_that_repeats_one_ttl_is_judged_by_the_instant_of_receipt() {
    let mut scene = Scene::new();
    let world = |source: &Source, question: &Question, now| match source.kind {
        SourceKind::Authority => reverted(source, question, now),
        SourceKind::Resolver => a(&[BAD], 300),
    };
    scene.run("14:30", "15:12", &world);
    for restart in [false, true] {
        let mut scene = if restart {
            scene.restarted()
        } else {
            scene.clone()
        };
        let round = scene.round(at("15:12"), &world);
        let verdict = round.at("google");
        assert_eq!(verdict.state, Propagating, "{}", verdict.reason);
        assert!(verdict.flags.contains(&VerdictFlag::ConstantTtl));
        let late = scene.round(at("15:16"), &world);
        assert_eq!(late.state("google"), StaleOverdue);
    }
}

#[test]
fn what_was_never_served_is_divergent_and_in_the_first_hour_unexplained() {
    // Seen with the right value before, the backend cannot be an older cache.
    let seen = check(
        "15:30",
        &a(&[ALIEN], 3_600),
        (Divergent, Severity::Critical),
    );
    assert!(seen.confirmed);
    let mut scene = Scene::new();
    let foreign = |source: &Source, question: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority => reverted(source, question, now),
        // Counted down from a fetch before the history began.
        SourceKind::Resolver => {
            let left = (at("18:00") - now).num_seconds();
            a(&[ALIEN], u32::try_from(left).unwrap())
        }
    };
    let first = scene.round(at("14:30"), &foreign);
    assert_eq!(first.state("google"), Unexplained);
    assert_eq!(
        first.at("google").severity,
        Severity::None,
        "silent until start + Θ"
    );
    let later = scene.run("14:31", "15:00", &foreign).unwrap();
    assert_eq!(later.state("google"), Unexplained);
    assert_eq!(later.at("google").severity, Severity::Warning);
    let restarted = scene.restarted().round(at("15:00"), &foreign);
    assert_eq!(restarted.state("google"), Unexplained);
    assert_eq!(restarted.at("google").severity, Severity::Warning);
}

#[test]
fn what_moves_later_is_no_older_cache() {
    let mut scene = Scene::new();
    let world = says(a(&[GOOD], 300), a(&[ALIEN], 3_600));
    assert_eq!(
        scene.round(at("10:00"), &world).state("google"),
        Unexplained
    );
    let round = scene.round(at("10:01"), &world);
    assert_eq!(round.state("google"), Divergent);
    let worst = round.at("google").worst_case_until.unwrap();
    assert!((worst - at("11:01")).num_seconds() < 5, "{worst}");
}

#[test]
fn a_day_old_history_needs_no_excuse() {
    let mut scene = Scene::new();
    scene.policy.period = std::time::Duration::from_mins(30);
    let quiet = |_: &Source, _: &Question, _: DateTime<Utc>| a(&[GOOD], 300);
    scene.run("08:00", "31T08:00", &quiet);
    scene.resolvers.push(resolver("new", "192.0.2.99", None));
    let round = scene.round(at("31T08:01"), &says(a(&[GOOD], 300), a(&[ALIEN], 60)));
    assert_eq!(round.state("new"), Divergent);
}

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
    let world = |_: &Source, _: &Question, now: DateTime<Utc>| match now {
        now if now < at("12:00") => a(&[BAD], 86_400),
        now if now < at("12:30") => a(&[BAD], 300),
        _ => a(&[GOOD], 300),
    };
    let mut scene = Scene::new().with_resolvers(&[
        resolver("isp", "192.0.2.53", None),
        resolver("opendns", "208.67.222.222", Some(3_600)),
    ]);
    scene.run("11:00", "13:00", &world);
    let round = scene.round(at("13:00"), &says(a(&[GOOD], 300), a(&[BAD], 1_000)));
    let isp = round.at("isp");
    assert_eq!(isp.deadline, Some(at("31T12:00")));
    assert_eq!(isp.worst_case_until, Some(at("31T12:00")));
    assert_eq!(isp.state, PropagatingLong);
    assert_eq!(round.at("opendns").worst_case_until, Some(at("13:00")));
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

#[test]
fn a_subset_is_divergent_in_exact_mode_and_consistent_in_pool_mode() {
    let all = ["192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14"];
    for (mode, expected) in [(Mode::Exact, Divergent), (Mode::Pool, Consistent)] {
        let mut scene = Scene::new();
        scene.policy.mode = mode;
        scene.run("10:00", "10:05", &says(a(&all, 60), a(&all, 60)));
        let round = scene.round(at("10:05"), &says(a(&all, 60), a(&all[..2], 60)));
        assert_eq!(round.state("google"), expected, "{mode:?}");
        let outsider = a(&[all[0], ALIEN], 60);
        let round = scene.round(at("10:06"), &says(a(&all, 60), outsider));
        assert_eq!(round.state("google"), Divergent, "{mode:?}");
    }
}

#[test]
fn a_server_that_lags_behind_is_the_authoritys_matter() {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let lags = source.id == "ns2" || source.kind == SourceKind::Resolver;
        a(&[if lags || now < at("10:02") { BAD } else { GOOD }], 300)
    };
    let mut scene = Scene::new();
    let round = scene.run("10:00", "10:04", &world).unwrap();
    assert_eq!(round.state("google"), Consistent);
    assert_eq!(round.kinds(), [], "60 s are tolerated");
    let round = scene.run("10:04", "10:06", &world).unwrap();
    assert_eq!(round.state("google"), Consistent);
    let finding = round.finding(FindingKind::AuthoritySplit);
    assert_eq!(finding.authorities, ["ns1", "ns2"]);
}

#[test]
fn failures_and_blocks_are_told_apart_by_their_extended_errors() {
    let servfail = || Reply::rcode(Rcode::SERVFAIL);
    let cases = [
        (servfail().with_ede(9), Bogus, Severity::Critical),
        (servfail().with_ede(22), Servfail, Severity::Warning),
        (servfail(), Servfail, Severity::Warning),
        (
            nxdomain(0).signed_as_blocked(),
            Filtered,
            Severity::Critical,
        ),
        (
            data().link(NAME, rrset(&["0.0.0.0"]), 60),
            Filtered,
            Severity::Critical,
        ),
        (nxdomain(60).with_ede(15), Filtered, Severity::Critical),
    ];
    for (reply, state, severity) in cases {
        let mut scene = Scene::new().with_resolvers(&[resolver("quad9", "9.9.9.9", None)]);
        let round = scene.round(at("10:00"), &says(a(&[GOOD], 300), reply.clone()));
        let verdict = round.at("quad9");
        assert_eq!(
            (verdict.state, verdict.severity),
            (state, severity),
            "{reply:?}"
        );
        assert_eq!(verdict.worst_case_until, None);
        assert_eq!(verdict.baseline.as_ref().unwrap().records, [GOOD]);
    }
}
