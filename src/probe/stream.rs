//! Questions over connections: TCP, TLS, HTTPS, QUIC, HTTP/3.
//!
//! Connections are kept while they are used, and each is one task. Deliberately absent: whom to ask and how often, UDP,
//! and what a reply says.

use std::{net::SocketAddr, sync::Arc};

use tokio::{sync::mpsc, time::Instant};

use super::{message::Query, received::Received};
use crate::types::{Endpoint, NoReply, Transport};

mod desk;
mod docket;
mod framing;
mod h3;
mod http;
mod https;
mod lane;
mod multiplex;
mod pipeline;
mod pool;
mod quic;
mod session;
mod tcp;
mod tls;

use desk::Desk;
pub(super) use framing::Frames;
use pool::Pool;
pub use tls::{EndpointError, check_endpoint};

/// Whom connections go to, and by which transport: any but UDP.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) transport: Transport,
    /// Whom an encrypted transport must find there; `None`: the address itself.
    pub(super) endpoint: Option<Arc<Endpoint>>,
}

/// One query to be put.
#[derive(Debug)]
pub(super) struct Errand {
    /// What the outcome is known by.
    pub(super) slot: u64,
    pub(super) query: Query,
    pub(super) deadline: Instant,
    /// Over a connection of its own.
    pub(super) fresh: bool,
}

/// What became of an errand.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) slot: u64,
    pub(super) result: Result<Received, NoReply>,
    /// Messages that came and were no answer to it.
    pub(super) mismatched: u16,
}

/// Every connection there is.
pub(super) struct Streams {
    desk: Arc<Desk>,
    pool: Pool,
}

impl Streams {
    /// No connection yet. Outcomes go to `outcomes`.
    pub(super) fn new(outcomes: mpsc::UnboundedSender<Outcome>) -> Self {
        let desk = Arc::new(Desk::new(outcomes));
        Self {
            pool: Pool::new(Arc::clone(&desk)),
            desk,
        }
    }

    /// Puts an errand. Exactly one outcome follows, at its deadline at the latest. Never blocks; within a runtime only.
    pub(super) fn send(&mut self, target: &Target, errand: Errand) {
        self.pool.send(target, errand);
    }

    /// The outcome of this errand is no longer wanted, and the slot is free for another. An outcome that was given before
    /// may still be on its way.
    pub(super) fn cancel(&mut self, slot: u64) {
        self.desk.cancel(slot);
    }
}

#[cfg(test)]
mod tests;
