//! What became of an attempt: delivered, to be tried again, or given up. Each is recorded with the incident.
//!
//! Deliberately absent: deciding which. A message that was delivered or buried before stays as it is.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{EventKind, Store, StoreError, append, columns};
use crate::store::incidents::NewEvent;

impl Store {
    /// The message reached its channel. `detail`: what the channel answered.
    pub async fn delivered(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
        detail: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let message = sqlx::query_as!(
            Attempt,
            "-- delivered
            update outbox set delivered_at = $2, lease_until = null, leased_by = null, last_error = null
            where message_id = $1 and delivered_at is null and buried_at is null
            returning message_id, incident_id, channel, attempts",
            id,
            now
        )
        .fetch_optional(&mut *transaction)
        .await?;
        Attempt::tell(message, &mut transaction, EventKind::Delivered, now, detail).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The attempt failed; the message may be leased again from `at` on. `detail`: why.
    pub async fn retry(
        &self,
        id: Uuid,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
        detail: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let message = sqlx::query_as!(
            Attempt,
            "-- retry
            update outbox set available_at = $2, lease_until = null, leased_by = null, last_error = $3
            where message_id = $1 and delivered_at is null and buried_at is null
            returning message_id, incident_id, channel, attempts",
            id,
            at,
            columns::without_nul(detail)
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let kind = EventKind::DeliveryFailed;
        Attempt::tell(message, &mut transaction, kind, now, detail).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The message is given up. `detail`: why.
    pub async fn bury(&self, id: Uuid, now: DateTime<Utc>, detail: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let message = sqlx::query_as!(
            Attempt,
            "-- bury
            update outbox set buried_at = $2, lease_until = null, leased_by = null, last_error = $3
            where message_id = $1 and delivered_at is null and buried_at is null
            returning message_id, incident_id, channel, attempts",
            id,
            now,
            columns::without_nul(detail)
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let kind = EventKind::DeliveryBuried;
        Attempt::tell(message, &mut transaction, kind, now, detail).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// The message an attempt was made of.
struct Attempt {
    message_id: Uuid,
    incident_id: Option<Uuid>,
    channel: String,
    attempts: i32,
}

impl Attempt {
    /// Records what became of it, unless the message was ended before.
    async fn tell(
        message: Option<Self>,
        connection: &mut PgConnection,
        kind: EventKind,
        at: DateTime<Utc>,
        detail: &str,
    ) -> Result<(), StoreError> {
        let Some(message) = message else {
            return Ok(());
        };
        let event = NewEvent {
            incident_id: message.incident_id,
            at,
            kind,
            channel: Some(&message.channel),
            message_id: Some(message.message_id),
            attempt: Some(message.attempts),
            detail,
        };
        append(connection, &event).await
    }
}
