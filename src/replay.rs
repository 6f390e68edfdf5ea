//! Judges recorded rounds again, by today's rules, from what was stored of them.
//!
//! Every round's replies are taken in and judged at the steps at which the service did so, by the context that was
//! recorded with it; a restart of the service is one here, too. While nothing is missing the verdicts, findings and steps
//! are those that were stored, octet by octet, unless the rules have changed since ([`verify`] says so). On that
//! stand [`explain`] and [`backtest`]; [`what_if`] needs spans only. [`postmortem`] puts together what is known of an incident.
//!
//! Deliberately absent: writing anything, and any reading of a clock.

pub mod backtest;
pub mod explain;
pub mod postmortem;
mod steps;
pub mod verify;
pub mod what_if;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        context::{self, Place},
        history::History,
        ledger::Ledger,
        round::Conclusion,
    },
    store::{
        Store, StoreError,
        replay::{Session, StoredRound},
    },
    types::Observation,
};
use steps::{Step, Steps};

/// A replay under way.
#[derive(Debug)]
pub struct Replay<'a> {
    store: &'a Store,
    vantage: String,
    /// The sessions that are still to come, the next one last.
    later: Vec<Session>,
    steps: Steps,
    history: History,
    ledgers: HashMap<String, Ledger>,
    /// What the last judgement no longer needs is dropped before the next step: whoever explains it looks at this history.
    forget: Option<DateTime<Utc>>,
    /// The checkpoints of the session that lie ahead, by step.
    checkpoints: BTreeMap<i64, DateTime<Utc>>,
    is_exact: bool,
}

/// A round, judged again.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// As it was recorded.
    pub round: StoredRound,
    /// Everything it heard, in order of receipt.
    pub observations: Vec<Observation>,
    /// How many of them came before anything was asked again.
    pub first: usize,
    /// The ledger before it.
    pub before: Ledger,
    /// What it comes to.
    pub conclusion: Conclusion,
    /// Whether nothing was missing that the service knew when it judged.
    pub is_exact: bool,
}

impl<'a> Replay<'a> {
    /// Begins at the latest checkpoint that was taken at or before `at`, or at the first one there is; `None` where the
    /// vantage has none.
    pub async fn begin(
        store: &'a Store,
        vantage: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<Self>, StoreError> {
        let mut later = store.sessions(vantage).await?;
        let under_way = later.iter().rposition(|one| one.started_at <= at);
        let mut later = later.split_off(under_way.unwrap_or(0));
        if later.is_empty() {
            return Ok(None);
        }
        let session = later.remove(0);
        later.reverse();
        let checkpoints = store.checkpoints(session.id).await?;
        let begin = checkpoints.iter().rfind(|(_, taken_at)| *taken_at <= at);
        let begin = begin.or(checkpoints.first()).map_or(0, |(step, _)| *step);
        let mut replay = Self::new(store, vantage, later, session);
        replay.enter(session, begin).await?;
        Ok(Some(replay))
    }

    /// Begins so that the round which was first heard at `step` of a session is still to come.
    pub async fn before(
        store: &'a Store,
        vantage: &str,
        session: Session,
        step: i64,
    ) -> Result<Self, StoreError> {
        let checkpoints = store.checkpoints(session.id).await?;
        let begin = checkpoints.iter().rfind(|(taken, _)| *taken < step);
        let begin = begin.map_or(0, |(step, _)| *step);
        let mut replay = Self::new(store, vantage, Vec::new(), session);
        replay.enter(session, begin).await?;
        Ok(replay)
    }

    fn new(store: &'a Store, vantage: &str, later: Vec<Session>, first: Session) -> Self {
        Self {
            store,
            vantage: vantage.to_owned(),
            later,
            steps: Steps::after(first.id, 0),
            history: History::default(),
            ledgers: HashMap::new(),
            forget: None,
            checkpoints: BTreeMap::new(),
            is_exact: true,
        }
    }

    /// Takes up a session after one of its checkpoints.
    async fn enter(&mut self, session: Session, step: i64) -> Result<(), StoreError> {
        let checkpoints = self.store.checkpoints(session.id).await?;
        let ahead = checkpoints.into_iter().filter(|(at, _)| *at > step);
        self.checkpoints = ahead.collect();
        self.steps = Steps::after(session.id, step);
        self.ledgers.clear();
        self.load(step).await
    }

    /// Puts the history of a checkpoint in the place of this one.
    async fn load(&mut self, step: i64) -> Result<(), StoreError> {
        let history = self.store.checkpoint(self.steps.session(), step).await?;
        self.is_exact = history.is_some();
        self.history = history.unwrap_or_default();
        self.forget = None;
        Ok(())
    }

    /// The history as the round that came last was judged by.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The ledgers of the groups, as the rounds so far left them.
    pub fn ledgers(&self) -> &HashMap<String, Ledger> {
        &self.ledgers
    }

    /// The next round, judged again; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Replayed>, StoreError> {
        loop {
            if let Some(now) = self.forget.take() {
                self.history.forget_before(now - context::REMEMBERED);
            }
            self.begin_anew_if_inexact().await?;
            let Some((step, is_next)) = self.steps.next(self.store, &self.vantage).await? else {
                let Some(session) = self.later.pop() else {
                    return Ok(None);
                };
                self.enter(session, 0).await?;
                continue;
            };
            self.is_exact &= is_next;
            match step {
                Step::Hear(replies, gap) => {
                    context::absorb(&mut self.history, gap, &replies);
                }
                Step::Judge(heard) => {
                    self.is_exact &= heard.is_whole();
                    let first = heard.first.len();
                    let observations = [heard.first, heard.again].concat();
                    return Ok(Some(self.judge(heard.round, observations, first)));
                }
            }
        }
    }

    /// Where something is missing, a checkpoint mends it.
    async fn begin_anew_if_inexact(&mut self) -> Result<(), StoreError> {
        let reached = self.steps.last();
        let passed = self.checkpoints.range(..=reached).map(|(step, _)| *step);
        let passed: Vec<i64> = passed.collect();
        for step in &passed {
            self.checkpoints.remove(step);
        }
        if let Some(step) = passed.last()
            && *step == reached
            && !self.is_exact
        {
            self.load(*step).await?;
        }
        Ok(())
    }

    fn judge(
        &mut self,
        round: StoredRound,
        observations: Vec<Observation>,
        first: usize,
    ) -> Replayed {
        let now = round.judged_at;
        let known = self.ledgers.get(&round.group);
        let before = round.ledger.as_ref().or(known).cloned();
        let before = before.unwrap_or_default();
        let mut ledger = before.clone();
        let place = Place {
            vantage: &self.vantage,
            group: &round.group,
            now,
        };
        let context = &round.context;
        let conclusion = context.conclude(&self.history, &mut ledger, &observations, place);
        // What an unfinished round decided was never written, nor read by the next.
        if round.is_finished {
            self.ledgers.insert(round.group.clone(), ledger);
        }
        self.forget = Some(now);
        Replayed {
            round,
            observations,
            first,
            before,
            conclusion,
            is_exact: self.is_exact,
        }
    }
}
