//! When a round is due: cron lines, in UTC only.
//!
//! Deliberately absent: time zones (a local clock repeats an hour in autumn), jitter, and `now`, which is an argument.

mod fields;

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

/// A cron schedule in UTC.
///
/// Five fields (minute, hour, day of month, month, day of week), six with seconds first, or seven with the year last;
/// `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly`. Days of the week are POSIX: 0 and 7 are Sunday, 1 is Monday.
/// Where both the day of the month and the day of the week are restricted, both must match (POSIX would take either):
/// `0 0 13 * Fri` is Friday the 13th.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    cron: cron::Schedule,
}

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not five, six or seven fields, and no `@` word.
    #[error(
        "a cron line has 5 fields (minute first), 6 (seconds first) or 7 (year last); `{text}` has {count}"
    )]
    FieldCount {
        /// The whole line.
        text: String,
        /// How many fields it has.
        count: usize,
    },
    /// An `@` word that is not known.
    #[error("`{0}` is not known: write @hourly, @daily, @weekly, @monthly, @yearly, or fields")]
    UnknownWord(String),
    /// A field that cannot be read, or is out of its range.
    #[error("the {field} `{text}` cannot be read: it takes {takes}")]
    BadField {
        /// Which field.
        field: &'static str,
        /// What it takes, for people.
        takes: &'static str,
        /// What was written.
        text: String,
    },
    /// No instant matches, such as 30 February.
    #[error("`{0}` never fires: no such day exists")]
    NeverFires(String),
}

impl Schedule {
    /// Reads a cron line; one that never fires in any year from 1970 to 2100 is refused.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let quartz = fields::to_quartz(&text)?;
        let never = || ScheduleError::NeverFires(text.clone());
        let cron = cron::Schedule::from_str(&quartz).map_err(|_| never())?;
        let schedule = Self { text, cron };
        match schedule.next_after(DateTime::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::NeverFires(schedule.text)),
        }
    }

    /// The first run strictly later than `instant`; `None` once the schedule has fired for the last time.
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.after(&instant).find(|run| *run > instant)
    }

    /// The next `count` runs after `from`, fewer where it ends before.
    pub fn upcoming(&self, from: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.next_after(from), |run| self.next_after(*run))
            .take(count)
            .collect()
    }

    /// The longest time between two runs: of the next 400 runs, and across the next 400 minutes, hours and days that
    /// have runs, so that nights, weekends and idle months are seen. A year where it fires but once.
    pub fn period(&self) -> Duration {
        [1, 60, 3600, 86_400]
            .into_iter()
            .filter_map(|unit| self.longest_gap(unit))
            .max()
            .unwrap_or(Duration::from_hours(366 * 24))
    }

    /// The longest gap that ends at the first run of a `unit` (seconds), over 400 units.
    fn longest_gap(&self, unit: i64) -> Option<Duration> {
        const STEPS: usize = 400;
        // A fixed beginning, in a leap year: the same line has the same period whenever it is read.
        let first = self.next_after(DateTime::from_timestamp(1_704_067_200, 0)?)?;
        let end_of_unit = |run: DateTime<Utc>| {
            run + TimeDelta::seconds(unit - 1 - run.timestamp().rem_euclid(unit))
        };
        std::iter::successors(Some(first), |run| self.next_after(end_of_unit(*run)))
            .skip(1)
            .take(STEPS)
            .filter_map(|run| (run - self.cron.after(&run).next_back()?).to_std().ok())
            .max()
    }
}

impl fmt::Display for Schedule {
    /// The line as it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

#[cfg(test)]
mod tests;
