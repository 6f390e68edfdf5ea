//! What it takes to judge recorded rounds again: written with every round, and read back in the order of judgement.
//!
//! ```text
//! begin_session ──► checkpoint 0 ──► round_context, round_context, … ──► checkpoint n ──► round_context, …
//! ```
//!
//! A replay loads the latest checkpoint before the instant it wants and takes the steps after it. Deliberately absent:
//! judging, which is `audit`'s, and telling what differs, which is `replay`'s.

mod checkpoint;
mod context;
mod held;
mod recorded;
mod rounds;
pub mod stored;

use chrono::{DateTime, Utc};

use crate::{
    audit::{context::RoundContext, history::History, ledger::Ledger},
    types::Observation,
};
pub use held::HeldQuery;
pub use recorded::{Recorded, RecordedFinding, RecordedStep, RecordedVerdict};
pub use rounds::{HeardRound, JudgedAt, StoredRound};

/// One run of the service at a vantage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(super) i64);

/// A session, and when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its key.
    pub id: SessionId,
    /// When the service had read its history.
    pub started_at: DateTime<Utc>,
}

/// The whole history in memory as it stood after a step.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The step of its session; 0 at the start.
    pub step: i64,
    /// When.
    pub taken_at: DateTime<Utc>,
    /// The history.
    pub history: History,
}

/// At which steps a round's replies were taken in, and which are which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    /// The step of the replies to the first asking, and how many they were.
    pub first: (i64, usize),
    /// The last receipt among them: later replies came by asking again. `None` where there were none.
    pub until: Option<DateTime<Utc>>,
    /// The step of the replies to asking again, and how many they were; `None` where nothing was asked again.
    pub again: Option<(i64, usize)>,
}

impl Batches {
    /// Replies in order of receipt, taken in at `step`; nothing asked again yet.
    pub fn first(step: i64, observations: &[Observation]) -> Self {
        Self {
            first: (step, observations.len()),
            until: observations.last().map(|last| last.at),
            again: None,
        }
    }
}

/// How a round was judged, to be recorded before its observations.
#[derive(Debug, Clone, Copy)]
pub struct NewContext<'a> {
    /// The process that judged it.
    pub session: SessionId,
    /// When its replies were taken in.
    pub batches: Batches,
    /// The step at which it was judged.
    pub judged_step: i64,
    /// The instant of judgement.
    pub judged_at: DateTime<Utc>,
    /// By what.
    pub context: &'a RoundContext,
    /// The ledger as it was read, where the group's round before did not leave it so.
    pub ledger: Option<&'a Ledger>,
}
