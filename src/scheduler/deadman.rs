//! The dead man's switch: a beat to somebody outside while rounds run, and an incident of every group whose rounds do not.
//!
//! A group is unwatched once no round of it was judged for three of its longest pauses, and half a minute; where the pauses
//! are long, ten minutes over one must do. That is told while the database is away, too: from the journal. A beat says more: that
//! every group's rounds are recorded on time, and see something. Whoever stops hearing beats learns of everything that keeps
//! this process from saying so itself, or that nobody else would hear of: no power, no network, no database, a blind
//! vantage. Deliberately absent: ending the incident, which the rounds do that run again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    audit::{
        incident::{Incident, Transition},
        ledger::{self, Ledger},
    },
    clock,
    config::{Config, Group, Heartbeat},
    evaluator::messages::{self, ToldBefore},
    metrics::{Due, Metrics},
    notify::{Delivery, Notifier},
    store::{
        Store, StoreError,
        journal::{Journal, Judged, Record},
    },
};

/// How long the database may take for what is told of one group.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked.
const LOOK: Duration = Duration::from_secs(5);
/// Pauses without a finished round after which a group is unwatched.
const PAUSES: i32 = 3;
/// What long pauses may last longer.
const MOST_OVER: TimeDelta = TimeDelta::minutes(10);
/// What a round takes, and a busy machine.
const SLACK: TimeDelta = TimeDelta::seconds(30);
/// When a beat that was not taken is tried again, where the next is not due sooner.
const AGAIN: TimeDelta = TimeDelta::minutes(1);

/// Watches the rounds of one vantage.
pub struct Deadman {
    config: Arc<Config>,
    store: Store,
    metrics: Arc<Metrics>,
    notifier: Notifier,
    /// Since when rounds are waited for.
    since: DateTime<Utc>,
    /// When the next beat is due.
    next_beat: DateTime<Utc>,
    /// Whether the last beat was taken: a failure is logged once.
    heard: bool,
    /// Where it is written that a group is unwatched, while the database is away.
    journal: Journal,
}

