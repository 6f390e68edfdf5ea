//! A vantage that sees nothing, or hears nobody but a stranger on the way; and what it holds back.

use super::lab::{Lab, all, dialer, found, found_at_server, kinds, seen, some};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        incident::{
            Axis,
            TransitionKind::{Opened, Reminder, Resolved, Updated},
        },
        ledger::AuthorityReach,
        verdict::{State, Verdict, VerdictFlag},
    },
    types::Severity,
};

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
    assert_eq!(
        told[0].reason,
        "from us-west-2 2 of 2 resolver addresses and 2 of 2 authoritative servers do not answer: nothing can be said of \
         dialers from there"
    );
    assert!(lab.ledger.is_blind());
    assert!(dark(&mut lab).is_empty());
    // The lights go on: it recovers, and only now the rest counts again.
    let mut light = all(40, "google", State::Consistent);
    light.extend(all(40, "quad9", State::Consistent));
    let mut told = Vec::new();
    for _ in 0..20 {
        told.extend(lab.round(light.clone()));
        assert!(!lab.ledger.is_blind() || told.is_empty());
    }
    assert_eq!(kinds(&told), [Updated, Resolved]);
    assert!(!lab.ledger.is_blind());
}

#[test]
fn a_vantage_that_sees_others_fail_is_not_blind() {
    let mut lab = Lab::new();
    let mut light = all(40, "google", State::Servfail);
    light.extend(all(40, "quad9", State::Consistent));
    let told = lab.rounds(5, &light);
    assert_eq!(kinds(&told), [Opened]);
    assert!(!lab.ledger.is_blind());
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
    let reach = |asked, answered| AuthorityReach {
        asked,
        answered,
        lame: 0,
    };
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

/// A finding that somebody on the way answers, in place of these servers and resolvers.
fn intercepted(servers: &[&str], resolvers: &[&str]) -> Finding {
    let texts = |all: &[&str]| all.iter().map(ToString::to_string).collect();
    Finding {
        severity: if servers.is_empty() {
            Severity::Warning
        } else {
            Severity::Critical
        },
        subject: Subject::Vantage,
        zone: None,
        authorities: texts(servers),
        resolvers: texts(resolvers),
        ..found(FindingKind::PathIntercepted, &dialer(1))
    }
}

/// A verdict that is taken back because of it.
fn muted(number: usize, resolver: &str) -> Verdict {
    Verdict {
        flags: vec![VerdictFlag::PathIntercepted],
        ..seen(&dialer(number), resolver, State::Unknown)
    }
}

#[test]
fn while_nobody_is_heard_but_a_stranger_one_incident_is_told_and_nothing_else_moves() {
    let mut lab = Lab::new();
    lab.policy.repeat_interval = std::time::Duration::from_hours(8);
    lab.round(vec![seen(&dialer(1), "google", State::Divergent)]);
    lab.rounds(3, &[seen(&dialer(2), "quad9", State::Servfail)]);
    let before = lab.ledger.incidents.clone();
    assert_eq!(before.len(), 2);
    let whole = intercepted(&["ns1", "ns2"], &[]);
    let mut told = Vec::new();
    for _ in 0..20 {
        let round = vec![
            muted(1, "google"),
            muted(2, "quad9"),
            seen(&dialer(3), "office", State::Divergent),
        ];
        told.extend(lab.round_with(round, vec![whole.clone()]));
    }
    assert_eq!(kinds(&told), [Opened]);
    let path = &told[0].incident;
    assert_eq!(
        (path.key.axis, &*path.key.subject, &*path.verdict),
        (Axis::Vantage, "us-west-2", "path_intercepted")
    );
    let others = lab.ledger.incidents.iter();
    let others: Vec<_> = others.filter(|one| one.id != path.id).cloned().collect();
    assert_eq!(others, before);
    // It is over, and so are they.
    let mut light = all(2, "google", State::Consistent);
    light.extend(all(2, "quad9", State::Consistent));
    let told = lab.rounds(20, &light);
    assert_eq!(
        kinds(&told)
            .iter()
            .filter(|kind| **kind == Resolved)
            .count(),
        3
    );
    assert!(lab.ledger.incidents.is_empty());
}

#[test]
fn beside_a_resolver_in_whose_place_a_stranger_answers_the_others_are_judged() {
    let mut lab = Lab::new();
    lab.round(vec![seen(&dialer(1), "google", State::Divergent)]);
    let part = intercepted(&[], &["google"]);
    let mut told = Vec::new();
    for _ in 0..15 {
        let round = vec![
            muted(1, "google"),
            seen(&dialer(2), "quad9", State::Filtered),
        ];
        told.extend(lab.round_with(round, vec![part.clone()]));
    }
    assert_eq!(kinds(&told), [Opened, Opened], "{told:?}");
    let path = &told[1].incident;
    assert_eq!(
        (&*path.verdict, path.severity),
        ("path_intercepted", Severity::Warning)
    );
    assert_eq!(super::lab::words(&path.resolvers), ["google"]);
    // Silence at google does not say that its path is free again; an answer does.
    let told = lab.rounds(15, &[seen(&dialer(1), "google", State::Unreachable)]);
    assert!(
        told.iter()
            .all(|one| one.incident.key.axis != Axis::Vantage),
        "{told:?}"
    );
    let told = lab.rounds(15, &[seen(&dialer(1), "google", State::Consistent)]);
    let ended = told.iter().filter(|one| one.kind == Resolved);
    let ended: Vec<_> = ended.map(|one| &*one.incident.verdict).collect();
    assert!(ended.contains(&"path_intercepted"), "{ended:?}");
}

#[test]
fn what_a_stranger_says_in_a_resolvers_place_mends_no_failure_of_it() {
    let mut lab = Lab::new();
    lab.rounds(3, &[seen(&dialer(1), "google", State::Servfail)]);
    let before = lab.only().clone();
    for _ in 0..15 {
        let round = vec![
            muted(1, "google"),
            seen(&dialer(2), "quad9", State::Consistent),
        ];
        lab.round_with(round, vec![intercepted(&[], &["google"])]);
    }
    assert_eq!(lab.ledger.incidents[0], before);
}

#[test]
fn servers_that_are_lame_and_nothing_more_hold_nothing_back() {
    let lame = || vec![found_at_server(FindingKind::LameAuthority, 1, 1)];
    let google = || vec![seen(&dialer(1), "google", State::Divergent)];
    let mut lab = Lab::new();
    lab.authorities.lame = 2;
    let quiet = vec![seen(&dialer(1), "google", State::Consistent)];
    // Nothing of a stranger is known: something else counts, or is told already.
    lab.round_with(quiet.clone(), lame());
    assert_eq!(lab.ledger.candidates.len(), 1);
    assert_eq!(kinds(&lab.round_with(google(), lame())), [Opened]);
    lab.rounds(12, &quiet);
    for _ in 0..3 {
        lab.round_with(quiet.clone(), lame());
    }
    let told = lab.round_with(vec![seen(&dialer(2), "quad9", State::Divergent)], lame());
    assert_eq!(kinds(&told), [Opened]);
    // One answers in google's place, and the servers were always heard themselves.
    let mut lab = Lab::new();
    let part = || vec![intercepted(&[], &["google"])];
    for _ in 0..3 {
        lab.round_with(vec![muted(1, "google")], part());
    }
    assert_eq!(lab.only().verdict, "path_intercepted");
    lab.authorities.lame = 2;
    let told = lab.round_with(vec![seen(&dialer(2), "quad9", State::Divergent)], lame());
    assert_eq!(kinds(&told), [Opened]);
}

#[test]
fn a_round_in_which_too_few_reply_to_show_the_stranger_says_nothing_of_anybody() {
    let whole = || vec![intercepted(&["ns1", "ns2"], &[])];
    let lame = || {
        vec![
            found_at_server(FindingKind::LameAuthority, 1, 1),
            found_at_server(FindingKind::AuthorityUnreachable, 2, 1),
        ]
    };
    let mut lab = Lab::new();
    lab.authorities.lame = 2;
    let mut told = Vec::new();
    for _ in 0..6 {
        told.extend(lab.round_with(vec![muted(1, "google")], whole()));
        told.extend(lab.round_with(vec![muted(1, "google")], whole()));
        told.extend(lab.round_with(vec![muted(1, "google")], whole()));
        // A reply is lost: one server is silent, the other looks lame.
        (lab.authorities.answered, lab.authorities.lame) = (1, 1);
        told.extend(lab.round_with(vec![seen(&dialer(1), "google", State::Divergent)], lame()));
        (lab.authorities.answered, lab.authorities.lame) = (2, 2);
    }
    assert_eq!(kinds(&told), [Opened], "{told:?}");
    // Silence of all is no stranger's.
    (lab.authorities.answered, lab.authorities.lame) = (0, 0);
    let mut silent = found_at_server(FindingKind::AuthorityUnreachable, 1, 1);
    silent.severity = Severity::Critical;
    let round = vec![seen(&dialer(1), "google", State::Consistent)];
    let told: Vec<_> = (0..3)
        .flat_map(|_| lab.round_with(round.clone(), vec![silent.clone()]))
        .collect();
    assert_eq!(
        told[0].incident.verdict, "authority_unreachable",
        "{told:?}"
    );
}
