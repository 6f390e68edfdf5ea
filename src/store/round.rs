//! Rounds: begun once, and finished, abandoned or missed.
//!
//! ```text
//! begin_round ─────► running ──finish_round──► finished
//!                       └──give_up_rounds, or abandon_rounds at the next start──► abandoned
//! give_up_rounds ──► missed
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
    ///
    /// The same call again, `now` included, gives the same round: whoever lost the answer may ask for it.
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
            on conflict on constraint round_key do update set status = round.status
            where round.status = 'running' and round.started_at = excluded.started_at
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

    /// Closes rounds that will be recorded no more: one that was begun is abandoned, one that was not is missed. Those
    /// that were finished after all are left as they are.
    pub async fn give_up_rounds(
        &self,
        vantage: &str,
        group: &str,
        due_at: &[DateTime<Utc>],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "-- give_up_rounds
            update round set status = 'abandoned', finished_at = $4
            where vantage_id = $1 and group_name = $2 and due_at = any($3) and status = 'running'",
            vantage_id,
            group,
            due_at,
            now
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "-- give_up_rounds
            insert into round (vantage_id, group_name, due_at, status)
            select $1, $2, due_at, 'missed' from unnest($3::timestamptz[]) as given (due_at)
            on conflict do nothing",
            vantage_id,
            group,
            due_at
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
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
