//! What became of an attempt: delivered, to be tried again, or given up. Each is recorded with the incident.
//!
//! Deliberately absent: deciding which. A message that was delivered or buried before stays as it is.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{EventKind, Store, StoreError, append, columns, disabled, ring};
use crate::{audit::ledger::fallback_id, store::incidents::NewEvent};

impl Store {
    /// The message reached its channel, which is enabled again if it was not. `detail`: what the channel answered.
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
            returning message_id, incident_id, vantage, channel, attempts",
            id,
            now
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(message) = &message {
            disabled::enable(&mut transaction, &message.vantage, &message.channel).await?;
        }
        Attempt::tell(message, &mut transaction, EventKind::Delivered, now, detail).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The attempt failed; the message may be leased again from `at` on. `detail`: why. With `tell_fallback`, its
    /// fallback tells it, too, once.
    pub async fn retry(
        &self,
        id: Uuid,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
        detail: &str,
        tell_fallback: bool,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let message = sqlx::query_as!(
            Attempt,
            "-- retry
            update outbox set available_at = $2, lease_until = null, leased_by = null, last_error = $3
            where message_id = $1 and delivered_at is null and buried_at is null
            returning message_id, incident_id, vantage, channel, attempts",
            id,
            at,
            columns::without_nul(detail)
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if message.is_some() && tell_fallback {
            hand_over(&mut transaction, id, now).await?;
        }
        let kind = EventKind::DeliveryFailed;
        Attempt::tell(message, &mut transaction, kind, now, detail).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The message is given up at its channel; its fallback, where it has one, tells it instead. `detail`: why.
    pub async fn bury(&self, id: Uuid, now: DateTime<Utc>, detail: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let message = sqlx::query_as!(
            Attempt,
            "-- bury
            update outbox set buried_at = $2, lease_until = null, leased_by = null, last_error = $3
            where message_id = $1 and delivered_at is null and buried_at is null
            returning message_id, incident_id, vantage, channel, attempts",
            id,
            now,
            columns::without_nul(detail)
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if message.is_some() {
            hand_over(&mut transaction, id, now).await?;
        }
        let kind = EventKind::DeliveryBuried;
        Attempt::tell(message, &mut transaction, kind, now, detail).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Writes for its fallback what a message says, unless that was done before.
async fn hand_over(
    connection: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "-- hand_over
        insert into outbox (message_id, vantage, incident_id, channel, kind, severity, body, created_at, available_at,
            expires_at, instead_of)
        select $2, vantage, incident_id, fallback, kind, severity, fallback_body, created_at, $3, expires_at, channel
        from outbox where message_id = $1 and fallback is not null
        on conflict (message_id) do nothing",
        id,
        fallback_id(id),
        now
    )
    .execute(&mut *connection)
    .await?;
    match done.rows_affected() {
        0 => Ok(()),
        _ => ring(connection).await,
    }
}

/// The message an attempt was made of.
pub(super) struct Attempt {
    pub(super) message_id: Uuid,
    pub(super) incident_id: Option<Uuid>,
    pub(super) vantage: String,
    pub(super) channel: String,
    pub(super) attempts: i32,
}

impl Attempt {
    /// Records what became of it, unless the message was ended before.
    pub(super) async fn tell(
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
