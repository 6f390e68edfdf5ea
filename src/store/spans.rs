//! Spans: written by batch, restored at start.
//!
//! [`write`] makes rows of spans, [`read`] makes spans of rows again. Deliberately absent: cutting runs.

pub(super) mod read;
mod write;
mod written;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use read::Referred;
pub(super) use write::{BEGIN, Spanned, last_of_each, write};
pub(super) use written::WrittenSpans;

use super::{Store, StoreError, columns};
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
    pub vantage: Arc<str>,
    /// The span.
    #[serde(flatten)]
    pub span: Span,
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
            for row in &rows {
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
