//! A reply that fits its query, as a transport brought it.
//!
//! Deliberately absent: what it says.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::types::Transport;

/// A reply that fits its query.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// The query that was answered, without framing.
    pub(super) query: Vec<u8>,
    /// The reply, without framing.
    pub(super) bytes: Vec<u8>,
    /// When it was received.
    pub(super) at: DateTime<Utc>,
    /// From the send of the query that was answered to the receipt, without connecting and handshakes.
    pub(super) rtt: Duration,
    /// What brought it.
    pub(super) transport: Transport,
    /// Seconds that an HTTP cache had held it.
    pub(super) age: u32,
}
