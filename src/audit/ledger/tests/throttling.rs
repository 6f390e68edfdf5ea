//! Addresses that turn everything away: left alone but for one question a round, and seen as soon as they are back.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use super::lab::{Lab, all, dialer, kinds, name, seen, source};
use crate::{
    audit::{
        incident::{
            Status,
            TransitionKind::{Opened, Resolved, Updated},
        },
        ledger::{AuthorityReach, MOST_APART, Throttles, resolve_by_hand, retire},
        verdict::{State, Verdict},
    },
    types::{Question, Source},
};

const NAMES: usize = 10;
const MINUTE: Duration = Duration::from_mins(1);

/// A round as the evaluator plays it: `at` says what the address answers, whichever of its questions are put.
fn round(
    lab: &mut Lab,
    resolver: &str,
    at: State,
) -> (usize, Vec<crate::audit::incident::Transition>) {
    let place = source(resolver);
    let questions: Vec<Question> = (1..=NAMES).map(dialer).collect();
    lab.questions.clone_from(&questions);
    // The round begins where the last one was judged, but for the seconds that it took.
    let begins = lab.now + chrono::TimeDelta::seconds(55);
    let throttles = Throttles::of(&lab.ledger);
    let canary = throttles.canary(&place, &questions, lab.policy.period, begins);
    let turned_away = matches!(at, State::Unreachable | State::Refused);
    lab.held_back = match canary {
        Some(_) if turned_away => BTreeSet::from([place]),
        _ => BTreeSet::new(),
    };
    let verdicts: Vec<Verdict> = match canary.filter(|_| turned_away) {
        Some(question) => vec![seen(question, resolver, at)],
        None => all(NAMES, resolver, at),
    };
    (verdicts.len(), lab.round(verdicts))
}

fn rounds(lab: &mut Lab, times: usize, resolver: &str, at: State) -> Vec<usize> {
    (0..times).map(|_| round(lab, resolver, at).0).collect()
}

fn is_throttled(lab: &Lab, resolver: &str) -> bool {
    Throttles::of(&lab.ledger).holds(&source(resolver))
}

#[test]
fn a_confirmed_silence_is_asked_one_question_a_round_and_everything_ever_more_rarely() {
    for state in [State::Unreachable, State::Refused] {
        let mut lab = Lab::new();
        let asked = rounds(&mut lab, 30, "quad9", state);
        assert_eq!(asked[..3], [NAMES; 3], "three rounds confirm it");
        let full = asked.iter().enumerate().skip(2);
        let full: Vec<_> = full.filter(|(_, asked)| **asked == NAMES).collect();
        let apart: Vec<_> = full.windows(2).map(|two| two[1].0 - two[0].0).collect();
        assert_eq!(apart[..2], [2, 4], "{asked:?}");
        assert!(
            apart[2..].iter().all(|rounds| (4..=5).contains(rounds)),
            "{asked:?}"
        );
        assert!(asked.iter().all(|asked| [1, NAMES].contains(asked)));
        let throttle = lab.only().throttled.values().next().unwrap();
        assert_eq!(throttle.tries as usize, full.len());
        // One incident, told once, with the note in its first step.
        assert_eq!(kinds(&lab.told), [Opened]);
        let note = "quad9 (192.0.2.9) is asked one question a round since 2026-11-22T19:03:00Z";
        assert!(lab.told[0].reason.ends_with(note), "{}", lab.told[0].reason);
    }
}

#[test]
fn every_question_has_its_turn_to_be_the_one() {
    let mut lab = Lab::new();
    rounds(&mut lab, 3, "quad9", State::Refused);
    let questions: Vec<Question> = (1..=NAMES).map(dialer).collect();
    let mut asked = Vec::new();
    for _ in 0..20 {
        let throttles = Throttles::of(&lab.ledger);
        let begins = lab.now + chrono::TimeDelta::seconds(55);
        asked.extend(
            throttles
                .canary(&source("quad9"), &questions, MINUTE, begins)
                .cloned(),
        );
        round(&mut lab, "quad9", State::Refused);
    }
    assert_eq!(asked[..NAMES], questions);
}

