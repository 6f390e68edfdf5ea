//! What must hold in every world: honest caches are never accused and nobody is told anything, and deadlines are exact.
//!
//! Deliberately absent: anything dishonest.

use std::{cell::RefCell, collections::BTreeMap};

use chrono::{DateTime, Utc};

use proptest::{prelude::*, test_runner::TestCaseResult};

use super::{
    Tally, hold,
    simulator::{Dice, Simulation, answers, begin, heard},
};
use crate::{
    audit::{
        finding::FindingKind,
        history::EPSILON,
        incident::Transition,
        testing::{NAME, Round, Scene, data, says, secs, server},
        verdict::{Family, State, Verdict},
    },
    types::{Observation, Question, Severity, Source, SourceKind, Value},
};

pub(super) const ROUNDS: i64 = 60;

/// Worlds in which an honest cache was once accused.
const KNOWN: [u64; 10] = [
    7_668_855_852_332_227_666,
    2_272,
    4_089,
    6_442,
    9_949,
    13_158,
    14_251,
    14_415,
    17_604,
    8_667_373_938_720_617_547,
];

pub(super) fn assert_no_accusation(verdict: &Verdict) -> TestCaseResult {
    let innocent = [
        State::Consistent,
        State::Propagating,
        State::PropagatingLong,
        State::Unexplained,
    ];
    for sample in &verdict.samples {
        prop_assert!(innocent.contains(&sample.state), "{verdict:#?}");
    }
    Ok(())
}

fn assert_innocent(verdict: &Verdict) -> TestCaseResult {
    assert_no_accusation(verdict)?;
    // A value fetched between the second askings is not believed, and not told.
    prop_assert!(
        verdict.state != State::Unexplained || verdict.severity == Severity::None,
        "{verdict:#?}"
    );
    Ok(())
}

/// Whom the messages accuse: nobody is at fault but owners who delete their names.
pub(super) fn assert_quiet(told: &[Transition]) -> TestCaseResult {
    for step in told {
        let family = step.incident.key.family;
        let is_owners = family == Family::Finding(FindingKind::NameMissing);
        prop_assert!(is_owners, "{step:#?}");
    }
    Ok(())
}

fn assert_honest(round: &Round) -> TestCaseResult {
    for verdict in &round.verdicts {
        assert_innocent(verdict)?;
    }
    assert_quiet(&round.transitions)
}

/// How an auditor goes about a world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Names are aliases now and then.
    chain: bool,
    /// It restarts at random.
    pub(super) restarts: bool,
    /// Rounds overlap: each is asked again and judged after the next has been asked.
    overlaps: bool,
    caches: Caches,
}

/// How the caches of a resolver answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caches {
    /// In turn, each under its own name or all without one.
    InTurn,
    /// At random, all under the name of their place or all without one.
    OfOnePlace,
}

impl Manner {
    pub(super) const ALL: i64 = 16;

    pub(super) fn of(number: i64) -> Self {
        Self {
            chain: number & 1 > 0,
            restarts: number & 2 > 0,
            overlaps: number & 4 > 0,
            caches: if number & 8 > 0 {
                Caches::OfOnePlace
            } else {
                Caches::InTurn
            },
        }
    }
}

pub(super) fn simulate(seed: u64, manner: Manner) -> RefCell<Simulation> {
    let simulation = Simulation::new(seed, manner.chain);
    RefCell::new(match manner.caches {
        Caches::InTurn => simulation,
        Caches::OfOnePlace => simulation.in_one_place(),
    })
}

/// Watches an honest world for a while.
fn watch(seed: u64, manner: Manner, tally: &mut Tally) -> TestCaseResult {
    let simulation = simulate(seed, manner);
    tally.changes(
        simulation
            .borrow()
            .changes_until(begin() + secs(60 * ROUNDS)),
    );
    let world = answers(&simulation);
    let mut dice = Dice(!seed);
    let mut scene = simulation.borrow().scene();
    let mut heard = scene.ask(begin(), &world);
    for nth in 1..=ROUNDS {
        let (before, now) = (begin() + secs(60 * (nth - 1)), begin() + secs(60 * nth));
        let round = if manner.overlaps {
            let next = scene.ask(now, &world);
            scene.judge_heard(now, std::mem::replace(&mut heard, next), &world)
        } else {
            let round = scene.judge_heard(before, std::mem::take(&mut heard), &world);
            heard = scene.ask(now, &world);
            round
        };
        tally.round(&scene.observations, &round.verdicts);
        assert_honest(&round)?;
        if manner.restarts && dice.one_in(10) {
            scene = scene.restarted();
        }
    }
    Ok(())
}

/// The ends and TTLs of a value's epochs by the definition, from the raw observations; `None` where it is served now.
pub(super) fn epochs(seen: &[Observation], value: &Value) -> Option<Vec<(DateTime<Utc>, u32)>> {
    let mut servers: BTreeMap<_, Vec<&Observation>> = BTreeMap::new();
    let of_authority = |one: &&Observation| one.source.kind == SourceKind::Authority;
    // Silence says nothing.
    let heard = seen.iter().filter(|one| one.answer.is_data());
    for one in heard.filter(of_authority) {
        servers.entry(one.source.address).or_default().push(one);
    }
    let mut ended = Vec::new();
    for polls in servers.values() {
        let said = |one: &Observation| (one.answer.links[0].value.clone(), one.link_ttl(0));
        for (nth, poll) in polls.iter().enumerate() {
            let (held, theta) = said(poll);
            if held != *value {
                continue;
            }
            let mut later = polls[nth..].iter();
            let next = later.find(|later| said(later) != (held.clone(), theta));
            // Served still, under whatever TTL.
            polls[nth..].iter().find(|later| said(later).0 != held)?;
            ended.extend(next.map(|next| (next.at, theta)));
        }
    }
    Some(ended)
}

