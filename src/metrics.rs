//! What the service counts about itself, for Prometheus. Names are `dns_auditor_*`.
//!
//! Deliberately absent: the HTTP endpoint, and one series per name: a scrape must not grow with the inventory.

mod deadman;
mod labels;
mod probe;
mod standin;
mod stock;
mod throttled;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use labels::{DeliveryLabel, FindingLabel, GroupLabel, RoundLabel, TransitionLabel, VerdictLabel};
pub use stock::Stock;
pub use throttled::Throttled;

use crate::{
    audit::{
        finding::{Finding, FindingKind},
        incident::Transition,
        verdict::{State, Verdict},
    },
    clock,
    probe::Counters,
    store::{StoreError, journal::Journal},
};

/// What became of one attempt to deliver a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryResult {
    /// It was taken.
    Delivered,
    /// It was not; another attempt follows.
    Failed,
    /// It is given up.
    Buried,
    /// It was not made: a silence or maintenance holds the message back.
    Held,
}

/// What a round came to.
#[derive(Debug)]
pub struct RoundReport {
    /// One per question and resolver address.
    pub verdicts: Vec<Verdict>,
    /// What is wrong at the authorities.
    pub findings: Vec<Finding>,
    /// The incidents' steps.
    pub transitions: Vec<Transition>,
    /// Observations recorded, re-asking included.
    pub observations: usize,
    /// Whom it left alone.
    pub throttled: Throttled,
    /// Why it could not be recorded, where it was judged all the same and its steps stand in the journal.
    pub unrecorded: Option<StoreError>,
    /// Whether an incident of its vantage stands afterwards: it sees nothing, or only what somebody else answers.
    pub is_blind: bool,
}

/// Every metric of the service, and when each group's next round is due.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    rounds: Family<RoundLabel, Counter>,
    round_duration: Family<GroupLabel, Histogram, fn() -> Histogram>,
    last_round: Family<GroupLabel, Gauge>,
    observations: Family<GroupLabel, Counter>,
    verdicts: Family<VerdictLabel, Gauge>,
    findings: Family<FindingLabel, Gauge>,
    transitions: Family<TransitionLabel, Counter>,
    deliveries: Family<DeliveryLabel, Counter>,
    throttled: throttled::ThrottledGauges,
    deadman: deadman::DeadmanMetrics,
    probe: probe::ProbeCounts,
    stock: stock::StockGauges,
    journal: standin::JournalGauges,
    due: Mutex<BTreeMap<String, Due>>,
}

/// When a group's round is due, and when one last finished.
#[derive(Debug, Clone, Copy, Default)]
pub struct Due {
    /// The next tick.
    pub next: Option<DateTime<Utc>>,
    /// The end of the last recorded round of this process.
    pub finished: Option<DateTime<Utc>>,
    /// Rounds in a row that could not be recorded.
    pub failed: u32,
    /// The end of the last round of this process that was judged, recorded or not.
    pub judged: Option<DateTime<Utc>>,
    /// Whether the last judged round saw nothing: its vantage is blind.
    pub is_blind: bool,
}

