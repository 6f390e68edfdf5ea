//! The samples of some hours: out of the raw partition, into packs, and read back, in one transaction.
//!
//! Deliberately absent: holding them all. They come in order of series; what is held is one series' samples, and the packs.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::Packed;
use crate::store::{
    Store, StoreError, columns,
    observations::Row,
    pack::{self, MOST_SAMPLES, Sample},
    streamed,
};

/// Packs one statement carries.
const PACKS_PER_STATEMENT: usize = 5_000;

/// Hours that are packed together, all of one day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) from: DateTime<Utc>,
    pub(super) hours: i16,
}

impl Store {
    /// Moves what is raw of a window into packs; `None` where another instance is packing.
    pub(super) async fn pack_window(&self, window: Window) -> Result<Option<Packed>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let moved = move_window(&mut transaction, window).await;
        // Not left to the end of scope, which undoes it some time later: the next window takes the lock again.
        let ended = match moved {
            Ok(_) => transaction.commit().await,
            Err(_) => transaction.rollback().await,
        };
        let moved = moved?;
        ended?;
        Ok(moved)
    }
}

async fn move_window(
    connection: &mut PgConnection,
    window: Window,
) -> Result<Option<Packed>, StoreError> {
    let ours = sqlx::query_scalar!(
        r#"-- pack_window
            select pg_try_advisory_xact_lock(hashtextextended('dns-auditor packing', 0)) as "ours!""#
    );
    if !ours.fetch_one(&mut *connection).await? {
        return Ok(None);
    }
    let packs = take(connection, window).await?;
    if packs.samples() == 0 {
        return Ok(Some(Packed::default()));
    }
    let parts = packs.insert(connection, window).await?;
    packs.verify(connection, window.from, &parts).await?;
    let packed = Packed {
        days: 0,
        samples: packs.samples(),
        packs: packs.bodies.len() as u64,
        octets: packs.bodies.iter().map(|body| body.len() as u64).sum(),
    };
    count(connection, window.from, packed).await?;
    Ok(Some(packed))
}

/// Takes a window's chunks out of their partition, and packs their samples series by series. No chunk reaches beyond an
/// hour.
async fn take(connection: &mut PgConnection, window: Window) -> Result<Packs, StoreError> {
    let mut rows = sqlx::query_as!(
        Row,
        r#"-- take
        with taken as (delete from observation_chunk
            where at >= $1 and at < $1 + $2::smallint * interval '1 hour' returning *)
        select one.series_id as "series_id!", one.at as "at!", one.round_id as "round_id!", one.answer_id as "answer_id!",
            one.annotation_id as "annotation_id!", one.ttl, one.ttls, one.rtt_us as "rtt_us!", one.size as "size!",
            one.mismatched as "mismatched!", one.flags as "flags!", one.attempts as "attempts!",
            one.transport as "transport!", one.age
        from taken, lateral observation_of(row(taken.*)::observation_chunk) as one
        order by one.series_id, one.at, one.round_id"#,
        window.from,
        window.hours
    )
    .fetch(connection);
    let (mut packs, mut series_id, mut samples) = (Packs::default(), 0, Vec::new());
    while let Some(row) = streamed::next(&mut rows).await? {
        if row.series_id != series_id {
            packs.push(series_id, &samples)?;
            samples.clear();
            series_id = row.series_id;
        }
        samples.push(row.into_sample()?);
    }
    packs.push(series_id, &samples)?;
    Ok(packs)
}

/// Packs column by column, as `unnest` takes them.
#[derive(Default)]
struct Packs {
    series_ids: Vec<i32>,
    /// Where a series has more than one.
    offsets: Vec<i16>,
    samples: Vec<i32>,
    bodies: Vec<Vec<u8>>,
}

impl Packs {
    fn samples(&self) -> u64 {
        self.samples
            .iter()
            .map(|count| u64::from(count.cast_unsigned()))
            .sum()
    }

