//! One cause, one incident: names, resolvers, and merging.

use super::lab::{Lab, all, dialer, found, kinds, name, seen, some, words};
use crate::{
    audit::{
        finding::{Finding, FindingKind},
        incident::{
            Axis,
            TransitionKind::{Opened, Resolved, Updated},
        },
        verdict::State,
    },
    types::{Question, RecordType},
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
        "38 of 40 names of dialers are bad at google, the worst is dialer1.example.com A (servfail): \
         dialer1.example.com A is servfail at google"
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
        told[0].reason.ends_with("dialer25.example.com and 5 more"),
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
    let told = lab.round(some(20, 40, "google", State::Divergent));
    assert_eq!(kinds(&told), [Opened, Resolved, Resolved]);
    assert!(
        told[0]
            .reason
            .ends_with("; it takes in incidents told before: 2"),
        "{}",
        told[0].reason
    );
    assert_eq!(
        told[0].incident.opened_at, told[0].incident.last_bad_at,
        "it begins with itself"
    );
    let merged: Vec<_> = told[1..].iter().map(|one| one.incident.id).collect();
    assert_eq!(merged, ids);
    let end = format!("merged into incident {}: 20 of 40", told[0].incident.id);
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
    let told = lab.round_with(all(40, "google", State::Consistent), stretched(20));
    assert_eq!(kinds(&told), []);
    let told = lab.round_with(all(40, "google", State::Consistent), stretched(20));
    assert_eq!(kinds(&told), [Opened]);
    assert_eq!(lab.axes(), [(Axis::Resolver, "google")]);
    assert_eq!(words(&lab.only().resolvers), ["google"]);
    assert_eq!(
        kinds(&lab.rounds(15, &all(40, "google", State::Consistent))),
        [Updated, Resolved]
    );
}

/// Google stretches the TTLs of the first `names` dialers.
fn stretched(names: usize) -> Vec<Finding> {
    let each = (1..=names).map(|number| Finding {
        resolvers: vec!["google".to_owned()],
        ..found(FindingKind::TtlStretched, &dialer(number))
    });
    each.collect()
}

#[test]
fn a_finding_of_one_name_goes_on_while_the_wider_one_is_not_believed_yet() {
    let mut lab = Lab::new();
    let fine = || all(40, "google", State::Consistent);
    lab.round_with(fine(), stretched(1));
    assert_eq!(kinds(&lab.round_with(fine(), stretched(1))), [Opened]);
    assert!(lab.round_with(fine(), stretched(20)).is_empty());
    let one = lab.only();
    assert_eq!(one.key.axis, Axis::Name);
    let seen_at = lab.now - chrono::TimeDelta::seconds(1);
    assert_eq!((one.clean_rounds, one.last_bad_at), (0, seen_at));
    let told = lab.round_with(fine(), stretched(20));
    assert_eq!(kinds(&told), [Opened, Resolved]);
}

#[test]
fn a_resolvers_share_is_of_the_whole_group_whatever_zone_the_names_lie_in() {
    let mut lab = Lab::new();
    let elsewhere = (1..=16).map(|number| Question {
        name: name(&format!("dialer{number}.example.net")),
        rtype: RecordType::A,
    });
    lab.questions = elsewhere.collect();
    let fine = || all(4, "google", State::Consistent);
    lab.round_with(fine(), stretched(4));
    let told = lab.round_with(fine(), stretched(4));
    assert_eq!(kinds(&told), [Opened; 4]);
    assert!(told.iter().all(|one| one.incident.key.axis == Axis::Name));
}