fn gauge(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

fn seconds() -> Histogram {
    Histogram::new([0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0])
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("dns_auditor");
        let rounds = Family::default();
        registry.register(
            "rounds",
            "Rounds by result: finished, failed or missed",
            rounds.clone(),
        );
        let round_duration =
            Family::<GroupLabel, Histogram, fn() -> Histogram>::new_with_constructor(seconds);
        registry.register_with_unit(
            "round_duration",
            "From the start of a round to its commit",
            Unit::Seconds,
            round_duration.clone(),
        );
        let last_round = Family::default();
        registry.register_with_unit(
            "last_round_timestamp",
            "End of the last recorded round, Unix time",
            Unit::Seconds,
            last_round.clone(),
        );
        let observations = Family::default();
        registry.register(
            "observations",
            "Observations recorded",
            observations.clone(),
        );
        let verdicts = Family::default();
        registry.register(
            "verdicts",
            "Questions in each state at each resolver, last round",
            verdicts.clone(),
        );
        let findings = Family::default();
        registry.register(
            "findings",
            "Findings at the authorities, last round",
            findings.clone(),
        );
        let transitions = Family::default();
        registry.register(
            "incident_transitions",
            "Steps of incidents",
            transitions.clone(),
        );
        let deliveries = Family::default();
        registry.register(
            "deliveries",
            "Attempts to deliver a message, by channel and result",
            deliveries.clone(),
        );
        let throttled = throttled::ThrottledGauges::register(&mut registry);
        let deadman = deadman::DeadmanMetrics::register(&mut registry);
        let probe = probe::ProbeCounts::register(&mut registry);
        let stock = stock::StockGauges::register(&mut registry);
        let journal = standin::JournalGauges::register(&mut registry);
        Self {
            registry,
            rounds,
            round_duration,
            last_round,
            observations,
            verdicts,
            findings,
            transitions,
            deliveries,
            throttled,
            deadman,
            probe,
            stock,
            journal,
            due: Mutex::default(),
        }
    }

    /// Counts a recorded round and what it found.
    pub fn round_finished(&self, group: &str, took: TimeDelta, report: &RoundReport) {
        let label = GroupLabel {
            group: group.to_owned(),
        };
        self.count_round(group, "finished");
        self.round_duration
            .get_or_create(&label)
            .observe(took.as_seconds_f64());
        self.last_round
            .get_or_create(&label)
            .set(clock::now().timestamp());
        self.observations
            .get_or_create(&label)
            .inc_by(report.observations as u64);
        self.round_judged(group, report);
        self.with_due(group, |due| {
            (due.finished, due.failed) = (Some(clock::now()), 0);
        });
    }

    /// Notes what a round found that was judged, whether or not it was recorded.
    pub fn round_judged(&self, group: &str, report: &RoundReport) {
        self.count_states(group, report);
        self.throttled.set(group, &report.throttled);
        for transition in &report.transitions {
            let kind = format!("{:?}", transition.kind).to_lowercase();
            self.transitions
                .get_or_create(&TransitionLabel {
                    group: group.to_owned(),
                    kind,
                })
                .inc();
        }
        self.with_due(group, |due| {
            due.judged = Some(clock::now());
            due.is_blind = report.is_blind;
        });
    }

    /// Gauges of the last round, over the closed lists: a state that has gone is told as zero.
    fn count_states(&self, group: &str, report: &RoundReport) {
        let resolvers: BTreeSet<&str> = report
            .verdicts
            .iter()
            .map(|verdict| &*verdict.resolver)
            .collect();
        for resolver in resolvers {
            for state in State::ALL {
                let of =
                    |verdict: &&Verdict| verdict.resolver == resolver && verdict.state == state;
                let label = VerdictLabel {
                    group: group.to_owned(),
                    resolver: resolver.to_owned(),
                    state: state.name().to_owned(),
                };
                let asked = report.verdicts.iter().filter(of).count();
                let kept = report.throttled.kept(resolver, state);
                self.verdicts.get_or_create(&label).set(gauge(asked + kept));
            }
        }
        for kind in FindingKind::ALL {
            let label = FindingLabel {
                group: group.to_owned(),
                finding: kind.name().to_owned(),
            };
            let count = report
                .findings
                .iter()
                .filter(|finding| finding.kind == kind)
                .count();
            self.findings.get_or_create(&label).set(gauge(count));
        }
    }

    /// Counts a round that ran and could not be recorded.
    pub fn round_failed(&self, group: &str) {
        self.count_round(group, "failed");
        self.with_due(group, |due| due.failed += 1);
    }

    /// Counts a tick at which two rounds were still running.
    pub fn round_missed(&self, group: &str) {
        self.count_round(group, "missed");
    }

    /// Notes when the group's next round is due.
    pub fn group_scheduled(&self, group: &str, next: Option<DateTime<Utc>>) {
        self.with_due(group, |due| due.next = next);
    }

    /// Every group's schedule, for readiness.
    pub fn schedule(&self) -> BTreeMap<String, Due> {
        self.due
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counts an attempt to deliver a message.
    pub fn delivery(&self, channel: &str, result: DeliveryResult) {
        let label = DeliveryLabel {
            channel: channel.to_owned(),
            result: match result {
                DeliveryResult::Delivered => "delivered",
                DeliveryResult::Failed => "failed",
                DeliveryResult::Buried => "buried",
                DeliveryResult::Held => "held",
            },
        };
        self.deliveries.get_or_create(&label).inc();
    }

    /// Sets what stands in the database now; `None`: it does not answer.
    pub fn set_stock(&self, stock: Option<&Stock>) {
        self.stock.set(stock);
    }

    /// Counts a heartbeat that was taken, or was not.
    pub fn heartbeat(&self, taken: bool, now: DateTime<Utc>) {
        self.deadman.beat(taken, now);
    }

    /// Sets how many groups are not watched: no round of them was finished for too long.
    pub fn unwatched_groups(&self, count: usize) {
        self.deadman.unwatched(count);
    }

    /// Takes the prober's own numbers in from now on, at every scrape.
    pub fn count_probes(&self, counters: impl Fn() -> Counters + Send + Sync + 'static) {
        self.probe.watch(Box::new(counters));
    }

    /// Looks into this journal from now on, at every scrape.
    pub fn watch_journal(&self, journal: Journal) {
        self.journal.watch(journal);
    }

    /// The OpenMetrics text of everything here.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        self.probe.refresh();
        self.journal.refresh(clock::now());
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn count_round(&self, group: &str, result: &str) {
        self.rounds
            .get_or_create(&RoundLabel {
                group: group.to_owned(),
                result: result.to_owned(),
            })
            .inc();
    }

    fn with_due(&self, group: &str, change: impl FnOnce(&mut Due)) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        change(due.entry(group.to_owned()).or_default());
    }
}
