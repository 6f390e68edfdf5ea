//! Findings on servers and zones, and what they explain.

use super::lab::{Lab, all, dialer, found, found_at_server, kinds, name, seen, some, words};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        incident::{
            Axis, Status,
            TransitionKind::{Opened, Resolved, Updated},
        },
        ledger::AuthorityReach,
        verdict::{Family, State},
    },
    types::Severity,
};

#[test]
fn a_finding_on_much_of_a_zone_is_one_incident_on_the_zone() {
    let mut lab = Lab::new();
    let good = || all(40, "google", State::Consistent);
    let ttl = |names| {
        (1..=names)
            .map(|n| found(FindingKind::TtlAbovePolicy, &dialer(n)))
            .collect()
    };
    let told = lab.round_with(good(), ttl(12));
    assert_eq!(told.len(), 12, "12 of 40 are 12");
    let told = lab.round_with(good(), ttl(40));
    assert_eq!(kinds(&told)[..2], [Opened, Resolved]);
    assert_eq!(told.len(), 13, "one opens, twelve are merged");
    assert_eq!(lab.axes(), [(Axis::Authority, "example.com")]);
    assert_eq!(lab.only().names.len(), 40);
    assert!(
        lab.only()
            .reason
            .starts_with("40 of 40 names of example.com show ttl_above_policy: dialer1."),
        "{}",
        lab.only().reason
    );
    assert!(
        lab.round_with(good(), ttl(2)).is_empty(),
        "the two left are the zone's"
    );
    // A foreign zone's names are those whose chains were found to lead there.
    let mut lab = Lab::new();
    let foreign = |number| Finding {
        zone: Some(name("cdn.example.net")),
        ..found(FindingKind::TtlAbovePolicy, &dialer(number))
    };
    lab.round_with(good(), (1..=3).map(foreign).collect());
    assert_eq!(lab.axes(), [(Axis::Authority, "cdn.example.net")]);
}

#[test]
fn a_finding_on_a_server_is_on_the_authority() {
    let mut lab = Lab::new();
    let lag = || vec![found_at_server(FindingKind::AuthoritySplit, 2, 40)];
    let told = lab.round_with(all(40, "google", State::Consistent), lag());
    assert_eq!(kinds(&told), [Opened]);
    assert_eq!(lab.axes(), [(Axis::Authority, "198.51.100.2")]);
    assert_eq!(words(&lab.only().authorities), ["ns2.example.com"]);
}

/// One round of a stopped authority: servfail everywhere, some stale answers, and the findings that say why.
fn stopped(lab: &mut Lab) -> Vec<crate::audit::incident::Transition> {
    lab.authorities = AuthorityReach {
        asked: 2,
        answered: 0,
        lame: 0,
    };
    let mut round = all(40, "google", State::Servfail);
    round.extend(all(40, "quad9", State::Servfail));
    round.extend(all(40, "office", State::StaleOverdue));
    for verdict in &mut round {
        verdict.severity = Severity::Critical;
    }
    let down = |server| Finding {
        severity: Severity::Critical,
        ..found_at_server(FindingKind::AuthorityUnreachable, server, 40)
    };
    lab.round_with(round, vec![down(1), down(2)])
}

#[test]
fn a_stopped_authority_is_said_to_be_that_and_nothing_else() {
    let mut lab = Lab::new();
    let told: Vec<_> = (0..10).flat_map(|_| stopped(&mut lab)).collect();
    assert_eq!(kinds(&told), [Opened]);
    assert_eq!(lab.axes(), [(Axis::Authority, "example.com")]);
    assert_eq!(lab.only().verdict, "authority_unreachable");
    assert_eq!(
        words(&lab.only().authorities),
        ["ns1.example.com", "ns2.example.com"]
    );
    lab.authorities = AuthorityReach {
        asked: 2,
        answered: 2,
        lame: 0,
    };
    assert_eq!(
        kinds(&lab.rounds(20, &all(40, "google", State::Consistent))),
        [Updated, Resolved]
    );
    assert!(lab.ledger.candidates.is_empty());
}

fn silent_zone() -> Finding {
    Finding {
        severity: Severity::Critical,
        subject: Subject::Zone(name("example.com")),
        ..found_at_server(FindingKind::AuthorityUnreachable, 1, 40)
    }
}

#[test]
fn resolvers_that_wait_for_a_silent_zone_are_not_told_to_be_unreachable() {
    let mut lab = Lab::new();
    for _ in 0..5 {
        let mut round = all(40, "google", State::Unreachable);
        round.extend(all(40, "quad9", State::Servfail));
        lab.round_with(round, vec![silent_zone()]);
    }
    assert_eq!(lab.axes(), [(Axis::Authority, "example.com")]);
    assert!(lab.ledger.candidates.is_empty());
    // One silent server of two is no excuse: the other can be asked.
    let mut lab = Lab::new();
    for _ in 0..3 {
        let one = vec![found_at_server(FindingKind::AuthorityUnreachable, 1, 40)];
        lab.round_with(all(40, "google", State::Unreachable), one);
    }
    let both = [
        (Axis::Resolver, "google"),
        (Axis::Authority, "198.51.100.1"),
    ];
    assert_eq!(lab.axes(), both);
}

