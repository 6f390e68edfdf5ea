//! Questions over streams, for now TCP alone: a task and a connection for each.
//!
//! Deliberately absent: connections kept open, and encrypted transports.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use tokio::{
    sync::mpsc::UnboundedSender,
    task::AbortHandle,
    time::{Instant, timeout_at},
};

use super::{message::Query, received::Received, socket_error, tcp};
use crate::types::{Endpoint, NoReply, Transport};

/// Whom a stream goes to, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) transport: Transport,
    pub(super) endpoint: Option<Arc<Endpoint>>,
}

/// A query to be put over a stream.
pub(super) struct Errand {
    pub(super) slot: u64,
    pub(super) query: Query,
    pub(super) deadline: Instant,
    #[expect(dead_code, reason = "every connection is fresh so far")]
    pub(super) fresh: bool,
}

/// How an errand ended.
pub(super) struct Outcome {
    pub(super) slot: u64,
    pub(super) result: Result<Received, NoReply>,
    pub(super) mismatched: u16,
}

/// Puts errands over streams; one outcome comes for each.
pub(super) struct Streams {
    outcomes: UnboundedSender<Outcome>,
    tasks: HashMap<u64, AbortHandle>,
}

impl Streams {
    pub(super) fn new(outcomes: UnboundedSender<Outcome>) -> Self {
        Self {
            outcomes,
            tasks: HashMap::new(),
        }
    }

    /// Puts one errand.
    pub(super) fn send(&mut self, target: &Target, errand: Errand) {
        self.tasks.retain(|_, task| !task.is_finished());
        let (outcomes, slot) = (self.outcomes.clone(), errand.slot);
        let address = target.address;
        let task = tokio::spawn(async move {
            let mut mismatched = 0;
            let query = errand.query.renewed();
            let exchange = tcp::exchange(address, &query, errand.deadline, &mut mismatched);
            let result = match timeout_at(errand.deadline, exchange).await {
                Ok(Ok(received)) => Ok(received),
                Ok(Err(error)) => Err(socket_error::why(address, &error)),
                Err(_elapsed) => Err(NoReply::Timeout),
            };
            // The engine may be gone.
            let _ = outcomes.send(Outcome {
                slot,
                result,
                mismatched,
            });
        });
        self.tasks.insert(slot, task.abort_handle());
    }

    /// Gives an errand up.
    pub(super) fn cancel(&mut self, slot: u64) {
        if let Some(task) = self.tasks.remove(&slot) {
            task.abort();
        }
    }
}
