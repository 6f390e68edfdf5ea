//! The other worked examples of the model: one resolver each, at one instant.

use std::time::Duration;

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
                self, Bogus, Consistent, Divergent, Filtered, Propagating, Servfail, StaleDeclared,
                StaleExtended, StaleOverdue, Unexplained,
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
        let late = scene.run("15:13", "15:17", &world).unwrap();
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
    scene.policy.period = Duration::from_mins(30);
    let quiet = |_: &Source, _: &Question, _: DateTime<Utc>| a(&[GOOD], 300);
    scene.run("08:00", "31T08:00", &quiet);
    scene.resolvers.push(resolver("new", "192.0.2.99", None));
    let round = scene.round(at("31T08:01"), &says(a(&[GOOD], 300), a(&[ALIEN], 60)));
    assert_eq!(round.state("new"), Divergent);
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

#[test]
fn a_cache_that_fetches_anew_each_round_does_not_repeat_its_ttl() {
    let mut scene = Scene::new();
    // A cap of 60 s and a round a minute: always fresh when asked, never constant.
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority => a(&[if now < at("15:10") { BAD } else { GOOD }], 300),
        SourceKind::Resolver => a(&[BAD], 60),
    };
    let round = scene.run("14:30", "15:15", &world).unwrap();
    assert_eq!(round.state("google"), Propagating);
    assert_eq!(round.at("google").flags, [VerdictFlag::Capped]);
    let late = scene.round(at("15:14:30"), &world);
    assert_eq!(late.state("google"), StaleExtended);
}
