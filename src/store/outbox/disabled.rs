//! Channels whose receiver said that it is not there: known to every instance of a vantage, with the reason and an end.
//!
//! Deliberately absent: what becomes of their messages, which is the dispatcher's decision.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use super::{Store, StoreError, columns};

/// A channel that nothing but tests are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DisabledChannel {
    /// The channel's id.
    pub channel: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it gets another chance.
    pub until: DateTime<Utc>,
    /// What its receiver said.
    pub reason: String,
}

impl Store {
    /// Disables a channel until `until`, from `now` on unless it is disabled already.
    pub async fn disable_channel(
        &self,
        vantage: &str,
        channel: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        reason: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- disable_channel
            insert into disabled_channel as known (vantage, channel, since, until, reason)
            values ($1, $2, $3, $4, $5)
            on conflict (vantage, channel) do update
            set until = greatest(known.until, excluded.until), reason = excluded.reason",
            vantage,
            channel,
            now,
            until,
            columns::without_nul(reason)
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The channels of a vantage that are disabled at `now`, in order of their ids.
    pub async fn disabled_channels(
        &self,
        vantage: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<DisabledChannel>, StoreError> {
        let channels = sqlx::query_as!(
            DisabledChannel,
            "-- disabled_channels
            select channel, since, until, reason from disabled_channel
            where vantage = $1 and until > $2
            order by channel",
            vantage,
            now
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(channels)
    }

    /// Enables every channel of a vantage: its configuration may have changed. What waits for them may be sent at once.
    /// Returns how many were disabled.
    pub async fn enable_channels(&self, vantage: &str) -> Result<u64, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let enabled = sqlx::query!(
            "-- enable_channels
            delete from disabled_channel where vantage = $1 returning channel",
            vantage
        )
        .fetch_all(&mut *transaction)
        .await?;
        let channels: Vec<_> = enabled.into_iter().map(|row| row.channel).collect();
        sqlx::query!(
            "-- enable_channels
            update outbox set woken = true
            where vantage = $1 and channel = any($2)
                and delivered_at is null and buried_at is null and held_at is null",
            vantage,
            &channels
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(channels.len() as u64)
    }
}

/// Enables one channel.
pub(super) async fn enable(
    connection: &mut PgConnection,
    vantage: &str,
    channel: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- enable\ndelete from disabled_channel where vantage = $1 and channel = $2",
        vantage,
        channel
    )
    .execute(connection)
    .await?;
    Ok(())
}
