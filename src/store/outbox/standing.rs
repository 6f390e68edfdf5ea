//! What was last told of each incident that is not over, for receivers that forget what is not told again.
//!
//! Deliberately absent: a record of telling it again. It says nothing new.

use serde_json::Value as Json;
use uuid::Uuid;

use crate::store::{Store, StoreError};

/// The last word on an incident at a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct StandingMessage {
    /// The message's id.
    pub id: Uuid,
    /// The incident's.
    pub incident_id: Uuid,
    /// The channel that took it.
    pub channel: String,
    /// What was sent.
    pub body: Json,
}

impl Store {
    /// The last delivered message of every incident of a vantage that is not resolved, at each of these channels.
    pub async fn standing_messages(
        &self,
        vantage: &str,
        channels: &[String],
    ) -> Result<Vec<StandingMessage>, StoreError> {
        let rows = sqlx::query_as!(
            StandingMessage,
            r#"-- standing_messages
            select distinct on (outbox.channel, outbox.incident_id) message_id as id, incident_id as "incident_id!",
                outbox.channel, outbox.body
            from incident join outbox using (incident_id)
            where incident.status <> 'resolved' and outbox.vantage = $1 and outbox.channel = any($2)
                and outbox.delivered_at is not null
            order by outbox.channel, outbox.incident_id, outbox.position desc"#,
            vantage,
            channels
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
