//! When a datagram came: by the kernel's stamp where there is a sound one, so that waiting in our queue is no latency.
//!
//! Deliberately absent: sleeping.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use nix::sys::time::TimeSpec;
use tokio::time::Instant;

use crate::clock;

/// How far a stamp may lie before the send, by the inaccuracy of what we know of the send.
const SLACK: Duration = Duration::from_millis(1);

/// One instant by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// How long before this moment the kernel stamped; `None` where the stamp lies after it, since the clock was set.
    pub(super) fn since(&self, stamp: TimeSpec) -> Option<Duration> {
        let stamp = SystemTime::UNIX_EPOCH.checked_add(stamp.into())?;
        self.wall.duration_since(stamp).ok()
    }

    /// The receipt of a datagram that had waited for `queued`, in answer to one sent at `sent`: its instant, and the
    /// time between the two. A stamp that makes the reply older than the question is not believed.
    pub(super) fn receipt(
        &self,
        sent: Instant,
        queued: Option<Duration>,
    ) -> (DateTime<Utc>, Duration) {
        let elapsed = self.monotonic.saturating_duration_since(sent);
        let queued = queued.unwrap_or_default();
        let queued = if queued <= elapsed + SLACK {
            queued.min(elapsed)
        } else {
            Duration::ZERO
        };
        // Nothing is answered in no time at all: zero means that nothing came.
        let rtt = elapsed.saturating_sub(queued).max(Duration::from_micros(1));
        (clock::tell(self.wall - queued), rtt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(elapsed_ms: u64, queued_ms: Option<u64>, rtt_ms: u64, before_ms: u64) {
        let now = Moment::now();
        let sent = now.monotonic - Duration::from_millis(elapsed_ms);
        let (at, rtt) = now.receipt(sent, queued_ms.map(Duration::from_millis));
        assert_eq!(
            rtt,
            Duration::from_millis(rtt_ms).max(Duration::from_micros(1))
        );
        assert_eq!(at, clock::tell(now.wall - Duration::from_millis(before_ms)));
    }

    #[test]
    fn waiting_in_our_queue_is_no_latency_and_a_clock_that_was_set_is_not_believed() {
        check(50, Some(30), 20, 30);
        check(50, None, 50, 0);
        check(50, Some(3_600_000), 50, 0);
        check(0, Some(1), 0, 0);
    }

    #[test]
    fn a_stamp_from_the_future_is_none() {
        let now = Moment::now();
        let ahead = now.wall + Duration::from_secs(5);
        let stamp = ahead.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(now.since(TimeSpec::from_duration(stamp)), None);
    }
}
