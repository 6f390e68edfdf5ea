//! The threads in which a Slack app tells of incidents, so that a restart or another instance goes on in the same one.
//!
//! Deliberately absent: what is said in them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Store, StoreError, columns};
use crate::types::Severity;

/// Where the messages of one incident stand at one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackThread {
    /// The conversation's ID.
    pub conversation: String,
    /// What Slack calls the first message.
    pub ts: String,
    /// When the message was written that the first message shows.
    pub shown_at: DateTime<Utc>,
    /// The severity in that message.
    pub severity: Severity,
}

impl Store {
    /// The thread of an incident at a channel; `None` until its first message is there.
    pub async fn slack_thread(
        &self,
        vantage: &str,
        channel: &str,
        incident: Uuid,
    ) -> Result<Option<SlackThread>, StoreError> {
        let row = sqlx::query!(
            "-- slack_thread
            select conversation, ts, shown_at, severity from slack_thread
            where vantage = $1 and channel = $2 and incident_id = $3",
            vantage,
            channel,
            incident
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(SlackThread {
                conversation: row.conversation,
                ts: row.ts,
                shown_at: row.shown_at,
                severity: columns::variant_from_text("severity", row.severity)?,
            })
        })
        .transpose()
    }

    /// Records the thread of an incident at a channel, in the place of an earlier one.
    pub async fn keep_slack_thread(
        &self,
        vantage: &str,
        channel: &str,
        incident: Uuid,
        thread: &SlackThread,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- keep_slack_thread
            insert into slack_thread (vantage, channel, incident_id, conversation, ts, shown_at, severity)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (vantage, channel, incident_id) do update
            set conversation = excluded.conversation, ts = excluded.ts, shown_at = excluded.shown_at,
                severity = excluded.severity",
            vantage,
            channel,
            incident,
            thread.conversation,
            thread.ts,
            thread.shown_at,
            thread.severity.to_string()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
