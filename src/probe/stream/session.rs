//! One connection that carries each question on a stream of its own: HTTP/2, QUIC, HTTP/3.
//!
//! Each of the three has the same four parts: `open`, `exchange`, and the driver and the room that `open` gives. Deliberately absent: queues,
//! deadlines and retries, which are [`super::multiplex`]'s; and pipelined byte streams, which are [`super::pipeline`]'s.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::{Target, h3, https, quic, tls::Configs};
use crate::types::{NoReply, Transport};

/// A connection that stands. Cheap to clone; the clones share the connection.
#[derive(Clone)]
pub(super) enum Session {
    Https(https::Session),
    Quic(quic::Session),
    H3(h3::Session),
}

/// What opening gave.
pub(super) struct Opened<S> {
    pub(super) session: S,
    /// Must be polled for the connection to move; ends when the connection is gone. Where a connection moves by itself,
    /// it just waits for that end.
    pub(super) driver: BoxFuture<'static, ()>,
}

/// A message that came, and how.
pub(super) struct Answered {
    pub(super) bytes: Vec<u8>,
    pub(super) at: DateTime<Utc>,
    /// From handing the query over until the last octet was read.
    pub(super) rtt: Duration,
    pub(super) age: u32,
}

/// Why a query's stream gave no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// This stream alone: the connection goes on.
    Stream(NoReply),
    /// The peer took the connection away, or will not begin this stream on it (GOAWAY, a refused stream, idle time-out).
    Connection(NoReply),
}

impl Session {
    /// Connects and shakes hands; whoever waits limits the time. `resume`: an earlier TLS session may be taken up. A lack of
    /// sockets is waited out until `patience`.
    pub(super) async fn open(
        target: &Target,
        configs: &Configs,
        resume: bool,
        patience: Instant,
    ) -> Result<Opened<Self>, NoReply> {
        match target.transport {
            Transport::Https => https::Session::open(target, configs, resume, patience)
                .await
                .map(|opened| opened.map(Self::Https)),
            Transport::Quic => quic::Session::open(target, configs, resume, patience)
                .await
                .map(|opened| opened.map(Self::Quic)),
            Transport::H3 => h3::Session::open(target, configs, resume, patience)
                .await
                .map(|opened| opened.map(Self::H3)),
            Transport::Udp | Transport::Tcp | Transport::Tls => Err(NoReply::NoRoute),
        }
    }

    /// Puts one query, under the id 0, and reads the message that answers it. Dropped, it gives the stream up.
    pub(super) async fn exchange(self, query: Vec<u8>) -> Result<Answered, Failed> {
        match self {
            Self::Https(session) => session.exchange(query).await,
            Self::Quic(session) => session.exchange(query).await,
            Self::H3(session) => session.exchange(query).await,
        }
    }
}

impl<S> Opened<S> {
    fn map<T>(self, into: impl FnOnce(S) -> T) -> Opened<T> {
        Opened {
            session: into(self.session),
            driver: self.driver,
        }
    }
}