#[test]
fn an_address_that_is_back_is_asked_everything_at_once_and_its_incident_recovers_and_ends() {
    for rounds_away in 0..8 {
        let mut lab = Lab::new();
        rounds(&mut lab, 3 + rounds_away, "quad9", State::Unreachable);
        assert!(is_throttled(&lab, "quad9"));
        let last_bad = lab.only().last_bad_at;
        assert_eq!(
            last_bad,
            lab.now - chrono::TimeDelta::seconds(1),
            "a canary in vain is bad"
        );
        assert_eq!(round(&mut lab, "quad9", State::Consistent).0, NAMES);
        assert!(!is_throttled(&lab, "quad9"));
        assert_eq!(lab.only().status, Status::Open);
        rounds(&mut lab, 2, "quad9", State::Consistent);
        assert_eq!(lab.only().status, Status::Recovering);
        rounds(&mut lab, 10, "quad9", State::Consistent);
        assert_eq!(kinds(&lab.told), [Opened, Updated, Resolved]);
    }
}

#[test]
fn what_is_not_asked_is_neither_clean_nor_over() {
    let mut lab = Lab::new();
    lab.policy.period = MINUTE;
    // Two names, so that each is an incident of its own.
    let both = |state| {
        vec![
            seen(&dialer(1), "quad9", state),
            seen(&dialer(2), "quad9", state),
        ]
    };
    lab.rounds(3, &both(State::Unreachable));
    assert_eq!(lab.ledger.incidents.len(), 2);
    assert!(is_throttled(&lab, "quad9"));
    lab.questions = vec![dialer(1), dialer(2)];
    lab.held_back = BTreeSet::from([source("quad9")]);
    let told = lab.rounds(30, &[seen(&dialer(1), "quad9", State::Unreachable)]);
    assert_eq!(kinds(&told), []);
    assert_eq!(lab.ledger.incidents.len(), 2);
    assert!(
        lab.ledger
            .incidents
            .iter()
            .all(|one| one.status == Status::Open && one.clean_rounds == 0)
    );
}

#[test]
fn a_single_broken_name_or_a_servfail_leaves_nobody_alone() {
    let mut lab = Lab::new();
    let mut verdicts = all(NAMES - 1, "quad9", State::Refused);
    verdicts.push(seen(&dialer(NAMES), "quad9", State::Consistent));
    lab.rounds(5, &verdicts);
    assert!(!is_throttled(&lab, "quad9"), "one answer is enough");
    let mut lab = Lab::new();
    lab.rounds(5, &all(NAMES, "quad9", State::Servfail));
    assert!(!is_throttled(&lab, "quad9"), "who fails has answered");
}

#[test]
fn what_no_incident_says_of_every_question_leaves_nobody_alone() {
    let mut lab = Lab::new();
    lab.rounds(
        3,
        &[
            seen(&dialer(1), "quad9", State::Refused),
            seen(&dialer(2), "quad9", State::Consistent),
        ],
    );
    // The second name fails for the first time: that is not confirmed.
    let both = [
        seen(&dialer(1), "quad9", State::Refused),
        seen(&dialer(2), "quad9", State::Refused),
    ];
    for _ in 0..2 {
        lab.round(both.to_vec());
        assert!(!is_throttled(&lab, "quad9"));
    }
    lab.round(both.to_vec());
    assert!(is_throttled(&lab, "quad9"));
}

#[test]
fn a_schedule_that_is_slow_already_is_left_as_it_is() {
    let is_left_alone = |period| {
        let mut lab = Lab::new();
        lab.policy.period = period;
        rounds(&mut lab, 3, "quad9", State::Unreachable);
        is_throttled(&lab, "quad9")
    };
    assert!(!is_left_alone(MOST_APART));
    assert!(!is_left_alone(MOST_APART / 2 + Duration::from_millis(1)));
    assert!(is_left_alone(MOST_APART / 2));
}

#[test]
fn an_incident_that_a_person_ends_is_asked_everything_until_it_is_confirmed_again() {
    let mut lab = Lab::new();
    rounds(&mut lab, 4, "quad9", State::Unreachable);
    let (id, now) = (lab.only().id, lab.now);
    assert!(resolve_by_hand(&mut lab.ledger, id, now).is_some());
    assert!(!is_throttled(&lab, "quad9"));
    // A canary that was under way meanwhile counts as one round of three, and begins nothing by itself.
    lab.held_back = BTreeSet::from([source("quad9")]);
    lab.round(vec![seen(&dialer(1), "quad9", State::Unreachable)]);
    assert!(!is_throttled(&lab, "quad9"));
    assert_eq!(
        rounds(&mut lab, 3, "quad9", State::Unreachable),
        [NAMES, NAMES, 1]
    );
}

