//! When breaches began of late, as the last round left it.
//!
//! Deliberately absent: how often is too often, which is `audit::ledger`'s rule.

use sqlx::PgConnection;

use crate::{
    audit::incident::{Incident, Recurrence},
    store::{Store, StoreError, columns, finish::Place},
};

/// Writes those of a group in place of the ones before.
pub(super) async fn replace(
    connection: &mut PgConnection,
    place: &Place,
    recurrences: &[Recurrence],
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- clear_recurrences\ndelete from recurrence where vantage_id = $1 and group_name = $2",
        place.vantage_id,
        place.group
    )
    .execute(&mut *connection)
    .await?;
    if recurrences.is_empty() {
        return Ok(());
    }
    let documents = columns::all_to_json(recurrences)?;
    sqlx::query!(
        "-- write_recurrences
        insert into recurrence (vantage_id, group_name, document)
        select $1, $2, document from unnest($3::jsonb[]) as given (document)",
        place.vantage_id,
        place.group,
        &documents
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What was ended outside any round begins afresh where it begins again.
pub(super) async fn forget(
    connection: &mut PgConnection,
    incident: &Incident,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- forget_recurrences
        delete from recurrence using incident
        where incident_id = $1 and recurrence.vantage_id = incident.vantage_id
            and recurrence.group_name = incident.group_name and recurrence.document -> 'key' = $2",
        incident.id,
        columns::to_json(&incident.key)?
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Those of a group, in order of key.
    pub(super) async fn recurrences(
        &self,
        vantage_id: i16,
        group: &str,
    ) -> Result<Vec<Recurrence>, StoreError> {
        let documents = sqlx::query_scalar!(
            "-- recurrences
            select document from recurrence where vantage_id = $1 and group_name = $2",
            vantage_id,
            group
        )
        .fetch_all(&self.pool)
        .await?;
        let mut read: Vec<Recurrence> = super::read_all("recurrence", documents)?;
        read.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(read)
    }
}
