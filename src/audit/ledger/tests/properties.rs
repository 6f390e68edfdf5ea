//! What holds for every history, however wild.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;
use uuid::Uuid;

use super::lab::{Lab, dialer, found, found_at_server, seen};
use crate::{
    audit::{
        finding::{Finding, FindingKind},
        incident::{Edge, Incident, Standing, Status, Transition, TransitionKind::Opened},
        ledger::AuthorityReach,
        verdict::{State, Verdict},
    },
    types::{Severity, Telling},
};

const RESOLVERS: [&str; 3] = ["google", "quad9", "office"];
const NAMES: usize = 5;

/// One reply: state, confirmed, site, TTL.
type Reply = (State, bool, Option<&'static str>, u32);

/// One round in the raw: a reply per name and resolver where it was asked, findings, authorities that answered.
#[derive(Debug, Clone)]
struct Round {
    replies: Vec<Option<Reply>>,
    findings: Vec<(FindingKind, usize, bool)>,
    answered: usize,
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        8 => Just(State::Consistent),
        4 => prop::sample::select(vec![
            State::Unreachable, State::Servfail, State::Divergent, State::PropagatingLong,
        ]),
        2 => prop::sample::select(vec![
            State::Unknown, State::Refused, State::Bogus, State::Filtered, State::Unexplained,
            State::NxdomainMismatch, State::Propagating, State::StaleDeclared, State::StaleOverdue,
        ]),
    ]
}

fn reply() -> impl Strategy<Value = Option<Reply>> {
    let site = prop::sample::select(vec![None, Some("fra"), Some("ams")]);
    prop::option::weighted(0.95, (state(), any::<bool>(), site, 0..1800_u32))
}

fn round() -> impl Strategy<Value = Round> {
    let kinds = vec![
        FindingKind::TtlAbovePolicy,
        FindingKind::TtlStretched,
        FindingKind::LameAuthority,
        FindingKind::AuthorityUnreachable,
    ];
    let finding = (prop::sample::select(kinds), 1..=NAMES, any::<bool>());
    let one_kind = prop::sample::select(vec![
        State::Unreachable,
        State::StaleOverdue,
        State::Servfail,
    ]);
    let mixed = prop::collection::vec(reply(), NAMES * RESOLVERS.len());
    let uniform =
        one_kind.prop_map(|state| vec![Some((state, true, None, 60)); NAMES * RESOLVERS.len()]);
    let replies = prop_oneof![5 => mixed, 1 => uniform];
    (replies, prop::collection::vec(finding, 0..4), 0..=2_usize).prop_map(
        |(replies, findings, answered)| Round {
            replies,
            findings,
            answered,
        },
    )
}

/// Histories in which a round often lasts for a few, since that is what confirms and recovers.
fn history() -> impl Strategy<Value = Vec<Round>> {
    prop::collection::vec((round(), 1..5_usize), 1..12).prop_map(|runs| {
        let each = runs.into_iter();
        each.flat_map(|(round, times)| vec![round; times]).collect()
    })
}

/// From what is told at once to what is hardly told, with and without flapping.
fn telling() -> impl Strategy<Value = Telling> {
    (
        0..20_u64,
        0.0..=1.0,
        prop::sample::select(vec![0, 2, 3]),
        5..60_u64,
    )
        .prop_map(
            |(interval, update_threshold, flap_threshold, window)| Telling {
                group_interval: Duration::from_mins(interval),
                update_threshold,
                flap_threshold,
                flap_window: Duration::from_mins(window),
            },
        )
}

impl Round {
    fn verdicts(&self) -> Vec<Verdict> {
        let replies = self.replies.iter().enumerate();
        replies
            .filter_map(|(at, reply)| {
                let (state, confirmed, site, ttl) = (*reply)?;
                let question = dialer(at / RESOLVERS.len() + 1);
                let mut verdict = seen(&question, RESOLVERS[at % RESOLVERS.len()], state).ttl(ttl);
                verdict.confirmed &= confirmed;
                Some(match site {
                    Some(site) => verdict.sites(&[(site, state), ("lon", State::Consistent)]),
                    None => verdict,
                })
            })
            .collect()
    }

    fn findings(&self) -> Vec<Finding> {
        let each = self.findings.iter();
        each.map(|(kind, number, critical)| {
            let mut finding = match kind {
                FindingKind::LameAuthority | FindingKind::AuthorityUnreachable => {
                    found_at_server(*kind, u8::from(*number > 2) + 1, NAMES)
                }
                _ => found(*kind, &dialer(*number)),
            };
            if *kind == FindingKind::TtlStretched {
                finding.resolvers = vec![RESOLVERS[number % RESOLVERS.len()].to_owned()];
            }
            if *critical {
                finding.severity = Severity::Critical;
            }
            finding
        })
        .collect()
    }
}

/// A permutation that depends on the seed alone.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed | 1;
    for at in (1..items.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        items.swap(at, (state >> 33) as usize % (at + 1));
    }
}

