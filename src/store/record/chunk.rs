//! Samples of a round as rows of `observation_chunk`: one row an hour and some two thousand samples, column by column.
//!
//! A number stands there as the least of its column and, in arrays, how far it lies above that (migration 0024). The view
//! `observation` and the function `observation_of` read it. Deliberately absent: reading, which is theirs.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use crate::store::{StoreError, columns, observations::Stored, pack::Sample};

/// The most samples in a row: whoever wants one of them reads them all.
const MOST_SAMPLES: usize = 2_000;

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// A row.
pub(super) struct Chunk {
    extent: Extent,
    at: Column,
    series: Column,
    answer: Column,
    annotation: Column,
    ttl: Column,
    age: Column,
    rtt: Column,
    size: Column,
    mismatched: Column,
    flags: Column,
    attempts: Column,
    transport: Column,
    /// Of those that have some, where any has.
    ttls: Option<Vec<Option<String>>>,
}

/// What is known of a row without looking into it.
struct Extent {
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    samples: i32,
    last_series_id: i32,
}

/// Numbers, halved.
#[derive(Debug, PartialEq)]
struct Column {
    /// `None` where there are none.
    least: Option<i64>,
    /// The low 16 bits of how far each lies above the least; no array where all are the same.
    low: Option<Vec<Option<i16>>>,
    /// The high ones; no array where none has any.
    high: Option<Vec<Option<i16>>>,
}

/// As the queries take halves.
type Halves<'a> = Option<&'a [Option<i16>]>;

/// The rows that hold these samples.
pub(super) fn chunks(mut samples: Vec<Stored>) -> Result<Vec<Chunk>, StoreError> {
    let hour = |one: &Stored| one.sample.at.div_euclid(HOUR);
    samples.sort_by_key(|one| (hour(one), one.series_id, one.sample.at));
    let mut chunks = Vec::new();
    for of_an_hour in samples.chunk_by(|one, next| hour(one) == hour(next)) {
        for part in of_an_hour.chunks(MOST_SAMPLES) {
            put(part, &mut chunks)?;
        }
    }
    Ok(chunks)
}

/// One row, or several where some column's numbers lie too far apart for one. A single sample always fits.
fn put(part: &[Stored], chunks: &mut Vec<Chunk>) -> Result<(), StoreError> {
    if let Some(chunk) = Chunk::of(part, Extent::of(part)?) {
        chunks.push(chunk);
        return Ok(());
    }
    let (one, other) = part.split_at(part.len() / 2);
    put(one, chunks)?;
    put(other, chunks)
}

impl Extent {
    /// Of samples in order of series.
    fn of(part: &[Stored]) -> Result<Self, StoreError> {
        let instants = || part.iter().map(|one| one.sample.at);
        let first_at = instants().min().and_then(DateTime::from_timestamp_micros);
        let last_at = instants().max().and_then(DateTime::from_timestamp_micros);
        let (Some(first_at), Some(last_at), Some(last)) = (first_at, last_at, part.last()) else {
            return Err(StoreError::unreadable("instant", "beyond all calendars"));
        };
        Ok(Self {
            first_at,
            last_at,
            samples: columns::number("count", part.len())?,
            last_series_id: last.series_id,
        })
    }
}

