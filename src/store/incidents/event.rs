//! The record of an incident's life. Append-only.
//!
//! Deliberately absent: changing or deleting what happened.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::{Store, StoreError, columns};

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A step: confirmed and told.
    Opened,
    /// A step: worse, wider, merged, recovering, or relapsed.
    Updated,
    /// A step: still there.
    Reminder,
    /// A step: over.
    Resolved,
    /// A person took it.
    Acked,
    /// A person declared it over.
    Closed,
    /// A message reached its channel.
    Delivered,
    /// An attempt failed; another follows.
    DeliveryFailed,
    /// The last attempt failed; the message is given up.
    DeliveryBuried,
    /// A person had a message that was given up sent again.
    Replayed,
    /// A message was held back by a silence or by maintenance.
    Held,
    /// That is over: what was held back is told once, by this message.
    Released,
}

/// One thing that happened to an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentEvent {
    /// Its number; grows in the order of recording.
    pub id: i64,
    /// Whose; `None` for the test of a channel.
    pub incident_id: Option<Uuid>,
    /// When.
    pub at: DateTime<Utc>,
    /// What kind.
    pub kind: EventKind,
    /// The step's number within the incident, for steps.
    pub step: Option<u32>,
    /// The channel, for attempts to deliver.
    pub channel: Option<String>,
    /// The message, for attempts to deliver.
    pub message_id: Option<Uuid>,
    /// Which attempt of the message, from 1.
    pub attempt: Option<u32>,
    /// Why, by whom, or what the channel answered.
    pub detail: String,
}

/// An event to be recorded that is not a step.
#[derive(Debug)]
pub(in crate::store) struct NewEvent<'a> {
    pub(in crate::store) incident_id: Option<Uuid>,
    pub(in crate::store) at: DateTime<Utc>,
    pub(in crate::store) kind: EventKind,
    pub(in crate::store) channel: Option<&'a str>,
    pub(in crate::store) message_id: Option<Uuid>,
    pub(in crate::store) attempt: Option<i32>,
    pub(in crate::store) detail: &'a str,
}

impl<'a> NewEvent<'a> {
    /// What a person did.
    pub(super) fn act(incident_id: Uuid, kind: EventKind, at: DateTime<Utc>, by: &'a str) -> Self {
        Self {
            incident_id: Some(incident_id),
            at,
            kind,
            channel: None,
            message_id: None,
            attempt: None,
            detail: by,
        }
    }
}

/// Records one event.
pub(in crate::store) async fn append(
    connection: &mut PgConnection,
    event: &NewEvent<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- append
        insert into incident_event (incident_id, at, kind, channel, message_id, attempt, detail)
        values ($1, $2, $3, $4, $5, $6, $7)",
        event.incident_id,
        event.at,
        columns::variant_to_text(&event.kind)?,
        event.channel,
        event.message_id,
        event.attempt,
        columns::without_nul(event.detail)
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Everything that happened to these incidents, in the order of recording.
    pub(in crate::store) async fn events_of(
        &self,
        ids: &[Uuid],
    ) -> Result<Vec<IncidentEvent>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "-- events_of
            select incident_event_id, incident_id, at, kind, step, channel, message_id, attempt, detail
            from incident_event where incident_id = any($1) order by incident_event_id",
            ids
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::into_event).collect()
    }

    /// Every attempt to deliver one message, in the order of recording.
    pub async fn deliveries_of(&self, message: Uuid) -> Result<Vec<IncidentEvent>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "-- deliveries_of
            select incident_event_id, incident_id, at, kind, step, channel, message_id, attempt, detail
            from incident_event where message_id = $1 order by incident_event_id",
            message
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::into_event).collect()
    }
}

struct Row {
    incident_event_id: i64,
    incident_id: Option<Uuid>,
    at: DateTime<Utc>,
    kind: String,
    step: Option<i64>,
    channel: Option<String>,
    message_id: Option<Uuid>,
    attempt: Option<i32>,
    detail: String,
}

impl Row {
    fn into_event(self) -> Result<IncidentEvent, StoreError> {
        let step = self.step.map(|step| columns::number("step", step));
        let attempt = self.attempt.map(|count| columns::number("attempt", count));
        Ok(IncidentEvent {
            id: self.incident_event_id,
            incident_id: self.incident_id,
            at: self.at,
            kind: columns::variant_from_text("kind of event", self.kind)?,
            step: step.transpose()?,
            channel: self.channel,
            message_id: self.message_id,
            attempt: attempt.transpose()?,
            detail: self.detail,
        })
    }
}
