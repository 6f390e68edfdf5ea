//! Which sockets have something to say: an epoll instance of the engine's own, watched through tokio.
//!
//! One registration with tokio serves all sockets, which come and go by the thousand. Deliberately absent: waiting to
//! write; a socket that cannot take a datagram is tried again later.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
};

use rustix::event::{Timespec, epoll};
use tokio::io::{Interest, unix::AsyncFd};

use super::slab::Key;

/// Sockets heard of in one system call.
const EVENTS: usize = 256;

/// A socket that has something to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    pub(super) socket: Key,
    /// Its error queue is not empty.
    pub(super) errors: bool,
}

/// See the module.
pub(super) struct Poller {
    epoll: AsyncFd<OwnedFd>,
}

impl Poller {
    /// Needs a tokio runtime.
    #[expect(
        deprecated,
        reason = "its replacement is `unsafe`; an owned descriptor stays open as it must"
    )]
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self {
            epoll: AsyncFd::with_interest(epoll, Interest::READABLE)?,
        })
    }

    /// Watches a socket until it is closed.
    pub(super) fn watch(&self, descriptor: impl AsFd, socket: Key) -> io::Result<()> {
        let data = epoll::EventData::new_u64(socket.into());
        epoll::add(&self.epoll, descriptor, data, epoll::EventFlags::IN)?;
        Ok(())
    }

    /// Waits until a socket has something to say.
    pub(super) async fn readable(&self) {
        // tokio's registration fails only when its runtime ends, and this task with it.
        if let Ok(mut guard) = self.epoll.readable().await {
            // Cleared first: what comes from here on wakes us again.
            guard.clear_ready();
        }
    }

    /// The sockets that have something to say now; whether there may be more of them.
    pub(super) fn ready(&self, into: &mut Vec<Ready>) -> bool {
        into.clear();
        let mut events = [const { MaybeUninit::uninit() }; EVENTS];
        // The descriptor is ours and open, and nothing is waited for: nothing of this can fail.
        let none = Timespec::default();
        let Ok((events, _)) = epoll::wait(&self.epoll, &mut events[..], Some(&none)) else {
            return false;
        };
        into.extend(events.iter().map(|event| Ready {
            socket: Key::from({ event.data }.u64()),
            errors: { event.flags }.contains(epoll::EventFlags::ERR),
        }));
        events.len() >= EVENTS
    }
}
