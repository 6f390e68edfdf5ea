//! What of narrower incidents a wider one takes in, and what goes on by itself.

use chrono::TimeDelta;

use super::lab::{Lab, all, dialer, found, found_at_server, name, seen, some, words};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        incident::{Axis, Incident},
        verdict::{State, Verdict},
    },
    types::Severity,
};

fn good() -> Vec<Verdict> {
    all(40, "google", State::Consistent)
}

fn high(numbers: std::ops::RangeInclusive<usize>) -> Vec<Finding> {
    numbers
        .map(|number| found(FindingKind::TtlAbovePolicy, &dialer(number)))
        .collect()
}

/// Subjects of the open incidents of a kind.
fn subjects<'l>(lab: &'l Lab, verdict: &str) -> Vec<&'l str> {
    let incidents = lab
        .ledger
        .incidents
        .iter()
        .filter(|one| one.verdict == verdict);
    incidents.map(|one| one.key.subject.as_str()).collect()
}

#[test]
fn a_zones_finding_takes_in_the_names_that_it_covers_and_no_others() {
    let mut lab = Lab::new();
    lab.round_with(good(), high(1..=2));
    lab.round_with(good(), high(2..=20));
    assert_eq!(
        subjects(&lab, "ttl_above_policy"),
        ["dialer1.example.com A", "example.com"]
    );
}

#[test]
fn a_zones_finding_takes_in_nothing_of_another_kind() {
    let mut lab = Lab::new();
    lab.round_with(
        good(),
        vec![found(FindingKind::RrsetTtlMismatch, &dialer(1))],
    );
    lab.round_with(good(), high(1..=20));
    assert_eq!(
        subjects(&lab, "rrset_ttl_mismatch"),
        ["dialer1.example.com A"]
    );
    assert_eq!(subjects(&lab, "ttl_above_policy"), ["example.com"]);
}

fn of_zone(kind: FindingKind, zone: &str, servers: &[u8]) -> Finding {
    Finding {
        subject: Subject::Zone(name(zone)),
        authorities: servers
            .iter()
            .map(|server| format!("ns{server}.example.com"))
            .collect(),
        ..found(kind, &dialer(1))
    }
}

/// The incidents left after three rounds of `first` and three of `then`.
fn left(first: &Finding, then: &Finding) -> Vec<String> {
    let mut lab = Lab::new();
    for finding in [first, then] {
        for _ in 0..3 {
            lab.round_with(good(), vec![finding.clone()]);
        }
    }
    let incidents = lab.ledger.incidents.iter();
    incidents.map(|one| one.key.subject.clone()).collect()
}

#[test]
fn only_a_zone_without_any_server_takes_in_a_server() {
    let unreachable = FindingKind::AuthorityUnreachable;
    let silent_zone = Finding {
        severity: Severity::Critical,
        ..of_zone(unreachable, "example.com", &[1, 2])
    };
    let silent = found_at_server(unreachable, 2, 40);
    assert_eq!(left(&silent, &silent_zone), ["example.com"]);
    // A split of the zone is about its servers' data, and a split told of one server goes on.
    let split = found_at_server(FindingKind::AuthoritySplit, 2, 40);
    let split_zone = of_zone(FindingKind::AuthoritySplit, "example.com", &[1, 2]);
    assert_eq!(left(&split, &split_zone), ["198.51.100.2", "example.com"]);
    // Another zone on the same servers is a cause of its own.
    let other_zone = Finding {
        severity: Severity::Critical,
        ..of_zone(unreachable, "example.net", &[2])
    };
    assert_eq!(
        left(&other_zone, &silent_zone),
        ["example.com", "example.net"]
    );
    // One host may be reached over one of its addresses and not over the other.
    let other_address = Finding {
        subject: Subject::Server {
            name: "ns2.example.com".to_owned(),
            address: "2001:db8::2".to_owned(),
        },
        ..silent.clone()
    };
    assert_eq!(
        left(&silent, &other_address),
        ["198.51.100.2", "2001:db8::2"]
    );
    let third = found_at_server(unreachable, 3, 40);
    assert_eq!(left(&third, &silent_zone), ["198.51.100.3", "example.com"]);
}

#[test]
fn a_resolvers_findings_are_gathered_where_no_other_resolver_shows_them() {
    let stretched = |number, resolvers: &[&str]| Finding {
        resolvers: resolvers.iter().map(|id| (*id).to_owned()).collect(),
        ..found(FindingKind::TtlStretched, &dialer(number))
    };
    let mut lab = Lab::new();
    for _ in 0..2 {
        lab.round_with(
            good(),
            vec![
                stretched(1, &["google"]),
                stretched(2, &["google", "quad9"]),
            ],
        );
    }
    assert_eq!(lab.ledger.incidents.len(), 2);
    let many = || {
        (1..=20)
            .map(|number| stretched(number, &["google"]))
            .collect::<Vec<_>>()
    };
    for _ in 0..2 {
        lab.round_with(good(), many());
    }
    assert_eq!(
        subjects(&lab, "ttl_stretched"),
        ["dialer2.example.com A", "google"],
        "quad9 showed it as well"
    );
}

