//! What waits in the outbox, for whoever has to tell it should the database go away.
//!
//! Deliberately absent: leasing it.

use super::{Fallback, NewMessage, Store, StoreError, columns};
use crate::store::journal::Carried;

impl Store {
    /// The first messages of a vantage, `most` of them, that are neither delivered, nor buried, nor held back: in the order of
    /// telling, with the attempts so far.
    pub async fn waiting_messages(
        &self,
        vantage: &str,
        most: usize,
    ) -> Result<Vec<Carried>, StoreError> {
        let rows = sqlx::query!(
            r#"-- waiting_messages
            select message_id, incident_id, channel, kind, severity, body, created_at, expires_at, fallback, fallback_body,
                instead_of, attempts, case when woken then created_at else available_at end as "available_at!"
            from outbox
            where vantage = $1 and delivered_at is null and buried_at is null and held_at is null
            order by position
            limit $2"#,
            vantage,
            i64::try_from(most).unwrap_or(i64::MAX)
        )
        .fetch_all(&self.pool)
        .await?;
        let read = rows.into_iter().map(|row| {
            let fallback = row.fallback.zip(row.fallback_body);
            Ok(Carried {
                message: NewMessage {
                    id: row.message_id,
                    vantage: vantage.to_owned(),
                    incident_id: row.incident_id,
                    channel: row.channel,
                    kind: row.kind,
                    severity: columns::variant_from_text("severity", row.severity)?,
                    body: row.body,
                    created_at: row.created_at,
                    expires_at: row.expires_at,
                    fallback: fallback.map(|(channel, body)| Fallback { channel, body }),
                },
                instead_of: row.instead_of,
                attempts: columns::number("attempt", row.attempts)?,
                available_at: row.available_at,
            })
        });
        read.collect()
    }
}
