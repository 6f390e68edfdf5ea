//! What an engine has done and is doing, as numbers for metrics.
//!
//! Deliberately absent: names of metrics.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

/// At most one warning of datagrams that do not fit in this time.
const QUIET: Duration = Duration::from_mins(1);

/// What a prober has done so far, and is doing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Datagrams and messages that came to a port of ours and fitted no question: guesses from off the path, or a
    /// confused server.
    pub mismatched: u64,
    /// Attempts beyond the first of a question.
    pub retries: u64,
    /// Questions that had to wait for the budget of their address, or for a window that loss had narrowed.
    pub throttled: u64,
    /// Questions under way now.
    pub in_flight: u64,
    /// Questions waiting now.
    pub queued: u64,
}

/// The numbers as the driver writes them and anybody reads them.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    pub(super) mismatched: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) throttled: AtomicU64,
    pub(super) in_flight: AtomicU64,
    pub(super) queued: AtomicU64,
}

impl Tallies {
    pub(super) fn read(&self) -> Counters {
        Counters {
            mismatched: self.mismatched.load(Relaxed),
            retries: self.retries.load(Relaxed),
            throttled: self.throttled.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            queued: self.queued.load(Relaxed),
        }
    }
}

/// Tells of datagrams that do not fit, now and then.
#[derive(Default)]
pub(super) struct Alarm {
    untold: u64,
    told: Option<Instant>,
}

impl Alarm {
    /// Counts one more from `peer`, and warns unless that was done a moment ago.
    pub(super) fn raise(&mut self, peer: std::net::SocketAddr, now: Instant) {
        self.untold += 1;
        if self.told.is_some_and(|told| now < told + QUIET) {
            return;
        }
        tracing::warn!(
            source.address = %peer,
            probe.mismatched = self.untold,
            "replies came that fit no question: somebody guesses, or the server is confused"
        );
        self.untold = 0;
        self.told = Some(now);
    }
}
