//! Spans read out of their rows.
//!
//! A question about the past picks its rows in one statement, or first their keys where it gets at them from elsewhere. What the
//! rows refer to is read once, however many do. Deliberately absent: which rows.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::RecordedSpan;
use crate::{
    store::{
        Store, StoreError, columns, copied,
        referred::{self, Place, SeriesTable, distinct},
    },
    types::{Answer, SeriesKey, Span},
};

/// A row of `span`, as it is stored.
#[derive(Default)]
pub(in crate::store) struct Row {
    pub(in crate::store) span_id: i64,
    pub(in crate::store) series_id: i32,
    pub(in crate::store) site: String,
    pub(in crate::store) answer_id: i64,
    pub(in crate::store) authoritative: bool,
    pub(in crate::store) first_ttls: String,
    pub(in crate::store) first_seen: DateTime<Utc>,
    pub(in crate::store) last_seen: DateTime<Utc>,
    pub(in crate::store) samples: i64,
    pub(in crate::store) ttl_min: Option<i64>,
    pub(in crate::store) ttl_max: Option<i64>,
    pub(in crate::store) first_expires_at: Option<DateTime<Utc>>,
    pub(in crate::store) cached_until: Option<DateTime<Utc>>,
    pub(in crate::store) longest_silence_s: Option<i32>,
}

/// What rows refer to.
#[derive(Default)]
pub(in crate::store) struct Referred {
    series: SeriesTable,
    answers: HashMap<i64, Arc<Answer>>,
}

impl Referred {
    /// Everything that these rows refer to.
    pub(in crate::store) async fn by(pool: &PgPool, rows: &[Row]) -> Result<Self, StoreError> {
        let mut referred = Self::default();
        referred.turn_to(pool, rows).await?;
        Ok(referred)
    }

    /// The same where the series are known, but for those that began meanwhile.
    pub(in crate::store) async fn beside(
        series: SeriesTable,
        pool: &PgPool,
        rows: &[Row],
    ) -> Result<Self, StoreError> {
        if rows.iter().any(|row| !series.holds(row.series_id)) {
            return Self::by(pool, rows).await;
        }
        let mut referred = Self {
            series,
            answers: HashMap::new(),
        };
        referred.read_answers(pool, rows).await?;
        Ok(referred)
    }

    /// Turns to other rows. The answers that were read before stay, since many rows share them.
    pub(in crate::store) async fn turn_to(
        &mut self,
        pool: &PgPool,
        rows: &[Row],
    ) -> Result<(), StoreError> {
        let series = distinct(rows.iter().map(|row| row.series_id));
        let mut connection = pool.acquire().await?;
        // Boxed, since every question's future holds this one.
        self.series = Box::pin(referred::some_series(&mut connection, &series)).await?;
        drop(connection);
        self.read_answers(pool, rows).await
    }

    async fn read_answers(&mut self, pool: &PgPool, rows: &[Row]) -> Result<(), StoreError> {
        let new = rows.iter().map(|row| row.answer_id);
        let new = distinct(new.filter(|id| !self.answers.contains_key(id)));
        let answers = Box::pin(referred::many_answers(pool, &new)).await?;
        self.answers.extend(answers);
        Ok(())
    }

    /// Where the series of a row comes in order.
    pub(in crate::store) fn place(&self, row: &Row) -> Result<Place, StoreError> {
        self.series.place(row.series_id)
    }

    /// The span that a row stands for.
    pub(in crate::store) fn read(&self, row: Row) -> Result<RecordedSpan, StoreError> {
        let (series, vantage) = self.series.at(self.place(&row)?);
        let answer = referred::of(&self.answers, &row.answer_id, "answer")?;
        Ok(RecordedSpan {
            vantage: vantage.to_owned(),
            span: row.into_span(series, answer)?,
        })
    }
}

/// Rows where there may be thousands. `which` are those of `select` up to the columns, `from` what follows the table.
pub(in crate::store) async fn many_rows(
    pool: &PgPool,
    name: &str,
    [which, from]: [&str; 2],
) -> Result<Vec<Row>, StoreError> {
    let query = format!(
        "select {which} span_id, series_id, site, answer_id, authoritative, first_ttls, first_seen, last_seen, samples,
            ttl_min, ttl_max, first_expires_at, cached_until, longest_silence_s
        from span {from}"
    );
    copied::rows(pool, name, &query, Row::copied).await
}

impl Row {
    fn copied(columns: &mut copied::Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            span_id: columns.bigint()?,
            series_id: columns.integer()?,
            site: columns.text()?.to_owned(),
            answer_id: columns.bigint()?,
            authoritative: columns.boolean()?,
            first_ttls: columns.text()?.to_owned(),
            first_seen: columns.instant()?,
            last_seen: columns.instant()?,
            samples: columns.bigint()?,
            ttl_min: columns.bigint_or_null()?,
            ttl_max: columns.bigint_or_null()?,
            first_expires_at: columns.instant_or_null()?,
            cached_until: columns.instant_or_null()?,
            longest_silence_s: columns.integer_or_null()?,
        })
    }

    fn into_span(self, series: SeriesKey, answer: &Arc<Answer>) -> Result<Span, StoreError> {
        let ttl = |stored: Option<i64>| stored.map(|ttl| columns::number("TTL", ttl)).transpose();
        Ok(Span {
            series,
            site: Some(self.site).filter(|site| !site.is_empty()),
            answer: Arc::clone(answer),
            authoritative: self.authoritative,
            first_ttls: columns::ttls_from_text(&self.first_ttls)?,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            samples: columns::number("count", self.samples)?,
            ttl_min: ttl(self.ttl_min)?,
            ttl_max: ttl(self.ttl_max)?,
            first_expires_at: self.first_expires_at,
            cached_until: self.cached_until,
            longest_silence_s: self
                .longest_silence_s
                .map(|silence| columns::number("silence", silence))
                .transpose()?,
        })
    }
}

impl Store {
    /// Rows by key, in no order.
    pub(in crate::store) async fn span_rows(&self, ids: &[i64]) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "-- read_spans
            select span_id, series_id, site, answer_id, authoritative, first_ttls, first_seen, last_seen, samples, ttl_min,
                ttl_max, first_expires_at, cached_until, longest_silence_s
            from span where span_id = any($1)",
            ids
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// Reads spans by key, in order of first sight.
    pub(in crate::store) async fn read_spans(
        &self,
        ids: &[i64],
    ) -> Result<Vec<RecordedSpan>, StoreError> {
        self.spans_of_rows(self.span_rows(ids).await?).await
    }

    /// Makes spans of rows, in order of first sight.
    pub(in crate::store) async fn spans_of_rows(
        &self,
        mut rows: Vec<Row>,
    ) -> Result<Vec<RecordedSpan>, StoreError> {
        rows.sort_unstable_by_key(|row| (row.first_seen, row.span_id));
        let referred = Referred::by(&self.pool, &rows).await?;
        rows.into_iter().map(|row| referred.read(row)).collect()
    }
}
