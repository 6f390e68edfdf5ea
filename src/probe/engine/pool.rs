//! The sockets of a destination: one for each question where few are under way, shared ones where many are.
//!
//! Shared sockets are drawn at random for each question, do not last, and are few, so that their datagrams travel in
//! batches. Deliberately absent: what is sent.

use std::{io, time::Duration};

use tokio::time::Instant;

use super::{driver::Driver, slab::Key, socket::Socket};
use crate::probe::socket_error;

/// As long as no more questions than this are under way at a destination, each gets a socket, and so a port, of its own.
const ALONE: usize = 8;
/// How long a destination counts as crowded after more were under way.
const CROWDED: Duration = Duration::from_millis(100);
/// Questions under way for each shared socket.
const PER_SOCKET: usize = 64;
/// Most shared sockets of a destination.
const SHARED: usize = 64;
/// Most sockets of a destination, beyond which a repeated attempt must share one.
const MOST: usize = 256;
/// A shared socket takes no further question after this many, or after this long.
const USES: u32 = 1000;
const AGE: Duration = Duration::from_secs(2);
/// How long a socket stays open for replies to questions that were given up, so that late ones find somebody at home.
const GRACE: Duration = Duration::from_secs(1);

impl Driver {
    /// A socket for one more datagram to `destination`: a new one where it must be, or where few are under way.
    pub(super) fn socket_for(
        &mut self,
        destination: Key,
        new: bool,
        fresh: bool,
    ) -> io::Result<Key> {
        let now = self.now;
        let Some(place) = self.destinations.get_mut(destination) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if place.in_flight > ALONE {
            place.crowded = Some(now);
        }
        let crowded = place.crowded.is_some_and(|at| now < at + CROWDED);
        let (room, pooled) = (place.open < MOST, !place.pool.is_empty());
        if fresh || (room && (new || !crowded)) {
            match self.open(destination) {
                Ok(key) => {
                    self.retire(key);
                    return Ok(key);
                }
                Err(error) if fresh || !pooled || !socket_error::is_shortage(&error) => {
                    return Err(error);
                }
                Err(_shortage) => {}
            }
        }
        self.shared(destination)
    }

    fn shared(&mut self, destination: Key) -> io::Result<Key> {
        loop {
            let Some(place) = self.destinations.get_mut(destination) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            let wanted = (place.in_flight / PER_SOCKET + 1).min(SHARED);
            let drawn = rand::random_range(0..place.pool.len().max(1));
            let key = match place.pool.get(drawn).copied() {
                Some(key) if place.pool.len() >= wanted => key,
                known => match self.open_shared(destination) {
                    Err(error) => known
                        .filter(|_| socket_error::is_shortage(&error))
                        .ok_or(error)?,
                    Ok(key) => key,
                },
            };
            if self
                .sockets
                .get(key)
                .is_some_and(|socket| is_fit(socket, self.now))
            {
                return Ok(key);
            }
            self.retire(key);
        }
    }

    fn open_shared(&mut self, destination: Key) -> io::Result<Key> {
        let key = self.open(destination)?;
        if let Some(socket) = self.sockets.get(key) {
            socket.make_room();
        }
        if let Some(place) = self.destinations.get_mut(destination) {
            place.pool.push(key);
        }
        Ok(key)
    }

    fn open(&mut self, destination: Key) -> io::Result<Key> {
        let Some(place) = self.destinations.get_mut(destination) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let socket = Socket::open(place.address, destination, self.now)?;
        place.open += 1;
        let descriptor = std::sync::Arc::clone(&socket.descriptor);
        let key = self.sockets.insert(socket);
        if let Err(error) = self.poller.watch(&*descriptor, key) {
            self.close(key);
            return Err(error);
        }
        Ok(key)
    }

    /// Lets a socket take no further question.
    fn retire(&mut self, key: Key) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        socket.retired = true;
        let used = socket.used > 0;
        if let Some(place) = self.destinations.get_mut(socket.destination) {
            place.pool.retain(|pooled| *pooled != key);
        }
        if used {
            self.close_if_done(key);
        }
    }

    /// A question no longer waits on a socket; `given_up` where its reply may still come.
    pub(super) fn leave(&mut self, key: Key, id: u16, given_up: bool) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        if socket.pending.remove(&id).is_some() {
            socket.past.push(id);
        }
        if given_up {
            socket.given_up = Some(self.now);
        }
        if socket.retired {
            self.close_if_done(key);
        }
    }

    fn close_if_done(&mut self, key: Key) {
        let now = self.now;
        let done = self.sockets.get(key).is_some_and(|socket| {
            socket.retired
                && socket.pending.is_empty()
                && socket.given_up.is_none_or(|at| now >= at + GRACE)
        });
        if done {
            self.close(key);
        }
    }

    fn close(&mut self, key: Key) {
        if let Some(socket) = self.sockets.remove(key)
            && let Some(place) = self.destinations.get_mut(socket.destination)
        {
            place.open = place.open.saturating_sub(1);
        }
    }

    /// Retires shared sockets that are old, and closes what is no longer waited on.
    pub(super) fn sweep_sockets(&mut self) {
        let keys: Vec<_> = self.sockets.keys().collect();
        for key in keys {
            let old = |socket: &Socket| !socket.retired && !is_fit(socket, self.now);
            if self.sockets.get(key).is_some_and(old) {
                self.retire(key);
            }
            self.close_if_done(key);
        }
    }
}

fn is_fit(socket: &Socket, now: Instant) -> bool {
    socket.used < USES && now < socket.opened + AGE
}
