//! How a group is asked, as the ledger says: whom more often, and whom hardly at all.
//!
//! Deliberately absent: the asking.

use std::{collections::HashSet, net::SocketAddr};

use crate::{
    audit::ledger::{Ledger, Throttles},
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
            suspects: ledger.suspects(),
            throttles: Throttles::of(ledger),
        }
    }
}
