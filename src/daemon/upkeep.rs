//! What the database needs beside rounds: at start, what the configuration has dropped is ended; partitions are made
//! ahead, closed days are summed up and packed, and what was kept long enough goes, then and every hour.
//!
//! Deliberately absent: what is due, which `store` knows.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::{
    audit::{
        incident::Transition,
        ledger::{self, Ledger},
    },
    clock,
    config::{Config, Group, Retention},
    evaluator::messages,
    store::{
        Store, StoreError,
        closing::{FailedDay, Pace, Packed},
        retention::{Gone, Prune},
    },
    types::SeriesKey,
};

/// Days whose partitions exist before they begin.
const DAYS_AHEAD: u64 = 2;

/// How often partitions are looked after. Those that are known to exist cost nothing.
const PERIOD: Duration = Duration::from_hours(1);

/// Ends what nobody asks any more, and makes the first partitions: before the first round.
pub(super) async fn at_start(
    config: &Config,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    store.ensure_partitions(now, DAYS_AHEAD).await?;
    let vantage = &config.vantage;
    let groups: Vec<_> = config
        .groups
        .iter()
        .map(|group| group.name.clone())
        .collect();
    let mut ended = store.end_other_groups(vantage, &groups, now).await?;
    for group in &config.groups {
        let asked = asked(group);
        ended += store.end_unasked(vantage, &group.name, &asked, now).await?;
    }
    if ended > 0 {
        tracing::info!(ended, "verdicts of what is no longer asked are ended");
    }
    for gone in store.live_groups(vantage).await? {
        if !groups.contains(&gone) {
            retire_group(config, store, &gone, now).await?;
        }
    }
    Ok(())
}

/// Everything a group asks resolvers: what its verdicts are of.
fn asked(group: &Group) -> Vec<SeriesKey> {
    let sources = || group.resolvers.iter().flat_map(|one| one.sources());
    group
        .questions()
        .flat_map(|question| {
            sources().map(move |source| SeriesKey {
                question: question.clone(),
                source: source.into(),
            })
        })
        .collect()
}

/// Ends the incidents of a group that is no longer configured; the groups that are do so in their own rounds. Which
/// channels the group had is known no more: those that were told of an incident hear of its end.
async fn retire_group(
    config: &Config,
    store: &Store,
    group: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ledger = store.load_ledger(&config.vantage, group).await?;
    let steps = end_all(ledger, now);
    let mut messages = Vec::new();
    for step in &steps {
        let told = store.channels_told(step.incident.id).await?;
        messages.extend(messages::for_those_told(config, &told, step));
    }
    let recorded = store.record_steps(&steps, None, &messages).await?;
    tracing::info!(%group, incidents = steps.len(), recorded, "incidents of a group that is no longer configured are ended");
    Ok(())
}

/// Ends every incident of a group that asks nothing any more; that of a blind vantage, too, which no name keeps open.
fn end_all(mut ledger: Ledger, now: DateTime<Utc>) -> Vec<Transition> {
    let mut steps = ledger::retire(&mut ledger, &BTreeSet::new(), &[], now);
    let left: Vec<_> = ledger.incidents.iter().map(|one| one.id).collect();
    for id in left {
        let step = ledger::resolve_by_hand(&mut ledger, id, now);
        steps.extend(step.map(|step| Transition {
            reason: "the configuration no longer asks for it".to_owned(),
            ..step
        }));
    }
    steps
}

/// Looks after the database until `shutdown`: at once, and every hour.
pub(super) async fn keep_house(store: Store, retention: Retention, shutdown: CancellationToken) {
    let mut steady = Steady::start(clock::now(), Instant::now());
    let mut pruned = None;
    loop {
        let now = steady.least(clock::now(), Instant::now());
        let work = async {
            make_partitions(&store).await;
            sum_up(&store, now).await;
            pack(&store, &retention, now).await;
            // Once a day: looking for what has ended takes a while.
            if pruned != Some(now.date_naive()) {
                prune(&store, &retention, now).await;
            }
        };
        let rest = async {
            work.await;
            clock::sleep(PERIOD).await;
        };
        if shutdown.run_until_cancelled(Box::pin(rest)).await.is_none() {
            return;
        }
        pruned = Some(now.date_naive());
    }
}