impl Deadman {
    /// A switch for the rounds of this configuration, waited for from `now` on.
    pub fn new(
        config: Arc<Config>,
        store: Store,
        metrics: Arc<Metrics>,
        notifier: Notifier,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            journal: Journal::absent(&config.vantage),
            config,
            store,
            metrics,
            notifier,
            since: now,
            next_beat: now,
            heard: true,
        }
    }

    /// The same, telling from this journal while the database is away.
    #[must_use]
    pub fn with_journal(self, journal: Journal) -> Self {
        Self { journal, ..self }
    }

    /// Looks every few seconds until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while shutdown
            .run_until_cancelled(clock::sleep(LOOK))
            .await
            .is_some()
        {
            let step = shutdown.run_until_cancelled(self.step(clock::now()));
            if let Some(Err(error)) = step.await {
                tracing::warn!(%error, "that rounds do not run cannot be recorded; no beat is sent meanwhile");
            }
        }
    }

    /// Opens an incident of every group that is unwatched at `now`, or sends the beat that is due.
    pub async fn step(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let schedule = self.metrics.schedule();
        let mut unwatched = Vec::new();
        for group in &self.config.groups {
            let last = schedule.get(&group.name).and_then(|due| due.judged);
            let last = last.map_or(self.since, |at| at.max(self.since));
            if now - last > limit(group) {
                unwatched.push((group.clone(), last));
            }
        }
        self.metrics.unwatched_groups(unwatched.len());
        for (group, last) in &unwatched {
            self.tell(group, *last, now).await?;
        }
        let is_well = |group: &Arc<Group>| is_well(schedule.get(&group.name), group, now);
        if unwatched.is_empty() && self.config.groups.iter().all(is_well) {
            self.beat(&schedule, now).await;
        }
        Ok(())
    }

    /// Opens the incident of an unwatched group; of one that is open already, notes that it is still so, and reminds of it.
    async fn tell(
        &self,
        group: &Group,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let recording = self.record(group, since, now);
        let recorded = tokio::time::timeout(PATIENCE, recording).await;
        match recorded.unwrap_or(Err(StoreError::Silent(PATIENCE))) {
            Err(error) if error.is_transient() && self.journal.is_there() => {
                self.write_down(group, since, now).await;
                Ok(())
            }
            recorded => recorded,
        }
    }

    /// Records it in the database.
    async fn record(
        &self,
        group: &Group,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let vantage = &self.config.vantage;
        self.store.ping().await?;
        self.journal.reconcile(&self.store).await?;
        let mut known = self.store.load_ledger(vantage, &group.name).await?;
        let open = self.open_of(group, &known);
        let Some(step) = self.step_of(group, open, since, now) else {
            return match open {
                Some(open) => self.store.still_bad(open.id, now).await,
                None => Ok(()),
            };
        };
        let steps = std::slice::from_ref(&step);
        let told = messages::told_before(&self.config, &self.store, steps).await?;
        let messages = messages::for_transitions(&self.config, group, steps, &told);
        let recorded = if open.is_some() {
            let recorded = self.store.record_steps(steps, None, &messages).await;
            recorded.map(|_| ())
        } else {
            self.store.open_incident(vantage, &step, &messages).await
        };
        if recorded.is_ok() {
            take_step(&mut known, &step);
            self.journal.know(&group.name, &known);
        }
        recorded
    }

    /// Writes it to the journal: the database is away.
    async fn write_down(&self, group: &Group, since: DateTime<Utc>, now: DateTime<Utc>) {
        let mut ledger = self.journal.ledger(&group.name).unwrap_or_default();
        let open = self.open_of(group, &ledger);
        let Some(step) = self.step_of(group, open, since, now) else {
            return;
        };
        take_step(&mut ledger, &step);
        let messages = messages::for_transitions(
            &self.config,
            group,
            std::slice::from_ref(&step),
            &ToldBefore::new(),
        );
        let judged = Judged {
            group: group.name.clone(),
            ledger,
            steps: vec![step],
            messages,
        };
        let entered = self.journal.enter().await;
        if let Err(error) = entered.append(Record::Judged(judged)).await {
            tracing::error!(group = %group.name, %error, "neither database nor journal take that a group is unwatched; nobody is told");
        }
    }

    fn open_of<'a>(&self, group: &Group, ledger: &'a Ledger) -> Option<&'a Incident> {
        let key = ledger::unwatched_key(&self.config.vantage, &group.name);
        ledger.incidents.iter().find(|one| one.key == key)
    }

    /// What there is to tell of an unwatched group.
    fn step_of(
        &self,
        group: &Group,
        open: Option<&Incident>,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Option<Transition> {
        if let Some(open) = open {
            return ledger::still_unwatched(open, group.policy.repeat_interval, now);
        }
        let step = ledger::unwatched(&self.config.vantage, &group.name, since, now)?;
        tracing::error!(group = %group.name, %since, "no round was finished: {}", step.reason);
        Some(step)
    }

    /// Sends the beat, where one is due.
    async fn beat(&mut self, schedule: &BTreeMap<String, Due>, now: DateTime<Utc>) {
        let config = self.config.clone();
        let Some(Heartbeat { channel, every }) = &config.heartbeat else {
            return;
        };
        // A clock that was set back must not silence it.
        let every = TimeDelta::from_std(*every).unwrap_or(AGAIN);
        if now < self.next_beat && self.next_beat - now <= every {
            return;
        }
        let finished = schedule.iter().map(|(group, due)| (group, due.finished));
        let finished: BTreeMap<_, _> = finished.collect();
        let body = json!({
            "type": "heartbeat",
            "timestamp": now,
            "data": { "vantage": config.vantage, "last_rounds": finished },
        });
        let delivery = self
            .notifier
            .deliver(channel, Uuid::new_v4(), &body, now)
            .await;
        let taken = matches!(delivery, Delivery::Delivered { .. });
        self.metrics.heartbeat(taken, now);
        if !taken && self.heard {
            tracing::warn!(?delivery, "the heartbeat was not taken");
        }
        self.heard = taken;
        self.next_beat = now + if taken { every } else { every.min(AGAIN) };
    }
}

/// Takes the ledger over a step that was taken outside any round.
fn take_step(ledger: &mut Ledger, step: &Transition) {
    let incidents = &mut ledger.incidents;
    incidents.retain(|one| one.id != step.incident.id);
    incidents.push(step.incident.clone());
    incidents.sort_by(|one, other| one.key.cmp(&other.key));
}

/// Whether a group's rounds are recorded on time, and see something.
fn is_well(due: Option<&Due>, group: &Group, now: DateTime<Utc>) -> bool {
    let Some(due) = due else {
        return false;
    };
    let is_recorded = due.finished.is_some_and(|at| now - at <= limit(group));
    is_recorded && !due.is_blind
}

/// How long after a finished round the next must have been.
fn limit(group: &Group) -> TimeDelta {
    let pause = TimeDelta::from_std(group.policy.period).unwrap_or(TimeDelta::days(3660));
    (pause * PAUSES).min(pause + MOST_OVER) + SLACK
}
