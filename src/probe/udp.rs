//! One UDP attempt: a connected socket of its own, and the datagrams that come to it.
//!
//! A connected socket takes datagrams from its peer alone and hears "port unreachable". Deliberately absent: a shared
//! socket for many questions. A fresh port for each costs four system calls and is worth them here: nothing is guessed
//! by an outsider, and no answer of one question can be taken for another's.

use std::{io, net::SocketAddr};

use chrono::{DateTime, Utc};
use tokio::{net::UdpSocket, time::Instant};

use super::message::Query;
use crate::types;

/// More than any server should send after our EDNS size; what is longer is cut, and then does not decode.
const BUFFER_OCTETS: usize = 4096;

/// An attempt under way.
pub(super) struct Attempt {
    socket: UdpSocket,
    query: Query,
    sent: Instant,
    buffer: Vec<u8>,
}

/// What came to an attempt's port.
pub(super) enum Datagram {
    /// A reply to this attempt's query.
    Reply {
        bytes: Vec<u8>,
        at: DateTime<Utc>,
        sent: Instant,
        received: Instant,
    },
    /// Something else; the attempt goes on.
    Mismatch(Attempt),
    /// The socket said so, by ICMP or of its own.
    Failed(io::Error),
}

impl Attempt {
    /// Opens a socket on a port of the kernel's choice (random on Linux) and sends the query.
    pub(super) async fn start(address: SocketAddr, query: Query) -> io::Result<Self> {
        let any = match address {
            SocketAddr::V4(_) => "0.0.0.0:0",
            SocketAddr::V6(_) => "[::]:0",
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(address).await?;
        let sent = Instant::now();
        socket.send(query.bytes()).await?;
        Ok(Self {
            socket,
            query,
            sent,
            buffer: vec![0; BUFFER_OCTETS],
        })
    }

    /// Waits for the next datagram.
    pub(super) async fn next(mut self) -> Datagram {
        match self.socket.recv(&mut self.buffer).await {
            Err(error) => Datagram::Failed(error),
            Ok(octets) => {
                let (received, at) = (Instant::now(), types::now());
                let bytes = self.buffer.get(..octets).unwrap_or_default();
                if !self.query.is_answered_by(bytes) {
                    return Datagram::Mismatch(self);
                }
                Datagram::Reply {
                    bytes: bytes.to_vec(),
                    at,
                    sent: self.sent,
                    received,
                }
            }
        }
    }
}
