//! Writing observations and what they did to spans: one transaction a chunk, a statement or two in it.
//!
//! Deliberately absent: how spans are cut, which is `audit::history`'s rule.

mod chunk;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use sqlx::PgConnection;

use self::chunk::Chunk;
use super::{
    RoundId, Store, StoreError, columns,
    intern::{Annotation, interned},
    observations::Stored,
    pack::Sample,
    spans,
};
use crate::{
    audit::history::SpanChange,
    types::{Answer, Observation, SeriesKey},
};

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
                select from observation_chunk as chunk, lateral observation_of(chunk) as one
                where chunk.at > $1::timestamptz - interval '1 hour' and chunk.at <= $1 and chunk.last_at >= $1
                    and chunk.round_id = $2 and one.at = $1 and one.series_id = $3
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
        let spans: Vec<_> = chunk.iter().map(|(_, change)| &change.span).collect();
        let heard = chunk.iter().map(|(one, change)| (one, &change.span.series));
        let heard: Vec<_> = heard.collect();
        let answers = spans.iter().map(|span| &span.answer);
        let keys = self.keys_of(round, &heard, answers).await?;
        let chunks = self.chunks_of(round, &heard, &keys).await?;
        let mut transaction = self.pool.begin().await?;
        self.insert(&mut transaction, round, &chunks).await?;
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
        let series: Vec<_> = asides.iter().map(SeriesKey::of).collect();
        let heard: Vec<_> = asides.iter().zip(&series).collect();
        let keys = self.keys_of(round, &heard, []).await?;
        let chunks = self.chunks_of(round, &heard, &keys).await?;
        let mut transaction = self.pool.begin().await?;
        self.insert(&mut transaction, round, &chunks).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The keys of what was heard, and of these answers beside it.
    async fn keys_of<'a>(
        &self,
        round: RoundId,
        heard: &[Heard<'a>],
        answers: impl IntoIterator<Item = &'a Arc<Answer>>,
    ) -> Result<Keys, StoreError> {
        let series = heard.iter().map(|(_, series)| *series);
        let series = self.intern_series(round.vantage_id, series).await?;
        let mut digests = HashMap::new();
        for answer in heard.iter().map(|(one, _)| &one.answer).chain(answers) {
            let digest = digests.entry(Arc::clone(answer));
            digest.or_insert_with(|| answer.digest());
        }
        let given = digests.iter().map(|(answer, digest)| (*digest, &**answer));
        let ids = self.intern_answers(given).await?;
        let answers = digests
            .into_iter()
            .map(|(answer, digest)| Ok((answer, interned(&ids, &digest, "answer")?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Keys { series, answers })
    }

    /// What was heard, as rows, and the partitions for them.
    async fn chunks_of(
        &self,
        round: RoundId,
        heard: &[Heard<'_>],
        keys: &Keys,
    ) -> Result<Vec<Chunk>, StoreError> {
        let annotations = self.annotations_of(heard).await?;
        let mut stored = Vec::with_capacity(heard.len());
        for (observation, series) in heard {
            let annotation = Annotation::of(observation);
            let annotation_id = interned(&annotations, &annotation, "annotation")?;
            stored.push(Stored {
                series_id: interned(&keys.series, series, "series")?,
                sample: sample(
                    round,
                    observation,
                    keys.answer(&observation.answer)?,
                    annotation_id,
                ),
            });
        }
        let chunks = chunk::chunks(stored)?;
        let days = chunks.iter().map(Chunk::day).collect();
        self.ensure_days(days).await?;
        Ok(chunks)
    }

    async fn annotations_of<'a>(
        &self,
        heard: &[Heard<'a>],
    ) -> Result<HashMap<Annotation<'a>, i32>, StoreError> {
        let mut digests = HashMap::new();
        for (observation, _) in heard {
            if let Entry::Vacant(new) = digests.entry(Annotation::of(observation)) {
                let digest = new.key().digest()?;
                new.insert(digest);
            }
        }
        let given = digests
            .iter()
            .map(|(annotation, digest)| (*digest, annotation));
        let ids = self.intern_annotations(&given.collect()).await?;
        digests
            .into_iter()
            .map(|(annotation, digest)| Ok((annotation, interned(&ids, &digest, "annotation")?)))
            .collect()
    }

    async fn insert(
        &self,
        connection: &mut PgConnection,
        round: RoundId,
        chunks: &[Chunk],
    ) -> Result<(), StoreError> {
        for chunk in chunks {
            let inserted = chunk.insert(connection, round.round_id).await;
            self.noticing_lost_partitions(inserted)?;
        }
        Ok(())
    }
}

/// An observation and the series it belongs to.
type Heard<'a> = (&'a Observation, &'a SeriesKey);

/// The keys of what a chunk refers to.
pub(super) struct Keys {
    pub(super) series: HashMap<SeriesKey, i32>,
    answers: HashMap<Arc<Answer>, i64>,
}

impl Keys {
    /// The key of one of the chunk's answers.
    pub(super) fn answer(&self, answer: &Arc<Answer>) -> Result<i64, StoreError> {
        interned(&self.answers, answer, "answer")
    }
}

/// The numbers of an observation.
fn sample(round: RoundId, one: &Observation, answer_id: i64, annotation_id: i32) -> Sample {
    let ttl = one.ttl();
    Sample {
        at: one.at.timestamp_micros(),
        round_id: round.round_id,
        answer_id,
        annotation_id: annotation_id.into(),
        ttl: ttl.map(i64::from),
        ttls: columns::unequal_ttls(&one.answer, ttl, &one.ttls),
        rtt_us: i32::try_from(one.rtt.as_micros())
            .unwrap_or(i32::MAX)
            .into(),
        size: one.size.into(),
        mismatched: one.mismatched.into(),
        flags: one.flags.0.cast_signed().into(),
        attempts: one.attempts.into(),
        transport: columns::transport_to_number(one.transport).into(),
        age: columns::age_to_number(one.age),
    }
}
