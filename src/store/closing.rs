//! Closing days: their samples move into packs, some hours at once, and their raw partition goes when nothing is left in it.
//!
//! A window of hours moves in one transaction, so that a sample is in one place at any instant; a crash undoes the window it
//! meets, and the next pass goes on there. It is as long as makes packs of some hundreds of samples, and as short as many series
//! need. What was packed is read back before the transaction commits. Samples that come later
//! are packed beside the others. One instance packs at a time; what rounds write meanwhile lies in days that are open.
//!
//! Deliberately absent: a clock, and what is kept for how long.

mod window;

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Serialize, Serializer};

use super::{Store, StoreError, partition::Parent};
use window::Window;

/// How long after its end a day may still get samples: of rounds that began in it, or waited for the database.
const SETTLING: TimeDelta = TimeDelta::hours(1);

/// How many hours may move at once.
const HOURS: [i16; 8] = [24, 12, 8, 6, 4, 3, 2, 1];

/// Samples that move in one transaction, unless an hour has more: the server sorts them.
const MOST_AT_ONCE: i64 = 8_000_000;

/// Samples of a series beyond which a longer pack gains little, and whoever wants a few minutes of it reads much.
const ENOUGH: i64 = 500;

/// The longest rest between two windows.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// How much was packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Packed {
    /// Days whose raw partition went.
    pub days: u64,
    /// Samples that moved.
    pub samples: u64,
    /// Packs that were made of them.
    pub packs: u64,
    /// Octets of the packs.
    pub octets: u64,
}

impl Packed {
    fn add(&mut self, other: Self) {
        self.days += other.days;
        self.samples += other.samples;
        self.packs += other.packs;
        self.octets += other.octets;
    }
}

/// What became of the days that were due.
#[derive(Debug, Default, Serialize)]
pub struct Closed {
    /// How much was packed.
    #[serde(flatten)]
    pub packed: Packed,
    /// The days that were not, the oldest first. They stay as they are.
    pub failed: Vec<FailedDay>,
}

/// A day that is not packed.
#[derive(Debug, Serialize)]
pub struct FailedDay {
    /// The day (UTC).
    pub day: NaiveDate,
    /// Why; in JSON its text.
    #[serde(serialize_with = "as_text")]
    pub error: StoreError,
}

fn as_text<S: Serializer>(error: &StoreError, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

/// How much of the machine packing takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As much as there is.
    Full,
    /// After each window it rests for as long as that took: rounds come first.
    Restful,
}

/// Whether a day is to be packed at `now`, when closed days stay raw for `keep`.
pub(super) fn is_due(day: NaiveDate, keep: Duration, now: DateTime<Utc>) -> bool {
    let keep = TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
    let open = now.checked_sub_signed(keep).and_then(first_open);
    open.is_some_and(|open| day < open)
}

/// The first day that is not over at `now`, or has not settled.
pub(super) fn first_open(now: DateTime<Utc>) -> Option<NaiveDate> {
    let settled = now.checked_sub_signed(SETTLING)?;
    Some(settled.date_naive())
}

