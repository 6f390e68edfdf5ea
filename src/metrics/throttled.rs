//! Whom rounds leave alone but for one question, since it turns everything away.
//!
//! Deliberately absent: the addresses by name. The verdicts' flag and the incidents tell them.

use std::collections::{BTreeMap, BTreeSet};

use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{gauge, labels::GroupLabel};
use crate::{
    audit::{
        ledger::Throttles,
        verdict::{State, Verdict},
    },
    types::Source,
};

/// What a round did not ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Throttled {
    /// Resolver addresses that are left alone as things stand.
    pub addresses: usize,
    /// Questions that were not put in this round.
    pub questions: usize,
    /// The same by resolver and the state that they keep.
    kept: BTreeMap<(String, State), usize>,
}

impl Throttled {
    /// Of a round that put one of `questions` to each address of `held_back`: the others keep the state that the one
    /// still shows.
    pub fn of(
        verdicts: &[Verdict],
        held_back: &BTreeSet<Source>,
        throttles: &Throttles,
        questions: usize,
    ) -> Self {
        let canaries = verdicts
            .iter()
            .filter(|verdict| held_back.contains(&verdict.observed.source));
        let left = questions.saturating_sub(1);
        let mut kept = BTreeMap::new();
        for canary in canaries {
            *kept
                .entry((canary.resolver.clone(), canary.state))
                .or_default() += left;
        }
        Self {
            addresses: throttles.len(),
            questions: kept.values().sum(),
            kept,
        }
    }

    /// How many questions keep a state at a resolver without being asked.
    pub(super) fn kept(&self, resolver: &str, state: State) -> usize {
        let of = |((id, kept), _): &(&(String, State), &usize)| id == resolver && *kept == state;
        let mut kept = self.kept.iter();
        kept.find(of).map_or(0, |(_, count)| *count)
    }
}

#[derive(Debug)]
pub(super) struct ThrottledGauges {
    addresses: Family<GroupLabel, Gauge>,
    questions: Family<GroupLabel, Gauge>,
}

impl ThrottledGauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let gauges = Self {
            addresses: Family::default(),
            questions: Family::default(),
        };
        registry.register(
            "throttled_addresses",
            "Resolver addresses that are asked one question a round, since they turn everything away",
            gauges.addresses.clone(),
        );
        registry.register(
            "throttled_questions",
            "Questions that the last round did not put to such addresses",
            gauges.questions.clone(),
        );
        gauges
    }

    pub(super) fn set(&self, group: &str, throttled: &Throttled) {
        let label = GroupLabel {
            group: group.to_owned(),
        };
        let [addresses, questions] = [throttled.addresses, throttled.questions].map(gauge);
        self.addresses.get_or_create(&label).set(addresses);
        self.questions.get_or_create(&label).set(questions);
    }
}
