//! The spans that a what-if is worked out from: what resolvers held, and what authorities served before.
//!
//! Deliberately absent: what follows from them.

use chrono::{DateTime, Utc};

use crate::{
    names::DnsName,
    store::{Store, StoreError, columns},
    types::{RecordType, Span},
};

/// Which runs of answers at resolvers.
#[derive(Debug, Clone)]
pub struct HeldQuery {
    /// Seen from here.
    pub vantage: String,
    /// Of these names; of all where none is given.
    pub names: Vec<DnsName>,
    /// Of these types; of all where none is given.
    pub types: Vec<RecordType>,
    /// At these resolvers, by id; at all where none is given.
    pub resolvers: Vec<String>,
    /// Only what was seen, or could be held, at or after this.
    pub from: DateTime<Utc>,
    /// Only what was first seen by then.
    pub to: DateTime<Utc>,
}

impl Store {
    /// Runs of answers at resolvers, in order of first sight.
    pub async fn held_spans(&self, query: &HeldQuery) -> Result<Vec<Span>, StoreError> {
        let types: Vec<i32> = query.types.iter().map(|rtype| rtype.0.into()).collect();
        let ids = sqlx::query_scalar!(
            "-- held_spans
            select span_id
            from span
            join series using (series_id)
            join vantage using (vantage_id)
            join question using (question_id)
            join source using (source_id)
            where vantage.name = $1 and source.kind = 'resolver'
                and ($2::text[] = '{}' or question.name = any($2))
                and ($3::integer[] = '{}' or rtype = any($3))
                and ($4::text[] = '{}' or source.name = any($4))
                and first_seen <= $6 and (last_seen >= $5 or cached_until >= $5)",
            query.vantage,
            &columns::texts(&query.names),
            &types,
            &query.resolvers,
            query.from,
            query.to
        )
        .fetch_all(&self.pool)
        .await?;
        self.spans_by_key(&ids).await
    }

    /// Every run of answers at authorities for these names that began by `to`, in order of first sight.
    pub async fn served_spans(
        &self,
        vantage: &str,
        names: &[DnsName],
        to: DateTime<Utc>,
    ) -> Result<Vec<Span>, StoreError> {
        let ids = sqlx::query_scalar!(
            "-- served_spans
            select span_id
            from span
            join series using (series_id)
            join vantage using (vantage_id)
            join question using (question_id)
            join source using (source_id)
            where vantage.name = $1 and source.kind = 'authority' and authoritative
                and question.name = any($2) and first_seen <= $3",
            vantage,
            &columns::texts(names),
            to
        )
        .fetch_all(&self.pool)
        .await?;
        self.spans_by_key(&ids).await
    }

    async fn spans_by_key(&self, ids: &[i64]) -> Result<Vec<Span>, StoreError> {
        let spans = self.read_spans(ids).await?;
        Ok(spans.into_iter().map(|recorded| recorded.span).collect())
    }
}
