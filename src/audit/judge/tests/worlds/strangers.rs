//! Worlds in which somebody on the way answers in everybody's place for a while: nobody is blamed for what he never said.
//!
//! Deliberately absent: worlds without strangers (`properties`).

use std::cell::RefCell;

use proptest::{prelude::*, test_runner::TestCaseResult};

use super::{
    Tally, hold,
    properties::{ROUNDS, assert_quiet},
    simulator::{Dice, Simulation, answers, begin},
};
use crate::{
    audit::{
        evidence::Observed,
        finding::FindingKind,
        incident::Transition,
        testing::{ALIEN, Round, secs},
        verdict::Family,
    },
    types::Severity,
};

/// No verdict, and no message but the one of the path itself, rests on a lie.
fn assert_no_lie_counts(round: &Round) -> TestCaseResult {
    let is_lie = |seen: &Observed| seen.records == [ALIEN];
    for verdict in round.verdicts.iter().filter(|one| is_lie(&one.observed)) {
        // Where his last word and the first of whom was asked fall into one round, it is not believed.
        let is_believed = verdict.severity > Severity::None && verdict.confirmed;
        prop_assert!(!is_believed, "{verdict:#?}");
    }
    for incident in round.transitions.iter().map(|step| &step.incident) {
        let is_path = incident.key.family == Family::Finding(FindingKind::PathIntercepted);
        prop_assert!(
            is_path || !incident.observed.iter().any(is_lie),
            "{incident:#?}"
        );
    }
    Ok(())
}

/// Of others nothing is told, and of the path only what it is.
fn assert_only_the_path(told: &[Transition]) -> TestCaseResult {
    for step in told {
        if step.incident.key.family != Family::Finding(FindingKind::PathIntercepted) {
            assert_quiet(std::slice::from_ref(step))?;
        }
    }
    Ok(())
}

#[test]
fn what_a_stranger_on_the_way_says_is_held_against_nobody() {
    hold(
        "what_a_stranger_on_the_way_says_is_held_against_nobody",
        48,
        |seed, tally| {
            let mut dice = Dice(seed);
            let (chain, restarts) = (dice.one_in(2), dice.one_in(2));
            is_held_against_nobody(seed, (chain, restarts), tally)
        },
    );
}

fn is_held_against_nobody(
    seed: u64,
    (chain, restarts): (bool, bool),
    tally: &mut Tally,
) -> TestCaseResult {
    let simulation = RefCell::new(Simulation::new(seed, chain).with_strangers());
    tally.changes(
        simulation
            .borrow()
            .changes_until(begin() + secs(60 * ROUNDS)),
    );
    let world = answers(&simulation);
    let mut dice = Dice(!seed);
    let mut scene = simulation.borrow().scene();
    for nth in 0..ROUNDS {
        let now = begin() + secs(60 * nth);
        let round = scene.round(now, &world);
        tally.round(&scene.observations, &round.verdicts);
        assert_no_lie_counts(&round)?;
        // What was served unseen while nobody was heard, honest caches hold after it.
        if !simulation.borrow().was_intercepted(now) {
            assert_only_the_path(&round.transitions)?;
        }
        if restarts && dice.one_in(10) {
            scene = scene.restarted();
        }
    }
    Ok(())
}
