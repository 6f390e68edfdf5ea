//! Samples of closed days, out of their packs.
//!
//! Deliberately absent: how they are packed, which is `pack`'s, and of how many hours: no pack holds more than a day.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{ObservationQuery, Stored};
use crate::store::{
    Store, StoreError,
    pack::{self, Sample},
    streamed,
};

pub(super) async fn read(
    connection: &mut PgConnection,
    vantage_id: i16,
    query: &ObservationQuery,
    name: Option<&String>,
) -> Result<Vec<Stored>, StoreError> {
    let mut rows = sqlx::query!(
        "-- packed_observations
        select series_id, body
        from observation_pack
        where hour > $2::timestamptz - interval '1 day' and hour < $3 and hour + hours * interval '1 hour' > $2
            and series_id in (
            select series_id from series join question using (question_id)
            where vantage_id = $1 and ($4::text is null or name = $4))",
        vantage_id,
        query.from,
        query.to,
        name
    )
    .fetch(connection);
    let window = query.from.timestamp_micros()..query.to.timestamp_micros();
    let mut stored = Vec::new();
    while let Some(row) = streamed::next(&mut rows).await? {
        let samples = unpacked(&row.body)?.into_iter();
        let samples = samples.filter(|one| window.contains(&one.at));
        stored.extend(samples.map(|sample| Stored {
            series_id: row.series_id,
            sample,
        }));
    }
    Ok(stored)
}

impl Store {
    /// Whether a sample of a round lies in a pack.
    pub(in crate::store) async fn is_packed(
        &self,
        series_id: i32,
        round_id: i64,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let bodies = sqlx::query_scalar!(
            "-- is_packed
            select body from observation_pack
            where hour > $1::timestamptz - interval '1 day' and hour <= $1 and hour + hours * interval '1 hour' > $1
                and series_id = $2",
            at,
            series_id
        )
        .fetch_all(&self.pool)
        .await?;
        let is_it = |one: &Sample| one.at == at.timestamp_micros() && one.round_id == round_id;
        for body in bodies {
            if unpacked(&body)?.iter().any(is_it) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn unpacked(body: &[u8]) -> Result<Vec<Sample>, StoreError> {
    pack::unpack(body).map_err(|why| StoreError::unreadable("pack", why))
}
