//! Where errands come in and their outcomes go out: each exactly once.
//!
//! Deliberately absent: deadlines, which a connection keeps.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::{sync::mpsc, time::Instant};

use super::{Errand, Outcome};
use crate::{
    probe::{message::Query, received::Received},
    types::NoReply,
};

/// What is under way, and where its outcomes go.
pub(super) struct Desk {
    outcomes: mpsc::UnboundedSender<Outcome>,
    next: AtomicU64,
    /// By slot, under which number. A slot may be given again once it is cancelled; the number may not.
    under_way: Mutex<HashMap<u64, u64>>,
}

impl Desk {
    pub(super) fn new(outcomes: mpsc::UnboundedSender<Outcome>) -> Self {
        Self {
            outcomes,
            next: AtomicU64::new(0),
            under_way: Mutex::default(),
        }
    }

    /// Takes an errand in.
    pub(super) fn take(self: &Arc<Self>, errand: Errand) -> Job {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.under_way().insert(errand.slot, number);
        Job {
            query: errand.query,
            deadline: errand.deadline,
            ticket: Ticket {
                slot: errand.slot,
                number,
                desk: Arc::clone(self),
                load: None,
                open: true,
            },
        }
    }

    pub(super) fn cancel(&self, slot: u64) {
        self.under_way().remove(&slot);
    }

    fn is_wanted(&self, slot: u64, number: u64) -> bool {
        self.under_way().get(&slot) == Some(&number)
    }

    fn close(&self, slot: u64, number: u64) -> bool {
        let mut under_way = self.under_way();
        let wanted = under_way.get(&slot) == Some(&number);
        if wanted {
            under_way.remove(&slot);
        }
        wanted
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// An errand on its way.
pub(super) struct Job {
    pub(super) query: Query,
    pub(super) deadline: Instant,
    pub(super) ticket: Ticket,
}

/// The duty to give an outcome. Dropped without one, it gives [`NoReply::NoRoute`]: what broke was here.
pub(super) struct Ticket {
    slot: u64,
    number: u64,
    desk: Arc<Desk>,
    load: Option<Weight>,
    open: bool,
}

impl Ticket {
    /// Unique among all errands.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// From now on it counts in this load, and in no other.
    pub(super) fn weigh_on(&mut self, load: &Arc<AtomicUsize>) {
        load.fetch_add(1, Ordering::Relaxed);
        self.load = Some(Weight(Arc::clone(load)));
    }

    /// Whether anybody waits for the outcome.
    pub(super) fn is_wanted(&self) -> bool {
        self.desk.is_wanted(self.slot, self.number)
    }

    /// Gives the outcome, where it is still wanted.
    pub(super) fn close(mut self, result: Result<Received, NoReply>, mismatched: u16) {
        self.give(result, mismatched);
    }

    fn give(&mut self, result: Result<Received, NoReply>, mismatched: u16) {
        self.open = false;
        if self.desk.close(self.slot, self.number) {
            // Nobody there to hear it is nobody to miss it.
            let _ = self.desk.outcomes.send(Outcome {
                slot: self.slot,
                result,
                mismatched,
            });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.open {
            self.give(Err(NoReply::NoRoute), 0);
        }
    }
}

/// What counts as one errand of a lane's load while it lives.
struct Weight(Arc<AtomicUsize>);

impl Drop for Weight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