    /// Packs the samples of a series, and reads the pack.
    fn push(&mut self, series_id: i32, samples: &[Sample]) -> Result<(), StoreError> {
        for (offset, part) in (0..).zip(samples.chunks(MOST_SAMPLES)) {
            let body = pack::pack(part);
            let body = body.ok_or_else(|| StoreError::unreadable("pack", "too many samples"))?;
            let read = pack::unpack(&body).map_err(|why| StoreError::unreadable("pack", why))?;
            if read != part {
                let why = format!("series {series_id} does not read back as it was");
                return Err(StoreError::unreadable("pack", why));
            }
            self.series_ids.push(series_id);
            self.offsets.push(offset);
            self.samples.push(columns::number("count", part.len())?);
            self.bodies.push(body);
        }
        Ok(())
    }

    /// Writes all of them beside those that begin with the same hour. Returns the part that each became.
    async fn insert(
        &self,
        connection: &mut PgConnection,
        window: Window,
    ) -> Result<Vec<i16>, StoreError> {
        let parts = self.parts(connection, window.from).await?;
        for from in (0..self.bodies.len()).step_by(PACKS_PER_STATEMENT) {
            let to = (from + PACKS_PER_STATEMENT).min(self.bodies.len());
            sqlx::query!(
                "-- insert_packs
                insert into observation_pack (hour, hours, series_id, part, samples, body)
                select $1, $2, * from unnest($3::integer[], $4::smallint[], $5::integer[], $6::bytea[])",
                window.from,
                window.hours,
                &self.series_ids[from..to],
                &parts[from..to],
                &self.samples[from..to],
                &self.bodies[from..to]
            )
            .execute(&mut *connection)
            .await?;
        }
        Ok(parts)
    }

    /// The first part of each that is free.
    async fn parts(
        &self,
        connection: &mut PgConnection,
        hour: DateTime<Utc>,
    ) -> Result<Vec<i16>, StoreError> {
        let taken = sqlx::query!(
            r#"-- parts_taken
            select series_id, max(part) as "last!" from observation_pack where hour = $1 group by series_id"#,
            hour
        )
        .fetch_all(connection)
        .await?;
        let taken: std::collections::HashMap<_, _> =
            taken.iter().map(|row| (row.series_id, row.last)).collect();
        let packs = self.series_ids.iter().zip(&self.offsets);
        let part = |(series_id, offset): (&i32, &i16)| {
            let free = taken.get(series_id).map_or(0, |last| i32::from(*last) + 1);
            columns::number("part of a window", free + i32::from(*offset))
        };
        packs.map(part).collect()
    }

    /// What the server has must be what was packed, octet by octet.
    async fn verify(
        &self,
        connection: &mut PgConnection,
        hour: DateTime<Utc>,
        parts: &[i16],
    ) -> Result<(), StoreError> {
        let stored = sqlx::query!(
            r#"-- verify_packs
            select sum(samples) as samples, sha256(string_agg(sha256(body), '' order by series_id, part)) as digest
            from observation_pack
            join unnest($2::integer[], $3::smallint[]) as written (series_id, part) using (series_id, part)
            where hour = $1"#,
            hour,
            &self.series_ids,
            parts
        )
        .fetch_one(connection)
        .await?;
        let mut digest = Sha256::new();
        for body in &self.bodies {
            digest.update(Sha256::digest(body));
        }
        let digest = digest.finalize().to_vec();
        let samples = stored.samples.map(i64::cast_unsigned);
        if stored.digest != Some(digest) || samples != Some(self.samples()) {
            let why = format!("what was written for {hour} is not what was packed");
            return Err(StoreError::unreadable("pack", why));
        }
        Ok(())
    }
}

/// Adds to what is packed of the day.
async fn count(
    connection: &mut PgConnection,
    hour: DateTime<Utc>,
    packed: Packed,
) -> Result<(), StoreError> {
    let signed = |number: u64| columns::number::<u64, i64>("count", number);
    sqlx::query!(
        "-- count_packed
        insert into packed_day as known (day, samples, packs, octets) values ($1, $2, $3, $4)
        on conflict (day) do update set samples = known.samples + excluded.samples,
            packs = known.packs + excluded.packs, octets = known.octets + excluded.octets",
        hour.date_naive(),
        signed(packed.samples)?,
        signed(packed.packs)?,
        signed(packed.octets)?
    )
    .execute(connection)
    .await?;
    Ok(())
}
