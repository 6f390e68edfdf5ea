//! Writing observations and what they did to spans: one transaction a chunk, a statement or two in it.
//!
//! Deliberately absent: how spans are cut, which is `audit::history`'s rule.

mod chunk;

use std::collections::{HashMap, hash_map::Entry};

use sqlx::PgConnection;

use self::chunk::Chunk;
use super::{
    RoundId, Store, StoreError, columns,
    intern::{Annotation, interned},
    observations::Stored,
    pack::Sample,
    spans::{self, Spanned},
};
use crate::{
    audit::history::SpanChange,
    types::{Observation, SeriesKey},
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
        let series: Vec<_> = chunk.iter().map(|(_, one)| &one.span.series).collect();
        let series = self.series_ids(round.vantage_id, &series).await?;
        let spans = self.spans_of(chunk, &series).await?;
        let heard = self.heard_of(chunk, &spans).await?;
        let chunks = self.chunks_of(round, &heard).await?;
        let spans = spans::last_of_each(spans);
        let mut transaction = self.pool.begin_with(spans::BEGIN).await?;
        self.insert(&mut transaction, round, &chunks).await?;
        let written = spans::write(&mut transaction, &spans).await?;
        transaction.commit().await?;
        self.written_spans.learn(&spans, written);
        Ok(())
    }

    /// Writes a round's asides: observations that no span knows of. All of it or nothing.
    pub async fn record_asides(
        &self,
        round: RoundId,
        asides: &[Observation],
    ) -> Result<(), StoreError> {
        let series: Vec<_> = asides.iter().map(SeriesKey::of).collect();
        let series: Vec<_> = series.iter().collect();
        let series = self.series_ids(round.vantage_id, &series).await?;
        let answers = self
            .answer_ids(asides.iter().map(|one| &*one.answer))
            .await?;
        let heard = asides.iter().zip(series).map(|(observation, series_id)| {
            Ok(Heard {
                observation,
                series_id,
                answer_id: interned(&answers, &&*observation.answer, "answer")?,
            })
        });
        let heard = heard.collect::<Result<Vec<_>, StoreError>>()?;
        let chunks = self.chunks_of(round, &heard).await?;
        let mut transaction = self.pool.begin().await?;
        self.insert(&mut transaction, round, &chunks).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The span of each observation, by its keys. Only answers of spans that this process has not written are looked up.
    async fn spans_of<'a>(
        &self,
        chunk: &'a [(Observation, SpanChange)],
        series: &[i32],
    ) -> Result<Vec<Spanned<'a>>, StoreError> {
        let changes = || chunk.iter().map(|(_, change)| change);
        let of_series = changes().zip(series).map(|(one, id)| (*id, &one.span));
        let written = self.written_spans.find(of_series);
        let new = changes().zip(&written).filter(|(_, one)| one.is_none());
        let answers = self
            .answer_ids(new.map(|(one, _)| &*one.span.answer))
            .await?;
        let spans = changes().zip(series).zip(written);
        spans
            .map(|((change, series_id), written)| {
                let answer_id = match written {
                    Some(written) => written.answer_id,
                    None => interned(&answers, &&*change.span.answer, "answer")?,
                };
                Ok(Spanned {
                    span: &change.span,
                    opened: change.opened,
                    series_id: *series_id,
                    answer_id,
                    span_id: written.map(|written| written.span_id),
                })
            })
            .collect()
    }

    /// The observations by their keys. They say what their spans say, as a rule.
    async fn heard_of<'a>(
        &self,
        chunk: &'a [(Observation, SpanChange)],
        spans: &[Spanned<'a>],
    ) -> Result<Vec<Heard<'a>>, StoreError> {
        let others = chunk
            .iter()
            .filter(|(one, change)| one.answer != change.span.answer);
        let others = others.map(|(one, _)| &*one.answer);
        let answers = self.answer_ids(others).await?;
        let heard = chunk
            .iter()
            .zip(spans)
            .map(|((observation, change), span)| {
                let answer_id = if observation.answer == change.span.answer {
                    span.answer_id
                } else {
                    interned(&answers, &&*observation.answer, "answer")?
                };
                Ok(Heard {
                    observation,
                    series_id: span.series_id,
                    answer_id,
                })
            });
        heard.collect()
    }

    /// What was heard, as rows, and the partitions for them.
    async fn chunks_of(
        &self,
        round: RoundId,
        heard: &[Heard<'_>],
    ) -> Result<Vec<Chunk>, StoreError> {
        let annotations = self.annotations_of(heard).await?;
        let stored = heard
            .iter()
            .zip(annotations)
            .map(|(one, annotation_id)| Stored {
                series_id: one.series_id,
                sample: sample(round, one, annotation_id),
            });
        let chunks = chunk::chunks(stored.collect())?;
        let days = chunks.iter().map(Chunk::day).collect();
        self.ensure_days(days).await?;
        Ok(chunks)
    }

    /// The keys of what was said beside the answers, in their order.
    async fn annotations_of(&self, heard: &[Heard<'_>]) -> Result<Vec<i32>, StoreError> {
        let (mut places, mut distinct) = (HashMap::new(), Vec::new());
        let mut place_of_each = Vec::with_capacity(heard.len());
        for one in heard {
            let place = match places.entry(Annotation::of(one.observation)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    distinct.push(new.key().digest()?);
                    *new.insert(distinct.len() - 1)
                }
            };
            place_of_each.push(place);
        }
        let given = places.iter().map(|(one, place)| (distinct[*place], one));
        let ids = self.intern_annotations(&given.collect()).await?;
        let id = |place: usize| interned(&ids, &distinct[place], "annotation");
        place_of_each.into_iter().map(id).collect()
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

/// An observation and the keys of its series and answer.
struct Heard<'a> {
    observation: &'a Observation,
    series_id: i32,
    answer_id: i64,
}

/// The numbers of an observation.
fn sample(round: RoundId, heard: &Heard<'_>, annotation_id: i32) -> Sample {
    let one = heard.observation;
    let ttl = one.ttl();
    Sample {
        at: one.at.timestamp_micros(),
        round_id: round.round_id,
        answer_id: heard.answer_id,
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
