//! The one clock of the process: what time it is, and waiting until a time.
//!
//! It is the system's. Only the demonstration sets it, to a day of 2020 and then on from round to round; it runs at its
//! true speed all the while, and whoever waits for an instant that is jumped over wakes at once. Deliberately absent:
//! timeouts, budgets and whatever else takes place on the wire or in the database: those are measured on the
//! monotonic clock, which nobody sets.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime},
};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use tokio::sync::Notify;

/// Longest single sleep: after a suspended machine wakes, or the system's clock is set, the time is looked at afresh.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

static CLOCK: Clock = Clock::of_the_system();

/// A clock that runs beside the system's.
struct Clock {
    /// How far ahead of the system's it is, microseconds.
    ahead: AtomicI64,
    was_set: Notify,
}

/// Now, to the microsecond: what the database keeps. An instant is told by memory, columns and documents alike, and must
/// not be rounded differently in each.
pub fn now() -> DateTime<Utc> {
    CLOCK.tell(SystemTime::now())
}

/// What this clock said when the system's said `system`: for stamps that come from the kernel.
pub fn tell(system: SystemTime) -> DateTime<Utc> {
    CLOCK.tell(system)
}

/// Waits until the clock says `at`, however the clock or the machine behaves meanwhile.
pub async fn sleep_until(at: DateTime<Utc>) {
    CLOCK.sleep_until(at).await;
}

/// Waits until so much time has passed on this clock.
pub async fn sleep(duration: Duration) {
    let at = TimeDelta::from_std(duration).ok();
    let at = at.and_then(|length| now().checked_add_signed(length));
    sleep_until(at.unwrap_or(DateTime::<Utc>::MAX_UTC)).await;
}

/// Sets the clock of the whole process, and wakes everybody who waits for an instant that has thereby come.
pub fn set(at: DateTime<Utc>) {
    CLOCK.set(at);
}

impl Clock {
    const fn of_the_system() -> Self {
        Self {
            ahead: AtomicI64::new(0),
            was_set: Notify::const_new(),
        }
    }

    fn tell(&self, system: SystemTime) -> DateTime<Utc> {
        let ahead = TimeDelta::microseconds(self.ahead.load(Ordering::Acquire));
        (DateTime::<Utc>::from(system) + ahead).trunc_subsecs(6)
    }

    fn set(&self, at: DateTime<Utc>) {
        let ahead = at.timestamp_micros() - Utc::now().timestamp_micros();
        self.ahead.store(ahead, Ordering::Release);
        self.was_set.notify_waiters();
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        loop {
            // Before the look at the time: a clock that is set in between wakes it all the same.
            let was_set = self.was_set.notified();
            let left = (at - self.tell(SystemTime::now())).to_std();
            let Some(left) = left.ok().filter(|left| !left.is_zero()) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(left.min(LONGEST_SLEEP)) => {}
                () = was_set => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_has_what_the_database_keeps_and_no_more() {
        assert_eq!(now().timestamp_subsec_nanos() % 1_000, 0);
    }

    #[test]
    fn a_clock_that_was_set_runs_on_from_there() {
        let clock = Clock::of_the_system();
        let at = "2020-08-30T10:20:00Z".parse().unwrap();
        clock.set(at);
        let first = clock.tell(SystemTime::now());
        assert!(first >= at && first < at + TimeDelta::seconds(5), "{first}");
        let later = clock.tell(SystemTime::now() + Duration::from_mins(1));
        assert!(later >= first + TimeDelta::minutes(1), "{later}");
    }

    #[tokio::test]
    async fn whoever_waits_for_an_instant_that_is_jumped_over_wakes_at_once() {
        let clock = Clock::of_the_system();
        let tomorrow = Utc::now() + TimeDelta::days(1);
        let slept = clock.sleep_until(tomorrow);
        tokio::pin!(slept);
        assert!(futures::poll!(slept.as_mut()).is_pending());
        clock.set(tomorrow - TimeDelta::hours(1));
        assert!(futures::poll!(slept.as_mut()).is_pending());
        clock.set(tomorrow);
        tokio::time::timeout(Duration::from_secs(3), slept)
            .await
            .expect("it sleeps on");
    }
}
