//! A reply that fits its query, as it came off the wire.
//!
//! Deliberately absent: decoding.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::types::Transport;

/// A reply that fits its query.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// The query as it was sent, its id included.
    pub(super) query: Vec<u8>,
    /// The reply.
    pub(super) bytes: Vec<u8>,
    /// When it was received.
    pub(super) at: DateTime<Utc>,
    /// From the moment the query was handed to the socket, without connecting and handshakes.
    pub(super) rtt: Duration,
    /// How it came.
    pub(super) transport: Transport,
    /// Seconds that an HTTP cache held it (`Age`, RFC 9111 section 5.1); 0 for every other transport.
    pub(super) age: u32,
}
