//! What the history takes: sizes, octets a sample, the oldest of each kind, and what waits to be packed.
//!
//! Deliberately absent: counting. Messages and spans are as many as the server last estimated, raw samples as many as
//! their chunks say, packed ones as many as were packed.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::{
    Store, StoreError,
    partition::{Parent, Present},
};

/// The state of the database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The server's version.
    pub server: String,
    /// The newest migration that was applied.
    pub schema: i64,
    /// Octets of the whole database.
    pub octets: u64,
    /// What is kept, kind by kind.
    pub kinds: Vec<KindStatus>,
    /// Days that are due to be packed, the oldest first.
    pub days_to_pack: Vec<NaiveDate>,
}

/// One kind of what is kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindStatus {
    /// What it is.
    pub kind: &'static str,
    /// Octets with indexes and all.
    pub octets: u64,
    /// How many there are; `None` where nobody has counted yet. Of messages and spans an estimate.
    pub rows: Option<u64>,
    /// Octets a row.
    pub octets_per_row: Option<f64>,
    /// The first day there is something of.
    pub oldest: Option<NaiveDate>,
}

/// Kinds and their tables.
const KINDS: [(&str, &[&str]); 5] = [
    ("spans", &["span"]),
    ("verdicts", &["verdict_span", "finding_span"]),
    (
        "incidents",
        &[
            "incident",
            "incident_event",
            "outbox",
            "candidate",
            "declaration",
            "silence",
        ],
    ),
    (
        "replay",
        &["round_context", "checkpoint", "session", "document"],
    ),
    (
        "interned",
        &[
            "round",
            "round_day",
            "answer",
            "annotation",
            "series",
            "question",
            "source",
            "vantage",
        ],
    ),
];

impl KindStatus {
    fn new(kind: &'static str, octets: u64, rows: Option<u64>, oldest: Option<NaiveDate>) -> Self {
        let per_row = rows.filter(|rows| *rows > 0);
        Self {
            kind,
            octets,
            rows,
            octets_per_row: per_row.map(|rows| octets as f64 / rows as f64),
            oldest,
        }
    }

    /// Of partitions; `rows` where they were counted.
    fn of(kind: &'static str, present: &[Present], rows: Option<u64>) -> Self {
        let octets = present.iter().map(|one| one.octets).sum();
        let estimated = present.iter().filter_map(|one| one.rows).sum();
        let oldest = present.first().map(|one| one.partition.first);
        Self::new(kind, octets, Some(rows.unwrap_or(estimated)), oldest)
    }
}

impl Store {
    /// The state of the database at `now`, when closed days stay raw for `keep`.
    pub async fn status(&self, keep: Duration, now: DateTime<Utc>) -> Result<Status, StoreError> {
        let whole = sqlx::query!(
            r#"-- status
            select current_setting('server_version') as "server!", pg_database_size(current_database()) as "octets!",
                (select sum(samples) from observation_chunk) as raw,
                (select sum(samples)::bigint from packed_day) as packed,
                (select min(day) from packed_day) as first_packed, (select min(first_seen) from span) as first_span"#
        )
        .fetch_one(&self.pool)
        .await?;
        let mut kinds = vec![
            KindStatus::of(
                "raw samples",
                &self.partitions_of(Parent::Observation).await?,
                Some(whole.raw.unwrap_or(0).cast_unsigned()),
            ),
            KindStatus {
                oldest: whole.first_packed,
                ..KindStatus::of(
                    "packed samples",
                    &self.partitions_of(Parent::Pack).await?,
                    Some(whole.packed.unwrap_or(0).cast_unsigned()),
                )
            },
            KindStatus::of(
                "messages",
                &self.partitions_of(Parent::Message).await?,
                None,
            ),
        ];
        for (kind, tables) in KINDS {
            let (octets, rows) = self.size_of(tables).await?;
            let oldest = whole.first_span.filter(|_| kind == "spans");
            kinds.push(KindStatus::new(
                kind,
                octets,
                rows,
                oldest.map(|at| at.date_naive()),
            ));
        }
        Ok(Status {
            server: whole.server,
            schema: self.schema.now,
            octets: whole.octets.cast_unsigned(),
            kinds,
            days_to_pack: self.days_to_pack(keep, now).await?,
        })
    }

    /// Octets and estimated rows of some tables.
    async fn size_of(&self, tables: &[&str]) -> Result<(u64, Option<u64>), StoreError> {
        let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
        let size = sqlx::query!(
            r#"-- size_of
            select sum(pg_total_relation_size(oid))::bigint as "octets!",
                case when min(reltuples) >= 0 then sum(reltuples)::bigint end as rows
            from pg_class where oid in (select to_regclass(name) from unnest($1::text[]) as name)"#,
            &tables
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((
            size.octets.cast_unsigned(),
            size.rows.map(i64::cast_unsigned),
        ))
    }
}
