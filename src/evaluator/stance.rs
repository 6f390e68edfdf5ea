//! How a group is asked, as the ledger says: whom more often, and whom hardly at all.
//!
//! Deliberately absent: the asking.

use std::{collections::HashSet, net::SocketAddr};

use crate::{
    audit::{
        ledger::{Ledger, Throttles},
        verdict::{Family, Verdict, VerdictFlag},
    },
    types::Question,
};

/// How a group is asked, as its last recorded round left it.
#[derive(Debug, Clone, Default)]
pub(super) struct Stance {
    /// What is sampled three times a round.
    pub(super) suspects: HashSet<(Question, SocketAddr)>,
    /// Whom to leave alone but for one question.
    pub(super) throttles: Throttles,
}

impl Stance {
    /// As the round that leaves this ledger has it.
    pub(super) fn after(ledger: &Ledger) -> Self {
        Self {
            suspects: suspects(ledger),
            throttles: Throttles::of(ledger),
        }
    }

    /// Marks the verdicts at addresses that are left alone.
    pub(super) fn flag(&self, verdicts: &mut [Verdict]) {
        for verdict in verdicts {
            if self.throttles.holds(&verdict.observed.source) {
                verdict.flags.push(VerdictFlag::Throttled);
            }
        }
    }
}

/// The pairs in an open value incident: they are sampled three times a round.
fn suspects(ledger: &Ledger) -> HashSet<(Question, SocketAddr)> {
    ledger
        .incidents
        .iter()
        .filter(|incident| incident.key.family == Family::Value)
        .flat_map(|incident| &incident.observed)
        .map(|observed| (observed.question.clone(), observed.source.address))
        .collect()
}