impl Store {
    /// The days whose samples are raw and due to be packed, the oldest first.
    pub async fn days_to_pack(
        &self,
        keep: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<NaiveDate>, StoreError> {
        let present = self.partitions_of(Parent::Observation).await?;
        let days = present.into_iter().map(|one| one.partition.first);
        Ok(days.filter(|day| is_due(*day, keep, now)).collect())
    }

    /// Packs a closed day and drops its raw partition. `None` where another instance is packing.
    pub async fn pack_day(&self, day: NaiveDate, pace: Pace) -> Result<Option<Packed>, StoreError> {
        self.ensure([Parent::Pack.of(day)].into()).await?;
        let mut packed = Packed::default();
        for window in windows(day, self.hours_at_once(day).await?) {
            let began = Instant::now();
            let moved = self.pack_window(window).await;
            let Some(moved) = self.noticing_lost_partitions(moved)? else {
                return Ok(None);
            };
            packed.add(moved);
            if pace == Pace::Restful && moved.samples > 0 {
                tokio::time::sleep(began.elapsed().min(LONGEST_REST)).await;
            }
        }
        let gone = self
            .drop_partition(Parent::Observation.of(day), true)
            .await?;
        packed.days = u64::from(gone);
        Ok(Some(packed))
    }

    /// The hours of the day's windows.
    async fn hours_at_once(&self, day: NaiveDate) -> Result<i16, StoreError> {
        let there = sqlx::query!(
            r#"-- hours_at_once
            select coalesce(sum(samples), 0)::bigint as "samples!", (select count(*) from series) as "series!"
            from observation_chunk where at >= $1 and at < $1::timestamptz + interval '1 day'"#,
            midnight(day)
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(hours_of(there.samples, there.series))
    }

    /// Packs every day that is due. `None` where another instance is packing.
    ///
    /// A day whose samples cannot be packed keeps no other day waiting. Ends at once only where the same call may succeed
    /// later: [`StoreError::is_transient`].
    pub async fn pack_due(
        &self,
        keep: Duration,
        now: DateTime<Utc>,
        pace: Pace,
    ) -> Result<Option<Closed>, StoreError> {
        let mut closed = Closed::default();
        for day in self.days_to_pack(keep, now).await? {
            match self.pack_day(day, pace).await {
                Ok(Some(one)) => closed.packed.add(one),
                Ok(None) => return Ok(None),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => closed.failed.push(FailedDay { day, error }),
            }
        }
        Ok(Some(closed))
    }
}

/// The hours of a window, where a day has so many samples, of so many series.
fn hours_of(samples: i64, series: i64) -> i16 {
    let fits = |hours: &i16| {
        let samples = samples.saturating_mul(i64::from(*hours)) / 24;
        samples <= MOST_AT_ONCE && samples <= series.saturating_mul(ENOUGH)
    };
    HOURS.into_iter().find(fits).unwrap_or(1)
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// A day in windows of so many hours.
fn windows(day: NaiveDate, hours: i16) -> impl Iterator<Item = Window> {
    let window = move |first: i16| Window {
        from: midnight(day) + TimeDelta::hours(first.into()),
        hours,
    };
    (0..24).step_by(hours.unsigned_abs().into()).map(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_due_when_it_is_over_has_settled_and_was_kept() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
        let now = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let keep = Duration::from_hours(48);
        for (keep, at, due) in [
            (Duration::ZERO, "2026-11-22T23:00:00Z", false),
            (Duration::ZERO, "2026-11-23T00:59:59Z", false),
            (Duration::ZERO, "2026-11-23T01:00:00Z", true),
            (keep, "2026-11-25T00:59:59Z", false),
            (keep, "2026-11-25T01:00:00Z", true),
            (Duration::MAX, "2026-11-25T01:00:00Z", false),
            // A clock that went back.
            (Duration::ZERO, "2020-11-23T01:00:00Z", false),
        ] {
            assert_eq!(is_due(day, keep, now(at)), due, "{keep:?} at {at}");
        }
    }

    #[test]
    fn windows_are_as_long_as_they_may_be_and_fill_the_day() {
        for (samples, series, hours) in [
            (0, 0, 24),
            (500, 1, 24),
            (501, 1, 12),
            // A sample a minute.
            (1_440 * 345, 345, 8),
            (1_440 * 345, 0, 1),
            (1_440 * 3_450, 3_450, 8),
            (8_000_004, 1_000_000, 12),
            (1_440 * 34_720, 34_720, 3),
            (1_440 * 80_000, 80_000, 1),
            (i64::MAX, i64::MAX, 1),
        ] {
            assert_eq!(hours_of(samples, series), hours, "{samples} of {series}");
        }
        let day = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
        for hours in HOURS {
            let mut next = midnight(day);
            for window in windows(day, hours) {
                assert_eq!((window.from, window.hours), (next, hours));
                next += TimeDelta::hours(hours.into());
            }
            assert_eq!(next, midnight(day) + TimeDelta::days(1));
        }
    }
}
