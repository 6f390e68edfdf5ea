//! Incidents as a list, newest first, page by page.
//!
//! Deliberately absent: the whole document of each, which [`Store::incident`] gives.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    audit::incident::{Axis, Status},
    names::DnsName,
    store::{Store, StoreError, columns},
    types::Severity,
};

/// Which incidents; everything that is `None` or empty does not restrict.
#[derive(Debug, Clone, Default)]
pub struct IncidentFilter {
    /// Any of these statuses.
    pub statuses: Vec<Status>,
    /// Along this axis.
    pub axis: Option<Axis>,
    /// At least this severe.
    pub min_severity: Option<Severity>,
    /// Of this group.
    pub group: Option<String>,
    /// Concerning this name.
    pub name: Option<DnsName>,
    /// Seen at this resolver.
    pub resolver: Option<String>,
    /// Not over before this instant.
    pub from: Option<DateTime<Utc>>,
    /// Opened before this instant.
    pub to: Option<DateTime<Utc>>,
}

/// Where a page ends: the next one begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageKey {
    /// When the last incident of the page was opened.
    pub opened_at: DateTime<Utc>,
    /// Its id.
    pub id: Uuid,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentPage {
    /// Newest first.
    pub incidents: Vec<IncidentRow>,
    /// The key of the next page; `None` on the last.
    pub next: Option<PageKey>,
}

/// An incident in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentRow {
    /// Its id.
    pub id: Uuid,
    /// Where it was seen from.
    pub vantage: String,
    /// The group.
    pub group: String,
    /// Along which line.
    pub axis: Axis,
    /// The name and type, the resolver, the server or zone, or the vantage.
    pub subject: String,
    /// Where it stands.
    pub status: Status,
    /// The state's or the finding's name.
    pub verdict: String,
    /// The worst so far.
    pub severity: Severity,
    /// Every name it concerns.
    pub names: Vec<String>,
    /// Every resolver it was seen at.
    pub resolvers: Vec<String>,
    /// First bad sample.
    pub opened_at: DateTime<Utc>,
    /// When it ended.
    pub resolved_at: Option<DateTime<Utc>>,
    /// When a person took it.
    pub acked_at: Option<DateTime<Utc>>,
    /// One sentence of the worst evidence.
    pub reason: String,
}

/// The filter as the query takes it.
struct Bounds {
    statuses: Option<Vec<String>>,
    severities: Option<Vec<String>>,
    axis: Option<String>,
}

impl Bounds {
    fn of(filter: &IncidentFilter) -> Result<Self, StoreError> {
        let statuses = filter.statuses.iter().map(columns::variant_to_text);
        let statuses = statuses.collect::<Result<Vec<_>, _>>()?;
        let all = [
            Severity::None,
            Severity::Info,
            Severity::Warning,
            Severity::Critical,
        ];
        let at_least = |least: Severity| {
            let severe = all.into_iter().filter(move |severity| *severity >= least);
            severe.map(|severity| severity.to_string()).collect()
        };
        let axis = filter.axis.as_ref().map(columns::variant_to_text);
        Ok(Self {
            statuses: Some(statuses).filter(|statuses| !statuses.is_empty()),
            severities: filter.min_severity.map(at_least),
            axis: axis.transpose()?,
        })
    }
}

impl Store {
    /// At most `limit` incidents after `after`, newest first.
    pub async fn incidents(
        &self,
        filter: &IncidentFilter,
        after: Option<PageKey>,
        limit: u32,
    ) -> Result<IncidentPage, StoreError> {
        let bounds = Bounds::of(filter)?;
        let rows = sqlx::query_as!(
            Row,
            r#"-- incidents
            select incident_id, vantage.name as vantage, group_name, axis, subject, status, verdict, severity, names,
                resolvers, opened_at, resolved_at, acked_at, document ->> 'reason' as reason
            from incident join vantage using (vantage_id)
            where ($1::text[] is null or status = any($1))
                and ($2::text[] is null or severity = any($2))
                and ($3::text is null or axis = $3)
                and ($4::text is null or group_name = $4)
                and ($5::text is null or names @> array[$5])
                and ($6::text is null or resolvers @> array[$6])
                and ($7::timestamptz is null or resolved_at is null or resolved_at >= $7)
                and ($8::timestamptz is null or opened_at < $8)
                and ($9::timestamptz is null or (opened_at, incident_id) < ($9, $10::uuid))
            order by opened_at desc, incident_id desc
            limit $11"#,
            bounds.statuses as Option<Vec<String>>,
            bounds.severities as Option<Vec<String>>,
            bounds.axis,
            filter.group,
            filter.name.as_ref().map(ToString::to_string),
            filter.resolver,
            filter.from,
            filter.to,
            after.map(|key| key.opened_at),
            after.map(|key| key.id),
            i64::from(limit) + 1
        )
        .fetch_all(&self.pool)
        .await?;
        page(rows, limit)
    }
}

fn page(mut rows: Vec<Row>, limit: u32) -> Result<IncidentPage, StoreError> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let incidents = rows
        .into_iter()
        .map(Row::into_row)
        .collect::<Result<Vec<_>, _>>()?;
    let next = incidents.last().filter(|_| more).map(|last| PageKey {
        opened_at: last.opened_at,
        id: last.id,
    });
    Ok(IncidentPage { incidents, next })
}

struct Row {
    incident_id: Uuid,
    vantage: String,
    group_name: String,
    axis: String,
    subject: String,
    status: String,
    verdict: String,
    severity: String,
    names: Vec<String>,
    resolvers: Vec<String>,
    opened_at: DateTime<Utc>,
    resolved_at: Option<DateTime<Utc>>,
    acked_at: Option<DateTime<Utc>>,
    reason: Option<String>,
}

impl Row {
    fn into_row(self) -> Result<IncidentRow, StoreError> {
        Ok(IncidentRow {
            id: self.incident_id,
            vantage: self.vantage,
            group: self.group_name,
            axis: columns::variant_from_text("axis", self.axis)?,
            subject: self.subject,
            status: columns::variant_from_text("status", self.status)?,
            verdict: self.verdict,
            severity: columns::variant_from_text("severity", self.severity)?,
            names: self.names,
            resolvers: self.resolvers,
            opened_at: self.opened_at,
            resolved_at: self.resolved_at,
            acked_at: self.acked_at,
            reason: self.reason.unwrap_or_default(),
        })
    }
}
