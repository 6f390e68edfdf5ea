//! Spans: written by batch, restored at start.
//!
//! [`read`] makes spans of rows again. Deliberately absent: cutting runs.

pub(super) mod read;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use read::Referred;

use super::{Store, StoreError, columns, intern::interned, record::Keys};
use crate::{
    names::{DnsName, NameError},
    types::{Question, RecordType, Span},
};

/// Spans that are read at once at start: what reading them takes beside is small then.
const RESTORED_AT_ONCE: usize = 8_192;

/// A span with the vantage it was seen from. In JSON the span's own fields stand beside `vantage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedSpan {
    /// Where it was seen from.
    pub vantage: String,
    /// The span.
    #[serde(flatten)]
    pub span: Span,
}

/// Writes the spans of a chunk as they stand after it. Groups share series: whichever writes last, a span only grows.
pub(super) async fn upsert(
    connection: &mut PgConnection,
    spans: &[&Span],
    keys: &Keys,
) -> Result<(), StoreError> {
    let mut rows = Columns::default();
    for span in last_of_each(spans) {
        rows.push(span, keys)?;
    }
    rows.upsert(connection).await
}

/// The last state of each span of the chunk: one statement must not touch a row twice. Sorted, so that two
/// transactions lock rows in the same order.
fn last_of_each<'a>(spans: &[&'a Span]) -> Vec<&'a Span> {
    let mut last = HashMap::new();
    for span in spans.iter().copied() {
        // As the column keeps it: two instants within a microsecond are one key.
        let first_seen = span.first_seen.timestamp_micros();
        last.insert((&span.series, &span.site, first_seen), span);
    }
    let mut last: Vec<_> = last.into_iter().collect();
    last.sort_unstable_by_key(|(key, _)| *key);
    last.into_iter().map(|(_, span)| span).collect()
}

/// Spans column by column, as `unnest` takes them.
#[derive(Default)]
struct Columns {
    series_ids: Vec<i32>,
    sites: Vec<String>,
    first_seen: Vec<DateTime<Utc>>,
    answer_ids: Vec<i64>,
    authoritative: Vec<bool>,
    first_ttls: Vec<String>,
    last_seen: Vec<DateTime<Utc>>,
    samples: Vec<i64>,
    ttl_mins: Vec<Option<i64>>,
    ttl_maxs: Vec<Option<i64>>,
    first_expires: Vec<Option<DateTime<Utc>>>,
    cached_untils: Vec<Option<DateTime<Utc>>>,
    longest_silences: Vec<Option<i32>>,
}

impl Columns {
    fn push(&mut self, span: &Span, keys: &Keys) -> Result<(), StoreError> {
        self.series_ids
            .push(interned(&keys.series, &span.series, "series")?);
        self.sites.push(span.site.clone().unwrap_or_default());
        self.first_seen.push(span.first_seen);
        self.answer_ids.push(keys.answer(&span.answer)?);
        self.authoritative.push(span.authoritative);
        self.first_ttls
            .push(columns::ttls_to_text(&span.first_ttls));
        self.last_seen.push(span.last_seen);
        self.samples
            .push(i64::try_from(span.samples).unwrap_or(i64::MAX));
        self.ttl_mins.push(span.ttl_min.map(i64::from));
        self.ttl_maxs.push(span.ttl_max.map(i64::from));
        self.first_expires.push(span.first_expires_at);
        self.cached_untils.push(span.cached_until);
        let seconds = |silence| i32::try_from(silence).unwrap_or(i32::MAX);
        self.longest_silences
            .push(span.longest_silence_s.map(seconds));
        Ok(())
    }

    async fn upsert(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        sqlx::query!(
            "-- upsert_spans
            insert into span (series_id, site, first_seen, answer_id, authoritative, first_ttls, last_seen, samples,
                ttl_min, ttl_max, first_expires_at, cached_until, longest_silence_s)
            select *
            from unnest($1::integer[], $2::text[], $3::timestamptz[], $4::bigint[], $5::boolean[], $6::text[],
                $7::timestamptz[], $8::bigint[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[],
                $13::integer[])
            on conflict (series_id, site, first_seen) do update
            set last_seen = greatest(span.last_seen, excluded.last_seen),
                samples = greatest(span.samples, excluded.samples),
                ttl_min = least(span.ttl_min, excluded.ttl_min), ttl_max = greatest(span.ttl_max, excluded.ttl_max),
                cached_until = greatest(span.cached_until, excluded.cached_until),
                longest_silence_s = greatest(span.longest_silence_s, excluded.longest_silence_s)",
            &self.series_ids,
            &self.sites,
            &self.first_seen,
            &self.answer_ids,
            &self.authoritative,
            &self.first_ttls,
            &self.last_seen,
            &self.samples,
            &self.ttl_mins as &[Option<i64>],
            &self.ttl_maxs as &[Option<i64>],
            &self.first_expires as &[Option<DateTime<Utc>>],
            &self.cached_untils as &[Option<DateTime<Utc>>],
            &self.longest_silences as &[Option<i32>]
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

impl Store {
    /// What a history needs at start: every span seen, or perhaps still cached, at or after `since`, and the latest of
    /// every series and site. In order of first sight.
    pub async fn restore_spans(
        &self,
        vantage: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<Span>, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let ids = sqlx::query_scalar!(
            r#"-- restore_spans
            select span_id as "span_id!"
            from (
                select span_id, series_id, last_seen, cached_until,
                    lead(span_id) over (partition by series_id, site order by first_seen) is null as latest
                from span join series using (series_id)
                where vantage_id = $1
            ) as numbered
            where latest or last_seen >= $2 or cached_until >= $2
            order by series_id"#,
            vantage_id,
            since
        )
        .fetch_all(&self.pool)
        .await?;
        let mut spans = Vec::with_capacity(ids.len());
        let mut referred = Referred::default();
        for some in ids.chunks(RESTORED_AT_ONCE) {
            let rows = self.span_rows(some).await?;
            referred.turn_to(&self.pool, &rows).await?;
            for row in rows {
                spans.push(referred.read(row)?.span);
            }
        }
        spans.sort_by_key(|span| span.first_seen);
        Ok(spans)
    }
}

/// A question read back from its two columns.
pub(super) fn question(name: &str, rtype: i32) -> Result<Question, StoreError> {
    let name: DnsName = name
        .parse()
        .map_err(|error: NameError| StoreError::unreadable("name", error))?;
    Ok(Question {
        name,
        rtype: RecordType(columns::number("record type", rtype)?),
    })
}
