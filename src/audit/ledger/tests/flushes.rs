//! Flushes that people declare: what they end, and what they do not.

use chrono::TimeDelta;

use super::lab::{Lab, dialer, kinds, seen};
use crate::audit::{
    declared::{Flush, Matter},
    incident::{
        Status,
        TransitionKind::{Opened, Resolved, Updated},
    },
    testing::declared,
    verdict::{
        State::{Consistent, Divergent, Servfail},
        Verdict,
    },
};

/// What was bad is cached for an hour.
fn bad(resolver: &str) -> Verdict {
    seen(&dialer(7), resolver, Divergent).ttl(3_600)
}

fn good(resolver: &str) -> Verdict {
    seen(&dialer(7), resolver, Consistent)
}

/// Somebody flushes a resolver now.
fn flush(lab: &Lab, resolver: &str, number: usize) -> Matter {
    Matter::Flush(Flush {
        resolver: resolver.to_owned(),
        names: vec![dialer(number).name],
        rtype: None,
        at: lab.now,
        comment: None,
    })
}

#[test]
fn a_flush_that_clean_rounds_follow_ends_it_though_caches_might_hold_it() {
    let mut lab = Lab::new();
    lab.round(vec![bad("google")]);
    let at = lab.now;
    lab.declared = declared([flush(&lab, "google", 7)]);
    let clean = [good("google")];
    assert!(lab.rounds(2, &clean).is_empty());
    let told = lab.rounds(1, &clean);
    assert_eq!(kinds(&told), [Resolved]);
    assert_eq!(told[0].incident.status, Status::Resolved);
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let reason = format!("flushed at {at}, and clean since wherever it was bad");
    assert_eq!(told[0].reason, reason);
    assert!(
        lab.ledger.recurrences.is_empty(),
        "mended: the next one is something else"
    );
}

#[test]
fn a_recovering_incident_ends_with_the_first_clean_sample_after_the_flush() {
    let mut lab = Lab::new();
    lab.round(vec![bad("google")]);
    assert_eq!(kinds(&lab.rounds(5, &[good("google")])), [Updated]);
    lab.declared = declared([flush(&lab, "google", 7)]);
    assert_eq!(kinds(&lab.round(vec![good("google")])), [Resolved]);
}

#[test]
fn a_flush_alone_ends_nothing() {
    let mut lab = Lab::new();
    lab.round(vec![bad("google")]);
    lab.rounds(3, &[good("google")]);
    lab.declared = declared([flush(&lab, "google", 7)]);
    // Not asked, or not answered, since.
    let silent = [seen(&dialer(7), "google", Servfail)];
    assert!(!kinds(&lab.rounds(5, &silent)).contains(&Resolved));
}

#[test]
fn a_flush_of_another_resolver_name_or_time_ends_nothing() {
    for (resolver, number, before) in [("quad9", 7, 0), ("google", 8, 0), ("google", 7, 3)] {
        let mut lab = Lab::new();
        let early = flush(&lab, resolver, number);
        lab.rounds(before, &[bad("google")]);
        lab.round(vec![bad("google")]);
        let late = flush(&lab, resolver, number);
        lab.declared = declared([if before > 0 { early } else { late }]);
        let told = lab.rounds(20, &[good("google")]);
        assert_eq!(kinds(&told), [Updated], "{resolver} {number} {before}");
    }
}

#[test]
fn a_bad_sample_long_after_the_flush_undoes_it() {
    let mut lab = Lab::new();
    lab.round(vec![bad("google")]);
    lab.declared = declared([flush(&lab, "google", 7)]);
    lab.now += TimeDelta::minutes(1);
    lab.round(vec![bad("google")]);
    assert_eq!(kinds(&lab.rounds(20, &[good("google")])), [Updated]);
}

#[test]
fn every_site_that_was_bad_must_be_clean_after_it() {
    let mut lab = Lab::new();
    let sites = |of: &[(&str, crate::audit::verdict::State)], state| {
        seen(&dialer(7), "google", state).ttl(3_600).sites(of)
    };
    lab.round(vec![sites(
        &[("fra", Divergent), ("ams", Divergent)],
        Divergent,
    )]);
    lab.declared = declared([flush(&lab, "google", 7)]);
    let fra = sites(&[("fra", Consistent)], Consistent);
    assert!(
        !kinds(&lab.rounds(20, &[fra])).contains(&Resolved),
        "ams was not looked at"
    );
    let ams = sites(&[("ams", Consistent)], Consistent);
    assert_eq!(kinds(&lab.rounds(3, &[ams])), [Resolved]);
}

#[test]
fn where_only_one_of_two_is_flushed_the_other_ends_by_its_own_time() {
    let mut lab = Lab::new();
    let opened = lab.round(vec![bad("google"), bad("quad9").ttl(900)]);
    assert_eq!(kinds(&opened), [Opened]);
    let until = lab.now - TimeDelta::seconds(1) + TimeDelta::seconds(900);
    lab.declared = declared([flush(&lab, "google", 7)]);
    let told = lab.rounds(30, &[good("google"), good("quad9")]);
    assert_eq!(kinds(&told), [Updated, Resolved]);
    assert!(
        told[1].at > until && told[1].at <= until + TimeDelta::minutes(1),
        "{}",
        told[1].at
    );
}

#[test]
fn a_resolver_bad_on_many_names_must_be_flushed_of_them_all() {
    let mut lab = Lab::new();
    let all = |state| {
        let names = (1..=5).map(|n| seen(&dialer(n), "google", state).ttl(3_600));
        names.collect::<Vec<_>>()
    };
    lab.round(all(Divergent));
    let flushes = |lab: &Lab, names| {
        (1..=names)
            .map(|n| flush(lab, "google", n))
            .collect::<Vec<_>>()
    };
    lab.declared = declared(flushes(&lab, 4));
    assert!(!kinds(&lab.rounds(10, &all(Consistent))).contains(&Resolved));
    lab.declared = declared(flushes(&lab, 5));
    assert_eq!(kinds(&lab.round(all(Consistent))), [Resolved]);
}

#[test]
fn a_clean_sample_in_the_instant_of_the_flush_is_not_after_it() {
    let mut lab = Lab::new();
    lab.round(vec![bad("google")]);
    assert_eq!(kinds(&lab.rounds(5, &[good("google")])), [Updated]);
    let sampled_at = lab.now + TimeDelta::seconds(59);
    let Matter::Flush(flush) = flush(&lab, "google", 7) else {
        unreachable!()
    };
    lab.declared = declared([Matter::Flush(Flush {
        at: sampled_at,
        ..flush
    })]);
    assert!(lab.round(vec![good("google")]).is_empty());
    assert_eq!(kinds(&lab.round(vec![good("google")])), [Resolved]);
}
