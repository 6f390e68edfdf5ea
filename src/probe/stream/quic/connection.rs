//! One QUIC connection (RFC 9000), whatever is spoken over it.
//!
//! No question travels in 0-RTT: those octets can be replayed, the time of such an answer would hold the handshake, and both
//! sides would know each other again by the question. Deliberately absent: streams.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use quinn::{
    ClientConfig, ConnectionError, Endpoint, EndpointConfig, TokioRuntime, TransportConfig, VarInt,
    crypto::rustls::QuicClientConfig,
};
use tokio::{
    task::yield_now,
    time::{Instant, sleep},
};

use super::{
    failure,
    socket::{Refusal, Socket},
};
use crate::{
    probe::stream::{
        Target,
        session::Failed,
        tls::{Alpn, Configs, server_name},
    },
    types::NoReply,
};

/// How long the first flight is waited for before it is sent again. The usual 333 ms would mean one second, which is all the
/// time that most questions have (RFC 9002 section 6.2.2); a peer further away than this costs a few datagrams more.
const FIRST_GUESS: Duration = Duration::from_millis(100);
/// How long quinn keeps a connection without a sign of the peer. What is idle is closed before that by who uses it.
const LOST: Duration = Duration::from_secs(30);
/// A peer that lives acknowledges within 25 ms and the way there and back (RFC 9000 section 18.2): so long, and some round
/// trips, for a lost datagram to be sent again.
const SILENCE: Duration = Duration::from_millis(250);
const ROUND_TRIPS: u32 = 4;
/// Turns of the runtime in which the socket, the endpoint and the connection have each had theirs.
const TURNS: usize = 3;
/// Octets that a peer may send ahead: some messages of the greatest size.
const AHEAD: u32 = 1 << 20;

/// How a connection is made.
#[derive(Debug, Clone, Copy)]
pub(in crate::probe::stream) struct Manner {
    pub(in crate::probe::stream) alpn: Alpn,
    /// An earlier TLS session may be taken up.
    pub(in crate::probe::stream) resume: bool,
    /// What the peer is told in parting: the protocol's code for "no error".
    pub(in crate::probe::stream) farewell: u32,
}

/// A connection that stands. It is closed when this is dropped.
pub(in crate::probe::stream) struct Connection {
    quinn: quinn::Connection,
    farewell: VarInt,
    /// It has carried an answer.
    proven: AtomicBool,
    /// It was given up because the peer says nothing any more.
    silent: AtomicBool,
}

impl Connection {
    /// Connects and shakes hands. A lack of sockets is waited out until `patience`.
    pub(in crate::probe::stream) async fn open(
        target: &Target,
        configs: &Configs,
        manner: Manner,
        patience: Instant,
    ) -> Result<Arc<Self>, NoReply> {
        let tls = configs.client(target, manner.alpn, manner.resume).await?;
        let name = server_name(target)?;
        let (socket, refused) = Socket::open(target.address, patience).await?;
        let connecting = Endpoint::new_with_abstract_socket(
            EndpointConfig::default(),
            None,
            Arc::new(socket),
            Arc::new(TokioRuntime),
        )
        .map_err(|error| here(&error))?
        .connect_with(
            config(tls).map_err(|error| here(&error))?,
            target.address,
            &name.to_str(),
        )
        .map_err(|error| here(&error))?;
        Ok(Arc::new(Self {
            quinn: unless_refused(connecting, &refused).await?,
            farewell: VarInt::from_u32(manner.farewell),
            proven: AtomicBool::new(false),
            silent: AtomicBool::new(false),
        }))
    }

    /// The connection as quinn has it.
    pub(in crate::probe::stream) fn quinn(&self) -> &quinn::Connection {
        &self.quinn
    }

    /// Waits for the answer to what was just sent, and gives it up where the peer, who answered before, does not so much as
    /// acknowledge it: a server that was restarted knows nothing of the connection, and cannot say so in a way that could be
    /// believed. `before` is what was [heard](Self::heard) before the sending.
    pub(in crate::probe::stream) async fn or_silence<T>(
        &self,
        before: u64,
        answer: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        let result = tokio::select! {
            result = answer => result,
            () = self.silence(before), if self.proven.load(Ordering::Relaxed) => {
                self.silent.store(true, Ordering::Relaxed);
                self.quinn.close(self.farewell, b"");
                Err(Failed::Connection(NoReply::Timeout))
            }
        };
        if result.is_ok() {
            self.proven.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Ends when the peer has said nothing for long after what was just sent; never, where it did.
    async fn silence(&self, before: u64) {
        sleep(SILENCE + ROUND_TRIPS * self.quinn.rtt()).await;
        if self.count() != before {
            std::future::pending::<()>().await;
        }
    }

    /// How many datagrams have come, to be asked before a query is sent. What has arrived is read first: the last words of a
    /// server that is gone would pass for a sign of life.
    pub(in crate::probe::stream) async fn heard(&self) -> u64 {
        if self.proven.load(Ordering::Relaxed) {
            for _ in 0..TURNS {
                yield_now().await;
            }
        }
        self.count()
    }

    fn count(&self) -> u64 {
        self.quinn.stats().udp_rx.datagrams
    }

    /// What the end of the connection means to a query on it.
    pub(in crate::probe::stream) fn failed(&self, error: &ConnectionError) -> Failed {
        Failed::Connection(match error {
            ConnectionError::LocallyClosed if self.silent.load(Ordering::Relaxed) => {
                NoReply::Timeout
            }
            error => failure::why(error),
        })
    }

    /// Why it ended; a fault of the protocol above it, where it still stands.
    pub(in crate::probe::stream) fn ended(&self) -> NoReply {
        let reason = self.quinn.close_reason();
        reason.map_or(NoReply::Protocol, |error| failure::why(&error))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.quinn.close(self.farewell, b"");
    }
}

async fn unless_refused(
    connecting: quinn::Connecting,
    refused: &Refusal,
) -> Result<quinn::Connection, NoReply> {
    tokio::select! {
        connected = connecting => connected.map_err(|error| failure::why(&error)),
        () = refused.told() => Err(NoReply::PortUnreachable),
    }
}

fn config(tls: Arc<rustls::ClientConfig>) -> Result<ClientConfig, impl std::error::Error> {
    let mut transport = TransportConfig::default();
    transport
        .initial_rtt(FIRST_GUESS)
        .max_idle_timeout(Some(VarInt::from_u32(LOST.as_millis() as u32).into()))
        .stream_receive_window(VarInt::from_u32(AHEAD / 4))
        .receive_window(VarInt::from_u32(AHEAD))
        // No server begins a conversation with us; HTTP/3 has its control streams.
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(8))
        .datagram_receive_buffer_size(None)
        // Messages are small: larger packets would not pay for looking for them.
        .mtu_discovery_config(None);
    QuicClientConfig::try_from(tls).map(|crypto| {
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport));
        config
    })
}

/// A fault of this host's, or of the target as configured.
fn here(error: &dyn std::error::Error) -> NoReply {
    tracing::warn!(%error, "no QUIC connection can be made from this host");
    NoReply::NoRoute
}
