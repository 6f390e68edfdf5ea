//! A round's way into the database, which may be away for a while.
//!
//! Deliberately absent: keeping a round until the database is back however long that takes. The next rounds judge by the
//! same history in memory; what there is to tell meanwhile goes into the journal ([`super::unrecorded`]).

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::Evaluator;
use crate::{
    audit::{
        calibration::Calibration,
        declared::Declared,
        history::SpanChange,
        incident::Transition,
        keep::{Choice, JudgedRound, Kept},
        ledger::Ledger,
    },
    config::{Config, Group},
    evaluator::messages::{self, ToldBefore},
    store::{RoundId, RoundOutcome, Store, StoreError, patience::insist, replay::NewContext},
    types::Observation,
};

/// Observations recorded in one transaction.
const CHUNK: usize = 2_000;

/// The shortest and the longest wait for a database that is away. Between the two a round waits for one period: a longer
/// wait saves no round, since only two of a group run at a time.
const PATIENCE: [Duration; 2] = [Duration::from_secs(2), Duration::from_mins(1)];

/// Everything of a round that is recorded.
pub(super) struct Recordable<'a> {
    /// In the order in which they were taken in.
    pub(super) observations: Vec<Observation>,
    /// What those that are no asides did to the spans, one each.
    pub(super) changes: Vec<SpanChange>,
    pub(super) context: NewContext<'a>,
    pub(super) outcome: RoundOutcome<'a>,
}

impl Recordable<'_> {
    /// How many observations leave a trace in the spans.
    pub(super) fn samples(&self) -> usize {
        let samples = self.observations.iter();
        samples.filter(|one| !one.is_aside()).count()
    }
}

impl Evaluator {
    /// Records a round, and with it the messages that prove what it found.
    pub(super) async fn record(
        &self,
        round: RoundId,
        group: &Group,
        recorder: &Recorder<'_>,
        round_of: Recordable<'_>,
    ) -> Result<(), StoreError> {
        let Recordable {
            observations,
            changes,
            context,
            outcome,
        } = round_of;
        let mut keeper = self.keepers().remove(&group.name).unwrap_or_default();
        let Choice { kept, refused } = keeper.choose(&JudgedRound {
            number: round.number(),
            observations: &observations,
            verdicts: outcome.verdicts,
            findings: outcome.findings,
            now: outcome.now,
        });
        if refused > 0 {
            let group = &group.name;
            tracing::warn!(%group, refused, "too much is wrong to keep every message of it");
        }
        recorder.context(round, &context).await?;
        let (asides, samples): (Vec<_>, Vec<_>) =
            observations.into_iter().partition(Observation::is_aside);
        let samples: Vec<_> = samples.into_iter().zip(changes).collect();
        recorder.observations(round, &samples).await?;
        recorder.asides(round, &asides).await?;
        recorder.messages(round, &kept).await?;
        recorder.outcome(round, &outcome).await?;
        self.keepers().insert(group.name.clone(), keeper);
        Ok(())
    }
}

/// Records one round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorder<'a> {
    store: &'a Store,
    vantage: &'a str,
    group: &'a str,
    until: Instant,
}

impl<'a> Recorder<'a> {
    /// For a round of this group whose patience begins now. With a database that was away before, it has little.
    pub(super) fn new(
        store: &'a Store,
        vantage: &'a str,
        group: &'a Group,
        was_away: bool,
    ) -> Self {
        let patience = group.policy.period.clamp(PATIENCE[0], PATIENCE[1]);
        let patience = if was_away { PATIENCE[0] } else { patience };
        Self {
            store,
            vantage,
            group: &group.name,
            until: Instant::now() + patience,
        }
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    pub(super) async fn begin(
        &self,
        due_at: DateTime<Utc>,
        started: DateTime<Utc>,
    ) -> Result<Option<RoundId>, StoreError> {
        insist(self.left(), |_| {
            let (vantage, group) = (self.vantage, self.group);
            self.store.begin_round(vantage, group, due_at, started)
        })
        .await
    }

    pub(super) async fn ledger(&self) -> Result<Ledger, StoreError> {
        insist(self.left(), |_| {
            self.store.load_ledger(self.vantage, self.group)
        })
        .await
    }

    /// Who was told of these incidents before.
    pub(super) async fn told_before(
        &self,
        config: &Config,
        transitions: &[Transition],
    ) -> Result<ToldBefore, StoreError> {
        insist(self.left(), |_| {
            messages::told_before(config, self.store, transitions)
        })
        .await
    }

    /// What people declared, as it stands at `now`.
    pub(super) async fn declared(&self, now: DateTime<Utc>) -> Result<Declared, StoreError> {
        insist(self.left(), |_| self.store.declared(now)).await
    }

    /// What was measured of resolvers by `now`.
    pub(super) async fn calibrations(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Vec<Calibration>, StoreError> {
        insist(self.left(), |_| self.store.calibrations(self.vantage, now)).await
    }

    pub(super) async fn context(
        &self,
        round: RoundId,
        context: &NewContext<'_>,
    ) -> Result<(), StoreError> {
        insist(self.left(), |_| self.store.write_context(round, context)).await
    }

    pub(super) async fn observations(
        &self,
        round: RoundId,
        recorded: &[(Observation, SpanChange)],
    ) -> Result<(), StoreError> {
        for chunk in recorded.chunks(CHUNK) {
            insist(self.left(), |again| self.chunk(round, chunk, again)).await?;
        }
        Ok(())
    }

    /// Records a chunk; if that was tried before, only where it was in vain.
    async fn chunk(
        &self,
        round: RoundId,
        chunk: &[(Observation, SpanChange)],
        again: bool,
    ) -> Result<(), StoreError> {
        if again
            && let Some((first, _)) = chunk.first()
            && self.store.is_recorded(round, first).await?
        {
            return Ok(());
        }
        self.store.record(round, chunk).await
    }

    /// Records asides, which leave no trace in any span.
    pub(super) async fn asides(
        &self,
        round: RoundId,
        asides: &[Observation],
    ) -> Result<(), StoreError> {
        let Some(first) = asides.first() else {
            return Ok(());
        };
        insist(self.left(), async |again| {
            if again && self.store.is_recorded(round, first).await? {
                return Ok(());
            }
            self.store.record_asides(round, asides).await
        })
        .await
    }

    pub(super) async fn messages(&self, round: RoundId, kept: &[Kept]) -> Result<(), StoreError> {
        insist(self.left(), |_| self.store.keep_messages(round, kept)).await
    }

    pub(super) async fn outcome(
        &self,
        round: RoundId,
        outcome: &RoundOutcome<'_>,
    ) -> Result<(), StoreError> {
        insist(self.left(), |_| self.store.finish_round(round, outcome)).await
    }
}
