//! What must hold in every world: honest caches are never accused and nobody is told anything, deadlines are exact, order
//! does not matter, and a restart forgets nothing. `PROPTEST_CASES` raises the number of worlds.

use std::{cell::RefCell, collections::BTreeMap};

use chrono::{DateTime, Utc};

use proptest::prelude::*;

use super::simulator::{Dice, Simulation, answers, begin, heard};
use crate::{
    audit::{
        finding::FindingKind,
        history::EPSILON,
        incident::Transition,
        judge::judge_round,
        testing::{NAME, Round, Scene, data, observe, says, secs, server},
        verdict::{Family, State, Verdict, VerdictFlag},
    },
    types::{Observation, Question, Severity, Source, SourceKind, Value},
};

const ROUNDS: i64 = 60;

/// So many worlds, or as many as `PROPTEST_CASES` says.
pub(super) fn worlds(usual: u32) -> ProptestConfig {
    if std::env::var_os("PROPTEST_CASES").is_some() {
        ProptestConfig::default()
    } else {
        ProptestConfig::with_cases(usual)
    }
}

fn assert_innocent(verdict: &Verdict) -> Result<(), TestCaseError> {
    let innocent = [
        State::Consistent,
        State::Propagating,
        State::PropagatingLong,
        State::Unexplained,
    ];
    for sample in &verdict.samples {
        prop_assert!(innocent.contains(&sample.state), "{verdict:#?}");
    }
    // A value fetched between the second askings is not believed, and not told.
    prop_assert!(
        verdict.state != State::Unexplained || verdict.severity == Severity::None,
        "{verdict:#?}"
    );
    Ok(())
}

/// Whom the messages accuse: nobody is at fault but owners who delete their names.
fn assert_quiet(told: &[Transition]) -> Result<(), TestCaseError> {
    for step in told {
        let family = step.incident.key.family;
        let is_owners = family == Family::Finding(FindingKind::NameMissing);
        prop_assert!(is_owners, "{step:#?}");
    }
    Ok(())
}

fn assert_honest(round: &Round) -> Result<(), TestCaseError> {
    for verdict in &round.verdicts {
        assert_innocent(verdict)?;
    }
    assert_quiet(&round.transitions)
}

/// How an auditor goes about a world.
#[derive(Debug, Clone, Copy)]
struct Manner {
    /// It restarts at random.
    restarts: bool,
    /// Rounds overlap: each is asked again and judged after the next has been asked.
    overlaps: bool,
}

