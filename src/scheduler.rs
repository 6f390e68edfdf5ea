//! When rounds are due: one loop per group, by its cron line, in UTC.
//!
//! A round that still runs when the next is due does not delay it; two may overlap, a tick beyond that is recorded as
//! missed. At start, and after a suspended stretch, the latest tick that has passed is run late, unless it ran before: an
//! empty database has its first verdict at once, and a restart repeats nothing. Deliberately absent: what a round does.

pub mod deadman;
mod ticks;
mod unrecorded;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::{FutureExt, future::join_all};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock,
    config::{Config, Group},
    evaluator::Evaluator,
    metrics::{Metrics, RoundReport},
    store::{Store, StoreError},
};
use unrecorded::Unrecorded;

/// Rounds of one group that may run at the same time.
const OVERLAP: usize = 2;

/// How long the last words to the database may take when the service stops.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Starts rounds when they are due. Cheap to clone.
#[derive(Clone)]
pub struct Scheduler {
    config: Arc<Config>,
    evaluator: Arc<Evaluator>,
    store: Store,
    metrics: Arc<Metrics>,
    /// Ends the rounds that are under way, wherever they are.
    cut_off: CancellationToken,
}

/// One group's loop: its schedule, whose turn it is to judge, and the rounds it has under way.
#[derive(Debug)]
pub struct GroupLoop {
    group: Arc<Group>,
    turn: Arc<Mutex<()>>,
    under_way: Arc<Semaphore>,
    rounds: TaskTracker,
    unrecorded: Arc<Unrecorded>,
    last_due: DateTime<Utc>,
}

