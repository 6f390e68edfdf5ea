//! Incidents: written by rounds, acknowledged and ended by people, listed by every face.
//!
//! The database is the one truth of what is open: [`Store::load_ledger`] is cheap, and read before every round it
//! carries what people did meanwhile into the judgement. An incident that is resolved stays so, whatever a round that
//! was under way still says of it; an acknowledgement is never lost.
//!
//! Deliberately absent: when an incident opens or ends.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{RoundOutcome, Store, StoreError, columns, finish::Place};
use crate::audit::{
    incident::{Incident, Transition},
    ledger::Ledger,
};

mod act;
mod event;
mod list;
mod live;
mod recurrence;

pub use event::{EventKind, IncidentEvent};
pub use list::{IncidentFilter, IncidentPage, IncidentRow, PageKey};
pub use live::Told;

pub(super) use event::{NewEvent, append};

/// Writes incidents, candidates, beginnings and steps of a round.
pub(super) async fn write(
    connection: &mut PgConnection,
    place: &Place,
    outcome: &RoundOutcome<'_>,
) -> Result<(), StoreError> {
    upsert(connection, place, outcome).await?;
    replace_candidates(connection, place, outcome.ledger).await?;
    recurrence::replace(connection, place, &outcome.ledger.recurrences).await?;
    append_steps(connection, outcome.transitions).await
}

async fn upsert(
    connection: &mut PgConnection,
    place: &Place,
    outcome: &RoundOutcome<'_>,
) -> Result<(), StoreError> {
    // A resolved incident is in its last step only; the ledger's word is the newest for all others.
    let stepped = outcome.transitions.iter().map(|step| &step.incident);
    let latest: BTreeMap<Uuid, &Incident> = stepped
        .chain(&outcome.ledger.incidents)
        .map(|incident| (incident.id, incident))
        .collect();
    upsert_all(connection, place.vantage_id, &latest).await
}

/// Writes a group's ledger as it stands, outside any round.
pub(super) async fn write_ledger(
    connection: &mut PgConnection,
    place: &Place,
    ledger: &Ledger,
) -> Result<(), StoreError> {
    let latest = ledger.incidents.iter().map(|one| (one.id, one)).collect();
    upsert_all(connection, place.vantage_id, &latest).await?;
    replace_candidates(connection, place, ledger).await?;
    recurrence::replace(connection, place, &ledger.recurrences).await
}

