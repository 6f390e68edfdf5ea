//! Sessions and checkpoints: where a replay can begin.
//!
//! Deliberately absent: when one is taken, which is the evaluator's business.

use chrono::{DateTime, Utc};
use tokio::task::spawn_blocking;

use super::{Checkpoint, Session, SessionId};
use crate::{
    audit::history::History,
    store::{Store, StoreError},
};

/// Higher levels take much longer and gain a few per cent.
const LEVEL: i32 = 3;

impl Store {
    /// Begins a session with the history it starts from, which is its first checkpoint.
    pub async fn begin_session(
        &self,
        vantage: &str,
        history: &History,
        now: DateTime<Utc>,
    ) -> Result<SessionId, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let session_id = sqlx::query_scalar!(
            "-- begin_session
            insert into session (vantage_id, started_at) values ($1, $2) returning session_id",
            vantage_id,
            now
        )
        .fetch_one(&self.pool)
        .await?;
        let session = SessionId(session_id);
        let first = Checkpoint {
            step: 0,
            taken_at: now,
            history: history.clone(),
        };
        self.write_checkpoint(session, first).await?;
        Ok(session)
    }

    /// Writes a checkpoint; one that is there already is left as it is.
    pub async fn write_checkpoint(
        &self,
        session: SessionId,
        checkpoint: Checkpoint,
    ) -> Result<(), StoreError> {
        let (step, taken_at) = (checkpoint.step, checkpoint.taken_at);
        let body = in_background(move || pack(&checkpoint.history)).await?;
        sqlx::query!(
            "-- write_checkpoint
            insert into checkpoint (session_id, step, taken_at, body) values ($1, $2, $3, $4)
            on conflict do nothing",
            session.0,
            step,
            taken_at,
            body
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The session under way at `at`, or the last one before it; `None` where the vantage has no earlier one.
    pub async fn session_at(
        &self,
        vantage: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<Session>, StoreError> {
        let sessions = self.sessions(vantage).await?;
        Ok(sessions.into_iter().rfind(|one| one.started_at <= at))
    }

    /// Every session of a vantage, in order.
    pub async fn sessions(&self, vantage: &str) -> Result<Vec<Session>, StoreError> {
        let rows = sqlx::query!(
            "-- sessions
            select session_id, started_at from session join vantage using (vantage_id)
            where vantage.name = $1 order by session_id",
            vantage
        )
        .fetch_all(&self.pool)
        .await?;
        let sessions = rows.into_iter().map(|row| Session {
            id: SessionId(row.session_id),
            started_at: row.started_at,
        });
        Ok(sessions.collect())
    }

    /// The steps and instants at which a session's history was set aside, in order.
    pub async fn checkpoints(
        &self,
        session: SessionId,
    ) -> Result<Vec<(i64, DateTime<Utc>)>, StoreError> {
        let rows = sqlx::query!(
            "-- checkpoints\nselect step, taken_at from checkpoint where session_id = $1 order by step",
            session.0
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.step, row.taken_at))
            .collect())
    }

    /// The history of a session as it stood after a step that has a checkpoint; `None` where it has none.
    pub async fn checkpoint(
        &self,
        session: SessionId,
        step: i64,
    ) -> Result<Option<History>, StoreError> {
        let body = sqlx::query_scalar!(
            "-- checkpoint\nselect body from checkpoint where session_id = $1 and step = $2",
            session.0,
            step
        )
        .fetch_optional(&self.pool)
        .await?;
        match body {
            Some(body) => Ok(Some(in_background(move || unpack(&body)).await?)),
            None => Ok(None),
        }
    }
}

/// Histories are large: (de)compressing one must not hold up a round.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = spawn_blocking(work).await;
    done.map_err(|error| StoreError::unreadable("checkpoint", error))?
}

fn pack(history: &History) -> Result<Vec<u8>, StoreError> {
    let wrong = |error| StoreError::unreadable("checkpoint", error);
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL).map_err(wrong)?;
    encoder.include_checksum(true).map_err(wrong)?;
    serde_json::to_writer(&mut encoder, history)
        .map_err(|error| StoreError::unreadable("checkpoint", error))?;
    encoder.finish().map_err(wrong)
}

fn unpack(body: &[u8]) -> Result<History, StoreError> {
    let decoder =
        zstd::Decoder::new(body).map_err(|error| StoreError::unreadable("checkpoint", error))?;
    serde_json::from_reader(std::io::BufReader::new(decoder))
        .map_err(|error| StoreError::unreadable("checkpoint", error))
}
