//! Rounds: begun once, and finished, abandoned or missed.
//!
//! ```text
//! begin_round ──► running ──finish_round──► finished
//!                    └──abandon_rounds, at the next start──► abandoned
//! missed_round ─► missed
//! ```
//!
//! Deliberately absent: when a round is due, which is the scheduler's business.

use chrono::{DateTime, Utc};

use super::{Store, StoreError};

/// A round that was begun by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RoundId {
    pub(super) round_id: i64,
    pub(super) vantage_id: i16,
}

impl RoundId {
    /// Its number in the database, for logs.
    pub fn number(self) -> i64 {
        self.round_id
    }
}

impl Store {
    /// Begins the round that is due at `due_at`. `None`: it was begun, or recorded as missed, before.
    pub async fn begin_round(
        &self,
        vantage: &str,
        group: &str,
        due_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<RoundId>, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let round_id = sqlx::query_scalar!(
            "-- begin_round
            insert into round (vantage_id, group_name, due_at, started_at, status)
            values ($1, $2, $3, $4, 'running')
            on conflict do nothing
            returning round_id",
            vantage_id,
            group,
            due_at,
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(round_id.map(|round_id| RoundId {
            round_id,
            vantage_id,
        }))
    }

    /// Marks every round of the vantage that is still running as abandoned: for the start, when none can be.
    /// Returns how many there were.
    pub async fn abandon_rounds(
        &self,
        vantage: &str,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let done = sqlx::query!(
            "-- abandon_rounds
            update round set status = 'abandoned', finished_at = $2
            where vantage_id = $1 and status = 'running'",
            vantage_id,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Records a round that was due and not begun. Does nothing where it was begun after all.
    pub async fn missed_round(
        &self,
        vantage: &str,
        group: &str,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        sqlx::query!(
            "-- missed_round
            insert into round (vantage_id, group_name, due_at, status)
            values ($1, $2, $3, 'missed')
            on conflict do nothing",
            vantage_id,
            group,
            due_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// When the group's latest round of any status was due; `None` before its first.
    pub async fn last_round(
        &self,
        vantage: &str,
        group: &str,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let due_at = sqlx::query_scalar!(
            "-- last_round\nselect max(due_at) from round where vantage_id = $1 and group_name = $2",
            vantage_id,
            group
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(due_at)
    }
}
