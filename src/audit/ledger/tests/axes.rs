//! One cause, one incident: resolver, authority, vantage, and what explains what.

use super::lab::{Lab, Tweak, all, dialer, found, found_at_server, kinds, name, seen, some, words};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        incident::{
            Axis, Status,
            TransitionKind::{Opened, Reminder, Resolved, Updated},
        },
        ledger::AuthorityReach,
        verdict::{Family, State},
    },
    types::Severity,
};

#[test]
fn a_resolver_bad_on_most_names_is_one_incident_told_once() {
    let mut lab = Lab::new();
    let mut round = some(38, 40, "google", State::Servfail);
    round.extend(all(40, "quad9", State::Consistent));
    let told = lab.rounds(20, &round);
    assert_eq!(kinds(&told), [Opened]);
    assert_eq!(lab.axes(), [(Axis::Resolver, "google")]);
    let incident = lab.only();
    assert_eq!(
        (incident.names.len(), words(&incident.resolvers)),
        (38, vec!["google"])
    );
    assert_eq!(incident.observed.len(), 38);
    assert_eq!(
        incident.reason,
        "38 of 40 names of dialers are bad at google, the worst is servfail: \
         dialer1.example.com A is servfail at google."
    );
    assert!(lab.ledger.candidates.is_empty());
}

#[test]
fn the_share_must_be_exceeded_and_three_names_bad() {
    for (bad, names, axis) in [
        (12, 40, Axis::Name),
        (13, 40, Axis::Resolver),
        (3, 10, Axis::Name),
        (4, 10, Axis::Resolver),
        (3, 3, Axis::Resolver),
        (2, 2, Axis::Name),
        (2, 3, Axis::Name),
    ] {
        let mut lab = Lab::new();
        let told = lab.round(some(bad, names, "google", State::Divergent));
        let incidents = if axis == Axis::Name { bad } else { 1 };
        assert_eq!(told.len(), incidents, "{bad} of {names}");
        assert!(
            told.iter().all(|one| one.incident.key.axis == axis),
            "{bad} of {names}"
        );
    }
}

#[test]
fn one_believed_name_tells_the_resolver_and_the_others_count_for_it() {
    let mut lab = Lab::new();
    let mut round = some(20, 40, "google", State::Divergent);
    for verdict in &mut round[1..20] {
        *verdict = verdict.clone().unconfirmed();
    }
    let told = lab.round(round.clone());
    assert_eq!(kinds(&told), [Opened]);
    assert_eq!(told[0].incident.key.axis, Axis::Resolver);
    assert_eq!(told[0].incident.names.len(), 20);
    round[0] = round[0].clone().unconfirmed();
    let mut lab = Lab::new();
    assert!(
        lab.round(round).is_empty(),
        "without one of them nothing is told"
    );
    assert_eq!(lab.ledger.candidates.len(), 20);
}

#[test]
fn the_families_of_a_resolver_are_counted_apart() {
    let mut lab = Lab::new();
    let mut round = some(2, 6, "google", State::Divergent);
    round.extend(
        all(6, "google", State::Servfail)
            .split_off(2)
            .into_iter()
            .take(2),
    );
    let told = lab.rounds(3, &round);
    assert!(
        told.iter().all(|one| one.incident.key.axis == Axis::Name),
        "2 and 2 of 6, not 4 of 6"
    );
}

#[test]
fn names_that_join_an_open_resolver_are_one_update_a_round() {
    let mut lab = Lab::new();
    lab.round(some(20, 40, "google", State::Divergent));
    let told = lab.round(some(30, 40, "google", State::Divergent));
    assert_eq!(kinds(&told), [Updated]);
    assert!(
        told[0].reason.ends_with("dialer25.example.com and 5 more."),
        "{}",
        told[0].reason
    );
    assert!(
        lab.round(some(30, 40, "google", State::Divergent))
            .is_empty()
    );
    // However few are left, they are the resolver's.
    assert!(
        lab.rounds(5, &some(1, 40, "google", State::Divergent))
            .is_empty()
    );
    assert_eq!(lab.axes(), [(Axis::Resolver, "google")]);
}

