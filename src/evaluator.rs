//! One round of one group, from its questions to its recorded judgement.
//!
//! [`asking`] puts the questions, `audit` judges, `store` records; this module is the order in which that happens.
//! Deliberately absent: when a round is due (`scheduler`) and how a step is told (`dispatcher`).

pub mod asking;
pub mod messages;

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use crate::{
    audit::{
        finding::Finding,
        findings,
        history::{History, SpanChange},
        judge::{self, RoundInput},
        ledger::{self, AuthorityReach, Judgement, Ledger},
        verdict::{Family, State, Verdict},
    },
    config::{Config, Group},
    metrics::{Metrics, RoundReport},
    store::{RoundId, RoundOutcome, Store, StoreError, patience::insist},
    types::{Observation, Question, Severity},
};
use asking::{Asked, Asker};

/// How far back spans are read at start, beyond what any deadline can need.
const RESTORED_HISTORY: TimeDelta = TimeDelta::days(8);

/// Observations recorded in one transaction.
const CHUNK: usize = 2_000;

/// How long one step of a round is tried to be recorded while the database is away. Later ticks are missed meanwhile.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs rounds. One for the whole service.
pub struct Evaluator {
    config: Arc<Config>,
    asker: Asker,
    store: Store,
    metrics: Arc<Metrics>,
    /// Shared by all groups, since links are: locked for moments, never across an await.
    history: std::sync::Mutex<History>,
}

impl Evaluator {
    /// An evaluator over the service's adapters, with the history that the store holds.
    pub async fn restore(
        config: Arc<Config>,
        asker: Asker,
        store: Store,
        metrics: Arc<Metrics>,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let mut history = History::default();
        let gap = config
            .groups
            .iter()
            .map(|group| longest_gap(group))
            .max()
            .unwrap_or_default();
        history.restore(
            store
                .restore_spans(&config.vantage, now - RESTORED_HISTORY)
                .await?,
            gap,
        );
        Ok(Self {
            config,
            asker,
            store,
            metrics,
            history: std::sync::Mutex::new(history),
        })
    }

    /// Runs the round that was due at `due_at`; `None` where it has run before.
    ///
    /// A database that is away is waited for, a bounded time. An error leaves the incidents as they were before the
    /// round: the next round finds and tells them.
    pub async fn run_round(
        &self,
        group: &Group,
        turn: &Mutex<()>,
        due_at: DateTime<Utc>,
    ) -> Result<Option<RoundReport>, StoreError> {
        let started = Utc::now();
        let (vantage, name) = (&self.config.vantage, &group.name);
        let begun = insist(PATIENCE, |_| {
            self.store.begin_round(vantage, name, due_at, started)
        });
        let Some(round) = begun.await? else {
            return Ok(None);
        };
        let more = suspects(&self.ledger(group).await?);
        let asked = self.asker.ask(group, |question, address| {
            if more.contains(&(question.clone(), address)) {
                3
            } else {
                group.samples
            }
        });
        let asked = asked.await;
        let report = self.judge_and_record(round, group, turn, asked).await?;
        self.metrics
            .round_finished(&group.name, Utc::now() - started, &report);
        Ok(Some(report))
    }

    async fn judge_and_record(
        &self,
        round: RoundId,
        group: &Group,
        turn: &Mutex<()>,
        mut asked: Asked,
    ) -> Result<RoundReport, StoreError> {
        // Rounds of a group may overlap in their asking, never in their judging.
        let _turn = turn.lock().await;
        let mut changes = self.absorb(group, &asked.observations);
        let mut verdicts = judge(&self.history(), group, &asked, Utc::now());
        let again = suspicious(&verdicts);
        if !again.is_empty() {
            let more = self.asker.ask_again(group, &again, &mut asked.zones).await;
            changes.extend(self.absorb(group, &more));
            asked.observations.extend(more);
            verdicts = judge(&self.history(), group, &asked, Utc::now());
        }
        let now = Utc::now();
        let found = findings::find(&self.history(), &input(group, &asked, now), &verdicts);

        // Read afresh each round: a person may have taken or ended an incident, and what could not be recorded is found
        // again by the next round.
        let mut ledger = self.ledger(group).await?;
        let names = group.names.iter().cloned().collect();
        let mut transitions = ledger::retire(&mut ledger, &names, &group.resolvers, now);
        let judgement = Judgement {
            vantage: &self.config.vantage,
            group: &group.name,
            policy: &group.policy,
            verdicts: &verdicts,
            findings: &found,
            authorities: AuthorityReach::of(&asked.observations),
            now,
        };
        transitions.extend(ledger::advance(&mut ledger, &judgement));
        let messages = messages::for_transitions(&self.config, group, &transitions);

        let recorded: Vec<_> = asked.observations.iter().cloned().zip(changes).collect();
        for chunk in recorded.chunks(CHUNK) {
            insist(PATIENCE, |again| self.record(round, chunk, again)).await?;
        }
        let outcome = RoundOutcome {
            verdicts: &verdicts,
            findings: &found,
            ledger: &ledger,
            transitions: &transitions,
            messages: &messages,
            now,
        };
        insist(PATIENCE, |_| self.store.finish_round(round, &outcome)).await?;
        self.history().forget_before(now - RESTORED_HISTORY);
        Ok(RoundReport {
            verdicts,
            findings: found,
            transitions,
            observations: recorded.len(),
        })
    }

