//! What changes no verdict in any world: the order in which things are heard, and a restart.
//!
//! Deliberately absent: whether the verdicts are right.

use std::cell::RefCell;

use chrono::{DateTime, Utc};
use proptest::{prelude::*, test_runner::TestCaseResult};

use super::{
    Tally, hold,
    properties::record,
    simulator::{Dice, Simulation, answers, begin},
};
use crate::{
    audit::{
        evidence::Baseline,
        judge::judge_round,
        testing::{Scene, observe, secs},
        verdict::{Verdict, VerdictFlag},
    },
    types::{AuthorityServer, Observation},
};

/// What a verdict says, without what only a whole chain's TTLs could tell after a restart, its baseline's among them: every
/// run that leads over a link takes a TTL for one that was counted down by itself.
fn essence(verdict: &Verdict) -> String {
    let baseline = verdict.baseline.clone();
    let baseline = baseline.map(|baseline| Baseline {
        ttl: None,
        ..baseline
    });
    format!(
        "{:?} {} {} {:?} {:?} {:?} {:?}",
        verdict.resolver,
        verdict.state,
        verdict.severity,
        verdict.flags,
        verdict.deadline,
        verdict.worst_case_until,
        baseline
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

/// Verdicts without the remark on a constant TTL, and without the expiry that such a TTL does not tell, on the left of what is
/// compared: a stored run does not tell how often the last TTL of several was repeated.
fn without_repetition(mut verdicts: Vec<Verdict>) -> Vec<Verdict> {
    for verdict in &mut verdicts {
        let flags = &mut verdict.flags;
        flags.retain(|flag| *flag != VerdictFlag::ConstantTtl);
        if let Some((_, deadline)) = verdict.reason.split_once(" <= ") {
            verdict.reason = deadline.to_owned();
        }
    }
    verdicts
}

#[test]
fn the_order_of_records_servers_and_observations_changes_nothing() {
    hold(
        "the_order_of_records_servers_and_observations_changes_nothing",
        48,
        |seed, tally| is_one_in_any_order(seed, Dice(!seed), tally),
    );
}

fn is_one_in_any_order(seed: u64, mut order: Dice, tally: &mut Tally) -> TestCaseResult {
    let simulation = RefCell::new(Simulation::new(seed, true));
    tally.changes(simulation.borrow().changes_until(begin() + secs(60 * 30)));
    let mut scene = simulation.borrow().scene();
    let mut shuffled = scene.clone();
    for nth in 0..30 {
        let now = begin() + secs(60 * nth);
        let round = asked_once(&scene, &simulation, now);
        let mut other = round.clone();
        for at in (1..other.len()).rev() {
            other.swap(at, order.below(at.cast_signed() as i64 + 1) as usize);
        }
        scene.absorb(&round);
        shuffled.absorb(&other);
        let expected = judge_round(&scene.history, &scene.input(now, &round));
        let found = judge_round(&shuffled.history, &shuffled.input(now, &other));
        tally.round(&round, &expected);
        // What a fetch shows of a cap is learned by what the authority said before it.
        let [expected, found] = [expected, found].map(without_what_was_learned);
        prop_assert_eq!(expected, found);
    }
    Ok(())
}

/// Every question put once to every source.
fn asked_once(
    scene: &Scene,
    simulation: &RefCell<Simulation>,
    now: DateTime<Utc>,
) -> Vec<Observation> {
    let world = answers(simulation);
    let mut round = Vec::new();
    for question in &scene.questions {
        let zone = scene.zones.zone_of(&question.name).unwrap();
        let servers = zone.servers.iter().map(AuthorityServer::source);
        let resolvers = scene.resolvers.iter().flat_map(|one| one.sources());
        for source in servers.chain(resolvers) {
            round.push(observe(
                &source,
                question,
                now,
                &world(&source, question, now),
            ));
        }
    }
    round
}

#[test]
fn a_restart_changes_no_verdict() {
    hold("a_restart_changes_no_verdict", 48, |seed, tally| {
        let mut dice = Dice(!seed);
        let (chain, rounds) = (dice.one_in(2), 1 + dice.below(49));
        is_the_same_after_a_restart(seed, (chain, rounds), tally)
    });
}

fn is_the_same_after_a_restart(
    seed: u64,
    (chain, rounds): (bool, i64),
    tally: &mut Tally,
) -> TestCaseResult {
    let simulation = RefCell::new(Simulation::new(seed, chain));
    let mut scene = simulation.borrow().scene();
    record(&simulation, &mut scene, (rounds, tally));
    let mut restarted = scene.restarted();
    for nth in rounds..rounds + 5 {
        let again = RefCell::new(simulation.borrow().clone());
        let now = begin() + secs(60 * nth);
        let expected = scene.round(now, &answers(&simulation));
        let found = restarted.round(now, &answers(&again));
        tally.round(&restarted.observations, &found.verdicts);
        let mut verdicts = [expected.verdicts, found.verdicts].map(without_repetition);
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
    Ok(())
}
