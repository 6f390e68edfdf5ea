//! The dead man's switch: a beat to somebody outside while rounds run, and an incident of every group whose rounds do not.
//!
//! A group is unwatched once no round of it was finished for three of its longest pauses, and half a minute; where the pauses
//! are long, ten minutes over one must do. Whoever stops hearing beats learns of everything that keeps this process from
//! saying so itself: no power, no network, no database. Deliberately absent: ending the incident, which the rounds do that
//! run again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    audit::ledger,
    clock,
    config::{Config, Group, Heartbeat},
    evaluator::messages,
    metrics::{Due, Metrics},
    notify::{Delivery, Notifier},
    store::{Store, StoreError},
};

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
            config,
            store,
            metrics,
            notifier,
            since: now,
            next_beat: now,
            heard: true,
        }
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
            let last = last_finished(&schedule, group);
            let last = last.map_or(self.since, |at| at.max(self.since));
            if now - last > limit(group) {
                unwatched.push((group.clone(), last));
            }
        }
        self.metrics.unwatched_groups(unwatched.len());
        for (group, last) in &unwatched {
            self.tell(group, *last, now).await?;
        }
        let all_run = self
            .config
            .groups
            .iter()
            .all(|group| last_finished(&schedule, group).is_some());
        if unwatched.is_empty() && all_run {
            self.beat(&schedule, now).await;
        }
        Ok(())
    }

    /// Opens the incident of an unwatched group; of one that is open already, notes that it is still so.
    async fn tell(
        &self,
        group: &Group,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let vantage = &self.config.vantage;
        let key = ledger::unwatched_key(vantage, &group.name);
        let known = self.store.load_ledger(vantage, &group.name).await?;
        if let Some(open) = known.incidents.iter().find(|one| one.key == key) {
            return self.store.still_bad(open.id, now).await;
        }
        let Some(step) = ledger::unwatched(vantage, &group.name, since, now) else {
            return Ok(());
        };
        tracing::error!(group = %group.name, %since, "no round was finished: {}", step.reason);
        let steps = std::slice::from_ref(&step);
        let messages = messages::for_transitions(&self.config, group, steps);
        self.store.open_incident(vantage, &step, &messages).await
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

fn last_finished(schedule: &BTreeMap<String, Due>, group: &Group) -> Option<DateTime<Utc>> {
    schedule.get(&group.name)?.finished
}

/// How long after a finished round the next must have been.
fn limit(group: &Group) -> TimeDelta {
    let pause = TimeDelta::from_std(group.policy.period).unwrap_or(TimeDelta::days(3660));
    (pause * PAUSES).min(pause + MOST_OVER) + SLACK
}
