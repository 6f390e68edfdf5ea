//! One round of one group, from its questions to its recorded judgement.
//!
//! [`asking`] puts the questions, `audit` judges, `store` records; this module is the order in which that happens.
//! Deliberately absent: when a round is due (`scheduler`) and how a step is told (`dispatcher`).

pub mod asking;
mod judging;
pub mod messages;
mod recording;
mod stance;
mod watch;

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use crate::{
    audit::{
        history::{History, SpanChange},
        keep::{Choice, JudgedRound, Keeper},
        round::{Conclusion, Round},
    },
    clock,
    config::{Config, Group},
    metrics::{Metrics, RoundReport, Throttled},
    store::{RoundId, RoundOutcome, Store, StoreError},
    types::{Observation, Question, Source},
};
use asking::{Asked, Asker};
use judging::{absorb, input, judge, longest_gap, suspicious};
use recording::Recorder;
use stance::Stance;
pub use watch::{Audit, Watch, audit_once};

/// How far back spans are read at start, beyond what any deadline can need.
const RESTORED_HISTORY: TimeDelta = TimeDelta::days(8);

/// What a round has heard, and what that did to the spans: one change an observation.
struct Heard {
    asked: Asked,
    changes: Vec<SpanChange>,
}

/// Runs rounds. One for the whole service.
pub struct Evaluator {
    config: Arc<Config>,
    asker: Asker,
    store: Store,
    metrics: Arc<Metrics>,
    /// Shared by all groups, since links are: locked for moments, never across an await.
    history: std::sync::Mutex<History>,
    /// Each group's: asking does not wait for the database.
    stances: std::sync::Mutex<HashMap<String, Stance>>,
    /// What was kept of each group; taken out by a round, and put back once that is recorded.
    keepers: std::sync::Mutex<HashMap<String, Keeper>>,
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
        let mut open = HashMap::new();
        for group in &config.groups {
            let ledger = store.load_ledger(&config.vantage, &group.name).await?;
            open.insert(group.name.clone(), Stance::after(&ledger));
        }
        let keepers = keepers(&config, &store, now).await?;
        let counting = asker.clone();
        metrics.count_probes(move || counting.counters());
        Ok(Self {
            config,
            asker,
            store,
            metrics,
            history: std::sync::Mutex::new(history),
            stances: std::sync::Mutex::new(open),
            keepers: std::sync::Mutex::new(keepers),
        })
    }

    /// Runs the round that was due at `due_at`; `None` where it has run before.
    ///
    /// A database that is away is waited for, a bounded time. The questions are put all the same, so that the history in
    /// memory has no gap.
    /// An error leaves the incidents as they were before the round: the next round finds and tells them.
    pub async fn run_round(
        &self,
        group: &Group,
        turn: &Mutex<()>,
        due_at: DateTime<Utc>,
    ) -> Result<Option<RoundReport>, StoreError> {
        let started = clock::now();
        let recorder = || Recorder::new(&self.store, &self.config.vantage, group);
        let first = recorder();
        let (round, heard) = tokio::join!(first.begin(due_at, started), self.ask(group));
        let Some(round) = round? else {
            return Ok(None);
        };
        // Rounds of a group may overlap in their asking, never in their judging.
        let _turn = turn.lock().await;
        let heard = self.hear_again(group, heard).await;
        let report = self
            .judge_and_record(round, group, heard, recorder())
            .await?;
        self.metrics
            .round_finished(&group.name, clock::now() - started, &report);
        Ok(Some(report))
    }

    async fn ask(&self, group: &Group) -> Heard {
        let stance = self.stances().get(&group.name).cloned();
        let stance = stance.unwrap_or_default();
        let samples = |question: &Question, address| {
            if stance.suspects.contains(&(question.clone(), address)) {
                3
            } else {
                group.samples
            }
        };
        let (questions, now): (Vec<_>, _) = (group.questions().collect(), clock::now());
        let canary = |source: &Source| {
            let period = group.policy.period;
            let canary = stance.throttles.canary(source, &questions, period, now);
            canary.cloned()
        };
        let asked = self.asker.ask(group, samples, canary).await;
        let changes = self.absorb(group, &asked.observations);
        Heard { asked, changes }
    }

    /// Asks again what must not be believed at once.
    async fn hear_again(&self, group: &Group, mut heard: Heard) -> Heard {
        let verdicts = judge(&self.history(), group, &heard.asked, clock::now());
        let again = suspicious(&verdicts);
        if !again.is_empty() {
            let zones = &mut heard.asked.zones;
            let more = self.asker.ask_again(group, &again, zones).await;
            heard.changes.extend(self.absorb(group, &more));
            heard.asked.observations.extend(more);
        }
        heard
    }

    async fn judge_and_record(
        &self,
        round: RoundId,
        group: &Group,
        heard: Heard,
        recorder: Recorder<'_>,
    ) -> Result<RoundReport, StoreError> {
        let Heard { asked, changes } = heard;
        // Read afresh each round: a person may have taken or ended an incident, and what could not be recorded is found
        // again by the next round.
        let mut ledger = recorder.ledger().await?;
        let now = clock::now();
        let questions: Vec<_> = group.questions().collect();
        let round_judged = Round {
            vantage: &self.config.vantage,
            group: &group.name,
            input: input(group, &questions, &asked, now),
            held_back: &asked.held_back,
        };
        let Conclusion {
            mut verdicts,
            findings: found,
            transitions,
        } = round_judged.conclude(&self.history(), &mut ledger);
        let messages = messages::for_transitions(&self.config, group, &transitions);
        let stance = Stance::after(&ledger);
        stance.flag(&mut verdicts);
        let throttled = Throttled::of(
            &verdicts,
            &asked.held_back,
            &stance.throttles,
            questions.len(),
        );

        let mut keeper = self.keepers().remove(&group.name).unwrap_or_default();
        let Choice { kept, refused } = keeper.choose(&JudgedRound {
            number: round.number(),
            observations: &asked.observations,
            verdicts: &verdicts,
            findings: &found,
            now,
        });
        if refused > 0 {
            let group = &group.name;
            tracing::warn!(%group, refused, "too much is wrong to keep every message of it");
        }
        let samples: Vec<_> = asked.observations.into_iter().zip(changes).collect();
        recorder.observations(round, &samples).await?;
        recorder.messages(round, &kept).await?;
        let outcome = RoundOutcome {
            verdicts: &verdicts,
            findings: &found,
            ledger: &ledger,
            transitions: &transitions,
            messages: &messages,
            now,
        };
        recorder.outcome(round, &outcome).await?;
        self.keepers().insert(group.name.clone(), keeper);
        self.stances().insert(group.name.clone(), stance);
        self.history().forget_before(now - RESTORED_HISTORY);
        Ok(RoundReport {
            verdicts,
            findings: found,
            transitions,
            observations: samples.len(),
            throttled,
        })
    }

    fn stances(&self) -> MutexGuard<'_, HashMap<String, Stance>> {
        self.stances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keepers(&self) -> MutexGuard<'_, HashMap<String, Keeper>> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn absorb(&self, group: &Group, observations: &[Observation]) -> Vec<SpanChange> {
        absorb(&mut self.history(), group, observations)
    }
}

/// What each group's keeper must know of the time before this process.
async fn keepers(
    config: &Config,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<HashMap<String, Keeper>, StoreError> {
    let mut keepers = HashMap::new();
    for group in &config.groups {
        let standing = store.standing_replies(&config.vantage, &group.name).await?;
        keepers.insert(group.name.clone(), Keeper::resume(standing, now));
    }
    Ok(keepers)
}