/// `D(v)`; `None` where the value is served now.
fn deadline(seen: &[Observation], value: &Value) -> Option<DateTime<Utc>> {
    let epochs = epochs(seen, value)?.into_iter();
    epochs
        .map(|(end, theta)| end + secs(i64::from(theta)))
        .max()
}

/// Everything that authorities and resolvers said, in order.
pub(super) fn record(
    simulation: &RefCell<Simulation>,
    scene: &mut Scene,
    (rounds, tally): (i64, &mut Tally),
) -> Vec<Observation> {
    let mut seen = Vec::new();
    tally.changes(
        simulation
            .borrow()
            .changes_until(begin() + secs(60 * rounds)),
    );
    for nth in 0..rounds {
        let round = scene.round(begin() + secs(60 * nth), &answers(simulation));
        tally.round(&scene.observations, &round.verdicts);
        seen.extend(scene.observations.clone());
    }
    seen
}

pub(super) fn values_of(seen: &[Observation]) -> Vec<Value> {
    let of_authorities = seen
        .iter()
        .filter(|one| one.source.kind == SourceKind::Authority && one.answer.is_data());
    let mut values: Vec<_> = of_authorities
        .map(|one| one.answer.links[0].value.clone())
        .collect();
    values.sort();
    values.dedup();
    values
}

#[test]
fn honest_caches_are_never_accused() {
    hold("honest_caches_are_never_accused", 48, |seed, tally| {
        let manner = Manner::of(Dice(seed).below(Manner::ALL));
        watch(seed, manner, tally)
    });
}

#[test]
fn honest_caches_that_were_accused_once_are_accused_no_more() {
    for (seed, manner) in KNOWN
        .into_iter()
        .flat_map(|seed| (0..Manner::ALL).map(move |one| (seed, Manner::of(one))))
    {
        watch(seed, manner, &mut Tally::default()).unwrap();
    }
}

#[test]
fn a_past_value_is_stale_exactly_after_its_deadline() {
    hold(
        "a_past_value_is_stale_exactly_after_its_deadline",
        48,
        is_past_value_judged,
    );
}

fn is_past_value_judged(world: u64, tally: &mut Tally) -> TestCaseResult {
    let ttl = Dice(!world).below(4_000) as u32;
    let simulation = RefCell::new(Simulation::new(world, false));
    let mut scene = simulation.borrow().scene();
    let seen = record(&simulation, &mut scene, (40, tally));
    // As in a history that is old enough: that nobody knows what came before it excuses nobody.
    scene.history.forget_before(begin() + secs(120));
    for value in values_of(&seen) {
        let now = begin() + secs(60 * 40);
        let sample = data().link(NAME, value.clone(), ttl);
        let replies = |source: &Source, question: &Question, now| match source.kind {
            SourceKind::Authority => heard(&simulation, source, question, now),
            SourceKind::Resolver => sample.clone(),
        };
        let mut scene = scene.clone();
        let round = scene.round(now, &replies);
        tally.round(&scene.observations, &round.verdicts);
        let mut polled = seen.clone();
        polled.extend(scene.observations.iter().cloned());
        let verdict = &round.verdicts[0];
        let Some(deadline) = deadline(&polled, &value) else {
            prop_assert_eq!(verdict.state, State::Consistent, "{:?}", verdict);
            continue;
        };
        let (t, x) = (
            verdict.observed.at,
            verdict.observed.at + secs(i64::from(ttl)),
        );
        prop_assert_eq!(verdict.deadline, Some(deadline), "{:?}", verdict);
        let stale = [
            State::StaleOverdue,
            State::StaleExtended,
            State::StaleDeclared,
        ];
        prop_assert_eq!(
            stale.contains(&verdict.state),
            x > deadline + EPSILON,
            "{:?}",
            verdict
        );
        prop_assert_eq!(
            verdict.state == State::StaleOverdue,
            t > deadline + EPSILON,
            "{:?}",
            verdict
        );
    }
    Ok(())
}

/// Worlds in which a lie was believed once: it repeats the TTL that an honest copy had come down to.
pub(super) const BELIEVED: [u64; 2] = [31_000_219, 31_001_876];

#[test]
fn past_values_that_were_believed_once_are_believed_no_more() {
    for seed in BELIEVED {
        is_past_value_judged(seed, &mut Tally::default()).unwrap();
    }
}

#[test]
fn what_is_served_now_is_consistent_under_any_ttl() {
    hold(
        "what_is_served_now_is_consistent_under_any_ttl",
        48,
        |seed, tally| {
            let mut dice = Dice(!seed);
            let ttl = dice.below(i64::from(u32::MAX)) as u32;
            is_consistent(seed, (ttl, dice.one_in(2)), tally)
        },
    );
}

fn is_consistent(seed: u64, (ttl, is_stale): (u32, bool), tally: &mut Tally) -> TestCaseResult {
    let simulation = RefCell::new(Simulation::new(seed, false));
    let mut scene = simulation.borrow().scene();
    record(&simulation, &mut scene, (20, tally));
    let now = begin() + secs(60 * 20);
    let current = heard(
        &simulation,
        &server("ns1", "192.0.2.1").source(),
        &scene.questions[0].clone(),
        now,
    );
    let mut sample = current.clone();
    for (_, ttls) in &mut sample.links {
        ttls.fill(ttl);
    }
    sample.ede = vec![3; usize::from(is_stale)];
    let round = scene.round(now, &says(current, sample));
    tally.round(&scene.observations, &round.verdicts);
    for verdict in &round.verdicts {
        prop_assert_eq!(verdict.state, State::Consistent);
        prop_assert_eq!(verdict.severity, Severity::None);
    }
    Ok(())
}
