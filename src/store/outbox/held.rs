//! Messages that a silence or maintenance holds back: kept with the reason, and told once when that is over.
//!
//! Deliberately absent: deciding what is kept quiet, which is `audit::quiet`'s rule, and what is told afterwards.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{EventKind, NewMessage, Store, StoreError, columns, ending::Attempt, enqueue};
use crate::{
    audit::incident::Incident,
    store::incidents::{NewEvent, append},
};

/// What is held back of one incident at one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldBack {
    /// The incident's id.
    pub incident_id: Uuid,
    /// The incident as it stands; `None` where it is not recorded yet.
    pub incident: Option<Incident>,
    /// The channel.
    pub channel: String,
    /// The newest message that is held back.
    pub newest: Uuid,
    /// What held that one back.
    pub held_by: String,
    /// Whether the channel was sent, or is to be sent, a later message of the incident all the same.
    pub is_overtaken: bool,
    /// Whether the channel was ever told of the incident.
    pub was_told: bool,
}

/// What becomes of what was held back.
#[derive(Debug)]
pub struct Settling<'a> {
    /// Of this.
    pub held: &'a HeldBack,
    /// The message that tells it after all; `None`: there is nothing left to tell.
    pub told_by: Option<NewMessage>,
}

impl Store {
    /// Holds a message back that was leased. `by`: what does.
    pub async fn hold(&self, id: Uuid, now: DateTime<Utc>, by: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        hold(&mut transaction, id, now, by).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Everything of a vantage that is held back, in order of incident and channel.
    pub async fn held_back(&self, vantage: &str) -> Result<Vec<HeldBack>, StoreError> {
        let rows = sqlx::query!(
            r#"-- held_back
            select newest.incident_id as "incident_id!", newest.channel, newest.message_id as newest,
                newest.held_by as "held_by!", incident.document as "document?",
                exists (
                    select from outbox as later
                    where later.incident_id = newest.incident_id and later.channel = newest.channel
                        and later.position > newest.position and later.held_at is null
                ) as "is_overtaken!",
                exists (
                    select from outbox as told
                    where told.incident_id = newest.incident_id and told.channel = newest.channel
                        and told.delivered_at is not null
                ) as "was_told!"
            from (
                select distinct on (incident_id, channel) incident_id, channel, message_id, held_by, position
                from outbox
                where vantage = $1 and held_at is not null and settled_at is null and incident_id is not null
                order by incident_id, channel, position desc
            ) as newest
            left join incident on incident.incident_id = newest.incident_id"#,
            vantage
        )
        .fetch_all(&self.pool)
        .await?;
        let read = rows.into_iter().map(|row| {
            let incident = row.document;
            let incident = incident.map(|document| columns::from_json("incident", document));
            Ok(HeldBack {
                incident_id: row.incident_id,
                incident: incident.transpose()?,
                channel: row.channel,
                newest: row.newest,
                held_by: row.held_by,
                is_overtaken: row.is_overtaken,
                was_told: row.was_told,
            })
        });
        read.collect()
    }

    /// Ends the holding back of messages, with the message that tells what is left. Once: whoever comes second changes
    /// nothing.
    pub async fn settle(
        &self,
        settling: &Settling<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let HeldBack {
            incident_id,
            channel,
            held_by,
            ..
        } = settling.held;
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query!(
            "-- settle
            update outbox set settled_at = $3
            where incident_id = $1 and channel = $2 and held_at is not null and settled_at is null",
            incident_id,
            channel,
            now
        )
        .execute(&mut *transaction)
        .await?;
        if let Some(message) = settling
            .told_by
            .as_ref()
            .filter(|_| done.rows_affected() > 0)
        {
            enqueue(&mut transaction, std::slice::from_ref(message)).await?;
            let event = NewEvent {
                incident_id: Some(*incident_id),
                at: now,
                kind: EventKind::Released,
                channel: Some(&message.channel),
                message_id: Some(message.id),
                attempt: None,
                detail: held_by,
            };
            append(&mut transaction, &event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Whether a channel was ever told of an incident.
    pub async fn was_told(&self, incident: Uuid, channel: &str) -> Result<bool, StoreError> {
        let told = sqlx::query_scalar!(
            r#"-- was_told
            select exists (
                select from outbox where incident_id = $1 and channel = $2 and delivered_at is not null
            ) as "told!""#,
            incident,
            channel
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(told)
    }
}

pub(in crate::store) async fn hold(
    connection: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
    by: &str,
) -> Result<(), StoreError> {
    let message = sqlx::query_as!(
        Attempt,
        "-- hold
        update outbox set held_at = $2, held_by = $3, lease_until = null, leased_by = null, attempts = attempts - 1,
            probes = least(probes, attempts - 1)
        where message_id = $1 and delivered_at is null and buried_at is null and held_at is null
        returning message_id, incident_id, vantage, channel, attempts",
        id,
        now,
        columns::without_nul(by)
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(message) = message else {
        return Ok(());
    };
    let event = NewEvent {
        incident_id: message.incident_id,
        at: now,
        kind: EventKind::Held,
        channel: Some(&message.channel),
        message_id: Some(message.message_id),
        attempt: None,
        detail: by,
    };
    append(connection, &event).await
}
