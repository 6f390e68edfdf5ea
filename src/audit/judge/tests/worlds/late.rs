//! What must hold where a watch begins in the midst of a world, when caches hold what nobody watched.
//!
//! Deliberately absent: anything dishonest.

use proptest::{prelude::*, test_runner::TestCaseResult};

use super::{
    Tally, hold,
    properties::{Manner, assert_no_accusation, simulate},
    simulator::{Dice, answers, begin},
};
use crate::{
    audit::{finding::FindingKind, incident::Transition, testing::secs, verdict::Family},
    types::Severity,
};

/// So many rounds a world goes on before a watch that begins late, and that watch: until every cache was met, and longer.
const LATE: [i64; 2] = [30, 90];

/// What is told: that something cannot be explained, or takes long, and what owners do.
fn assert_nobody_is_accused(told: &[Transition]) -> TestCaseResult {
    for step in told {
        let incident = &step.incident;
        let is_accusation = match incident.key.family {
            Family::Value => incident.severity > Severity::Warning,
            family => family != Family::Finding(FindingKind::NameMissing),
        };
        prop_assert!(!is_accusation, "{step:#?}");
    }
    Ok(())
}

/// Begins to watch an honest world.
fn watch_late(seed: u64, manner: Manner, tally: &mut Tally) -> TestCaseResult {
    let simulation = simulate(seed, manner);
    let world = answers(&simulation);
    let [before, rounds] = LATE;
    let at = |nth| begin() + secs(60 * nth);
    let mut others = simulation.borrow().scene();
    for nth in 0..before {
        others.ask(at(nth), &world);
    }
    tally.changes(simulation.borrow().changes_until(at(before + rounds)));
    let mut dice = Dice(!seed);
    let mut scene = simulation.borrow().scene();
    for nth in before..before + rounds {
        let round = scene.round(at(nth), &world);
        tally.round(&scene.observations, &round.verdicts);
        for verdict in &round.verdicts {
            assert_no_accusation(verdict)?;
        }
        assert_nobody_is_accused(&round.transitions)?;
        if manner.restarts && dice.one_in(10) {
            scene = scene.restarted();
        }
    }
    Ok(())
}

#[test]
fn a_watch_that_begins_late_accuses_no_older_copy() {
    hold(
        "a_watch_that_begins_late_accuses_no_older_copy",
        32,
        |seed, tally| {
            let manner = Manner::of(Dice(seed).below(Manner::ALL));
            watch_late(seed, manner, tally)
        },
    );
}
