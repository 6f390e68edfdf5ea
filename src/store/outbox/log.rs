//! The delivery log: what was written for channels and what became of it, and messages that were given up sent again.
//!
//! Deliberately absent: the single attempts, which are events ([`Store::deliveries_of`]).

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{EventKind, Store, StoreError, columns, disabled, ending::Attempt, ring};
use crate::types::Severity;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Not yet sent, or to be tried again.
    Waiting,
    /// Its channel took it.
    Delivered,
    /// Given up.
    Buried,
    /// Held back by a silence or by maintenance that lasts.
    Held,
    /// Held back until that was over; told by a later message, where there was anything left to tell.
    Silenced,
}

/// Which messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogFilter<'a> {
    /// For this channel only.
    pub channel: Option<&'a str>,
    /// Only what has become of them.
    pub state: Option<MessageState>,
    /// Of this incident only.
    pub incident: Option<Uuid>,
}

/// One message and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogRow {
    /// Its stable id.
    pub id: Uuid,
    /// Whose it is.
    pub vantage: String,
    /// The incident it tells of; `None` for the test of a channel.
    pub incident_id: Option<Uuid>,
    /// The channel's id.
    pub channel: String,
    /// The channel that was meant, where this one told it instead.
    pub instead_of: Option<String>,
    /// As in [`super::NewMessage::kind`].
    pub kind: String,
    /// The severity of what it tells.
    pub severity: Severity,
    /// What became of it.
    pub state: MessageState,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// Until when it is news; sent later, it says that it is history.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it is tried next, where it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was delivered or given up, or what held it back was over.
    pub ended_at: Option<DateTime<Utc>>,
    /// Attempts so far.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// What held it back, where something did.
    pub held_by: Option<String>,
}

impl Store {
    /// At most `limit` messages of a vantage, the newest first.
    pub async fn message_log(
        &self,
        vantage: &str,
        filter: &LogFilter<'_>,
        limit: u32,
    ) -> Result<Vec<LogRow>, StoreError> {
        let is = |state| filter.state.is_none_or(|wanted| wanted == state);
        let rows = sqlx::query!(
            "-- message_log
            select message_id, vantage, incident_id, channel, instead_of, kind, severity, created_at, expires_at,
                available_at, delivered_at, buried_at, attempts, last_error, held_at, held_by, settled_at
            from outbox
            where vantage = $1 and ($2::text is null or channel = $2) and ($3::uuid is null or incident_id = $3)
                and case when delivered_at is not null then $4::boolean when buried_at is not null then $5::boolean
                    when settled_at is not null then $8::boolean when held_at is not null then $9::boolean
                    else $6::boolean end
            order by position desc
            limit $7",
            vantage,
            filter.channel,
            filter.incident,
            is(MessageState::Delivered),
            is(MessageState::Buried),
            is(MessageState::Waiting),
            i64::from(limit),
            is(MessageState::Silenced),
            is(MessageState::Held)
        )
        .fetch_all(&self.pool)
        .await?;
        let read = rows.into_iter().map(|row| {
            let state = match (row.delivered_at, row.buried_at, row.held_at, row.settled_at) {
                (Some(_), ..) => MessageState::Delivered,
                (None, Some(_), ..) => MessageState::Buried,
                (None, None, _, Some(_)) => MessageState::Silenced,
                (None, None, Some(_), None) => MessageState::Held,
                (None, None, None, None) => MessageState::Waiting,
            };
            Ok(LogRow {
                id: row.message_id,
                vantage: row.vantage,
                incident_id: row.incident_id,
                channel: row.channel,
                instead_of: row.instead_of,
                kind: row.kind,
                severity: columns::variant_from_text("severity", row.severity)?,
                state,
                created_at: row.created_at,
                expires_at: row.expires_at,
                next_attempt_at: (state == MessageState::Waiting).then_some(row.available_at),
                ended_at: row.delivered_at.or(row.buried_at).or(row.settled_at),
                attempts: columns::number("attempts", row.attempts)?,
                last_error: row.last_error,
                held_by: row.held_by,
            })
        });
        read.collect()
    }

    /// Has messages that were given up sent again from `now` on, with all their attempts before them, in somebody's
    /// name; a disabled channel is enabled by it. Those that were not given up stay as they are. Returns the ids of those that were.
    pub async fn replay_messages(
        &self,
        vantage: &str,
        ids: &[Uuid],
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<Uuid>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let messages = sqlx::query_as!(
            Attempt,
            "-- replay_messages
            update outbox set buried_at = null, attempts = 0, probes = 0, available_at = $3, lease_until = null, leased_by = null
            where vantage = $1 and message_id = any($2) and buried_at is not null and delivered_at is null
            returning message_id, incident_id, vantage, channel, attempts",
            vantage,
            ids,
            now
        )
        .fetch_all(&mut *transaction)
        .await?;
        let replayed = messages.iter().map(|message| message.message_id).collect();
        for message in messages {
            disabled::enable(&mut transaction, vantage, &message.channel).await?;
            let kind = EventKind::Replayed;
            Attempt::tell(Some(message), &mut transaction, kind, now, by).await?;
        }
        ring(&mut transaction).await?;
        transaction.commit().await?;
        Ok(replayed)
    }
}
