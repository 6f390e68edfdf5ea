//! What is believed, and when; escalation, joins and reminders.

use super::lab::{Lab, dialer, found, kinds, seen, words};
use crate::{
    audit::{
        finding::FindingKind,
        incident::{
            Status,
            TransitionKind::{Opened, Reminder, Resolved, Updated},
        },
        ledger::{acknowledge, message_id, resolve_by_hand},
        verdict::State,
    },
    types::Severity,
};

/// Plays one name at one resolver through the states and gives the round that opened an incident, counted from 1.
fn opens_in(states: &[State], confirmed: bool) -> Option<usize> {
    let mut lab = Lab::new();
    let mut opened = None;
    for (round, state) in states.iter().enumerate() {
        let verdict = seen(&dialer(7), "google", *state);
        let verdict = if confirmed {
            verdict
        } else {
            verdict.unconfirmed()
        };
        if kinds(&lab.round(vec![verdict])).contains(&Opened) {
            assert_eq!(opened, None, "opened twice");
            opened = Some(round + 1);
        }
    }
    opened
}

#[test]
fn each_row_is_believed_by_its_own_rule() {
    use State::{
        Bogus, Consistent, Divergent, Filtered, NodataMismatch, NxdomainMismatch, Propagating,
        PropagatingLong, Refused, Servfail, StaleDeclared, StaleExtended, StaleOverdue,
        Unexplained, Unknown, Unreachable,
    };
    let in_round = [
        Bogus,
        Filtered,
        Divergent,
        NxdomainMismatch,
        NodataMismatch,
        PropagatingLong,
        StaleDeclared,
        StaleOverdue,
        StaleExtended,
    ];
    for state in in_round {
        assert_eq!(
            opens_in(&[state], true),
            Some(1),
            "{state} seen twice in one round"
        );
        assert_eq!(opens_in(&[state], false), None, "{state} seen once");
        assert_eq!(
            opens_in(&[state, state], false),
            Some(2),
            "{state} seen once in two rounds"
        );
        assert_eq!(
            opens_in(&[state, Consistent, state], false),
            None,
            "{state} apart"
        );
    }
    for state in [Unreachable, Refused, Servfail] {
        assert_eq!(opens_in(&[state, state], true), None, "{state} twice");
        assert_eq!(
            opens_in(&[state, state, Consistent, state, state], true),
            None
        );
        assert_eq!(
            opens_in(&[state, state, state], true),
            Some(3),
            "{state} three times"
        );
    }
    for state in [Unknown, Consistent, Propagating, Unexplained] {
        assert_eq!(opens_in(&[state; 6], true), None, "{state} opens nothing");
    }
    // One usable failure is as good as another, but a lost packet does not make a lone bogus reply two.
    assert_eq!(opens_in(&[Unreachable, Refused, Servfail], true), Some(3));
    assert_eq!(opens_in(&[Unreachable, Bogus], false), None);
    // Silence breaks no row of wrong answers. A cache that says that it holds nothing has answered, and breaks one of
    // failures.
    assert_eq!(
        opens_in(&[Divergent, Unreachable, Divergent], false),
        Some(3)
    );
    assert_eq!(
        opens_in(
            &[Unreachable, Unreachable, Unknown, Unreachable, Unreachable],
            true
        ),
        None
    );
}

#[test]
fn an_unexplained_answer_opens_only_as_a_warning() {
    let mut lab = Lab::new();
    let unexplained = |severity| seen(&dialer(7), "google", State::Unexplained).severe(severity);
    assert!(lab.rounds(5, &[unexplained(Severity::Info)]).is_empty());
    assert_eq!(
        kinds(&lab.round(vec![unexplained(Severity::Warning)])),
        [Opened]
    );
}

#[test]
fn one_lost_packet_opens_nothing_and_leaves_nothing() {
    let mut lab = Lab::new();
    lab.round(vec![seen(&dialer(7), "google", State::Unreachable)]);
    assert_eq!(lab.ledger.candidates.len(), 1);
    assert_eq!(
        lab.ledger.candidates[0].subject,
        "dialer7.example.com A @ google 192.0.2.8:53"
    );
    lab.round(vec![seen(&dialer(7), "google", State::Consistent)]);
    assert!(lab.told.is_empty());
    assert!(lab.ledger.candidates.is_empty());
}

#[test]
fn three_rounds_of_servfail_are_one_warning_from_the_first_of_them_on() {
    let mut lab = Lab::new();
    let told = lab.rounds(8, &[seen(&dialer(7), "google", State::Servfail)]);
    assert_eq!(kinds(&told), [Opened]);
    let incident = &told[0].incident;
    assert_eq!(
        (incident.severity, incident.verdict.as_str()),
        (Severity::Warning, "servfail")
    );
    assert_eq!(incident.opened_at.to_rfc3339(), "2026-11-22T19:00:59+00:00");
    assert_eq!(
        incident.confirmed_at.to_rfc3339(),
        "2026-11-22T19:03:00+00:00"
    );
    assert_eq!(
        told[0].reason,
        "dialer7.example.com A is servfail at google"
    );
    assert!(lab.ledger.candidates.is_empty());
}