/// Watches an honest world for a while.
fn watch(seed: u64, chain: bool, manner: Manner) -> Result<(), TestCaseError> {
    let simulation = RefCell::new(Simulation::new(seed, chain));
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
    rounds: i64,
) -> Vec<Observation> {
    let mut seen = Vec::new();
    for nth in 0..rounds {
        scene.round(begin() + secs(60 * nth), &answers(simulation));
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

/// What a verdict says, without what only a whole chain's TTLs could tell after a restart.
fn essence(verdict: &Verdict) -> String {
    format!(
        "{:?} {} {} {:?} {:?} {:?} {:?}",
        verdict.resolver,
        verdict.state,
        verdict.severity,
        verdict.flags,
        verdict.deadline,
        verdict.worst_case_until,
        verdict.baseline
    )
}

/// Verdicts without the remark on a cap: what was learned of it depends on the order of receipt.
fn without_what_was_learned(mut verdicts: Vec<Verdict>) -> Vec<Verdict> {
    for verdict in &mut verdicts {
        verdict.flags.retain(|flag| *flag != VerdictFlag::Capped);
        let told = verdict.reason.split("; this resolver keeps nothing").next();
        verdict.reason = told.unwrap_or_default().to_owned();
    }
    verdicts
}

proptest! {
    #![proptest_config(worlds(48))]

    #[test]
    fn honest_caches_are_never_accused(seed: u64, chain: bool, restarts: bool, overlaps: bool) {
        watch(seed, chain, Manner { restarts, overlaps })?;
    }

    #[test]
    fn a_past_value_is_stale_exactly_after_its_deadline(seed: u64, ttl in 0..4_000_u32) {
        let simulation = RefCell::new(Simulation::new(seed, false));
        let mut scene = simulation.borrow().scene();
        let seen = record(&simulation, &mut scene, 40);
        for value in values_of(&seen) {
            let now = begin() + secs(60 * 40);
            let sample = data().link(NAME, value.clone(), ttl);
            let world = |source: &Source, question: &Question, now| match source.kind {
                SourceKind::Authority => heard(&simulation, source, question, now),
                SourceKind::Resolver => sample.clone(),
            };
            let mut scene = scene.clone();
            let round = scene.round(now, &world);
            let mut polled = seen.clone();
            polled.extend(scene.observations.iter().cloned());
            let verdict = &round.verdicts[0];
            let Some(deadline) = deadline(&polled, &value) else {
                prop_assert_eq!(verdict.state, State::Consistent, "{:?}", verdict);
                continue;
            };
            let (t, x) = (verdict.observed.at, verdict.observed.at + secs(i64::from(ttl)));
            prop_assert_eq!(verdict.deadline, Some(deadline), "{:?}", verdict);
            let stale = [State::StaleOverdue, State::StaleExtended, State::StaleDeclared];
            prop_assert_eq!(stale.contains(&verdict.state), x > deadline + EPSILON, "{:?}", verdict);
            prop_assert_eq!(verdict.state == State::StaleOverdue, t > deadline + EPSILON, "{:?}", verdict);
        }
    }

    #[test]
    fn what_is_served_now_is_consistent_under_any_ttl(seed: u64, ttl: u32, ede in 0..2_u16) {
        let simulation = RefCell::new(Simulation::new(seed, false));
        let mut scene = simulation.borrow().scene();
        record(&simulation, &mut scene, 20);
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
        sample.ede = vec![3; usize::from(ede)];
        let round = scene.round(now, &says(current, sample));
        for verdict in &round.verdicts {
            prop_assert_eq!(verdict.state, State::Consistent);
            prop_assert_eq!(verdict.severity, Severity::None);
        }
    }

    #[test]
    fn the_order_of_records_servers_and_observations_changes_nothing(seed: u64, order: u64) {
        let simulation = RefCell::new(Simulation::new(seed, true));
        let mut scene = simulation.borrow().scene();
        let mut shuffled = scene.clone();
        let mut dice = Dice(order);
        for nth in 0..30 {
            let now = begin() + secs(60 * nth);
            let world = answers(&simulation);
            let mut round = Vec::new();
            for question in &scene.questions {
                let zone = scene.zones.zone_of(&question.name).unwrap();
                for server in &zone.servers {
                    let source = server.source();
                    round.push(observe(&source, question, now, &world(&source, question, now)));
                }
                for source in scene.resolvers.iter().flat_map(|one| one.sources()) {
                    round.push(observe(&source, question, now, &world(&source, question, now)));
                }
            }
            let mut other = round.clone();
            for at in (1..other.len()).rev() {
                other.swap(at, dice.below(at.cast_signed() as i64 + 1) as usize);
            }
            scene.absorb(&round);
            shuffled.absorb(&other);
            let expected = judge_round(&scene.history, &scene.input(now, &round));
            let found = judge_round(&shuffled.history, &shuffled.input(now, &other));
            // What a fetch shows of a cap is learned by what the authority said before it.
            let [expected, found] = [expected, found].map(without_what_was_learned);
            prop_assert_eq!(expected, found);
        }
    }

    #[test]
    fn a_restart_changes_no_verdict(seed: u64, chain: bool, rounds in 1..50_i64) {
        let simulation = RefCell::new(Simulation::new(seed, chain));
        let mut scene = simulation.borrow().scene();
        record(&simulation, &mut scene, rounds);
        let mut restarted = scene.restarted();
        for nth in rounds..rounds + 5 {
            let again = RefCell::new(simulation.borrow().clone());
            let now = begin() + secs(60 * nth);
            let expected = scene.round(now, &answers(&simulation));
            let found = restarted.round(now, &answers(&again));
            let mut verdicts = [expected.verdicts, found.verdicts];
            if chain {
                // A fetch that fell into the restart was not seen as closely.
                verdicts = verdicts.map(without_what_was_learned);
            }
            let [expected, found] = verdicts;
            let essences = |verdicts: &[Verdict]| verdicts.iter().map(essence).collect::<Vec<_>>();
            prop_assert_eq!(essences(&expected), essences(&found));
            if !chain {
                prop_assert_eq!(expected, found);
            }
        }
    }
}