impl Chunk {
    /// `None` where some column's numbers lie too far apart.
    fn of(part: &[Stored], extent: Extent) -> Option<Self> {
        let wide = |of: fn(&Stored) -> Option<i64>| {
            let numbers: Vec<_> = part.iter().map(of).collect();
            Column::of(&numbers)
        };
        let narrow = |of: fn(&Sample) -> i64| {
            let numbers: Vec<_> = part.iter().map(|one| Some(of(&one.sample))).collect();
            let column = Column::of(&numbers)?;
            column.high.is_none().then_some(column)
        };
        let mut at = wide(|one| Some(one.sample.at))?;
        // Their number is the number of samples.
        at.low.get_or_insert_with(|| vec![Some(0); part.len()]);
        let ttls = || part.iter().map(|one| one.sample.ttls.as_deref());
        let to_text = |ttls: Option<&[Vec<u32>]>| ttls.map(columns::ttls_to_text);
        Some(Self {
            extent,
            at,
            series: wide(|one| Some(one.series_id.into()))?,
            answer: wide(|one| Some(one.sample.answer_id))?,
            annotation: wide(|one| Some(one.sample.annotation_id))?,
            ttl: wide(|one| one.sample.ttl)?,
            age: wide(|one| one.sample.age)?,
            rtt: wide(|one| Some(one.sample.rtt_us))?,
            size: narrow(|one| one.size)?,
            mismatched: narrow(|one| one.mismatched)?,
            flags: narrow(|one| one.flags)?,
            attempts: narrow(|one| one.attempts)?,
            transport: narrow(|one| one.transport)?,
            ttls: ttls()
                .any(|one| one.is_some())
                .then(|| ttls().map(to_text).collect()),
        })
    }

    /// The day (UTC) whose partition takes it.
    pub(super) fn day(&self) -> NaiveDate {
        self.extent.first_at.date_naive()
    }

    pub(super) async fn insert(
        &self,
        connection: &mut PgConnection,
        round_id: i64,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- insert_chunk
            insert into observation_chunk (round_id, at, last_at, samples, last_series_id, at_low, at_high, series_id,
                series_low, series_high, answer_id, answer_low, answer_high, annotation_id, annotation_low, annotation_high, ttl, ttl_low,
                ttl_high, age, age_low, age_high, rtt_us, rtt_low, rtt_high, size, size_low, mismatched, mismatched_low,
                flags, flags_low, attempts, attempts_low, transport, transport_low, ttls)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
                $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36)",
            round_id,
            self.extent.first_at,
            self.extent.last_at,
            self.extent.samples,
            self.extent.last_series_id,
            self.at.low.as_deref() as Halves<'_>,
            self.at.high.as_deref() as Halves<'_>,
            self.series.least::<i32>()?,
            self.series.low.as_deref() as Halves<'_>,
            self.series.high.as_deref() as Halves<'_>,
            self.answer.least::<i64>()?,
            self.answer.low.as_deref() as Halves<'_>,
            self.answer.high.as_deref() as Halves<'_>,
            self.annotation.least::<i32>()?,
            self.annotation.low.as_deref() as Halves<'_>,
            self.annotation.high.as_deref() as Halves<'_>,
            self.ttl.least,
            self.ttl.low.as_deref() as Halves<'_>,
            self.ttl.high.as_deref() as Halves<'_>,
            self.age.least,
            self.age.low.as_deref() as Halves<'_>,
            self.age.high.as_deref() as Halves<'_>,
            self.rtt.least::<i32>()?,
            self.rtt.low.as_deref() as Halves<'_>,
            self.rtt.high.as_deref() as Halves<'_>,
            self.size.least::<i32>()?,
            self.size.low.as_deref() as Halves<'_>,
            self.mismatched.least::<i32>()?,
            self.mismatched.low.as_deref() as Halves<'_>,
            self.flags.least::<i16>()?,
            self.flags.low.as_deref() as Halves<'_>,
            self.attempts.least::<i16>()?,
            self.attempts.low.as_deref() as Halves<'_>,
            self.transport.least::<i16>()?,
            self.transport.low.as_deref() as Halves<'_>,
            self.ttls.as_deref() as Option<&[Option<String>]>
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

impl Column {
    /// `None` where some lie 2^32 or more above others.
    fn of(numbers: &[Option<i64>]) -> Option<Self> {
        let there = numbers.iter().copied().flatten();
        let Some((least, most)) = there.fold(None, |ends, number| {
            let (least, most) = ends.unwrap_or((number, number));
            Some((number.min(least), number.max(most)))
        }) else {
            return Some(Self {
                least: None,
                low: None,
                high: None,
            });
        };
        let width = most.checked_sub(least)?;
        if width > u32::MAX.into() {
            return None;
        }
        let is_one = width == 0 && numbers.iter().all(Option::is_some);
        let half = |shift: u32| {
            let above = move |number: i64| ((number - least) >> shift) as u16;
            let halves = numbers.iter().map(|number| Some(above((*number)?)));
            halves.map(|half| half.map(u16::cast_signed)).collect()
        };
        Some(Self {
            least: Some(least),
            low: (!is_one).then(|| half(0)),
            high: (width > u16::MAX.into()).then(|| half(16)),
        })
    }

