//! What people do to an incident: acknowledge it, or declare it over.
//!
//! Deliberately absent: telling anybody of it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{EventKind, NewEvent, append, instant};
use crate::store::{Store, StoreError};

impl Store {
    /// Acknowledges an open or recovering incident in somebody's name. `false`: there is none with this id, or it is
    /// acknowledged or resolved already.
    pub async fn ack_incident(
        &self,
        id: Uuid,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query!(
            "-- ack_incident
            update incident set acked_at = $2, document = jsonb_set(document, '{acked_at}', $3)
            where incident_id = $1 and status <> 'resolved' and acked_at is null",
            id,
            now,
            instant(now)?
        )
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        append(
            &mut transaction,
            &NewEvent::act(id, EventKind::Acked, now, by),
        )
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Declares an incident over in somebody's name; if the breach is still there, the next rounds open a new one.
    /// `false`: there is none with this id, or it is resolved already.
    pub async fn resolve_incident(
        &self,
        id: Uuid,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query!(
            r#"-- resolve_incident
            update incident set status = 'resolved', resolved_at = $2,
                document = document || jsonb_build_object('status', 'resolved', 'resolved_at', $3::jsonb)
            where incident_id = $1 and status <> 'resolved'"#,
            id,
            now,
            instant(now)?
        )
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        append(
            &mut transaction,
            &NewEvent::act(id, EventKind::Closed, now, by),
        )
        .await?;
        transaction.commit().await?;
        Ok(true)
    }
}
