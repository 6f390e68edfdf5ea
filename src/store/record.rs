//! Writing observations and what they did to spans: one transaction a chunk, two statements in it.
//!
//! Deliberately absent: how spans are cut, which is `audit::history`'s rule.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    RoundId, Store, StoreError, columns,
    intern::{Annotation, Digest, interned},
    spans,
};
use crate::{
    audit::history::SpanChange,
    types::{Observation, SeriesKey, Span},
};

/// Rows one statement carries; more are written by several within the same transaction.
const ROWS_PER_STATEMENT: usize = 5_000;

impl Store {
    /// Whether the chunk of the round that begins with this observation is written: for whoever lost the answer of
    /// [`Store::record`] or [`Store::record_asides`].
    pub async fn is_recorded(
        &self,
        round: RoundId,
        first: &Observation,
    ) -> Result<bool, StoreError> {
        let key = SeriesKey::of(first);
        let series = self.intern_series(round.vantage_id, [&key]).await?;
        let series_id = interned(&series, &key, "series")?;
        let is_raw = sqlx::query_scalar!(
            r#"-- is_recorded
            select exists (
                select from observation where at = $1 and round_id = $2 and series_id = $3
            ) as "found!""#,
            first.at,
            round.round_id,
            series_id
        )
        .fetch_one(&self.pool)
        .await?;
        // In this order: what is packed meanwhile is found in its new place.
        Ok(is_raw || self.is_packed(series_id, round.round_id, first.at).await?)
    }

    /// Writes a chunk of a round: the observations, and the spans as they stand after them. All of it or nothing.
    pub async fn record(
        &self,
        round: RoundId,
        chunk: &[(Observation, SpanChange)],
    ) -> Result<(), StoreError> {
        if chunk.is_empty() {
            return Ok(());
        }
        let observations: Vec<_> = chunk.iter().map(|(observation, _)| observation).collect();
        let spans: Vec<_> = chunk.iter().map(|(_, change)| &change.span).collect();
        let keys = self.keys_of(round, &observations, &spans).await?;
        self.ensure_days(days(&observations)).await?;
        let mut transaction = self.pool.begin().await?;
        let inserted = insert(&mut transaction, round, &observations, &keys).await;
        self.noticing_lost_partitions(inserted)?;
        spans::upsert(&mut transaction, &spans, &keys).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Writes a round's asides: observations that no span knows of. All of it or nothing.
    pub async fn record_asides(
        &self,
        round: RoundId,
        asides: &[Observation],
    ) -> Result<(), StoreError> {
        let asides: Vec<_> = asides.iter().collect();
        let keys = self.keys_of(round, &asides, &[]).await?;
        self.ensure_days(days(&asides)).await?;
        let mut transaction = self.pool.begin().await?;
        let inserted = insert(&mut transaction, round, &asides, &keys).await;
        self.noticing_lost_partitions(inserted)?;
        transaction.commit().await?;
        Ok(())
    }

    async fn keys_of(
        &self,
        round: RoundId,
        observations: &[&Observation],
        spans: &[&Span],
    ) -> Result<Keys, StoreError> {
        let series: BTreeSet<_> = observations.iter().map(|one| SeriesKey::of(one)).collect();
        let answers = observations.iter().map(|one| &one.answer);
        let answers = answers.chain(spans.iter().map(|span| &span.answer));
        let mut annotations = HashMap::new();
        for observation in observations {
            let annotation = Annotation::of(observation);
            annotations.insert(annotation.digest()?, annotation);
        }
        let answers = answers.map(|answer| (answer.digest(), &**answer));
        Ok(Keys {
            series: self.intern_series(round.vantage_id, &series).await?,
            answers: self.intern_answers(answers).await?,
            annotations: self.intern_annotations(&annotations).await?,
        })
    }
}

async fn insert(
    connection: &mut PgConnection,
    round: RoundId,
    observations: &[&Observation],
    keys: &Keys,
) -> Result<(), StoreError> {
    for part in observations.chunks(ROWS_PER_STATEMENT) {
        let columns = Columns::of(part, keys)?;
        columns.insert(connection, round).await?;
    }
    Ok(())
}

fn days(observations: &[&Observation]) -> BTreeSet<chrono::NaiveDate> {
    let days = observations.iter();
    days.map(|observation| observation.at.date_naive())
        .collect()
}

/// The keys of everything a chunk refers to.
pub(super) struct Keys {
    pub(super) series: HashMap<SeriesKey, i32>,
    pub(super) answers: HashMap<Digest, i64>,
    pub(super) annotations: HashMap<Digest, i32>,
}

/// Observations column by column, as `unnest` takes them.
#[derive(Default)]
struct Columns {
    ats: Vec<DateTime<Utc>>,
    series_ids: Vec<i32>,
    answer_ids: Vec<i64>,
    annotation_ids: Vec<i32>,
    lowest_ttls: Vec<Option<i64>>,
    unequal_ttls: Vec<Option<String>>,
    rtts: Vec<i32>,
    sizes: Vec<i32>,
    mismatches: Vec<i32>,
    flags: Vec<i16>,
    attempts: Vec<i16>,
    transports: Vec<i16>,
    ages: Vec<Option<i64>>,
}

impl Columns {
    fn of(observations: &[&Observation], keys: &Keys) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for observation in observations {
            columns.push(observation, keys)?;
        }
        Ok(columns)
    }

    fn push(&mut self, observation: &Observation, keys: &Keys) -> Result<(), StoreError> {
        let (answer, annotation) = (&observation.answer, Annotation::of(observation).digest()?);
        let ttl = observation.ttl();
        let rtt = i32::try_from(observation.rtt.as_micros()).unwrap_or(i32::MAX);
        self.ats.push(observation.at);
        let series = SeriesKey::of(observation);
        self.series_ids
            .push(interned(&keys.series, &series, "series")?);
        self.answer_ids
            .push(interned(&keys.answers, &answer.digest(), "answer")?);
        self.annotation_ids
            .push(interned(&keys.annotations, &annotation, "annotation")?);
        self.lowest_ttls.push(ttl.map(i64::from));
        self.unequal_ttls
            .push(columns::unequal_ttls(answer, ttl, &observation.ttls));
        self.rtts.push(rtt);
        self.sizes.push(observation.size.into());
        self.mismatches.push(observation.mismatched.into());
        self.flags.push(observation.flags.0.cast_signed());
        self.attempts.push(observation.attempts.into());
        self.transports
            .push(columns::transport_to_number(observation.transport));
        self.ages.push(columns::age_to_number(observation.age));
        Ok(())
    }

    async fn insert(
        &self,
        connection: &mut PgConnection,
        round: RoundId,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- insert_observations
            insert into observation (round_id, at, series_id, answer_id, annotation_id, ttl, ttls, rtt_us, size,
                mismatched, flags, attempts, transport, age)
            select $1, *
            from unnest($2::timestamptz[], $3::integer[], $4::bigint[], $5::integer[], $6::bigint[], $7::text[],
                $8::integer[], $9::integer[], $10::integer[], $11::smallint[], $12::smallint[], $13::smallint[],
                $14::bigint[])",
            round.round_id,
            &self.ats,
            &self.series_ids,
            &self.answer_ids,
            &self.annotation_ids,
            &self.lowest_ttls as &[Option<i64>],
            &self.unequal_ttls as &[Option<String>],
            &self.rtts,
            &self.sizes,
            &self.mismatches,
            &self.flags,
            &self.attempts,
            &self.transports,
            &self.ages as &[Option<i64>]
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}