fn play(lab: &mut Lab, round: &Round, seed: u64) -> Vec<Transition> {
    let (mut verdicts, mut findings) = (round.verdicts(), round.findings());
    shuffle(&mut verdicts, seed);
    shuffle(&mut findings, seed);
    lab.authorities = AuthorityReach {
        asked: 2,
        answered: round.answered,
        lame: 0,
    };
    lab.round_with(verdicts, findings)
}

/// Whether legal edges lead from where the incident stood to where it stands after the step.
fn is_legal(before: Standing, step: &Transition) -> bool {
    let mut causes = step.causes.iter();
    let end = causes.try_fold(before, |from, cause| {
        Edge::of(from, *cause).map(|edge| edge.to)
    });
    !step.causes.is_empty() && end == Some(Standing::of(&step.incident))
}

/// Follows every incident through its steps and holds each against the one before.
#[derive(Default)]
struct Witness {
    known: BTreeMap<Uuid, Incident>,
}

impl Witness {
    fn see(&mut self, told: &[Transition]) {
        let ids: BTreeSet<_> = told.iter().map(|step| step.incident.id).collect();
        assert_eq!(
            ids.len(),
            told.len(),
            "at most one step per incident and round"
        );
        for step in told {
            let after = &step.incident;
            match self.known.get(&after.id) {
                None => {
                    assert!(is_legal(Standing::Candidate, step), "{step:#?}");
                    assert_eq!(
                        (step.kind, step.number, after.status),
                        (Opened, 0, Status::Open)
                    );
                }
                Some(before) => {
                    assert!(
                        is_legal(Standing::of(before), step),
                        "{:?} {:?} {:?}",
                        before.status,
                        step.kind,
                        after.status
                    );
                    assert_eq!(step.number, before.transitions, "numbers have no gaps");
                    assert!(after.severity >= before.severity);
                    assert!(after.cached_until >= before.cached_until);
                    assert!(after.worst_case_until >= before.worst_case_until);
                    assert!(after.names.is_superset(&before.names));
                    assert!(after.resolvers.is_superset(&before.resolvers));
                    assert_eq!(
                        (&after.key, after.opened_at),
                        (&before.key, before.opened_at)
                    );
                }
            }
            assert_eq!(after.transitions, step.number + 1);
            assert!(after.severity >= Severity::Warning && after.observed.len() <= 100);
            assert!(after.opened_at <= after.last_bad_at && !step.reason.is_empty());
            self.known.insert(after.id, after.clone());
        }
    }

    fn open(&self) -> BTreeSet<Uuid> {
        let open = self
            .known
            .values()
            .filter(|one| one.status != Status::Resolved);
        open.map(|one| one.id).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_history_keeps_the_rules_of_incidents_and_ends_once_all_is_clean(
        history in history(),
        telling in telling(),
    ) {
        let (mut lab, mut witness) = (Lab::new(), Witness::default());
        lab.policy.telling = telling;
        for round in &history {
            witness.see(&play(&mut lab, round, 0));
            let keys: BTreeSet<_> = lab.ledger.incidents.iter().map(|one| &one.key).collect();
            prop_assert_eq!(keys.len(), lab.ledger.incidents.len(), "one open incident per key");
            let kept: BTreeSet<_> = lab.ledger.incidents.iter().map(|one| one.id).collect();
            prop_assert_eq!(kept, witness.open(), "what is open was told, what has ended is gone");
            let counts = lab.ledger.candidates.iter().map(|one| (one.key.family, &one.subject));
            prop_assert_eq!(counts.collect::<BTreeSet<_>>().len(), lab.ledger.candidates.len());
        }
        let clean = Round {
            replies: vec![Some((State::Consistent, true, None, 60)); NAMES * RESOLVERS.len()],
            findings: Vec::new(),
            answered: 2,
        };
        for _ in 0..75 {
            witness.see(&play(&mut lab, &clean, 0));
        }
        prop_assert!(lab.ledger.incidents.is_empty(), "{:#?}", lab.ledger.incidents);
        prop_assert!(lab.ledger.candidates.is_empty(), "{:#?}", lab.ledger.candidates);
    }

    #[test]
    fn the_order_within_a_round_changes_nothing(history in history(), seed in any::<u64>()) {
        let (mut one, mut other) = (Lab::new(), Lab::new());
        for round in &history {
            let told = play(&mut one, round, 0);
            prop_assert_eq!(told, play(&mut other, round, seed));
            prop_assert_eq!(&one.ledger, &other.ledger);
        }
    }

    #[test]
    fn quiet_rounds_tell_nothing(history in history()) {
        let mut lab = Lab::new();
        for mut round in history {
            round.findings.clear();
            round.answered = 2;
            for (state, ..) in round.replies.iter_mut().flatten() {
                if super::lab::severity_of(*state) >= Severity::Warning {
                    *state = State::Consistent;
                }
            }
            prop_assert!(play(&mut lab, &round, 0).is_empty());
        }
    }
}