    fn least<T: TryFrom<i64>>(&self) -> Result<T, StoreError> {
        // Those that must be there always are.
        columns::number("number", self.least.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `observation_of` reads it.
    fn read(column: &Column, nth: usize) -> Option<i64> {
        let half = |halves: &Option<Vec<Option<i16>>>| halves.as_ref().map(|halves| halves[nth]);
        let unsigned = |half: i16| i64::from(half.cast_unsigned());
        match half(&column.low) {
            None => column.least,
            Some(low) => {
                let high = half(&column.high).flatten().map_or(0, unsigned);
                Some(column.least.unwrap() + unsigned(low?) + (high << 16))
            }
        }
    }

    #[test]
    fn numbers_take_no_more_than_they_need_and_read_back() {
        for (numbers, arrays) in [
            (&[][..], (false, false)),
            (&[None, None], (false, false)),
            (&[Some(7), Some(7)], (false, false)),
            (&[Some(7), None], (true, false)),
            (&[Some(-1), Some(65_534)], (true, false)),
            (&[Some(-1), Some(65_535)], (true, true)),
            (&[Some(32_768), Some(0), Some(98_304), None], (true, true)),
            (&[Some(0), Some(i64::from(u32::MAX))], (true, true)),
            (
                &[Some(i64::MAX), Some(i64::MAX - i64::from(u32::MAX))],
                (true, true),
            ),
        ] {
            let column = Column::of(numbers).unwrap();
            assert_eq!((column.low.is_some(), column.high.is_some()), arrays);
            let back: Vec<_> = (0..numbers.len()).map(|nth| read(&column, nth)).collect();
            assert_eq!(back, numbers);
        }
        assert_eq!(Column::of(&[Some(0), Some(1 << 32)]), None);
        assert_eq!(Column::of(&[Some(i64::MIN), Some(i64::MAX)]), None);
    }

    fn stored(series_id: i32, at: i64, answer_id: i64) -> Stored {
        let sample = Sample {
            at,
            answer_id,
            ..Sample::default()
        };
        Stored { series_id, sample }
    }

    #[test]
    fn a_row_ends_with_its_hour_when_it_is_full_and_where_numbers_lie_too_far_apart() {
        let full = (0..2_001).map(|nth| stored(nth, HOUR - 1, 1));
        let next = [stored(1, HOUR, 1), stored(0, 2 * HOUR - 1, 1)];
        let apart = [1, 1 << 40, 1 << 41].map(|answer| stored(9, 3 * HOUR, answer));
        let before = [stored(1, -1, 1), stored(1, 0, 1)];
        let all = full.chain(next).chain(apart).chain(before);
        let chunks = chunks(all.collect()).unwrap();
        let seen: Vec<_> = chunks
            .iter()
            .map(|one| {
                let [first, last] =
                    [one.extent.first_at, one.extent.last_at].map(|at| at.timestamp_micros());
                let series = (one.series.least, one.extent.last_series_id);
                (first, last, one.extent.samples, series)
            })
            .collect();
        let expected = [
            (-1, -1, 1, (Some(1), 1)),
            (0, HOUR - 1, 2_000, (Some(0), 1_998)),
            (HOUR - 1, HOUR - 1, 2, (Some(1_999), 2_000)),
            (HOUR, 2 * HOUR - 1, 2, (Some(0), 1)),
            (3 * HOUR, 3 * HOUR, 1, (Some(9), 9)),
            (3 * HOUR, 3 * HOUR, 1, (Some(9), 9)),
            (3 * HOUR, 3 * HOUR, 1, (Some(9), 9)),
        ];
        assert_eq!(seen, expected);
    }
}
