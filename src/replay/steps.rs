//! The steps of one session in their order: which replies were taken in, which round was judged.
//!
//! Rounds of several groups, and two of one group, overlap; their steps are numbered over all of them. Deliberately absent:
//! doing what a step says.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    store::{
        Store, StoreError,
        replay::{HeardRound, SessionId},
    },
    types::Observation,
};

/// Rounds read at once: what they heard is held in memory.
const ROUNDS: i64 = 20;

/// One change of the history, or one judgement by it.
#[derive(Debug)]
pub(super) enum Step {
    /// Replies were taken in. A longer silence before one than this ends a run.
    Hear(Vec<Observation>, Duration),
    /// A round was judged.
    Judge(Box<HeardRound>),
}

/// The steps of a session that lie ahead.
#[derive(Debug)]
pub(super) struct Steps {
    session: SessionId,
    /// The last step taken.
    last: i64,
    /// Where they begin: replies of a round that was judged later may have been taken in before.
    begin: i64,
    /// The first steps of the rounds read so far.
    read: i64,
    is_all: bool,
    ahead: BTreeMap<i64, Step>,
}

impl Steps {
    pub(super) fn after(session: SessionId, step: i64) -> Self {
        Self {
            session,
            last: step,
            begin: step,
            read: 0,
            is_all: false,
            ahead: BTreeMap::new(),
        }
    }

    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// The next step, and whether it follows the last one; `None` at the end of the session.
    pub(super) async fn next(
        &mut self,
        store: &Store,
        vantage: &str,
    ) -> Result<Option<(Step, bool)>, StoreError> {
        // Beyond the first steps of what was read, another round may have had its own.
        while !self.is_all
            && self
                .ahead
                .keys()
                .next()
                .is_none_or(|step| *step > self.read)
        {
            self.read_on(store, vantage).await?;
        }
        let Some((number, step)) = self.ahead.pop_first() else {
            return Ok(None);
        };
        let is_next = number == self.last + 1;
        self.last = number;
        Ok(Some((step, is_next)))
    }

    async fn read_on(&mut self, store: &Store, vantage: &str) -> Result<(), StoreError> {
        let after = [self.read, self.begin];
        let rounds = store.rounds_after(self.session, after, ROUNDS).await?;
        self.is_all = rounds.len() < usize::try_from(ROUNDS).unwrap_or(0);
        for round in store.heard(vantage, rounds).await? {
            self.read = self.read.max(round.round.batches.first.0);
            self.add(round);
        }
        Ok(())
    }

    fn add(&mut self, heard: HeardRound) {
        let batches = heard.round.batches;
        let gap = heard.round.context.setting.longest_gap();
        let again = batches.again.map(|(step, _)| (step, &heard.again));
        for (step, replies) in [(batches.first.0, &heard.first)].into_iter().chain(again) {
            if step > self.begin {
                self.ahead.insert(step, Step::Hear(replies.clone(), gap));
            }
        }
        let judged = heard.round.judged_step;
        self.ahead.insert(judged, Step::Judge(Box::new(heard)));
    }
}
