//! What holds from which instant on.
//!
//! Deliberately absent: ends. Something else begins.

use chrono::{DateTime, Utc};

/// Values by the instant from which each holds.
#[derive(Debug, Clone)]
pub(crate) struct Timeline<T>(Vec<(DateTime<Utc>, T)>);

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Timeline<T> {
    /// From `at` on; what is set later for the same instant wins.
    pub(crate) fn set(&mut self, at: DateTime<Utc>, value: T) {
        let place = self.0.partition_point(|(from, _)| *from <= at);
        self.0.insert(place, (at, value));
    }

    /// What holds at an instant; `None` before the first.
    pub(crate) fn at(&self, now: DateTime<Utc>) -> Option<&T> {
        let place = self.0.partition_point(|(from, _)| *from <= now);
        Some(&self.0[place.checked_sub(1)?].1)
    }
}