#[test]
fn an_address_that_is_asked_no_more_is_left_alone_no_more() {
    let mut lab = Lab::new();
    rounds(&mut lab, 4, "quad9", State::Unreachable);
    let names = BTreeSet::from([name("dialer1.example.com")]);
    let now = lab.now;
    assert_eq!(
        kinds(&retire(&mut lab.ledger, &names, &[], now)),
        [Resolved]
    );
    assert!(!is_throttled(&lab, "quad9"));
}

#[test]
fn a_vantage_that_sees_nothing_is_blind_also_where_everybody_is_left_alone() {
    let resolvers = ["google", "quad9", "office"];
    let mut lab = Lab::new();
    let everything: Vec<Verdict> = resolvers
        .iter()
        .flat_map(|one| all(NAMES, one, State::Unreachable))
        .collect();
    lab.rounds(4, &everything);
    assert!(resolvers.iter().all(|one| is_throttled(&lab, one)));
    // Now the authorities are gone, too, and each address is asked one question.
    lab.authorities = AuthorityReach {
        asked: 2,
        answered: 0,
        lame: 0,
    };
    lab.held_back = resolvers
        .iter()
        .map(|one| source(one))
        .collect::<BTreeSet<Source>>();
    let canaries: Vec<_> = resolvers
        .iter()
        .map(|one| seen(&dialer(1), one, State::Unreachable))
        .collect();
    let told = lab.rounds(3, &canaries);
    let verdicts: Vec<_> = told
        .iter()
        .map(|one| (one.kind, one.incident.verdict.as_str()))
        .collect();
    assert_eq!(verdicts, [(Opened, "blind")]);
    assert!(resolvers.iter().all(|one| is_throttled(&lab, one)));
    // Everything is back: each canary is answered, so that each address is asked everything.
    lab.authorities = AuthorityReach {
        asked: 2,
        answered: 2,
        lame: 0,
    };
    lab.held_back = BTreeSet::new();
    let fine: Vec<Verdict> = resolvers
        .iter()
        .flat_map(|one| all(NAMES, one, State::Consistent))
        .collect();
    lab.round(fine.clone());
    assert!(resolvers.iter().all(|one| !is_throttled(&lab, one)));
    lab.rounds(12, &fine);
    assert!(lab.ledger.incidents.is_empty());
}

#[test]
fn nobody_is_left_alone_for_what_a_blind_vantage_does_not_see() {
    let mut lab = Lab::new();
    lab.authorities = AuthorityReach {
        asked: 2,
        answered: 0,
        lame: 0,
    };
    rounds(&mut lab, 6, "quad9", State::Unreachable);
    assert!(!is_throttled(&lab, "quad9"));
}

proptest! {
    /// Whatever an address does: it is never left alone in a round in which it answers, everything is asked of it at
    /// least every five minutes, and every round asks it something.
    #[test]
    fn nobody_is_left_alone_for_long_nor_after_an_answer(
        world in prop::collection::vec((prop::sample::select(vec![
            State::Unreachable, State::Refused, State::Consistent, State::Servfail,
        ]), 1..12_usize), 1..12),
    ) {
        let mut lab = Lab::new();
        let mut since_full = 0;
        for (state, times) in world {
            for _ in 0..times {
                let (asked, _) = round(&mut lab, "quad9", state);
                prop_assert!(asked >= 1);
                since_full = if asked == NAMES { 0 } else { since_full + 1 };
                prop_assert!(since_full < 5, "everything was asked {since_full} minutes ago");
                if !matches!(state, State::Unreachable | State::Refused) {
                    prop_assert_eq!(asked, NAMES);
                    prop_assert!(!is_throttled(&lab, "quad9"));
                }
            }
        }
    }
}

#[test]
fn how_many_are_left_alone_is_known() {
    let mut lab = Lab::new();
    let before = Throttles::of(&lab.ledger);
    assert_eq!((before.len(), before.is_empty()), (0, true));
    let both = ["google", "quad9"].map(|one| all(NAMES, one, State::Unreachable));
    lab.rounds(3, &both.concat());
    let after = Throttles::of(&lab.ledger);
    assert_eq!((after.len(), after.is_empty()), (2, false));
}

#[test]
fn the_first_round_that_asks_everything_again_is_the_same_whenever_the_history_is_played() {
    let mut lab = Lab::new();
    rounds(&mut lab, 3, "quad9", State::Unreachable);
    let throttle = lab.only().throttled.values().next().unwrap();
    // Two periods less 96 thousandths: that is quad9's share for ever, or a replay would give other steps.
    let wait = chrono::TimeDelta::milliseconds(108_480);
    assert_eq!(throttle.next_try, lab.now + wait);
}

