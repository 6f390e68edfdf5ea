//! Who served what, from when until when, and what was made of it: the past of one name.
//!
//! Answered from spans alone, and how well it was watched from rounds. The command line, the API and the page read the same [`Timeline`].
//!
//! Deliberately absent: single samples, and any rendering.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    RecordedSpan, Store, StoreError,
    apart::Apart,
    columns, copied,
    findings::{FindingQuery, FindingSpan},
    incidents::{IncidentEvent, IncidentFilter, IncidentRow},
    spans::{
        question,
        read::{self, OfName},
    },
};
use crate::{
    audit::{declared::Declaration, verdict::State},
    names::DnsName,
    types::{Question, RecordType, Severity},
};

mod coverage;

pub use coverage::Coverage;

/// Incidents one timeline shows at most.
const MOST_INCIDENTS: u32 = 1_000;

/// Which past.
#[derive(Debug, Clone)]
pub struct TimelineQuery {
    /// Of this name.
    pub name: DnsName,
    /// Of this type; `None`: of all.
    pub rtype: Option<RecordType>,
    /// From this instant on; `None`: from the beginning.
    pub from: Option<DateTime<Utc>>,
    /// Up to this instant; `None`: until now.
    pub to: Option<DateTime<Utc>>,
    /// At this resolver only, by id. Authorities are shown all the same: they are what it is held against.
    pub resolver: Option<String>,
}

/// The past of a name within a window. Everything that overlaps the window is in it, whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    /// The name.
    pub name: DnsName,
    /// As asked.
    pub from: Option<DateTime<Utc>>,
    /// As asked.
    pub to: Option<DateTime<Utc>>,
    /// Who served what, in order of first sight.
    pub spans: Vec<RecordedSpan>,
    /// What rounds said of it, in order of beginning.
    pub verdicts: Vec<VerdictSpan>,
    /// What was wrong at the authorities, in order of beginning.
    pub findings: Vec<FindingSpan>,
    /// Incidents that concern the name, newest first.
    pub incidents: Vec<IncidentRow>,
    /// Their steps, the acts of people and every attempt to deliver, in order of recording.
    pub events: Vec<IncidentEvent>,
    /// What people declared of the name, in order of the instants that it is about.
    pub declarations: Vec<Declaration>,
    /// How many rounds there were, per vantage and group: where there were none, nothing was seen.
    pub coverage: Vec<Coverage>,
}

/// A verdict over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictSpan {
    /// Seen from here.
    pub vantage: String,
    /// The group whose policy it was judged by.
    pub group: String,
    /// What was asked.
    pub question: Question,
    /// The resolver's id.
    pub resolver: String,
    /// The address asked.
    pub address: std::net::SocketAddr,
    /// The state.
    pub state: State,
    /// How much it matters.
    pub severity: Severity,
    /// Remarks beside the state.
    pub flags: Vec<String>,
    /// The round that first gave it.
    pub since: DateTime<Utc>,
    /// The round that gave another; `None` while it stands.
    pub until: Option<DateTime<Utc>>,
    /// The verdict of the first round, with operator, reason and evidence, as it was written then.
    pub evidence: Json,
}

/// The query as its parts take it.
struct Window<'a> {
    name: &'a str,
    rtype: Option<i32>,
    resolver: Option<&'a str>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl<'a> Window<'a> {
    fn of(query: &'a TimelineQuery) -> Self {
        Self {
            name: query.name.as_str(),
            rtype: query.rtype.map(|rtype| rtype.0.into()),
            resolver: query.resolver.as_deref(),
            from: query.from.unwrap_or(DateTime::UNIX_EPOCH),
            to: query.to.unwrap_or(end_of_time()),
        }
    }
}

/// The year 9999: later than anything stored, and within what a column holds.
pub(super) fn end_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

impl Store {
    /// The past of a name.
    pub async fn timeline(&self, query: &TimelineQuery) -> Result<Timeline, StoreError> {
        let (store, asked) = (self.clone(), query.clone());
        let judged = Apart::begin(async move { store.judged_within(&asked).await });
        let (store, asked) = (self.clone(), query.clone());
        let coverage = Apart::begin(async move {
            let window = Window::of(&asked);
            store.coverage_of(&asked.name, window.from, window.to).await
        });
        let spans = Box::pin(self.spans_within(query)).await?;
        Ok(Timeline {
            spans,
            coverage: coverage.ended().await?,
            ..judged.ended().await?
        })
    }

    /// Everything but the spans and how well it was watched.
    async fn judged_within(&self, query: &TimelineQuery) -> Result<Timeline, StoreError> {
        let window = &Window::of(query);
        let incidents = self.incidents_of(query).await?;
        let ids: Vec<Uuid> = incidents.iter().map(|incident| incident.id).collect();
        let findings = FindingQuery {
            names: vec![query.name.clone()],
            rtype: query.rtype,
            kinds: Vec::new(),
            from: window.from,
            to: window.to,
        };
        Ok(Timeline {
            name: query.name.clone(),
            from: query.from,
            to: query.to,
            spans: Vec::new(),
            verdicts: self.verdicts_within(window).await?,
            findings: self.findings(&findings).await?,
            events: self.events_of(&ids).await?,
            incidents,
            declarations: self
                .declared_of([query.name.clone()], window.from, window.to)
                .await?,
            coverage: Vec::new(),
        })
    }

    /// Who served what, in order of first sight.
    async fn spans_within(&self, query: &TimelineQuery) -> Result<Vec<RecordedSpan>, StoreError> {
        let window = Window::of(query);
        let series = self.series_of_name(OfName::asked(query)).await?;
        let from = format!(
            "span where series_id = any({}) and first_seen <= {} and last_seen >= {}",
            copied::keys(&series),
            copied::instant(window.to),
            copied::instant(window.from)
        );
        let rows = read::rows(&self.pool, "spans_within", ["", &from]).await?;
        self.spans_of_rows(rows).await
    }

    async fn verdicts_within(&self, window: &Window<'_>) -> Result<Vec<VerdictSpan>, StoreError> {
        let rows = sqlx::query!(
            r#"-- verdicts_within
            select vantage.name as vantage, group_name, question.name as question_name, rtype,
                source.name as source_name, address as "address: ipnet::IpNet", port, scope, state, severity, flags,
                since, until, evidence
            from verdict_span join series using (series_id) join vantage using (vantage_id)
                join question using (question_id) join source using (source_id)
            where question.name = $1 and ($2::integer is null or rtype = $2)
                and ($3::text is null or source.name = $3)
                and since <= $5 and (until is null or until >= $4)
            order by since, rtype, source.name, address, port, verdict_span_id"#,
            window.name,
            window.rtype,
            window.resolver,
            window.from,
            window.to
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(VerdictSpan {
                    vantage: row.vantage,
                    group: row.group_name,
                    question: question(&row.question_name, row.rtype)?,
                    resolver: row.source_name,
                    address: columns::socket_address(row.address, row.port, row.scope)?,
                    state: columns::variant_from_text("state", row.state)?,
                    severity: columns::variant_from_text("severity", row.severity)?,
                    flags: row.flags,
                    since: row.since,
                    until: row.until,
                    evidence: row.evidence,
                })
            })
            .collect()
    }

    async fn incidents_of(&self, query: &TimelineQuery) -> Result<Vec<IncidentRow>, StoreError> {
        let filter = IncidentFilter {
            name: Some(query.name.clone()),
            from: query.from,
            to: query.to,
            ..IncidentFilter::default()
        };
        Ok(self
            .incidents(&filter, None, MOST_INCIDENTS)
            .await?
            .incidents)
    }
}
