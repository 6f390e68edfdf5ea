//! What stands in the database now: open incidents and waiting messages, looked up when they are asked for.
//!
//! Deliberately absent: looking them up. A database that is away is told as such, without the last known numbers.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::gauge;
use crate::types::Severity;

/// What stands in the database for this vantage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// Incidents that are open or recovering; severities without one may be left out.
    pub incidents: Vec<(Severity, u64)>,
    /// Messages neither delivered nor given up.
    pub waiting: u64,
    /// Messages given up.
    pub buried: u64,
    /// Messages held back by a silence or by maintenance that lasts.
    pub held: u64,
    /// Seconds since the oldest waiting message was written; 0 where none waits.
    pub oldest_waiting_seconds: u64,
    /// Channels whose receiver said that it is not there.
    pub disabled_channels: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SeverityLabel {
    severity: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

#[derive(Debug)]
pub(super) struct StockGauges {
    up: Gauge,
    incidents: Family<SeverityLabel, Gauge>,
    messages: Family<StatusLabel, Gauge>,
    oldest: Gauge,
    disabled: Gauge,
}

impl StockGauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let gauges = Self {
            up: Gauge::default(),
            incidents: Family::default(),
            messages: Family::default(),
            oldest: Gauge::default(),
            disabled: Gauge::default(),
        };
        registry.register(
            "database_up",
            "Whether the database answered this scrape",
            gauges.up.clone(),
        );
        registry.register(
            "open_incidents",
            "Incidents that are open or recovering, by the worst severity so far",
            gauges.incidents.clone(),
        );
        registry.register(
            "outbox_messages",
            "Messages that wait to be delivered, were given up, or are held back",
            gauges.messages.clone(),
        );
        registry.register_with_unit(
            "outbox_oldest_waiting",
            "Age of the oldest message that waits",
            Unit::Seconds,
            gauges.oldest.clone(),
        );
        registry.register(
            "disabled_channels",
            "Channels that are left alone because their receiver is gone",
            gauges.disabled.clone(),
        );
        gauges
    }

    pub(super) fn set(&self, stock: Option<&Stock>) {
        self.up.set(i64::from(stock.is_some()));
        let Some(stock) = stock else {
            self.incidents.clear();
            self.messages.clear();
            self.oldest.set(0);
            self.disabled.set(0);
            return;
        };
        for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
            let of = |(known, count): &(Severity, u64)| (*known == severity).then_some(*count);
            let label = SeverityLabel {
                severity: severity.to_string(),
            };
            let count = stock.incidents.iter().find_map(of).unwrap_or(0);
            self.incidents.get_or_create(&label).set(gauge(count));
        }
        for (status, count) in [
            ("waiting", stock.waiting),
            ("buried", stock.buried),
            ("held", stock.held),
        ] {
            let label = StatusLabel { status };
            self.messages.get_or_create(&label).set(gauge(count));
        }
        let oldest = gauge(stock.oldest_waiting_seconds);
        self.oldest.set(oldest);
        self.disabled.set(gauge(stock.disabled_channels));
    }
}
