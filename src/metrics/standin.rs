//! How much the journal holds that stands in for the database: looked up at every scrape.
//!
//! Deliberately absent: what stands in it.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use prometheus_client::{
    metrics::gauge::Gauge,
    registry::{Registry, Unit},
};

use super::gauge;
use crate::store::journal::Journal;

#[derive(Debug, Default)]
pub(super) struct JournalGauges {
    journal: Mutex<Option<Journal>>,
    up: Gauge,
    records: Gauge,
    octets: Gauge,
    waiting: Gauge,
    oldest: Gauge,
    reconciled: Gauge,
}

impl JournalGauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        registry.register(
            "journal_up",
            "Whether there is a journal to tell from while the database is away",
            gauges.up.clone(),
        );
        registry.register(
            "journal_records",
            "Records of the journal that the database has not taken over yet",
            gauges.records.clone(),
        );
        registry.register_with_unit(
            "journal_size",
            "Size of the journal's file",
            Unit::Bytes,
            gauges.octets.clone(),
        );
        registry.register(
            "journal_messages",
            "Messages in the journal that wait to be delivered",
            gauges.waiting.clone(),
        );
        registry.register_with_unit(
            "journal_oldest_waiting",
            "Age of the oldest message in the journal that waits",
            Unit::Seconds,
            gauges.oldest.clone(),
        );
        registry.register(
            "journal_reconciled_records",
            "Records of the journal that the database has taken over since the start",
            gauges.reconciled.clone(),
        );
        gauges
    }

    pub(super) fn watch(&self, journal: Journal) {
        let mut watched = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        *watched = Some(journal);
    }

    /// Sets what it holds now.
    pub(super) fn refresh(&self, now: DateTime<Utc>) {
        let watched = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(depth) = watched.as_ref().map(Journal::depth) else {
            return;
        };
        let age = depth.oldest_waiting.map(|written| now - written);
        self.up.set(i64::from(depth.is_there));
        self.records.set(gauge(depth.records));
        self.octets.set(gauge(depth.octets));
        self.waiting.set(gauge(depth.waiting));
        self.oldest
            .set(age.map_or(0, |age| age.num_seconds().max(0)));
        self.reconciled.set(gauge(depth.reconciled));
    }
}