    /// Records a chunk; if that was tried before, only where it was in vain.
    async fn record(
        &self,
        round: RoundId,
        chunk: &[(Observation, SpanChange)],
        again: bool,
    ) -> Result<(), StoreError> {
        if again && self.store.is_recorded(round, chunk).await? {
            return Ok(());
        }
        self.store.record(round, chunk).await
    }

    async fn ledger(&self, group: &Group) -> Result<Ledger, StoreError> {
        let vantage = &self.config.vantage;
        insist(PATIENCE, |_| self.store.load_ledger(vantage, &group.name)).await
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn absorb(&self, group: &Group, observations: &[Observation]) -> Vec<SpanChange> {
        absorb(&mut self.history(), group, observations)
    }
}

fn absorb(history: &mut History, group: &Group, observations: &[Observation]) -> Vec<SpanChange> {
    let gap = longest_gap(group);
    observations
        .iter()
        .map(|observation| history.absorb(observation, gap))
        .collect()
}

/// A silence longer than three rounds ends what is known of the time between.
fn longest_gap(group: &Group) -> Duration {
    group.policy.period * 3
}

fn input<'a>(group: &'a Group, asked: &'a Asked, now: DateTime<Utc>) -> RoundInput<'a> {
    RoundInput {
        policy: &group.policy,
        zones: &asked.zones,
        resolvers: &group.resolvers,
        observations: &asked.observations,
        now,
    }
}

fn judge(history: &History, group: &Group, asked: &Asked, now: DateTime<Utc>) -> Vec<Verdict> {
    judge::judge_round(history, &input(group, asked, now))
}

/// What must be asked again before it is believed. A silent `propagating` tells nobody anything, so it is left alone.
fn suspicious(verdicts: &[Verdict]) -> Vec<(Question, SocketAddr)> {
    verdicts
        .iter()
        .filter(|verdict| verdict.state.needs_asking_again())
        .filter(|verdict| verdict.state != State::Propagating || verdict.severity > Severity::None)
        .map(|verdict| (verdict.question.clone(), verdict.observed.source.address))
        .collect()
}

/// The pairs in an open value incident: they are sampled three times a round.
fn suspects(ledger: &Ledger) -> HashSet<(Question, SocketAddr)> {
    ledger
        .incidents
        .iter()
        .filter(|incident| incident.key.family == Family::Value)
        .flat_map(|incident| &incident.observed)
        .map(|observed| (observed.question.clone(), observed.source.address))
        .collect()
}

/// One audit without history, store or incidents: what `check` shows.
pub async fn audit_once(asker: &Asker, group: &Group) -> (Vec<Verdict>, Vec<Finding>) {
    let mut history = History::default();
    let mut round = asker.ask(group, |_, _| group.samples).await;
    absorb(&mut history, group, &round.observations);
    let mut verdicts = judge(&history, group, &round, Utc::now());
    let again = suspicious(&verdicts);
    if !again.is_empty() {
        let more = asker.ask_again(group, &again, &mut round.zones).await;
        absorb(&mut history, group, &more);
        round.observations.extend(more);
        verdicts = judge(&history, group, &round, Utc::now());
    }
    let found = findings::find(&history, &input(group, &round, Utc::now()), &verdicts);
    (verdicts, found)
}