impl Scheduler {
    /// A scheduler over the service's parts.
    pub fn new(
        config: Arc<Config>,
        evaluator: Arc<Evaluator>,
        store: Store,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            config,
            evaluator,
            store,
            metrics,
            cut_off: CancellationToken::new(),
        }
    }

    /// Runs every group until `shutdown`; then lets rounds under way end within `grace`, and abandons the rest.
    pub async fn run(self, shutdown: CancellationToken, grace: Duration) -> Result<(), StoreError> {
        let vantage = &self.config.vantage;
        let abandoned = self.store.abandon_rounds(vantage, clock::now()).await?;
        if abandoned > 0 {
            tracing::warn!(
                rounds = abandoned,
                "rounds cut off by the last stop are abandoned"
            );
        }
        let mut loops = Vec::new();
        for group in &self.config.groups {
            loops.push(self.start_group(group.clone(), clock::now()).await?);
        }
        join_all(
            loops
                .iter_mut()
                .map(|group| self.run_group(group, &shutdown)),
        )
        .await;
        if tokio::time::timeout(grace, ended(&loops)).await.is_err() {
            self.cut_off.cancel();
            ended(&loops).await;
            self.abandon().await;
        }
        Ok(())
    }

    /// What is still running now was cut off. Without an answer the next start does the same.
    async fn abandon(&self) {
        let abandoned = self
            .store
            .abandon_rounds(&self.config.vantage, clock::now());
        match tokio::time::timeout(LAST_WORD, abandoned).await {
            Ok(Ok(rounds)) => {
                tracing::warn!(rounds, "rounds did not end in time and are abandoned");
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "rounds did not end in time; the next start abandons them");
            }
            Err(_) => {
                tracing::warn!("rounds did not end in time; the next start abandons them");
            }
        }
    }

    async fn start_group(
        &self,
        group: Arc<Group>,
        now: DateTime<Utc>,
    ) -> Result<GroupLoop, StoreError> {
        let last_run = self
            .store
            .last_round(&self.config.vantage, &group.name)
            .await?;
        let last_due = ticks::before_first(&group.schedule, last_run, now);
        self.metrics
            .group_scheduled(&group.name, group.schedule.next_after(last_due));
        Ok(GroupLoop {
            group,
            turn: Arc::default(),
            under_way: Arc::new(Semaphore::new(OVERLAP)),
            rounds: TaskTracker::new(),
            unrecorded: Arc::default(),
            last_due,
        })
    }

    async fn run_group(&self, group: &mut GroupLoop, shutdown: &CancellationToken) {
        while let Some(next) = group.group.schedule.next_after(group.last_due) {
            let slept = shutdown.run_until_cancelled(clock::sleep_until(next));
            if slept.await.is_none() {
                return;
            }
            let (passed, due_at) = ticks::due(&group.group.schedule, next, clock::now());
            if let Some(first) = passed.first() {
                let (group, first) = (&group.group.name, first.to_rfc3339());
                tracing::warn!(%group, ticks = passed.len(), %first, "ticks missed: this machine was suspended or very busy");
            }
            self.miss(group, passed);
            self.step(group, due_at);
        }
    }

    /// Starts the round that is due, or notes its tick as missed. Waits for nothing.
    pub fn step(&self, group: &mut GroupLoop, due_at: DateTime<Utc>) {
        group.last_due = due_at;
        let (name, schedule) = (&group.group.name, &group.group.schedule);
        self.metrics
            .group_scheduled(name, schedule.next_after(due_at));
        if let Ok(permit) = group.under_way.clone().try_acquire_owned() {
            let round = self.clone().run_round(
                group.group.clone(),
                group.turn.clone(),
                group.unrecorded.clone(),
                due_at,
                permit,
            );
            self.spawn(group, round);
        } else {
            tracing::warn!(group = %name, due_at = %due_at.to_rfc3339(), "tick missed: two rounds still run");
            self.miss(group, vec![due_at]);
        }
    }

    /// Notes ticks as missed; the database hears of them when it can.
    fn miss(&self, group: &GroupLoop, ticks: Vec<DateTime<Utc>>) {
        if ticks.is_empty() {
            return;
        }
        for _ in &ticks {
            self.metrics.round_missed(&group.group.name);
        }
        group.unrecorded.add(ticks);
        let (this, unrecorded) = (self.clone(), group.unrecorded.clone());
        let name = group.group.name.clone();
        self.spawn(group, async move { this.settle(&unrecorded, &name).await });
    }

    fn spawn(&self, group: &GroupLoop, work: impl Future<Output = ()> + Send + 'static) {
        let work = self.cut_off.clone().run_until_cancelled_owned(work);
        group.rounds.spawn(work);
    }

    async fn run_round(
        self,
        group: Arc<Group>,
        turn: Arc<Mutex<()>>,
        unrecorded: Arc<Unrecorded>,
        due_at: DateTime<Utc>,
        permit: OwnedSemaphorePermit,
    ) {
        let (name, due) = (&group.name, due_at.to_rfc3339());
        let round = self.evaluator.run_round(&group, &turn, due_at);
        match AssertUnwindSafe(round).catch_unwind().await {
            Ok(Ok(Some(RoundReport {
                unrecorded: Some(error),
                transitions,
                ..
            }))) => {
                self.metrics.round_failed(name);
                unrecorded.add([due_at]);
                let transitions = transitions.len();
                tracing::error!(group = %name, due_at = %due, %error, transitions, "round was not recorded; it is judged, and told from the journal");
            }
            Ok(Ok(Some(report))) => tracing::info!(
                group = %name,
                due_at = %due,
                observations = report.observations,
                findings = report.findings.len(),
                transitions = report.transitions.len(),
                "round finished"
            ),
            Ok(Ok(None)) => tracing::info!(group = %name, due_at = %due, "round has run before"),
            Ok(Err(error)) => {
                self.metrics.round_failed(name);
                unrecorded.add([due_at]);
                tracing::error!(group = %name, due_at = %due, %error, "round was not recorded");
            }
            Err(_) => {
                self.metrics.round_failed(name);
                unrecorded.add([due_at]);
                tracing::error!(group = %name, due_at = %due, "round broke off: a defect of this program, told above");
            }
        }
        drop(permit);
        self.settle(&unrecorded, name).await;
    }

    async fn settle(&self, unrecorded: &Unrecorded, group: &str) {
        let vantage = &self.config.vantage;
        match unrecorded.write(&self.store, vantage, group).await {
            // Each was told when it was missed, and is kept.
            Ok(()) => {}
            Err(error) if error.is_transient() => {}
            Err(error) => tracing::error!(%group, %error, "missed ticks cannot be recorded"),
        }
    }
}

/// Waits for every round under way.
async fn ended(loops: &[GroupLoop]) {
    let rounds = loops.iter().map(|group| {
        group.rounds.close();
        group.rounds.wait()
    });
    join_all(rounds).await;
}
