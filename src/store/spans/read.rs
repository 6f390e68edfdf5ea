//! Spans read out of their rows.
//!
//! A question about the past picks its rows by their own columns, so by keys that it looks up first where it gets at them from
//! elsewhere. What the rows refer to is read once, however many do. Deliberately absent: which rows.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::RecordedSpan;
use crate::{
    names::DnsName,
    store::{
        Store, StoreError, columns, copied,
        referred::{self, Place, SeriesTable, distinct},
        timeline::TimelineQuery,
    },
    types::{Answer, Pool, RecordType, SourceKind, Span, Ttls},
};

/// A row of `span`: all that a span is but what its keys stand for, and what follows from the rest.
pub(in crate::store) struct Row {
    pub(in crate::store) series_id: i32,
    pub(in crate::store) site: Option<Arc<str>>,
    pub(in crate::store) answer_id: i64,
    pub(in crate::store) authoritative: bool,
    pub(in crate::store) first_ttls: Ttls,
    pub(in crate::store) first_seen: DateTime<Utc>,
    pub(in crate::store) last_seen: DateTime<Utc>,
    pub(in crate::store) samples: u64,
    pub(in crate::store) ttl_min: Option<u32>,
    pub(in crate::store) ttl_max: Option<u32>,
    pub(in crate::store) cached_until: Option<DateTime<Utc>>,
    pub(in crate::store) longest_silence_s: Option<u32>,
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

    /// The same where the series and some answers are known, but for those that began meanwhile.
    pub(in crate::store) async fn beside(
        series: SeriesTable,
        answers: Vec<(i64, Arc<Answer>)>,
        pool: &PgPool,
        rows: &[Row],
    ) -> Result<Self, StoreError> {
        if rows.iter().any(|row| !series.holds(row.series_id)) {
            return Self::by(pool, rows).await;
        }
        let mut referred = Self {
            series,
            answers: answers.into_iter().collect(),
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
        if new.is_empty() {
            return Ok(());
        }
        let answers = Box::pin(referred::many_answers(pool, &new)).await?;
        self.answers.extend(answers);
        Ok(())
    }

    /// Where the series of a row comes in order.
    pub(in crate::store) fn place(&self, row: &Row) -> Result<Place, StoreError> {
        self.series.place(row.series_id)
    }

    /// The span that a row stands for.
    pub(in crate::store) fn read(&self, row: &Row) -> Result<RecordedSpan, StoreError> {
        self.read_at(self.place(row)?, row)
    }

    /// The same, where it is known at which place its series comes.
    pub(in crate::store) fn read_at(
        &self,
        place: Place,
        row: &Row,
    ) -> Result<RecordedSpan, StoreError> {
        let (series, vantage) = self.series.at(place);
        let answer = referred::of(&self.answers, &row.answer_id, "answer")?;
        let span = Span {
            series,
            site: row.site.clone(),
            answer: Arc::clone(answer),
            authoritative: row.authoritative,
            first_ttls: row.first_ttls.clone(),
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            samples: row.samples,
            ttl_min: row.ttl_min,
            ttl_max: row.ttl_max,
            first_expires_at: None,
            cached_until: row.cached_until,
            longest_silence_s: row.longest_silence_s,
        }
        .with_first_expiry();
        Ok(RecordedSpan {
            vantage: Arc::clone(vantage),
            span,
        })
    }
}

/// Rows of `span`. `which` stands before the columns, `from` says where they come from and which. Each column takes time, so that
/// what follows from others is not read.
pub(in crate::store) async fn rows(
    pool: &PgPool,
    name: &str,
    [which, from]: [&str; 2],
) -> Result<Vec<Row>, StoreError> {
    let query = format!(
        "select {which} series_id, site, answer_id, authoritative, first_ttls, first_seen, last_seen, samples,
            ttl_min, ttl_max, cached_until, longest_silence_s
        from {from}"
    );
    let mut sites = Pool::default();
    copied::rows(pool, name, &query, |columns| {
        Row::copied(columns, &mut sites)
    })
    .await
}

impl Row {
    fn copied(
        columns: &mut copied::Columns<'_>,
        sites: &mut Pool<str>,
    ) -> Result<Self, StoreError> {
        let ttl = |stored: Option<i64>| stored.map(|ttl| columns::number("TTL", ttl)).transpose();
        let silence = |stored: i32| columns::number("silence", stored);
        Ok(Self {
            series_id: columns.integer()?,
            site: Some(columns.shared(sites)?).filter(|site| !site.is_empty()),
            answer_id: columns.bigint()?,
            authoritative: columns.boolean()?,
            first_ttls: columns::ttls_from_text(columns.text()?)?,
            first_seen: columns.instant()?,
            last_seen: columns.instant()?,
            samples: columns::number("count", columns.bigint()?)?,
            ttl_min: ttl(columns.bigint_or_null()?)?,
            ttl_max: ttl(columns.bigint_or_null()?)?,
            cached_until: columns.instant_or_null()?,
            longest_silence_s: columns.integer_or_null()?.map(silence).transpose()?,
        })
    }
}

/// Which series of a name.
#[derive(Clone, Copy)]
pub(in crate::store) struct OfName<'a> {
    pub(in crate::store) name: &'a DnsName,
    /// Of this type; `None`: of all.
    pub(in crate::store) rtype: Option<RecordType>,
    /// At sources of this kind; `None`: of both.
    pub(in crate::store) kind: Option<SourceKind>,
    /// Of resolvers at this one only, by id.
    pub(in crate::store) resolver: Option<&'a str>,
}

impl<'a> OfName<'a> {
    /// All of them.
    pub(in crate::store) fn any(name: &'a DnsName) -> Self {
        Self {
            name,
            rtype: None,
            kind: None,
            resolver: None,
        }
    }

    /// Those that a timeline is asked for.
    pub(in crate::store) fn asked(query: &'a TimelineQuery) -> Self {
        Self {
            rtype: query.rtype,
            resolver: query.resolver.as_deref(),
            ..Self::any(&query.name)
        }
    }

    pub(in crate::store) fn at(self, kind: SourceKind) -> Self {
        Self {
            kind: Some(kind),
            ..self
        }
    }
}

impl Store {
    /// The keys of series of a name.
    pub(in crate::store) async fn series_of_name(
        &self,
        which: OfName<'_>,
    ) -> Result<Vec<i32>, StoreError> {
        let kind = which.kind.as_ref().map(columns::variant_to_text);
        let series = sqlx::query_scalar!(
            "-- series_of_name
            select series_id
            from series join question using (question_id) join source using (source_id)
            where question.name = $1 and ($2::integer is null or rtype = $2) and ($3::text is null or kind = $3)
                and ($4::text is null or kind = 'authority' or source.name = $4)",
            which.name.as_str(),
            which.rtype.map(|rtype| i32::from(rtype.0)),
            kind.transpose()?,
            which.resolver
        );
        Ok(series.fetch_all(&self.pool).await?)
    }

    /// Rows by key, in no order.
    pub(in crate::store) async fn span_rows(&self, ids: &[i64]) -> Result<Vec<Row>, StoreError> {
        let from = format!("span where span_id = any({})", copied::keys(ids));
        rows(&self.pool, "span_rows", ["", &from]).await
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
        rows.sort_unstable_by(|one, other| {
            let key = |row: &Row| (row.first_seen, row.series_id);
            key(one)
                .cmp(&key(other))
                .then_with(|| one.site.cmp(&other.site))
        });
        let referred = Referred::by(&self.pool, &rows).await?;
        rows.iter().map(|row| referred.read(row)).collect()
    }
}
