//! Instants in tables: no longer than their table needs, always UTC, never ambiguous.
//!
//! What all instants of a table share, the day or the year, is said once, by [`Instants::note`]. Deliberately absent:
//! local time.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

/// What the instants of one table have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instants {
    /// All on this day: `19:05:00Z`.
    Day(NaiveDate),
    /// All in this year: `11-22 19:05:00Z`.
    Year(i32),
    /// Nothing: `2026-11-22 19:05:00Z`.
    Any,
}

impl Instants {
    /// The shortest form that tells these instants apart.
    pub(super) fn over(instants: impl IntoIterator<Item = DateTime<Utc>>) -> Self {
        let mut days = instants.into_iter().map(|at| at.date_naive());
        let Some(first) = days.next() else {
            return Self::Any;
        };
        days.fold(Self::Day(first), |common, day| match common {
            Self::Day(same) if same == day => common,
            Self::Day(_) | Self::Year(_) if first.year() == day.year() => Self::Year(day.year()),
            _ => Self::Any,
        })
    }

    /// One instant in that form.
    pub(super) fn show(self, at: DateTime<Utc>) -> String {
        let form = match self {
            Self::Day(_) => "%H:%M:%SZ",
            Self::Year(_) => "%m-%d %H:%M:%SZ",
            Self::Any => "%Y-%m-%d %H:%M:%SZ",
        };
        at.format(form).to_string()
    }

    /// [`Instants::show`], or `-`.
    pub(super) fn show_or_dash(self, at: Option<DateTime<Utc>>) -> String {
        at.map_or_else(|| "-".to_owned(), |at| self.show(at))
    }

    /// How many characters each takes.
    pub(super) fn width(self) -> usize {
        self.show(DateTime::UNIX_EPOCH).len()
    }

    /// What was left out of every instant, to be said once.
    pub(super) fn note(self) -> String {
        match self {
            Self::Day(day) => format!("UTC, {day}"),
            Self::Year(year) => format!("UTC, {year}"),
            Self::Any => "UTC".to_owned(),
        }
    }
}

/// `2026-11-22 19:05:00Z`, for instants outside of tables.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    Instants::Any.show(at)
}

/// [`instant`], or `-`.
pub(super) fn instant_or_dash(at: Option<DateTime<Utc>>) -> String {
    Instants::Any.show_or_dash(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(instants: &[&str], note: &str, first: &str) {
        let instants: Vec<DateTime<Utc>> = instants.iter().map(|at| at.parse().unwrap()).collect();
        let form = Instants::over(instants.clone());
        assert_eq!(form.note(), note, "{instants:?}");
        assert_eq!(form.show(instants[0]), first, "{instants:?}");
    }

    #[test]
    fn what_all_instants_share_is_said_once() {
        check(
            &["2026-11-22T00:00:00Z", "2026-11-22T23:59:59Z"],
            "UTC, 2026-11-22",
            "00:00:00Z",
        );
        check(
            &[
                "2026-11-22T19:05:00Z",
                "2026-11-23T19:05:00Z",
                "2026-11-22T19:05:00Z",
            ],
            "UTC, 2026",
            "11-22 19:05:00Z",
        );
        check(
            &[
                "2026-12-31T23:59:59Z",
                "2027-01-01T00:00:00Z",
                "2026-12-31T23:59:59Z",
            ],
            "UTC",
            "2026-12-31 23:59:59Z",
        );
        assert_eq!(Instants::over([]), Instants::Any);
    }
}
