//! The UDP socket below one QUIC connection: connected to the peer, so that the kernel says when nobody listens there.
//!
//! Every connection has a socket of its own: another source port for each, nothing that an off-path sender of datagrams could
//! reach two connections by, and none that stays open when the last connection is gone. Deliberately absent: QUIC.

use std::{
    io::{self, IoSliceMut},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use nix::sys::socket::{setsockopt, sockopt};
use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit, UdpSocketState},
};
use tokio::{io::Interest, net::UdpSocket, sync::Notify, time::Instant};

use crate::{probe::socket_error, types::NoReply};

/// The socket.
#[derive(Debug)]
pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    refused: Refusal,
}

/// Tells that ICMP said port unreachable.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal {
    shared: Arc<(AtomicBool, Notify)>,
}

impl Refusal {
    fn tell(&self) {
        self.shared.0.store(true, Ordering::Relaxed);
        self.shared.1.notify_one();
    }

    /// Waits for it.
    pub(super) async fn told(&self) {
        while !self.shared.0.load(Ordering::Relaxed) {
            self.shared.1.notified().await;
        }
    }
}

impl Socket {
    /// A socket on a port of the kernel's choice, connected to `peer`. A lack of sockets is waited out until `patience`.
    pub(super) async fn open(
        peer: SocketAddr,
        patience: Instant,
    ) -> Result<(Self, Refusal), NoReply> {
        loop {
            match Self::try_open(peer).await {
                Ok(socket) => {
                    let refused = socket.refused.clone();
                    return Ok((socket, refused));
                }
                Err(error) => socket_error::wait_out(error, patience)
                    .await
                    .map_err(|error| socket_error::why(peer, &error))?,
            }
        }
    }

    async fn try_open(peer: SocketAddr) -> io::Result<Self> {
        let any = match peer {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let io = UdpSocket::bind(any).await?;
        io.connect(peer).await?;
        let state = UdpSocketState::new((&io).into())?;
        // Several datagrams received as one need a buffer of 3 MiB for each connection, and messages are small.
        setsockopt(&io, sockopt::UdpGroSegment, &false)?;
        Ok(Self {
            state,
            io,
            refused: Refusal::default(),
        })
    }

    /// What a socket's error means to QUIC: nothing but a lost datagram.
    fn note(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            self.refused.tell();
        }
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller(self))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let sent = self.io.try_io(Interest::WRITABLE, || {
            self.state.try_send((&self.io).into(), transmit)
        });
        match sent {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                self.note(&error);
                Ok(())
            }
            sent => sent,
        }
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.io.poll_recv_ready(context))?;
            let received = self.io.try_io(Interest::READABLE, || {
                self.state.recv((&self.io).into(), buffers, meta)
            });
            match received {
                Ok(count) => return Poll::Ready(Ok(count)),
                // The last of these cleared what was ready, so that the next turn waits.
                Err(error) => self.note(&error),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        1
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }
}

/// Waits until the socket takes another datagram. There is one connection to a socket, and so one that waits.
#[derive(Debug)]
struct Poller(Arc<Socket>);

impl UdpPoller for Poller {
    fn poll_writable(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.io.poll_send_ready(context)
    }
}
