//! What happens to incidents outside rounds: somebody acknowledges or ends one, or the configuration drops it.
//!
//! Deliberately absent: what an ending changes in an incident, which is `audit::ledger`'s rule.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{EventKind, NewEvent, append, append_steps, instant, recurrence, upsert_all};
use crate::{
    audit::incident::{Incident, Transition},
    store::{NewMessage, Store, StoreError, columns, outbox},
};

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
        let event = NewEvent::act(id, EventKind::Acked, now, by);
        append(&mut transaction, &event).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Records steps taken outside any round, with the messages that tell them: an incident ended by hand (then `by`
    /// says by whom), or no longer asked for. All of them or none.
    ///
    /// `false`, and nothing is written, where an incident is unknown, is resolved already, or has taken another step
    /// since it was read: read it again.
    pub async fn record_steps(
        &self,
        steps: &[Transition],
        by: Option<&str>,
        messages: &[NewMessage],
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        for step in steps {
            if !take(&mut transaction, step).await? {
                return Ok(false);
            }
            forget_candidates(&mut transaction, &step.incident).await?;
            recurrence::forget(&mut transaction, &step.incident).await?;
            if let Some(by) = by {
                let event = NewEvent::act(step.incident.id, EventKind::Closed, step.at, by);
                append(&mut transaction, &event).await?;
            }
        }
        append_steps(&mut transaction, steps).await?;
        outbox::enqueue(&mut transaction, messages).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

impl Store {
    /// Opens an incident outside any round: of a group whose rounds do not run. The same one again changes nothing.
    pub async fn open_incident(
        &self,
        vantage: &str,
        step: &Transition,
        messages: &[NewMessage],
    ) -> Result<(), StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let opened = [(step.incident.id, &step.incident)].into();
        let mut transaction = self.pool.begin().await?;
        upsert_all(&mut transaction, vantage_id, &opened).await?;
        append_steps(&mut transaction, std::slice::from_ref(step)).await?;
        outbox::enqueue(&mut transaction, messages).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Notes that an open incident is still so, where no round does.
    pub async fn still_bad(&self, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query!(
            "-- still_bad
            update incident set document = jsonb_set(document, '{last_bad_at}', $2)
            where incident_id = $1 and status <> 'resolved'",
            id,
            instant(now)?
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Puts the incident as it stands after the step in place of the one before it.
async fn take(connection: &mut PgConnection, step: &Transition) -> Result<bool, StoreError> {
    let incident = &step.incident;
    let done = sqlx::query!(
        "-- take_step
        update incident set status = $3, severity = $4, resolved_at = $5, document = $6
        where incident_id = $1 and status <> 'resolved' and (document ->> 'transitions')::bigint = $2",
        incident.id,
        i64::from(step.number),
        columns::variant_to_text(&incident.status)?,
        incident.severity.to_string(),
        incident.resolved_at,
        columns::to_json(incident)?
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What counted towards an incident that was ended must not open it again at once.
async fn forget_candidates(
    connection: &mut PgConnection,
    incident: &Incident,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- forget_candidates
        delete from candidate using incident
        where incident_id = $1 and candidate.vantage_id = incident.vantage_id
            and candidate.group_name = incident.group_name and candidate.document -> 'key' = $2",
        incident.id,
        columns::to_json(&incident.key)?
    )
    .execute(connection)
    .await?;
    Ok(())
}
