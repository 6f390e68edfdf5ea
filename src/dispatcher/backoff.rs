//! When a message that was not taken is tried again, and when it is given up.
//!
//! Pure: attempt, id and instant in, instant out. Deliberately absent: randomness. Jitter comes from the message's id, so
//! that the same message waits the same time in every run.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// The waits after the first attempts; an alert is worth most in its first minutes.
const HEAD: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
];
/// Every later wait.
const TAIL: Duration = Duration::from_hours(2);
/// Attempts at one message: as many as fit into 24 hours.
pub const ATTEMPTS: u32 = 17;

/// When to try again after attempt number `attempt` (from 1) failed at `now`; `None` after the last.
///
/// A receiver's own wish (`Retry-After`) wins where it is longer. The schedule is stretched or shortened by up to a tenth.
pub fn next_attempt(
    attempt: u32,
    id: Uuid,
    now: DateTime<Utc>,
    retry_after: Option<Duration>,
) -> Option<DateTime<Utc>> {
    if attempt >= ATTEMPTS {
        return None;
    }
    let wait = jittered(wait(attempt), id, attempt).max(retry_after.unwrap_or_default());
    Some(now + delay(wait))
}

/// A wait as a difference of instants; what is longer than any is two hours.
pub(super) fn delay(wait: Duration) -> TimeDelta {
    TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(2))
}

fn wait(attempt: u32) -> Duration {
    let index = attempt.saturating_sub(1) as usize;
    HEAD.get(index).copied().unwrap_or(TAIL)
}

/// `wait` times 0.9 to 1.1, by the id's own bits.
fn jittered(wait: Duration, id: Uuid, attempt: u32) -> Duration {
    let (high, low) = id.as_u64_pair();
    let bits = mix(high ^ mix(low.wrapping_add(u64::from(attempt))));
    let tenth = f64::from((bits >> 32) as u32) / f64::from(u32::MAX);
    wait.mul_f64(0.9 + 0.2 * tenth)
}

/// The finaliser of `SplitMix64`: every bit of the input moves about half of the output's.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-11-22T19:05:00Z".parse().unwrap()
    }

    fn wait_after(attempt: u32, id: Uuid, retry_after: Option<Duration>) -> Option<Duration> {
        let next = next_attempt(attempt, id, start(), retry_after)?;
        Some((next - start()).to_std().unwrap())
    }

    #[test]
    fn the_waits_are_the_documented_ones_give_or_take_a_tenth() {
        let documented = [5, 30, 120, 600, 1800, 7200, 7200, 7200];
        for (attempt, seconds) in (1..).zip(documented) {
            let wait = wait_after(attempt, Uuid::from_u128(7), None).unwrap();
            let off = wait.as_secs_f64() / f64::from(seconds) - 1.0;
            assert!(off.abs() <= 0.1, "attempt {attempt}: {wait:?}");
        }
    }

    #[test]
    fn the_last_attempt_falls_within_a_day_and_one_more_would_not() {
        let total: Duration = (1..ATTEMPTS).map(wait).sum();
        assert!(total <= Duration::from_hours(24), "{total:?}");
        assert!(total + wait(ATTEMPTS) > Duration::from_hours(24));
        assert_eq!(wait_after(ATTEMPTS, Uuid::nil(), None), None);
        assert_eq!(
            wait_after(ATTEMPTS + 1, Uuid::nil(), Some(Duration::ZERO)),
            None
        );
    }

    #[test]
    fn messages_that_failed_together_do_not_come_back_together() {
        let waits: std::collections::BTreeSet<_> = (0..100)
            .map(|id| wait_after(3, Uuid::from_u128(id), None))
            .collect();
        assert_eq!(waits.len(), 100);
    }

    proptest! {
        #[test]
        fn a_receivers_longer_wish_wins_and_a_shorter_one_does_not(
            id in any::<u128>(), attempt in 1..ATTEMPTS, wish in 0_u64..100_000,
        ) {
            let id = Uuid::from_u128(id);
            let own = wait_after(attempt, id, None).unwrap();
            let wish = Duration::from_secs(wish);
            prop_assert_eq!(wait_after(attempt, id, Some(wish)).unwrap(), own.max(wish));
            prop_assert_eq!(wait_after(attempt, id, None).unwrap(), own);
        }
    }
}
