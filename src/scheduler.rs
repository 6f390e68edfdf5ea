//! When rounds are due: one loop per group, by its cron line, in UTC.
//!
//! A round that still runs when the next is due does not delay it; two may overlap, a tick beyond that is recorded as
//! missed. At start the latest tick that has passed is run late, unless it ran before: an empty database has its first
//! verdict at once, and a restart repeats nothing. Deliberately absent: what a round does.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{
    sync::{Mutex, Semaphore},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{Config, Group, Schedule},
    evaluator::Evaluator,
    metrics::Metrics,
    store::{Store, StoreError},
};

/// Rounds of one group that may run at the same time.
const OVERLAP: usize = 2;

/// Longest single sleep: after a suspended machine wakes, or its clock is set, the tick is looked up afresh.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Starts rounds when they are due.
pub struct Scheduler {
    config: Arc<Config>,
    evaluator: Arc<Evaluator>,
    store: Store,
    metrics: Arc<Metrics>,
}

/// One group's loop: its schedule, whose turn it is to judge, and the rounds it has under way.
#[derive(Debug)]
pub struct GroupLoop {
    group: Arc<Group>,
    turn: Arc<Mutex<()>>,
    under_way: Arc<Semaphore>,
    rounds: TaskTracker,
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
        }
    }

    /// Runs every group until `shutdown`; then lets rounds under way end within `grace`, and abandons the rest.
    pub async fn run(self, shutdown: CancellationToken, grace: Duration) -> Result<(), StoreError> {
        let vantage = &self.config.vantage;
        let abandoned = self.store.abandon_rounds(vantage, Utc::now()).await?;
        if abandoned > 0 {
            tracing::warn!(
                rounds = abandoned,
                "rounds cut off by the last stop are abandoned"
            );
        }
        let mut loops = Vec::new();
        for group in &self.config.groups {
            loops.push(self.start_group(group.clone(), Utc::now()).await?);
        }
        futures::future::join_all(
            loops
                .iter_mut()
                .map(|group| self.run_group(group, &shutdown)),
        )
        .await;
        let ended = futures::future::join_all(loops.iter().map(|group| {
            group.rounds.close();
            group.rounds.wait()
        }));
        if tokio::time::timeout(grace, ended).await.is_err() {
            let abandoned = self.store.abandon_rounds(vantage, Utc::now()).await?;
            tracing::warn!(
                rounds = abandoned,
                "rounds did not end in time and are abandoned"
            );
        }
        Ok(())
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
        let last_due = before_first(&group.schedule, last_run, now);
        self.metrics
            .group_scheduled(&group.name, group.schedule.next_after(last_due));
        Ok(GroupLoop {
            group,
            turn: Arc::default(),
            under_way: Arc::new(Semaphore::new(OVERLAP)),
            rounds: TaskTracker::new(),
            last_due,
        })
    }

    async fn run_group(&self, group: &mut GroupLoop, shutdown: &CancellationToken) {
        while let Some(due_at) = group.group.schedule.next_after(group.last_due) {
            if shutdown
                .run_until_cancelled(sleep_until(due_at))
                .await
                .is_none()
            {
                return;
            }
            self.step(group, due_at).await;
        }
    }

    /// Starts the round that is due, or records its tick as missed.
    pub async fn step(&self, group: &mut GroupLoop, due_at: DateTime<Utc>) {
        group.last_due = due_at;
        self.metrics
            .group_scheduled(&group.group.name, group.group.schedule.next_after(due_at));
        let Ok(permit) = group.under_way.clone().try_acquire_owned() else {
            self.miss(&group.group, due_at).await;
            return;
        };
        let (evaluator, config) = (self.evaluator.clone(), group.group.clone());
        let (turn, metrics) = (group.turn.clone(), self.metrics.clone());
        group.rounds.spawn(async move {
            let _permit = permit;
            match evaluator.run_round(&config, &turn, due_at).await {
                Ok(Some(report)) => tracing::info!(
                    group = %config.name,
                    due_at = %due_at.to_rfc3339(),
                    observations = report.observations,
                    findings = report.findings.len(),
                    transitions = report.transitions.len(),
                    "round finished"
                ),
                Ok(None) => tracing::info!(group = %config.name, due_at = %due_at.to_rfc3339(), "round has run before"),
                Err(error) => {
                    metrics.round_failed(&config.name);
                    tracing::error!(group = %config.name, due_at = %due_at.to_rfc3339(), %error, "round was not recorded");
                }
            }
        });
    }

    async fn miss(&self, group: &Group, due_at: DateTime<Utc>) {
        self.metrics.round_missed(&group.name);
        tracing::warn!(group = %group.name, due_at = %due_at.to_rfc3339(), "tick missed: two rounds still run");
        if let Err(error) = self
            .store
            .missed_round(&self.config.vantage, &group.name, due_at)
            .await
        {
            tracing::error!(group = %group.name, %error, "missed tick was not recorded");
        }
    }
}

/// The instant after which the first tick counts: the latest passed tick is run late, unless it ran before.
fn before_first(
    schedule: &Schedule,
    last_run: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let mut start = now - schedule.period() - Duration::from_secs(1);
    while let Some(tick) = schedule.next_after(start).filter(|tick| *tick <= now) {
        let following = schedule.next_after(tick);
        if following.is_none_or(|next| next > now) {
            break;
        }
        start = tick;
    }
    last_run.map_or(start, |ran| ran.max(start))
}

/// Sleeps until the wall clock says `due_at`, however the clock or the machine behaves meanwhile.
async fn sleep_until(due_at: DateTime<Utc>) {
    while let Ok(left) = (due_at - Utc::now()).to_std() {
        if left.is_zero() {
            return;
        }
        sleep(left.min(LONGEST_SLEEP)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cron: &str, last_run: Option<&str>, now: &str, expected: &str) {
        let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let schedule = Schedule::parse(cron).unwrap();
        let from = before_first(&schedule, last_run.map(instant), instant(now));
        assert_eq!(
            schedule.next_after(from),
            Some(instant(expected)),
            "{cron} {last_run:?} {now}"
        );
    }

    #[test]
    fn the_latest_passed_tick_is_run_late_unless_it_ran_before() {
        check(
            "0 * * * * *",
            None,
            "2026-11-22T10:00:30Z",
            "2026-11-22T10:00:00Z",
        );
        check(
            "0 * * * * *",
            Some("2026-11-22T10:00:00Z"),
            "2026-11-22T10:00:30Z",
            "2026-11-22T10:01:00Z",
        );
        check(
            "0 * * * * *",
            Some("2026-11-22T09:00:00Z"),
            "2026-11-22T10:00:30Z",
            "2026-11-22T10:00:00Z",
        );
        check(
            "0 0 3 * * *",
            None,
            "2026-11-22T10:00:30Z",
            "2026-11-22T03:00:00Z",
        );
        check(
            "*/5 * * * * *",
            None,
            "2026-11-22T10:00:05Z",
            "2026-11-22T10:00:05Z",
        );
    }
}
