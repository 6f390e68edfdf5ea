//! Samples of days that are open, or were not packed yet.
//!
//! Deliberately absent: whatever their numbers stand for.

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sqlx::PgConnection;

use super::{ObservationQuery, Stored};
use crate::store::{StoreError, columns, pack::Sample};

/// A row of `observation`. Whoever selects it names every column, so that it can be told from what is computed.
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
        "-- raw_observations
        select series_id, at, round_id, answer_id, annotation_id, ttl, ttls, rtt_us, size, mismatched, flags, attempts,
            transport, age
        from observation
        where at >= $2 and at < $3 and series_id in (
            select series_id from series join question using (question_id)
            where vantage_id = $1 and ($4::text is null or name = $4))",
        vantage_id,
        query.from,
        query.to,
        name
    );
    let stored = rows.fetch(connection).map_err(StoreError::from);
    stored
        .and_then(|row| async move {
            Ok(Stored {
                series_id: row.series_id,
                sample: row.into_sample()?,
            })
        })
        .try_collect()
        .await
}