#[test]
fn incidents_of_names_are_merged_into_the_resolvers_and_end_naming_it() {
    let mut lab = Lab::new();
    lab.round(some(2, 40, "google", State::Divergent));
    let ids: Vec<_> = lab.ledger.incidents.iter().map(|one| one.id).collect();
    let first = lab.ledger.incidents[0].opened_at;
    let told = lab.round(some(20, 40, "google", State::Divergent));
    assert_eq!(kinds(&told), [Opened, Resolved, Resolved]);
    assert!(
        told[0]
            .reason
            .ends_with("It takes in incidents told before: 2."),
        "{}",
        told[0].reason
    );
    assert_eq!(told[0].incident.opened_at, first, "it began with them");
    let merged: Vec<_> = told[1..].iter().map(|one| one.incident.id).collect();
    assert_eq!(merged, ids);
    let end = format!("Merged into incident {}: 20 of 40", told[0].incident.id);
    assert!(told[1].reason.starts_with(&end), "{}", told[1].reason);
    assert_eq!(told[1].number, 1);
    assert_eq!(lab.axes(), [(Axis::Resolver, "google")]);
}

#[test]
fn what_other_resolvers_show_too_goes_on_without_this_one() {
    let mut lab = Lab::new();
    let quad9 = |state| {
        let mut round = all(40, "quad9", State::Consistent);
        round[0] = seen(&dialer(1), "quad9", state);
        round
    };
    let mut round = some(1, 40, "google", State::Divergent);
    round.extend(quad9(State::Divergent));
    lab.round(round);
    assert_eq!(words(&lab.only().resolvers), ["google", "quad9"]);
    let mut round = some(20, 40, "google", State::Divergent);
    round.extend(quad9(State::Divergent));
    assert_eq!(kinds(&lab.round(round)), [Opened]);
    let name_incident = &lab.ledger.incidents[0];
    assert!(
        name_incident
            .backends
            .keys()
            .all(|name| name.starts_with("quad9 "))
    );
    // quad9 gets well: the name's incident ends though google still has it.
    let mut round = some(20, 40, "google", State::Divergent);
    round.extend(quad9(State::Consistent));
    assert_eq!(kinds(&lab.rounds(20, &round)), [Updated, Resolved]);
    assert_eq!(lab.axes(), [(Axis::Resolver, "google")]);
    // And a name whose resolvers all become incidents of their own is merged with the last of them.
    let mut lab = Lab::new();
    let one = |names| {
        let mut round = some(names, 40, "google", State::Divergent);
        round.extend(some(names, 40, "quad9", State::Divergent));
        round
    };
    lab.round(one(1));
    assert_eq!(kinds(&lab.round(one(20))), [Opened, Opened, Resolved]);
    assert_eq!(
        lab.axes(),
        [(Axis::Resolver, "google"), (Axis::Resolver, "quad9")]
    );
}

#[test]
fn a_blip_of_a_resolver_with_one_bad_name_opens_nothing_more() {
    let mut lab = Lab::new();
    lab.rounds(3, &some(1, 40, "google", State::Servfail));
    assert!(
        lab.rounds(2, &all(40, "google", State::Servfail))
            .is_empty()
    );
    assert_eq!(lab.axes(), [(Axis::Name, "dialer1.example.com A")]);
    assert_eq!(
        lab.only().last_bad_at,
        lab.now - chrono::TimeDelta::seconds(1),
        "and it is fed"
    );
    assert_eq!(
        kinds(&lab.round(all(40, "google", State::Servfail))),
        [Opened, Resolved]
    );
}

#[test]
fn a_resolver_incident_recovers_as_a_whole() {
    let mut lab = Lab::new();
    lab.rounds(3, &all(40, "google", State::Unreachable));
    // A confirmed silence is asked by one canary only: that is clean once it answers.
    assert!(
        lab.rounds(5, &[seen(&dialer(1), "google", State::Unreachable)])
            .is_empty()
    );
    let told = lab.rounds(3, &[seen(&dialer(1), "google", State::Consistent)]);
    assert_eq!(kinds(&told), [Updated]);
    assert_eq!(
        kinds(&lab.rounds(20, &all(40, "google", State::Consistent))),
        [Resolved]
    );
}

#[test]
fn a_resolver_that_stretches_ttls_is_one_incident_on_it() {
    let mut lab = Lab::new();
    let findings: Vec<_> = (1..=20)
        .map(|number| Finding {
            resolvers: vec!["google".to_owned()],
            ..found(FindingKind::TtlStretched, &dialer(number))
        })
        .collect();
    let told = lab.round_with(all(40, "google", State::Consistent), findings);
    assert_eq!(kinds(&told), [Opened]);
    assert_eq!(lab.axes(), [(Axis::Resolver, "google")]);
    assert_eq!(words(&lab.only().resolvers), ["google"]);
    assert_eq!(
        kinds(&lab.rounds(15, &all(40, "google", State::Consistent))),
        [Updated, Resolved]
    );
}

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
    };
    assert_eq!(
        kinds(&lab.rounds(20, &all(40, "google", State::Consistent))),
        [Updated, Resolved]
    );
    assert!(lab.ledger.candidates.is_empty());
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

