//! What the database needs beside rounds: at start, what the configuration has dropped is ended; partitions are made
//! ahead, then and every hour.
//!
//! Deliberately absent: deleting anything.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::{
    audit::{
        incident::Transition,
        ledger::{self, Ledger},
    },
    clock,
    config::{Config, Group},
    evaluator::messages,
    store::{Store, StoreError},
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
                source,
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

/// Makes partitions ahead until `shutdown`.
pub(super) async fn keep_partitions(store: Store, shutdown: CancellationToken) {
    while shutdown
        .run_until_cancelled(clock::sleep(PERIOD))
        .await
        .is_some()
    {
        // Rounds make what is missing themselves: nothing is lost, a round waits a moment.
        if let Err(error) = store.ensure_partitions(clock::now(), DAYS_AHEAD).await {
            tracing::warn!(%error, "partitions are not made ahead");
        }
    }
}