#[test]
fn a_servfail_that_a_resolver_remembers_of_a_silent_zone_is_told_only_when_it_lasts() {
    let mut lab = Lab::new();
    let servfail = || all(40, "google", State::Servfail);
    for _ in 0..3 {
        lab.round_with(servfail(), vec![silent_zone()]);
    }
    let told = lab.rounds(5, &servfail());
    assert_eq!(kinds(&told), [Updated], "the zone recovers");
    assert_eq!(lab.axes(), [(Axis::Authority, "example.com")]);
    // More than five minutes after the zone came back it is the resolver's own.
    let told = lab.rounds(3, &servfail());
    assert_eq!(kinds(&told), [Opened]);
    assert_eq!(told[0].incident.key.axis, Axis::Resolver);
}

#[test]
fn a_resolver_that_still_waits_for_a_silent_zone_is_told_only_when_it_lasts_or_says_nothing_at_all()
{
    let silent = |names| {
        let mut lab = Lab::new();
        for _ in 0..3 {
            lab.round_with(all(40, "google", State::Unreachable), vec![silent_zone()]);
        }
        let told = lab.rounds(3, &some(names, 40, "google", State::Unreachable));
        (lab, kinds(&told))
    };
    let (mut lab, told) = silent(2);
    assert_eq!(told, [Updated], "the zone recovers");
    let told = lab.rounds(5, &some(2, 40, "google", State::Unreachable));
    assert_eq!(kinds(&told), [Opened, Opened], "five minutes later");
    let (lab, told) = silent(40);
    assert_eq!(told, [Opened, Updated]);
    assert!(lab.axes().contains(&(Axis::Resolver, "google")));
}

#[test]
fn a_zone_without_any_server_takes_in_the_server_told_before() {
    let mut lab = Lab::new();
    for _ in 0..3 {
        let one = vec![found_at_server(FindingKind::AuthorityUnreachable, 1, 40)];
        lab.round_with(all(40, "google", State::Consistent), one);
    }
    assert_eq!(lab.axes(), [(Axis::Authority, "198.51.100.1")]);
    let told: Vec<_> = (0..3).flat_map(|_| stopped(&mut lab)).collect();
    assert_eq!(kinds(&told), [Opened, Resolved]);
    assert_eq!(lab.axes(), [(Axis::Authority, "example.com")]);
    assert_eq!(lab.only().severity, Severity::Critical);
}

#[test]
fn an_authority_finding_explains_what_is_open_already_without_ending_it() {
    let mut lab = Lab::new();
    lab.rounds(3, &[seen(&dialer(1), "google", State::Servfail)]);
    for _ in 0..20 {
        let lame = vec![found_at_server(FindingKind::LameAuthority, 1, 40)];
        let servfail = |resolver| seen(&dialer(1), resolver, State::Servfail);
        lab.round_with(vec![servfail("google"), servfail("quad9")], lame);
    }
    let failure = &lab.ledger.incidents[0];
    assert_eq!(failure.key.family, Family::Failure);
    assert_eq!(
        (failure.status, words(&failure.resolvers)),
        (Status::Open, vec!["google"])
    );
}

#[test]
fn a_finding_quieter_than_the_verdict_explains_nothing_and_nothing_explains_a_wrong_answer() {
    for (state, severity, opens) in [
        (State::Servfail, Severity::Warning, false),
        (State::StaleDeclared, Severity::Warning, false),
        (State::Servfail, Severity::Critical, true),
        (State::StaleOverdue, Severity::Critical, true),
        (State::Divergent, Severity::Warning, true),
        (State::Bogus, Severity::Warning, true),
    ] {
        let mut lab = Lab::new();
        for _ in 0..4 {
            let lame = vec![found_at_server(FindingKind::LameAuthority, 1, 40)];
            lab.round_with(
                vec![seen(&dialer(1), "google", state).severe(severity)],
                lame,
            );
        }
        let open = lab.axes().contains(&(Axis::Name, "dialer1.example.com A"));
        assert_eq!(open, opens, "{state} {severity}");
    }
}

#[test]
fn two_servers_of_which_one_subject_is_a_zone_are_not_confused() {
    let mut lab = Lab::new();
    let zone = Finding {
        subject: Subject::Zone(name("example.com")),
        ..found(FindingKind::NsMismatch, &dialer(1))
    };
    lab.round_with(all(3, "google", State::Consistent), vec![zone]);
    assert_eq!(lab.axes(), [(Axis::Authority, "example.com")]);
    assert_eq!(lab.only().reason, "dialer1.example.com A: ns_mismatch");
}

#[test]
fn a_zone_that_falls_silent_again_is_a_new_incident_whatever_it_takes_in() {
    let mut lab = Lab::new();
    let server = || found_at_server(FindingKind::AuthorityUnreachable, 2, 40);
    let zone = |servers: &[u8]| Finding {
        severity: Severity::Critical,
        subject: Subject::Zone(name("example.com")),
        authorities: servers
            .iter()
            .map(|server| format!("ns{server}.example.com"))
            .collect(),
        ..server()
    };
    let good = || all(40, "google", State::Consistent);
    let first: Vec<_> = (0..3)
        .flat_map(|_| lab.round_with(good(), vec![server(), zone(&[1])]))
        .collect();
    assert_eq!(
        kinds(&first),
        [Opened, Opened],
        "two causes that began together"
    );
    for _ in 0..12 {
        lab.round_with(good(), vec![server()]);
    }
    assert_eq!(lab.axes(), [(Axis::Authority, "198.51.100.2")]);
    let second: Vec<_> = (0..3)
        .flat_map(|_| lab.round_with(good(), vec![zone(&[1, 2])]))
        .collect();
    assert_eq!(kinds(&second), [Opened, Resolved]);
    assert_eq!(second[0].incident.key, first[1].incident.key);
    assert_ne!(second[0].incident.id, first[1].incident.id);
}