pub(super) async fn upsert_all(
    connection: &mut PgConnection,
    vantage_id: i16,
    latest: &BTreeMap<Uuid, &Incident>,
) -> Result<(), StoreError> {
    if latest.is_empty() {
        return Ok(());
    }
    let documents = columns::all_to_json(latest.values().copied())?;
    sqlx::query!(
        "-- upsert_incidents
        insert into incident as kept (incident_id, vantage_id, group_name, axis, subject, status, verdict, severity,
            names, resolvers, opened_at, resolved_at, acked_at, document)
        select (d ->> 'id')::uuid, $1, d #>> '{key,group}', d #>> '{key,axis}', d #>> '{key,subject}', d ->> 'status',
            d ->> 'verdict', d ->> 'severity', array(select jsonb_array_elements_text(d -> 'names')),
            array(select jsonb_array_elements_text(d -> 'resolvers')), (d ->> 'opened_at')::timestamptz,
            (d ->> 'resolved_at')::timestamptz, (d ->> 'acked_at')::timestamptz, d
        from unnest($2::jsonb[]) as given (d)
        on conflict (incident_id) do update
        set status = excluded.status, verdict = excluded.verdict, severity = excluded.severity, names = excluded.names,
            resolvers = excluded.resolvers, resolved_at = excluded.resolved_at,
            acked_at = coalesce(excluded.acked_at, kept.acked_at),
            document = case when excluded.acked_at is null and kept.acked_at is not null
                then jsonb_set(excluded.document, '{acked_at}', kept.document -> 'acked_at')
                else excluded.document end
        where kept.status <> 'resolved' and kept.document is distinct from excluded.document",
        vantage_id,
        &documents
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn replace_candidates(
    connection: &mut PgConnection,
    place: &Place,
    ledger: &Ledger,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- clear_candidates\ndelete from candidate where vantage_id = $1 and group_name = $2",
        place.vantage_id,
        place.group
    )
    .execute(&mut *connection)
    .await?;
    if ledger.candidates.is_empty() {
        return Ok(());
    }
    let documents = columns::all_to_json(&ledger.candidates)?;
    sqlx::query!(
        "-- write_candidates
        insert into candidate (vantage_id, group_name, document)
        select $1, $2, document from unnest($3::jsonb[]) with ordinality as given (document, n) order by n",
        place.vantage_id,
        place.group,
        &documents
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A step that is recorded already is left as it is: the same history gives the same steps.
pub(super) async fn append_steps(
    connection: &mut PgConnection,
    steps: &[Transition],
) -> Result<(), StoreError> {
    if steps.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = steps.iter().map(|step| step.incident.id).collect();
    let ats: Vec<_> = steps.iter().map(|step| step.at).collect();
    let numbers: Vec<_> = steps.iter().map(|step| i64::from(step.number)).collect();
    let reasons: Vec<_> = steps
        .iter()
        .map(|step| columns::without_nul(&step.reason))
        .collect();
    let kinds = steps
        .iter()
        .map(|step| columns::variant_to_text(&step.kind))
        .collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "-- append_steps
        insert into incident_event (incident_id, at, kind, step, detail)
        select incident_id, at, kind, step, detail
        from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::bigint[], $5::text[])
            with ordinality as given (incident_id, at, kind, step, detail, n)
        order by n
        on conflict (incident_id, step) where step is not null do nothing",
        &ids,
        &ats,
        &kinds,
        &numbers,
        &reasons
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// The open and recovering incidents of a group, its candidates and what began of late, as the last finished round or a
    /// person left them. In order of key.
    pub async fn load_ledger(&self, vantage: &str, group: &str) -> Result<Ledger, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let incidents = sqlx::query_scalar!(
            "-- load_incidents
            select document from incident
            where vantage_id = $1 and group_name = $2 and status <> 'resolved'
            order by incident_id",
            vantage_id,
            group
        )
        .fetch_all(&self.pool)
        .await?;
        let candidates = sqlx::query_scalar!(
            "-- load_candidates
            select document from candidate where vantage_id = $1 and group_name = $2 order by candidate_id",
            vantage_id,
            group
        )
        .fetch_all(&self.pool)
        .await?;
        let recurrences = self.recurrences(vantage_id, group).await?;
        let mut incidents: Vec<Incident> = read_all("incident", incidents)?;
        incidents.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(Ledger {
            incidents,
            candidates: read_all("candidate", candidates)?,
            recurrences,
        })
    }

    /// One incident with everything that happened to it, in order; `None` where there is no such incident.
    pub async fn incident(
        &self,
        id: Uuid,
    ) -> Result<Option<(Incident, Vec<IncidentEvent>)>, StoreError> {
        let Some(incident) = self.bare_incident(id).await? else {
            return Ok(None);
        };
        Ok(Some((incident, self.events_of(&[id]).await?)))
    }

    /// One incident without what happened to it; `None` where there is no such incident.
    pub async fn bare_incident(&self, id: Uuid) -> Result<Option<Incident>, StoreError> {
        let document = sqlx::query_scalar!(
            "-- incident\nselect document from incident where incident_id = $1",
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        let read = |document| columns::from_json("incident", document);
        document.map(read).transpose()
    }
}

fn read_all<T: DeserializeOwned>(
    what: &'static str,
    documents: Vec<Json>,
) -> Result<Vec<T>, StoreError> {
    let read = |document| columns::from_json(what, document);
    documents.into_iter().map(read).collect()
}

/// An instant as the documents hold it.
fn instant(at: DateTime<Utc>) -> Result<Json, StoreError> {
    columns::to_json(&at)
}
