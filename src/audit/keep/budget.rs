//! The bound that holds whatever happens: octets a group may keep.
//!
//! Deliberately absent: what they are spent on.

use chrono::{DateTime, TimeDelta, Utc};

use crate::types::Observation;

/// Octets on the wire that a group may keep at once, and again over each day.
const A_DAY: u64 = 64 << 20;

/// What a row costs beside its octets.
const ROW: u64 = 100;

/// A token bucket of 64 MiB before compression, which fills once a day. The lower half is for what begins, changes or ends
/// and matters.
#[derive(Debug, Clone)]
pub struct Budget {
    left: u64,
    filled_at: Option<DateTime<Utc>>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            left: A_DAY,
            filled_at: None,
        }
    }
}

impl Budget {
    /// Takes in what came together since the last time.
    pub(super) fn refill(&mut self, now: DateTime<Utc>) {
        let since = self.filled_at.map_or(TimeDelta::zero(), |at| now - at);
        let millis = u64::try_from(since.num_milliseconds()).unwrap_or(0);
        let day = TimeDelta::days(1).num_milliseconds() as u64;
        self.left = A_DAY.min(self.left + millis.min(day) * A_DAY / day);
        self.filled_at = Some(now);
    }

    /// Spends so many octets, or nothing.
    pub(super) fn spend(&mut self, octets: u64, urgent: bool) -> bool {
        let reserve = if urgent { 0 } else { A_DAY / 2 };
        let enough = self.left.saturating_sub(reserve) >= octets;
        if enough {
            self.left -= octets;
        }
        enough
    }
}

/// What an observation's messages cost.
pub(super) fn octets(observation: &Observation) -> u64 {
    observation
        .wire
        .as_ref()
        .map_or(0, |wire| (wire.query.len() + wire.reply.len()) as u64 + ROW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_spending_never_exceeds_two_days_budget() {
        let start = DateTime::UNIX_EPOCH;
        let (mut budget, mut spent) = (Budget::default(), 0);
        for minute in 0..24 * 60 {
            budget.refill(start + TimeDelta::minutes(minute));
            while budget.spend(10_000, true) {
                spent += 10_000;
            }
        }
        assert!((A_DAY * 19 / 10..=A_DAY * 2).contains(&spent), "{spent}");
    }

    #[test]
    fn what_only_lasts_leaves_half_to_what_begins() {
        let mut budget = Budget::default();
        assert!(!budget.spend(A_DAY / 2 + 1, false));
        assert!(budget.spend(A_DAY / 2, false));
        assert!(!budget.spend(1, false));
        assert!(budget.spend(A_DAY / 2, true));
        assert!(!budget.spend(1, true));
    }

    #[test]
    fn a_clock_that_is_set_back_fills_nothing() {
        let mut budget = Budget::default();
        let start = DateTime::UNIX_EPOCH;
        budget.refill(start);
        assert!(budget.spend(A_DAY, true));
        budget.refill(start - TimeDelta::days(3));
        assert!(!budget.spend(1, true));
    }
}
