//! What became of an attempt: delivered, to be tried again, or given up. Each is recorded with the incident.
//!
//! Deliberately absent: deciding which. A message that was delivered or buried before stays as it is.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{EventKind, Store, StoreError, append, columns, disabled, ring};
use crate::{audit::ledger::fallback_id, store::incidents::NewEvent};

/// What follows an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// From when on the message may be leased again.
    pub at: DateTime<Utc>,
    /// Whether its fallback tells it, too, once.
    pub tell_fallback: bool,
}

impl Store {
    /// The message reached its channel, which is enabled again if it was not; what else waits for it may be sent at once.
    /// `detail`: what the channel answered.
    pub async fn delivered(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
        detail: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        delivered(&mut transaction, id, now, detail).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The attempt failed; the message may be leased again as `again` says. `detail`: why.
    pub async fn retry(
        &self,
        id: Uuid,
        again: Again,
        now: DateTime<Utc>,
        detail: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        retry(&mut transaction, id, again, now, detail).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The message is given up at its channel; its fallback, where it has one, tells it instead. `detail`: why.
    pub async fn bury(&self, id: Uuid, now: DateTime<Utc>, detail: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        bury(&mut transaction, id, now, detail).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Notes that an attempt was made outside the outbox. `false`: it is known already, or the message was ended.
pub(in crate::store) async fn count_attempt(
    connection: &mut PgConnection,
    id: Uuid,
    attempt: u32,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "-- count_attempt
        update outbox set attempts = greatest(attempts, $2)
        where message_id = $1 and delivered_at is null and buried_at is null and held_at is null
            and (attempts < $2 or lease_until is not null)",
        id,
        i32::try_from(attempt).unwrap_or(i32::MAX)
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(in crate::store) async fn delivered(
    connection: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
    detail: &str,
) -> Result<(), StoreError> {
    let message = sqlx::query_as!(
        Attempt,
        "-- delivered
        update outbox set delivered_at = $2, lease_until = null, leased_by = null, last_error = null
        where message_id = $1 and delivered_at is null and buried_at is null
        returning message_id, incident_id, vantage, channel, attempts",
        id,
        now
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(message) = &message {
        disabled::enable(connection, &message.vantage, &message.channel).await?;
        wake(connection, message, now).await?;
    }
    Attempt::tell(message, connection, EventKind::Delivered, now, detail).await
}

pub(in crate::store) async fn retry(
    connection: &mut PgConnection,
    id: Uuid,
    again: Again,
    now: DateTime<Utc>,
    detail: &str,
) -> Result<(), StoreError> {
    let message = sqlx::query_as!(
        Attempt,
        "-- retry
        update outbox set available_at = $2, lease_until = null, leased_by = null, last_error = $3
        where message_id = $1 and delivered_at is null and buried_at is null
        returning message_id, incident_id, vantage, channel, attempts",
        id,
        again.at,
        columns::without_nul(detail)
    )
    .fetch_optional(&mut *connection)
    .await?;
    if message.is_some() && again.tell_fallback {
        hand_over(connection, id, now).await?;
    }
    let kind = EventKind::DeliveryFailed;
    Attempt::tell(message, connection, kind, now, detail).await
}

pub(in crate::store) async fn bury(
    connection: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
    detail: &str,
) -> Result<(), StoreError> {
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
    .fetch_optional(&mut *connection)
    .await?;
    if message.is_some() {
        hand_over(connection, id, now).await?;
    }
    let kind = EventKind::DeliveryBuried;
    Attempt::tell(message, connection, kind, now, detail).await
}

/// Lets everything be sent that waits for a channel that has just taken a message: whatever was wrong with it is over.
async fn wake(
    connection: &mut PgConnection,
    taken: &Attempt,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "-- wake
        update outbox set woken = true
        where vantage = $1 and channel = $2 and available_at > $3 and not woken
            and delivered_at is null and buried_at is null and held_at is null and lease_until is null",
        taken.vantage,
        taken.channel,
        now
    )
    .execute(&mut *connection)
    .await?;
    match done.rows_affected() {
        0 => Ok(()),
        _ => ring(connection).await,
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