#[test]
fn of_several_notes_on_one_address_the_latest_counts() {
    let mut lab = Lab::new();
    let both = [1, 2].map(|number| seen(&dialer(number), "quad9", State::Unreachable));
    lab.rounds(3, &both);
    let questions: Vec<Question> = (1..=NAMES).map(dialer).collect();
    let canary_by = |notes: [(u32, u32); 2]| {
        let mut ledger = lab.ledger.clone();
        for (incident, (tries, canaries)) in ledger.incidents.iter_mut().zip(notes) {
            let throttle = incident.throttled.values_mut().next().unwrap();
            (throttle.tries, throttle.canaries) = (tries, canaries);
        }
        let throttles = Throttles::of(&ledger);
        let canary = throttles.canary(&source("quad9"), &questions, MINUTE, lab.now);
        questions.iter().position(|one| Some(one) == canary)
    };
    for notes in [[(2, 1), (1, 7)], [(1, 7), (2, 1)]] {
        assert_eq!(canary_by(notes), Some(1), "{notes:?}");
    }
    for notes in [[(1, 3), (1, 5)], [(1, 5), (1, 3)]] {
        assert_eq!(canary_by(notes), Some(5), "{notes:?}");
    }
}

#[test]
fn only_failures_at_that_address_are_noted_to_be_left_alone() {
    let mut lab = Lab::new();
    let elsewhere = seen(&dialer(3), "google", State::Servfail);
    lab.round(vec![
        seen(&dialer(1), "quad9", State::Divergent).ttl(36_000),
        elsewhere.clone(),
    ]);
    let refused = seen(&dialer(1), "quad9", State::Refused);
    lab.rounds(3, &[refused, elsewhere]);
    assert!(is_throttled(&lab, "quad9"));
    let noted = lab.ledger.incidents.iter();
    let noted: Vec<_> = noted
        .map(|one| (one.verdict.as_str(), one.throttled.len()))
        .collect();
    assert_eq!(noted, [("divergent", 0), ("refused", 1), ("servfail", 0)]);
}

/// Whether quad9 is left alone once all that is asked of it is turned away, an incident says so, and so many servers answer.
fn is_left_alone(answered: usize) -> bool {
    let mut lab = Lab::new();
    lab.rounds(
        3,
        &[
            seen(&dialer(1), "quad9", State::Refused),
            seen(&dialer(2), "quad9", State::Consistent),
        ],
    );
    assert!(!is_throttled(&lab, "quad9"));
    lab.authorities.answered = answered;
    lab.round(vec![seen(&dialer(1), "quad9", State::Refused)]);
    is_throttled(&lab, "quad9")
}

#[test]
fn while_the_vantage_hears_nobody_nobody_begins_to_be_left_alone() {
    assert!(is_left_alone(2));
    assert!(!is_left_alone(0));
}

/// Whether quad9 is left alone once it turns away a name that it is known to refuse, and `dialer1` for the first time.
fn is_left_alone_after(mut lab: Lab, mut known: Vec<Verdict>) -> bool {
    let refused = |number| seen(&dialer(number), "quad9", State::Refused);
    known.push(refused(2));
    lab.rounds(3, &known);
    assert!(!is_throttled(&lab, "quad9"));
    lab.round(vec![refused(1), refused(2)]);
    is_throttled(&lab, "quad9")
}

#[test]
fn neither_a_failure_elsewhere_nor_a_wrong_value_says_that_a_question_is_turned_away() {
    let elsewhere = vec![
        seen(&dialer(1), "google", State::Refused),
        seen(&dialer(1), "quad9", State::Consistent),
    ];
    let wrong = vec![seen(&dialer(1), "quad9", State::Divergent)];
    for known in [elsewhere, wrong] {
        assert!(!is_left_alone_after(Lab::new(), known.clone()), "{known:?}");
    }
}

#[test]
fn what_flapped_and_is_clean_says_nothing_until_it_is_believed_again() {
    let mut lab = Lab::new();
    for _ in 0..3 {
        lab.rounds(
            3,
            &[
                seen(&dialer(1), "quad9", State::Refused),
                seen(&dialer(2), "quad9", State::Consistent),
            ],
        );
        lab.rounds(3, &all(2, "quad9", State::Consistent));
    }
    assert!(lab.only().is_calm() && lab.only().status == Status::Open);
    let clean = vec![seen(&dialer(1), "quad9", State::Consistent)];
    assert!(!is_left_alone_after(lab, clean));
}
