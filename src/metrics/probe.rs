//! What the prober counts of itself, read when it is asked for.
//!
//! Deliberately absent: counting.

use std::{
    fmt,
    sync::{OnceLock, atomic::Ordering::Relaxed},
};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

use super::gauge;
use crate::probe::Counters;

type Source = Box<dyn Fn() -> Counters + Send + Sync>;

/// The prober's numbers, and where they come from.
#[derive(Default)]
pub(super) struct ProbeCounts {
    mismatched: Counter,
    retries: Counter,
    throttled: Counter,
    in_flight: Gauge,
    queued: Gauge,
    source: OnceLock<Source>,
}

impl fmt::Debug for ProbeCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeCounts").finish_non_exhaustive()
    }
}

impl ProbeCounts {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let counts = Self::default();
        registry.register(
            "probe_mismatched",
            "Replies to our ports that fit no question: guesses, or a confused server",
            counts.mismatched.clone(),
        );
        registry.register(
            "probe_retries",
            "Attempts beyond the first of a question",
            counts.retries.clone(),
        );
        registry.register(
            "probe_throttled",
            "Questions that waited for the budget of their address, or for a window that loss had narrowed",
            counts.throttled.clone(),
        );
        registry.register(
            "probe_in_flight",
            "Questions under way",
            counts.in_flight.clone(),
        );
        registry.register(
            "probe_queued",
            "Questions that wait for their turn",
            counts.queued.clone(),
        );
        counts
    }

    /// Where the numbers come from; the first that says so counts.
    pub(super) fn watch(&self, source: Source) {
        let _ = self.source.set(source);
    }

    /// Takes the numbers as they stand.
    pub(super) fn refresh(&self) {
        let Some(counters) = self.source.get().map(|source| source()) else {
            return;
        };
        self.mismatched.inner().store(counters.mismatched, Relaxed);
        self.retries.inner().store(counters.retries, Relaxed);
        self.throttled.inner().store(counters.throttled, Relaxed);
        self.in_flight.set(gauge(counters.in_flight));
        self.queued.set(gauge(counters.queued));
    }
}
