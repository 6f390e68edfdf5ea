//! One UDP socket: connected to one address, on a random port, and the questions that wait for a reply on it.
//!
//! A connected socket takes datagrams from its peer alone and is told of ICMP errors. Deliberately absent: when to open
//! one and when to close it.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    io,
    net::SocketAddr,
    os::fd::OwnedFd,
    sync::Arc,
};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::time::Instant;

use super::slab::Key;

/// Room for replies that come while nobody reads; the kernel gives what it allows.
const RECEIVE_OCTETS: usize = 1 << 20;

/// Spreads ids, which are random already, over a table.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u16(&mut self, id: u16) {
        self.0 = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// The questions under way by the id of their datagram.
pub(super) type Pending = HashMap<u16, Key, BuildHasherDefault<IdHasher>>;

/// See the module.
pub(super) struct Socket {
    /// Shared, so that a batch can be read while the questions it answers are finished.
    pub(super) descriptor: Arc<OwnedFd>,
    pub(super) peer: SocketAddr,
    pub(super) destination: Key,
    pub(super) pending: Pending,
    /// Datagrams to send, by their id.
    pub(super) outbox: Vec<u16>,
    pub(super) opened: Instant,
    /// Questions put over it so far.
    pub(super) used: u32,
    /// No further question is put over it.
    pub(super) retired: bool,
    /// A question on it was given up: its reply may still come, and finds somebody at home.
    pub(super) given_up: Option<Instant>,
    /// Datagrams that fitted nothing here.
    pub(super) strays: u16,
    /// Ids that are no longer waited for: their replies come late or twice, and are no guesses.
    pub(super) past: Vec<u16>,
}

impl Socket {
    /// Opens a socket. The kernel draws the port from its own generator when it connects.
    pub(super) fn open(peer: SocketAddr, destination: Key, now: Instant) -> io::Result<Self> {
        let kind = Type::DGRAM.nonblocking().cloexec();
        let socket = socket2::Socket::new(Domain::for_address(peer), kind, Some(Protocol::UDP))?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        match peer {
            SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?,
            SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?,
        }
        socket.connect(&SockAddr::from(peer))?;
        Ok(Self {
            descriptor: Arc::new(socket.into()),
            peer,
            destination,
            pending: Pending::default(),
            outbox: Vec::new(),
            opened: now,
            used: 0,
            retired: false,
            given_up: None,
            strays: 0,
            past: Vec::new(),
        })
    }

    /// Makes room for the replies to many questions.
    pub(super) fn make_room(&self) {
        // A kernel that gives less still works; what is lost for it is asked again.
        let _ = setsockopt(&self.descriptor, sockopt::RcvBuf, &RECEIVE_OCTETS);
    }

    /// Enters a question under a random id of its own.
    pub(super) fn enter(&mut self, inquiry: Key) -> u16 {
        loop {
            let id = rand::random();
            if let std::collections::hash_map::Entry::Vacant(vacant) = self.pending.entry(id) {
                vacant.insert(inquiry);
                self.outbox.push(id);
                self.used += 1;
                return id;
            }
        }
    }
}