#[test]
fn a_count_lapses_over_a_long_gap() {
    let mut lab = Lab::new();
    let servfail = seen(&dialer(7), "google", State::Servfail);
    lab.rounds(2, std::slice::from_ref(&servfail));
    lab.now += chrono::TimeDelta::hours(5);
    assert!(lab.rounds(2, std::slice::from_ref(&servfail)).is_empty());
    let told = lab.round(vec![servfail]);
    assert_eq!(kinds(&told), [Opened]);
    assert_eq!(
        told[0].incident.opened_at.to_rfc3339(),
        "2026-11-23T00:02:59+00:00"
    );
}

#[test]
fn a_name_bad_at_three_resolvers_is_one_incident_that_two_join() {
    let mut lab = Lab::new();
    let bad = |resolver| seen(&dialer(7), resolver, State::Divergent);
    let good = |resolver| seen(&dialer(7), resolver, State::Consistent);
    lab.round(vec![bad("google"), good("quad9"), good("office")]);
    let told = lab.round(vec![
        bad("google"),
        bad("quad9").unconfirmed(),
        good("office"),
    ]);
    assert!(told.is_empty(), "a resolver joins once it is believed");
    let told = lab.round(vec![bad("google"), bad("quad9"), bad("office")]);
    assert_eq!(kinds(&told), [Updated]);
    assert_eq!(told[0].reason, "also at office, quad9");
    assert_eq!((told[0].number, told[0].incident.transitions), (1, 2));
    assert_eq!(words(&lab.only().resolvers), ["google", "office", "quad9"]);
    assert!(
        lab.rounds(3, &[bad("google"), bad("quad9"), bad("office")])
            .is_empty()
    );
    assert_eq!(lab.only().observed.len(), 3, "the latest reply of each");
}

#[test]
fn failure_and_value_are_two_incidents_of_one_name() {
    let mut lab = Lab::new();
    let both = [
        seen(&dialer(7), "google", State::Divergent),
        seen(&dialer(7), "quad9", State::Servfail),
    ];
    assert_eq!(kinds(&lab.rounds(3, &both)), [Opened, Opened]);
    assert_eq!(lab.ledger.incidents.len(), 2);
}

#[test]
fn severity_rises_once_believed_is_told_and_never_falls() {
    let mut lab = Lab::new();
    let at = |state| seen(&dialer(7), "google", state);
    lab.round(vec![at(State::PropagatingLong)]);
    assert!(
        lab.round(vec![at(State::Divergent).unconfirmed()])
            .is_empty()
    );
    let told = lab.round(vec![at(State::Divergent)]);
    assert_eq!(kinds(&told), [Updated]);
    assert_eq!(
        told[0].reason,
        "now critical (divergent): dialer7.example.com A is divergent at google"
    );
    assert!(lab.round(vec![at(State::PropagatingLong)]).is_empty());
    let incident = lab.only();
    assert_eq!(
        (incident.severity, incident.verdict.as_str()),
        (Severity::Critical, "divergent")
    );
    assert_eq!(
        incident.reason,
        "dialer7.example.com A is divergent at google"
    );
}

#[test]
fn a_second_operator_makes_servfail_critical_after_three_rounds_of_it() {
    let mut lab = Lab::new();
    let servfail =
        |resolver, severity| seen(&dialer(7), resolver, State::Servfail).severe(severity);
    lab.rounds(3, &[servfail("google", Severity::Warning)]);
    let both = ["google", "quad9"].map(|resolver| servfail(resolver, Severity::Critical));
    assert!(lab.rounds(2, &both).is_empty());
    let told = lab.round(both.to_vec());
    assert_eq!(kinds(&told), [Updated], "worse and wider in one step");
    assert!(
        told[0].reason.starts_with("now critical (servfail)"),
        "{}",
        told[0].reason
    );
    assert!(
        told[0].reason.ends_with("; also at quad9"),
        "{}",
        told[0].reason
    );
}

#[test]
fn reminders_come_every_interval_until_somebody_takes_it() {
    let mut lab = Lab::new();
    lab.policy.repeat_interval = std::time::Duration::from_mins(10);
    let bad = [seen(&dialer(7), "google", State::PropagatingLong)];
    let told = lab.rounds(21, &bad);
    assert_eq!(kinds(&told), [Opened, Reminder, Reminder]);
    assert_eq!(told[2].at - told[1].at, chrono::TimeDelta::minutes(10));
    let now = lab.now;
    acknowledge(&mut lab.ledger.incidents[0], now);
    acknowledge(
        &mut lab.ledger.incidents[0],
        now + chrono::TimeDelta::minutes(5),
    );
    assert_eq!(
        lab.only().acked_at,
        Some(now),
        "the first to take it counts"
    );
    assert!(lab.rounds(30, &bad).is_empty());
    let worse = vec![seen(&dialer(7), "google", State::StaleOverdue)];
    assert_eq!(
        kinds(&lab.round(worse)),
        [Updated],
        "an escalation is told all the same"
    );
}

