//! What keeps a count in a row, and what ends it.

use super::lab::{Lab, dialer, found, found_at_server, kinds, seen};
use crate::{
    audit::{
        finding::FindingKind,
        incident::TransitionKind::Opened,
        ledger::AuthorityReach,
        verdict::{Family, State},
    },
    types::Severity,
};

/// Whether a family's incident of one name is open after these states at one resolver, each seen once in its round.
fn opens(family: Family, states: &[State]) -> bool {
    let mut lab = Lab::new();
    for state in states {
        lab.round(vec![seen(&dialer(7), "google", *state).unconfirmed()]);
    }
    lab.ledger
        .incidents
        .iter()
        .any(|one| one.key.family == family)
}

#[test]
fn nothing_asked_leaves_a_count_of_wrong_answers_as_it_is_and_a_quiet_answer_ends_it() {
    use State::{Consistent, Divergent, Propagating, Unexplained, Unknown};
    assert!(opens(Family::Value, &[Divergent, Unknown, Divergent]));
    for quiet in [Consistent, Propagating, Unexplained] {
        assert!(
            !opens(Family::Value, &[Divergent, quiet, Divergent]),
            "{quiet}"
        );
    }
}

#[test]
fn any_answer_ends_a_count_of_failures_the_wrong_one_too() {
    use State::{Divergent, Propagating, Servfail};
    assert!(opens(Family::Failure, &[Servfail; 3]));
    for answer in [Divergent, Propagating] {
        assert!(
            !opens(Family::Failure, &[Servfail, answer, Servfail, Servfail]),
            "{answer}"
        );
    }
}

#[test]
fn a_servfail_between_two_bogus_replies_keeps_them_apart_also_where_an_authority_explains_it() {
    let mut lab = Lab::new();
    let bogus = || vec![seen(&dialer(7), "google", State::Bogus).unconfirmed()];
    lab.round(bogus());
    let lame = vec![found_at_server(FindingKind::LameAuthority, 1, 40)];
    lab.round_with(vec![seen(&dialer(7), "google", State::Servfail)], lame);
    assert_eq!(kinds(&lab.round(bogus())), []);
    assert_eq!(kinds(&lab.round(bogus())), [Opened]);
}

/// Rounds of a lame server with one of another kind after the second; whether it is told in the last.
fn lame_around(between: impl FnOnce(&mut Lab)) -> bool {
    let mut lab = Lab::new();
    let good = || vec![seen(&dialer(7), "google", State::Consistent)];
    let lame = || vec![found_at_server(FindingKind::LameAuthority, 1, 40)];
    for _ in 0..2 {
        lab.round_with(good(), lame());
    }
    between(&mut lab);
    lab.authorities = AuthorityReach {
        asked: 2,
        answered: 2,
        lame: 0,
    };
    kinds(&lab.round_with(good(), lame())) == [Opened]
}

#[test]
fn a_finding_is_counted_in_a_row_and_a_blind_round_is_no_break() {
    assert!(lame_around(|_| {}));
    let well = |lab: &mut Lab| {
        lab.round(vec![seen(&dialer(7), "google", State::Consistent)]);
    };
    assert!(!lame_around(well));
    let blind = |lab: &mut Lab| {
        lab.authorities = AuthorityReach {
            asked: 2,
            answered: 0,
            lame: 0,
        };
        lab.round(vec![seen(&dialer(7), "google", State::Unreachable)]);
    };
    assert!(lame_around(blind));
}

#[test]
fn a_round_that_sees_ends_the_count_of_blind_ones() {
    let mut lab = Lab::new();
    let mut round = |answered, state| {
        lab.authorities = AuthorityReach {
            asked: 2,
            answered,
            lame: 0,
        };
        kinds(&lab.round(vec![seen(&dialer(7), "google", state)]))
    };
    for _ in 0..2 {
        round(0, State::Unreachable);
    }
    round(2, State::Consistent);
    assert_eq!(round(0, State::Unreachable), []);
    assert_eq!(round(0, State::Unreachable), []);
    assert_eq!(round(0, State::Unreachable), [Opened]);
}

#[test]
fn what_is_seen_twice_in_a_round_is_told_before_what_is_seen_once() {
    let mut lab = Lab::new();
    let at = |resolver| seen(&dialer(7), resolver, State::Divergent);
    let told = lab.round(vec![at("google").unconfirmed(), at("quad9")]);
    assert_eq!(
        told[0].reason,
        "dialer7.example.com A is divergent at quad9"
    );
}

#[test]
fn a_finding_without_questions_concerns_its_own_and_one_with_them_those_alone() {
    let mut lab = Lab::new();
    let mut finding = found(FindingKind::TtlAbovePolicy, &dialer(7));
    finding.questions.clear();
    finding.severity = Severity::Warning;
    lab.round_with(
        vec![seen(&dialer(7), "google", State::Consistent)],
        vec![finding],
    );
    assert_eq!(lab.only().names, [dialer(7).name].into());
    let mut lab = Lab::new();
    let mut finding = found(FindingKind::TtlAbovePolicy, &dialer(7));
    finding.questions = vec![dialer(8)];
    lab.round_with(
        vec![seen(&dialer(7), "google", State::Consistent)],
        vec![finding],
    );
    assert_eq!(lab.only().names, [dialer(8).name].into());
}
