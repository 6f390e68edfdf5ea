//! Samples of days that are open, or were not packed yet.
//!
//! Deliberately absent: whatever their numbers stand for.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{ObservationQuery, Stored};
use crate::store::{StoreError, columns, pack::Sample, streamed};

/// What `observation_of` says of a sample. Whoever selects it names every column, and which of them are never null.
pub(in crate::store) struct Row {
    pub(in crate::store) series_id: i32,
    pub(in crate::store) at: DateTime<Utc>,
    pub(in crate::store) round_id: i64,
    pub(in crate::store) answer_id: i64,
    pub(in crate::store) annotation_id: i32,
    pub(in crate::store) ttl: Option<i64>,
    pub(in crate::store) ttls: Option<String>,
    pub(in crate::store) rtt_us: i32,
    pub(in crate::store) size: i32,
    pub(in crate::store) mismatched: i32,
    pub(in crate::store) flags: i16,
    pub(in crate::store) attempts: i16,
    pub(in crate::store) transport: i16,
    pub(in crate::store) age: Option<i64>,
}

impl Row {
    pub(in crate::store) fn into_sample(self) -> Result<Sample, StoreError> {
        let ttls = self.ttls.as_deref().map(columns::ttls_from_text);
        Ok(Sample {
            at: self.at.timestamp_micros(),
            round_id: self.round_id,
            answer_id: self.answer_id,
            annotation_id: self.annotation_id.into(),
            ttl: self.ttl,
            ttls: ttls.transpose()?,
            rtt_us: self.rtt_us.into(),
            size: self.size.into(),
            mismatched: self.mismatched.into(),
            flags: self.flags.into(),
            attempts: self.attempts.into(),
            transport: self.transport.into(),
            age: self.age,
        })
    }
}

pub(super) async fn read(
    connection: &mut PgConnection,
    vantage_id: i16,
    query: &ObservationQuery,
    name: Option<&String>,
) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"-- raw_observations
        with wanted as materialized (
            select series_id from series join question using (question_id)
            where vantage_id = $1 and ($4::text is null or name = $4)
        )
        select series_id as "series_id!", at as "at!", round_id as "round_id!", answer_id as "answer_id!",
            annotation_id as "annotation_id!", ttl, ttls, rtt_us as "rtt_us!", size as "size!",
            mismatched as "mismatched!", flags as "flags!", attempts as "attempts!", transport as "transport!", age
        from (
            select one.* from observation_chunk as chunk, lateral observation_of(chunk) as one
            where chunk.at > $2::timestamptz - interval '1 hour' and chunk.at < $3 and chunk.last_at >= $2
                and chunk.series_id <= (select max(series_id) from wanted)
                and chunk.last_series_id >= (select min(series_id) from wanted)
                and one.at >= $2 and one.at < $3
            -- A fence: each chunk is taken apart once, and not once for each series that is wanted.
            offset 0
        ) as heard
        where series_id in (select series_id from wanted)"#,
        vantage_id,
        query.from,
        query.to,
        name
    );
    let (mut rows, mut stored) = (rows.fetch(connection), Vec::new());
    while let Some(row) = streamed::next(&mut rows).await? {
        stored.push(Stored {
            series_id: row.series_id,
            sample: row.into_sample()?,
        });
    }
    Ok(stored)
}