async fn make_partitions(store: &Store) {
    // Rounds make what is missing themselves: nothing is lost, a round waits a moment.
    if let Err(error) = store.ensure_partitions(clock::now(), DAYS_AHEAD).await {
        tracing::warn!(%error, "partitions are not made ahead");
    }
}

async fn sum_up(store: &Store, now: DateTime<Utc>) {
    match store.sum_up_days(now, Pace::Restful).await {
        Ok(0) => {}
        Ok(days) => tracing::info!(days, "rounds of closed days are summed up"),
        Err(error) => {
            tracing::warn!(%error, "rounds of closed days are not all summed up; they are counted one by one");
        }
    }
}

async fn pack(store: &Store, retention: &Retention, now: DateTime<Utc>) {
    match store.pack_due(retention.raw, now, Pace::Restful).await {
        Ok(Some(closed)) => {
            let Packed {
                days,
                samples,
                packs,
                octets,
            } = closed.packed;
            if closed.packed != Packed::default() {
                tracing::info!(days, samples, packs, octets, "closed days are packed");
            }
            for FailedDay { day, error } in closed.failed {
                tracing::warn!(%day, %error, "a closed day is not packed; it stays as it is");
            }
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "closed days are not packed; they stay as they are"),
    }
}

async fn prune(store: &Store, retention: &Retention, now: DateTime<Utc>) {
    match store.prune(retention, now, Prune::Really).await {
        Ok(gone) => {
            for one in gone {
                let Gone {
                    table,
                    before,
                    rows,
                    octets,
                    ..
                } = one;
                tracing::info!(table, %before, rows, octets, "what was kept long enough is gone");
            }
        }
        Err(error) => tracing::warn!(%error, "what was kept long enough is not gone yet"),
    }
}

/// How late it is at least. A clock that jumps ahead makes nothing old until it has stood by that for a day.
struct Steady {
    /// The last instant that was believed, and when that was.
    believed: (DateTime<Utc>, Instant),
    /// Since when the clock is ahead of it.
    ahead_since: Option<Instant>,
}

impl Steady {
    /// What clocks may be put right by, a little at a time.
    const LEEWAY: TimeDelta = TimeDelta::minutes(1);

    /// A whole day awake: a machine that slept is ahead as well.
    const DOUBT: Duration = Duration::from_hours(24);

    fn start(now: DateTime<Utc>, at: Instant) -> Self {
        Self {
            believed: (now, at),
            ahead_since: None,
        }
    }

    /// What to take for now, when the clock says `now` at `at`.
    fn least(&mut self, now: DateTime<Utc>, at: Instant) -> DateTime<Utc> {
        let (wall, then) = self.believed;
        let expected = wall + at.saturating_duration_since(then);
        if now > expected + Self::LEEWAY {
            let since = *self.ahead_since.get_or_insert(at);
            if at.saturating_duration_since(since) < Self::DOUBT {
                return expected;
            }
        }
        *self = Self::start(now, at);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_ahead_makes_nothing_old_until_it_has_stood_by_that_for_a_day() {
        let (now, at) = (clock::now(), Instant::now());
        let hour = |nth: u32| (TimeDelta::hours(nth.into()), at + PERIOD * nth);
        let mut steady = Steady::start(now, at);
        let (passed, later) = hour(1);
        // A little is what clocks are put right by.
        let right = now + passed + TimeDelta::seconds(20);
        assert_eq!(steady.least(right, later), right);
        let jump = TimeDelta::days(400);
        for nth in 2..26 {
            let (passed, later) = hour(nth);
            let told = steady.least(now + passed + jump, later);
            assert_eq!(told, now + passed + TimeDelta::seconds(20), "{nth}");
        }
        let (passed, later) = hour(26);
        assert_eq!(
            steady.least(now + passed + jump, later),
            now + passed + jump
        );
    }

    #[test]
    fn a_clock_that_goes_back_is_believed_at_once_and_its_way_forward_is_not() {
        let (now, at) = (clock::now(), Instant::now());
        let mut steady = Steady::start(now, at);
        let back = now - TimeDelta::days(400);
        assert_eq!(steady.least(back, at), back);
        assert_eq!(steady.least(now, at + PERIOD), back + TimeDelta::hours(1));
        // Ahead for an hour, and right again: the doubt is over.
        let right = back + TimeDelta::hours(2);
        assert_eq!(steady.least(right, at + PERIOD * 2), right);
        assert_eq!(steady.ahead_since, None);
    }
}
