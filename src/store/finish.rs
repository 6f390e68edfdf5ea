//! The end of a round: everything that was judged and decided, in one transaction.
//!
//! Deliberately absent: deciding. A crash before this transaction leaves the round running, and the next start
//! abandons it; a crash after it loses nothing.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    RoundId, Store, StoreError, incidents, judgement, learned_caps, outbox, outbox::NewMessage,
};
use crate::{
    audit::{
        finding::Finding, history::Cap, incident::Transition, ledger::Ledger, verdict::Verdict,
    },
    types::{SeriesKey, Source},
};

/// What a round came to.
#[derive(Debug, Clone, Copy)]
pub struct RoundOutcome<'a> {
    /// One per (question, resolver address) asked. Whoever is not here keeps the verdict it had.
    pub verdicts: &'a [Verdict],
    /// Everything found; a finding that is not here any more ends.
    pub findings: &'a [Finding],
    /// Incidents and candidates of the group as they stand now.
    pub ledger: &'a Ledger,
    /// The steps of this round.
    pub transitions: &'a [Transition],
    /// What is to be told of them. A message whose id is known already is not written again.
    pub messages: &'a [NewMessage],
    /// What it taught of the caps of resolver addresses, in order of source.
    pub caps: &'a [(Source, Cap)],
    /// When it was judged: the beginning and end of verdicts and findings.
    pub now: DateTime<Utc>,
}

/// The group of one vantage whose round is being finished.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) vantage_id: i16,
    pub(super) group: String,
}

impl Store {
    /// Closes a running round. All of it or nothing; [`StoreError::RoundNotRunning`] where it was closed before.
    ///
    /// The same outcome again does nothing: whoever lost the answer may repeat the call.
    pub async fn finish_round(
        &self,
        round: RoundId,
        outcome: &RoundOutcome<'_>,
    ) -> Result<(), StoreError> {
        let keys: Vec<_> = outcome.verdicts.iter().map(series_of).collect();
        let series = self.intern_series(round.vantage_id, &keys).await?;
        let verdicts = judgement::worst_of_each(outcome.verdicts, &keys, &series)?;
        let mut transaction = self.pool.begin().await?;
        let Some(place) = lock_round(&mut transaction, round, outcome.now).await? else {
            return Ok(());
        };
        judgement::write_verdicts(&mut transaction, &place, &verdicts, outcome.now).await?;
        judgement::write_findings(&mut transaction, &place, outcome.findings, outcome.now).await?;
        incidents::write(&mut transaction, &place, outcome).await?;
        outbox::enqueue(&mut transaction, outcome.messages).await?;
        learned_caps::write(&mut transaction, &place, outcome.caps).await?;
        complete(&mut transaction, round, outcome.now).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// The series a verdict speaks of.
pub(super) fn series_of(verdict: &Verdict) -> SeriesKey {
    SeriesKey {
        question: verdict.question.clone(),
        source: verdict.observed.source.clone(),
    }
}

/// Finds the round, and keeps every other round of the same group from being finished meanwhile. `None`: it was finished
/// by this very outcome.
async fn lock_round(
    connection: &mut PgConnection,
    round: RoundId,
    now: DateTime<Utc>,
) -> Result<Option<Place>, StoreError> {
    let row = sqlx::query!(
        r#"-- lock_round
        select vantage_id, group_name, status, finished_at is not distinct from $2::timestamptz as "is_this!"
        from round where round_id = $1 for update"#,
        round.round_id,
        now
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(StoreError::RoundNotRunning(round.round_id))?;
    match &*row.status {
        "running" => {}
        "finished" if row.is_this => return Ok(None),
        _ => return Err(StoreError::RoundNotRunning(round.round_id)),
    }
    lock_group(connection, row.vantage_id, &row.group_name).await?;
    Ok(Some(Place {
        vantage_id: row.vantage_id,
        group: row.group_name,
    }))
}

/// Keeps every round of a group from being finished until the transaction ends.
pub(super) async fn lock_group(
    connection: &mut PgConnection,
    vantage_id: i16,
    group: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- lock_group\nselect pg_advisory_xact_lock(hashtextextended('dns-auditor finish ' || $1, $2))",
        group,
        i64::from(vantage_id)
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn complete(
    connection: &mut PgConnection,
    round: RoundId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- complete\nupdate round set status = 'finished', finished_at = $2 where round_id = $1",
        round.round_id,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}