#[test]
fn an_update_puts_the_reminder_off() {
    let mut lab = Lab::new();
    lab.policy.repeat_interval = std::time::Duration::from_mins(10);
    let at = |resolver| seen(&dialer(7), resolver, State::PropagatingLong);
    lab.rounds(9, &[at("google")]);
    let told = lab.rounds(11, &[at("google"), at("quad9")]);
    assert_eq!(kinds(&told), [Updated, Reminder]);
    assert_eq!(told[1].at - told[0].at, chrono::TimeDelta::minutes(10));
}

#[test]
fn what_is_resolved_by_hand_and_still_bad_opens_anew() {
    let mut lab = Lab::new();
    let bad = || vec![seen(&dialer(7), "google", State::Divergent)];
    let first = lab.round(bad()).remove(0).incident;
    let now = lab.now;
    assert_eq!(
        resolve_by_hand(&mut lab.ledger, uuid::Uuid::nil(), now),
        None
    );
    let ended = resolve_by_hand(&mut lab.ledger, first.id, now).unwrap();
    assert_eq!((ended.kind, ended.number), (Resolved, 1));
    assert_eq!(ended.incident.status, Status::Resolved);
    assert_eq!(ended.incident.resolved_at, Some(now));
    assert!(lab.ledger.incidents.is_empty());
    let again = lab.round(bad()).remove(0);
    assert_eq!((again.kind, again.number), (Opened, 0));
    assert_ne!(again.incident.id, first.id);
    assert_ne!(
        message_id(again.incident.id, 0, "voip-ops"),
        message_id(first.id, 0, "voip-ops")
    );
}

#[test]
fn a_finding_is_believed_at_once_except_where_three_rounds_are_asked() {
    for (kind, rounds) in [
        (FindingKind::TtlAbovePolicy, 1),
        (FindingKind::NameMissing, 1),
        (FindingKind::AuthoritySplit, 1),
        (FindingKind::LameAuthority, 3),
        (FindingKind::AuthorityUnreachable, 3),
    ] {
        let mut lab = Lab::new();
        let good = || vec![seen(&dialer(7), "google", State::Consistent)];
        for _ in 1..rounds {
            assert!(
                lab.round_with(good(), vec![found(kind, &dialer(7))])
                    .is_empty(),
                "{kind}"
            );
        }
        // Two links of one chain are one sight, not two.
        let twice = vec![found(kind, &dialer(7)), found(kind, &dialer(7))];
        let told = lab.round_with(good(), twice);
        assert_eq!(kinds(&told), [Opened], "{kind}");
        assert_eq!(told[0].incident.verdict, kind.name());
        assert_eq!(words(&told[0].incident.authorities), ["ns1.example.com"]);
    }
}

#[test]
fn at_most_a_hundred_bad_replies_are_kept_and_the_latest_of_each_place() {
    let mut lab = Lab::new();
    for site in 0..130 {
        let site = format!("pop{site:03}");
        let bad = seen(&dialer(7), "google", State::Divergent).sites(&[(&site, State::Divergent)]);
        lab.rounds(2, &[bad]);
    }
    let kept = &lab.only().observed;
    assert_eq!(kept.len(), 100);
    assert_eq!(kept[0].site.as_deref(), Some("pop030"));
    assert_eq!(kept[99].at, lab.now - chrono::TimeDelta::seconds(1));
}

#[test]
fn ending_by_hand_starts_the_count_of_the_others_afresh() {
    let mut lab = Lab::new();
    let at = |resolver| seen(&dialer(7), resolver, State::Servfail);
    lab.round(vec![at("google")]);
    lab.rounds(2, &[at("google"), at("quad9")]);
    let (id, now) = (lab.only().id, lab.now);
    resolve_by_hand(&mut lab.ledger, id, now);
    assert!(lab.ledger.candidates.is_empty());
    assert!(lab.rounds(2, &[at("quad9")]).is_empty());
    assert_eq!(kinds(&lab.round(vec![at("quad9")])), [Opened]);
}

#[test]
fn it_is_called_after_what_was_seen_twice_in_its_round_before_what_two_rounds_showed() {
    let mut lab = Lab::new();
    let google = || seen(&dialer(7), "google", State::Divergent).unconfirmed();
    assert!(lab.round(vec![google()]).is_empty());
    let quad9 = seen(&dialer(7), "quad9", State::Divergent);
    let told = lab.round(vec![google(), quad9]);
    assert_eq!(kinds(&told), [Opened]);
    assert_eq!(
        told[0].reason,
        "dialer7.example.com A is divergent at quad9"
    );
    assert_eq!(words(&told[0].incident.resolvers), ["google", "quad9"]);
}