fn resolvers_own(lab: &Lab) -> &Incident {
    let mut incidents = lab.ledger.incidents.iter();
    incidents
        .find(|one| one.key.axis == Axis::Resolver)
        .unwrap()
}

#[test]
fn the_whole_keeps_what_its_parts_have_shown() {
    let mut lab = Lab::new();
    let bad = |number, ttl| seen(&dialer(number), "google", State::Divergent).ttl(ttl);
    let first = lab.round(vec![bad(39, 9_000).sites(&[("fra", State::Divergent)])]);
    let part = first[0].incident.clone();
    lab.round(some(20, 38, "google", State::Divergent));
    let whole = resolvers_own(&lab);
    assert!(whole.names.contains(&dialer(39).name));
    assert_eq!(whole.cached_until, part.cached_until);
    assert!(whole.observed.iter().any(|one| one.question == dialer(39)));
    assert!(
        whole.backends.contains_key("google 192.0.2.8:53 fra"),
        "{:?}",
        whole.backends
    );
    assert_eq!(lab.ledger.incidents.len(), 1);
}

#[test]
fn a_whole_that_is_milder_is_called_after_its_worst_part() {
    let mut lab = Lab::new();
    lab.round(vec![seen(&dialer(39), "google", State::Divergent)]);
    lab.round(some(20, 38, "google", State::PropagatingLong));
    let whole = resolvers_own(&lab);
    assert_eq!(
        (whole.verdict.as_str(), whole.severity),
        ("divergent", Severity::Critical)
    );
}

#[test]
fn of_two_replies_from_one_place_the_later_is_kept() {
    let mut lab = Lab::new();
    let bad = seen(&dialer(7), "google", State::Divergent);
    lab.round(vec![bad.clone()]);
    let kept = lab.only().observed[0].at;
    // An overtaken reply of the same place.
    lab.now -= TimeDelta::minutes(2);
    lab.round(vec![bad.ttl(7)]);
    assert_eq!(
        (lab.only().observed[0].at, lab.only().observed[0].ttl),
        (kept, Some(300))
    );
}

#[test]
fn an_incident_keeps_the_baseline_that_it_was_told_with_and_takes_a_newer_one() {
    let baseline = |rdata: &str| crate::audit::evidence::Baseline {
        kind: crate::audit::evidence::BaselineKind::Authority,
        records: vec![rdata.to_owned()],
        rcode: "NOERROR".to_owned(),
        ttl: Some(300),
    };
    let bad = |rdata| Verdict {
        baseline: Some(baseline(rdata)),
        ..seen(&dialer(7), "google", State::Divergent)
    };
    let mut lab = Lab::new();
    lab.round(vec![bad("192.0.2.7")]);
    assert_eq!(lab.only().baseline, Some(baseline("192.0.2.7")));
    lab.round(vec![seen(&dialer(7), "google", State::Divergent)]);
    assert_eq!(lab.only().baseline, Some(baseline("192.0.2.7")));
    lab.round(vec![bad("192.0.2.8")]);
    assert_eq!(lab.only().baseline, Some(baseline("192.0.2.8")));
    assert_eq!(words(&lab.only().resolvers), ["google"]);
}

/// Google fails for the dialers from the first to `bad`, of five; quad9 for the first, where it was asked.
fn failing(bad: usize, quad9: bool) -> Vec<Verdict> {
    let mut verdicts = some(bad, 5, "google", State::Unreachable);
    verdicts.extend(quad9.then(|| seen(&dialer(1), "quad9", State::Unreachable)));
    verdicts
}

#[test]
fn an_incident_that_follows_a_merged_one_of_the_same_first_bad_instant_has_an_id_of_its_own() {
    let mut lab = Lab::new();
    lab.round(failing(1, true));
    lab.round(failing(2, true));
    let merged = lab.round(failing(2, false))[0].incident.clone();
    lab.round(failing(3, false));
    assert_eq!(lab.axes(), [(Axis::Resolver, "google")]);
    let again = lab.round(failing(3, true))[0].incident.clone();
    assert_eq!(words(&again.resolvers), ["quad9"]);
    assert_eq!(
        (&again.key, again.opened_at),
        (&merged.key, merged.opened_at)
    );
    assert_ne!(again.id, merged.id);
}
