//! What was wrong at the authorities, over time: which record, at which link, since when.
//!
//! Deliberately absent: what is a finding.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value as Json;

use super::{Store, StoreError, columns};
use crate::{
    audit::finding::FindingKind,
    names::DnsName,
    types::{RecordType, Severity},
};

/// Which findings.
#[derive(Debug, Clone)]
pub struct FindingQuery {
    /// Concerning any of these names; all where none is given.
    pub names: Vec<DnsName>,
    /// Concerning questions of this type for one of the names; `None`: of all.
    pub rtype: Option<RecordType>,
    /// Of these kinds; of all where none is given.
    pub kinds: Vec<FindingKind>,
    /// Not over before this.
    pub from: DateTime<Utc>,
    /// Begun by then.
    pub to: DateTime<Utc>,
}

/// A finding over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingSpan {
    /// Seen from here.
    pub vantage: String,
    /// The group.
    pub group: String,
    /// The finding's name.
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// Every name it concerns.
    pub names: Vec<String>,
    /// The round that first gave it.
    pub since: DateTime<Utc>,
    /// The first round without it; `None` while it stands.
    pub until: Option<DateTime<Utc>>,
    /// The finding of the first round, with subject, reason and evidence, as it was written then.
    pub evidence: Json,
}

impl Store {
    /// Findings, in order of beginning.
    pub async fn findings(&self, query: &FindingQuery) -> Result<Vec<FindingSpan>, StoreError> {
        let names = columns::texts(&query.names);
        let kinds = query.kinds.iter().map(columns::variant_to_text);
        let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
        let rows = sqlx::query!(
            "-- findings
            select vantage.name as vantage, group_name, kind, severity, names, since, until, evidence
            from finding_span join vantage using (vantage_id)
            where ($1::text[] = '{}' or names && $1)
                and ($2::text is null or exists (
                    select from jsonb_array_elements(evidence -> 'questions') as one
                    where one ->> 'type' = $2 and ($1::text[] = '{}' or one ->> 'name' = any($1))))
                and ($3::text[] = '{}' or kind = any($3))
                and since <= $5 and (until is null or until >= $4)
            order by since, finding_span_id",
            &names,
            query.rtype.map(|rtype| rtype.to_string()),
            &kinds,
            query.from,
            query.to
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(FindingSpan {
                    vantage: row.vantage,
                    group: row.group_name,
                    kind: row.kind,
                    severity: columns::variant_from_text("severity", row.severity)?,
                    names: row.names,
                    since: row.since,
                    until: row.until,
                    evidence: row.evidence,
                })
            })
            .collect()
    }
}