/// Everything fails, at resolvers and authorities.
fn dark(lab: &mut Lab) -> Vec<crate::audit::incident::Transition> {
    let answered = std::mem::replace(&mut lab.authorities.answered, 0);
    let mut round = all(40, "google", State::Unreachable);
    round.extend(all(40, "quad9", State::Unreachable));
    let told = lab.round(round);
    lab.authorities.answered = answered;
    told
}

#[test]
fn a_blind_vantage_is_one_critical_incident_and_nothing_else_moves() {
    let mut lab = Lab::new();
    let mut light = some(1, 40, "google", State::Servfail);
    light.extend(all(40, "quad9", State::Consistent));
    lab.rounds(2, &light);
    let before = lab.ledger.candidates.clone();
    assert!(dark(&mut lab).is_empty());
    assert_eq!(
        lab.ledger.candidates[0], before[0],
        "what counted keeps its count"
    );
    assert!(dark(&mut lab).is_empty());
    let told = dark(&mut lab);
    assert_eq!(kinds(&told), [Opened]);
    let blind = &told[0].incident;
    assert_eq!(lab.axes(), [(Axis::Vantage, "us-west-2")]);
    assert_eq!(
        (blind.verdict.as_str(), blind.severity),
        ("blind", Severity::Critical)
    );
    assert_eq!((blind.names.len(), blind.observed.len()), (40, 80));
    assert!(dark(&mut lab).is_empty());
    // The lights go on: it recovers, and only now the rest counts again.
    let mut light = all(40, "google", State::Consistent);
    light.extend(all(40, "quad9", State::Consistent));
    assert_eq!(kinds(&lab.rounds(20, &light)), [Updated, Resolved]);
}

#[test]
fn a_blip_of_the_vantage_is_silent_and_a_long_night_is_told_again() {
    let mut lab = Lab::new();
    dark(&mut lab);
    dark(&mut lab);
    lab.rounds(3, &all(40, "google", State::Consistent));
    assert!(lab.told.is_empty() && lab.ledger.candidates.is_empty());
    lab.policy.repeat_interval = std::time::Duration::from_mins(10);
    let told: Vec<_> = (0..20).flat_map(|_| dark(&mut lab)).collect();
    assert_eq!(kinds(&told), [Opened, Reminder]);
}

#[test]
fn while_blind_open_incidents_neither_recover_nor_remind() {
    let mut lab = Lab::new();
    lab.policy.repeat_interval = std::time::Duration::from_mins(5);
    lab.round(vec![seen(&dialer(1), "google", State::Divergent)]);
    let before = lab.only().clone();
    lab.authorities.answered = 0;
    for _ in 0..20 {
        let mut round = all(40, "google", State::Unreachable);
        round[0] = seen(&dialer(1), "google", State::Consistent);
        lab.round(round);
    }
    assert_eq!(lab.ledger.incidents[0], before);
}

#[test]
fn blind_needs_both_sides_and_two_sources() {
    let reach = |asked, answered| AuthorityReach { asked, answered };
    let google = |state| all(1, "google", state);
    for (round, authorities, blind) in [
        (google(State::Unreachable), reach(1, 1), false),
        (google(State::Unreachable), reach(1, 0), true),
        (google(State::Unreachable), reach(0, 0), false),
        (google(State::Servfail), reach(1, 0), true),
        (google(State::Unknown), reach(2, 0), false),
        (
            [google(State::Refused), all(1, "quad9", State::Unreachable)].concat(),
            reach(0, 0),
            true,
        ),
        (
            [
                google(State::Unreachable),
                all(1, "quad9", State::Consistent),
            ]
            .concat(),
            reach(2, 0),
            false,
        ),
        (some(8, 10, "google", State::Unreachable), reach(5, 1), true),
        (
            some(7, 10, "google", State::Unreachable),
            reach(5, 1),
            false,
        ),
        (
            some(8, 10, "google", State::Unreachable),
            reach(5, 2),
            false,
        ),
    ] {
        let mut lab = Lab::new();
        lab.authorities = authorities;
        lab.rounds(3, &round);
        let told = lab.axes().contains(&(Axis::Vantage, "us-west-2"));
        assert_eq!(
            told,
            blind,
            "{authorities:?}, {} {}",
            round[0].state,
            round.len()
        );
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
    assert_eq!(lab.only().reason, "dialer1.example.com A: ns_mismatch.");
}
