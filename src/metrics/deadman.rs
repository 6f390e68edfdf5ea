//! Whether rounds run at all, and whether somebody outside hears that they do.
//!
//! Deliberately absent: deciding either.

use chrono::{DateTime, Utc};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::gauge;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BeatLabel {
    result: &'static str,
}

#[derive(Debug)]
pub(super) struct DeadmanMetrics {
    beats: Family<BeatLabel, Counter>,
    last_beat: Gauge,
    unwatched: Gauge,
}

impl DeadmanMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            beats: Family::default(),
            last_beat: Gauge::default(),
            unwatched: Gauge::default(),
        };
        registry.register(
            "heartbeats",
            "Heartbeats by result: delivered or failed",
            metrics.beats.clone(),
        );
        registry.register_with_unit(
            "last_heartbeat_timestamp",
            "The last heartbeat that was taken, Unix time",
            Unit::Seconds,
            metrics.last_beat.clone(),
        );
        registry.register(
            "unwatched_groups",
            "Groups of which no round was finished for too long",
            metrics.unwatched.clone(),
        );
        metrics
    }

    pub(super) fn beat(&self, taken: bool, now: DateTime<Utc>) {
        let result = if taken { "delivered" } else { "failed" };
        self.beats.get_or_create(&BeatLabel { result }).inc();
        if taken {
            self.last_beat.set(now.timestamp());
        }
    }

    pub(super) fn unwatched(&self, count: usize) {
        self.unwatched.set(gauge(count));
    }
}
