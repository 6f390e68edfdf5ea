//! What recorded rounds came to, as it was written: the verdicts, findings and steps that a replay must give again.
//!
//! Deliberately absent: what only people read of them, which is the timeline's.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    store::{Store, StoreError, columns, spans::question},
    types::SeriesKey,
};

/// A verdict from the round that first gave it until the round that gave another.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedVerdict {
    /// The group.
    pub group: String,
    /// Of what.
    pub series: SeriesKey,
    /// The judgement of the round that began it.
    pub since: DateTime<Utc>,
    /// The judgement of the round that ended it; `None` while it stands.
    pub until: Option<DateTime<Utc>>,
    /// State, severity and flags, as they are stored: what must be the same in every round between.
    pub gist: (String, String, Vec<String>),
    /// The verdict of the round that began it, as it is stored.
    pub document: Json,
}

/// A finding from the round that first gave it until the round that gave it no more.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedFinding {
    /// The group.
    pub group: String,
    /// Kind and subject, as they are stored.
    pub key: (String, String),
    /// The judgement of the round that began it.
    pub since: DateTime<Utc>,
    /// The judgement of the round that ended it; `None` while it stands.
    pub until: Option<DateTime<Utc>>,
    /// Severity and names, as they are stored: what must be the same in every round between.
    pub gist: (String, Vec<String>),
    /// The finding of the round that began it, as it is stored.
    pub document: Json,
}

/// A step of an incident.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedStep {
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// Whose.
    pub incident_id: Uuid,
    /// Its number.
    pub step: u32,
    /// What kind.
    pub kind: String,
    /// Why.
    pub detail: String,
}

/// What stood or was written between two instants, in order of beginning.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// Verdicts.
    pub verdicts: Vec<RecordedVerdict>,
    /// Findings.
    pub findings: Vec<RecordedFinding>,
    /// Steps that were taken in rounds.
    pub steps: Vec<RecordedStep>,
}

impl Store {
    /// What the rounds of a vantage that were judged from `from` to `to`, both included, wrote or left standing. Steps
    /// that people took, or that a start took, are left out.
    pub async fn recorded(
        &self,
        vantage: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Recorded, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        Ok(Recorded {
            verdicts: self.recorded_verdicts(vantage_id, from, to).await?,
            findings: self.recorded_findings(vantage_id, from, to).await?,
            steps: self.recorded_steps(vantage_id, from, to).await?,
        })
    }

    async fn recorded_verdicts(
        &self,
        vantage_id: i16,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<RecordedVerdict>, StoreError> {
        let rows = sqlx::query!(
            r#"-- recorded_verdicts
            select group_name, question.name as question_name, rtype, source.kind, source.name as source_name,
                address as "address: ipnet::IpNet", port, scope, transport, since, until, state, severity, flags, evidence
            from verdict_span
            join series using (series_id)
            join question using (question_id)
            join source using (source_id)
            where vantage_id = $1 and since <= $3 and (until is null or until >= $2)
            order by since, verdict_span_id"#,
            vantage_id,
            from,
            to
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let source = columns::source(
                    row.kind,
                    row.source_name,
                    (row.address, row.port, row.scope),
                    row.transport,
                )?;
                Ok(RecordedVerdict {
                    group: row.group_name,
                    series: SeriesKey {
                        question: question(&row.question_name, row.rtype)?,
                        source: source.into(),
                    },
                    since: row.since,
                    until: row.until,
                    gist: (row.state, row.severity, row.flags),
                    document: row.evidence,
                })
            })
            .collect()
    }

    async fn recorded_findings(
        &self,
        vantage_id: i16,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<RecordedFinding>, StoreError> {
        let rows = sqlx::query!(
            "-- recorded_findings
            select group_name, kind, subject, since, until, severity, names, evidence from finding_span
            where vantage_id = $1 and since <= $3 and (until is null or until >= $2)
            order by since, finding_span_id",
            vantage_id,
            from,
            to
        )
        .fetch_all(&self.pool)
        .await?;
        let findings = rows.into_iter().map(|row| RecordedFinding {
            group: row.group_name,
            key: (row.kind, row.subject),
            since: row.since,
            until: row.until,
            gist: (row.severity, row.names),
            document: row.evidence,
        });
        Ok(findings.collect())
    }

    /// A round's steps bear its instant of judgement.
    async fn recorded_steps(
        &self,
        vantage_id: i16,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<RecordedStep>, StoreError> {
        let rows = sqlx::query!(
            r#"-- recorded_steps
            select incident_event.at, incident_id as "incident_id!", step as "step!", kind, detail
            from incident_event
            join incident using (incident_id)
            join round_context on judged_at = incident_event.at
            join round using (round_id)
            where incident.vantage_id = $1 and round.vantage_id = $1 and round.group_name = incident.group_name
                and round.status = 'finished' and step is not null and incident_event.at between $2 and $3
            order by incident_event_id"#,
            vantage_id,
            from,
            to
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(RecordedStep {
                    at: row.at,
                    incident_id: row.incident_id,
                    step: columns::number("step", row.step)?,
                    kind: row.kind,
                    detail: row.detail,
                })
            })
            .collect()
    }
}
