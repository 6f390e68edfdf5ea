//! Holds a property in many random worlds, and says what they came to: `CASES` worlds from the one of `SEED` on, or as many as
//! are usual from one that nobody chose.
//!
//! Deliberately absent: what must hold.
#![expect(clippy::print_stdout, reason = "the count is what a long run is for")]

mod caught;
mod late;
mod properties;
mod same;
mod simulator;
mod strangers;

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
};

use proptest::test_runner::TestCaseResult;

use crate::{audit::verdict::Verdict, types::Observation};

/// What the worlds of one property came to.
#[derive(Debug, Default)]
struct Tally {
    worlds: u64,
    rounds: u64,
    /// Replies of authorities and resolvers that were taken in.
    polls: u64,
    /// Replies of resolvers that were judged.
    judged: u64,
    /// Changes of a value or a TTL at the authorities while they were watched.
    changes: u64,
    wrong: Vec<u64>,
}

impl Tally {
    /// A round took these in, and gave these verdicts.
    fn round(&mut self, taken_in: &[Observation], verdicts: &[Verdict]) {
        self.rounds += 1;
        self.polls += taken_in.len() as u64;
        let judged = verdicts.iter().map(|verdict| verdict.samples.len() as u64);
        self.judged += judged.sum::<u64>();
    }

    fn changes(&mut self, changes: usize) {
        self.changes += changes as u64;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            worlds,
            rounds,
            polls,
            judged,
            changes,
            wrong,
        } = self;
        write!(
            f,
            "{worlds} worlds, {rounds} rounds, {polls} polls, {judged} replies judged, {changes} changes, {} wrong",
            wrong.len()
        )
    }
}

/// Says which world a panic happened in.
struct Witness<'a>(&'a str, u64);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("properties: {}: SEED={} panicked", self.0, self.1);
        }
    }
}

/// Goes through every world, also after one in which the property did not hold; then fails.
fn hold(property: &str, usual: u64, mut holds: impl FnMut(u64, &mut Tally) -> TestCaseResult) {
    let first = setting("SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let mut tally = Tally::default();
    for nth in 0..setting("CASES").unwrap_or(usual) {
        let seed = first.wrapping_add(nth);
        let witness = Witness(property, seed);
        tally.worlds += 1;
        if let Err(why) = holds(seed, &mut tally) {
            println!("properties: {property}: SEED={seed}: {why}");
            tally.wrong.push(seed);
        }
        drop(witness);
    }
    println!("properties: {property}: {tally}; SEED={first}");
    assert!(tally.wrong.is_empty(), "{property}: {:?}", tally.wrong);
}

fn setting(name: &str) -> Option<u64> {
    let said = std::env::var(name).ok().filter(|said| !said.is_empty())?;
    Some(said.parse().unwrap())
}
