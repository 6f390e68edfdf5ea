//! What is sent for a question, and when: datagrams, repeated ones, and at last a stream.
//!
//! The order is [`crate::probe::Prober`]'s documentation. Deliberately absent: what comes back.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    driver::{Driver, Due},
    inquiry::{Flight, Letter, State},
    packets::{self, BATCH},
    slab::Key,
};
use crate::{
    probe::{
        socket_error::{self, PAUSE},
        stream::{Errand, Target},
    },
    types::{NoReply, Transport},
};

/// How long after its deadline a stream that says nothing is given up.
const BACKSTOP: Duration = Duration::from_secs(1);
/// Errors of earlier datagrams that one system call may be in the way of.
const OLD_ERRORS: usize = 4;

impl Driver {
    /// Puts a question that has its turn, from the start.
    pub(super) fn begin(&mut self, key: Key) {
        let Some(inquiry) = self.inquiries.get_mut(key) else {
            return;
        };
        inquiry.state = State::Udp;
        inquiry.udp_left = 0;
        if inquiry.source.transport == Transport::Udp {
            let place = inquiry
                .destination
                .and_then(|key| self.destinations.get(key));
            inquiry.udp_left = inquiry.ask.attempts.max(1);
            inquiry.query = Some(inquiry.write(place.map(|place| &place.cookies)));
        }
        self.next_attempt(key);
    }

    /// Makes the next attempt there is.
    pub(super) fn next_attempt(&mut self, key: Key) {
        let Some(inquiry) = self.inquiries.get_mut(key) else {
            return;
        };
        if inquiry.udp_left == 0 {
            self.launch_stream(key);
            return;
        }
        inquiry.udp_left -= 1;
        let timeout = inquiry.ask.timeout;
        inquiry.deadline = self.now + timeout;
        self.count(key, Transport::Udp);
        let sequence = self.sequence(key);
        self.timers
            .add(self.now, timeout, Due::Silence(key, sequence));
        self.launch_datagram(key);
    }

    /// Counts an attempt; a repeated one against the budget, which it does not wait for.
    fn count(&mut self, key: Key, transport: Transport) {
        let Some(inquiry) = self.inquiries.get_mut(key) else {
            return;
        };
        inquiry.sequence = inquiry.sequence.wrapping_add(1);
        if inquiry.tally.attempts > 0 {
            self.tallies.retries.fetch_add(1, Relaxed);
            if let Some(place) = inquiry
                .destination
                .and_then(|key| self.destinations.get_mut(key))
            {
                place.pace.book(inquiry.ask.max_qps, self.now);
            }
        }
        inquiry.tally.count(transport);
    }

    fn sequence(&self, key: Key) -> u32 {
        self.inquiries
            .get(key)
            .map_or(0, |inquiry| inquiry.sequence)
    }

    fn launch_datagram(&mut self, key: Key) {
        let Some(inquiry) = self.inquiries.get(key) else {
            return;
        };
        let Some(destination) = inquiry.destination else {
            return;
        };
        let fresh = inquiry.ask.fresh;
        let again = inquiry.tally.attempts > 1;
        match self.socket_for(destination, again, fresh) {
            Ok(socket) => self.board(key, socket),
            Err(error) => self.not_sent(key, &error),
        }
    }

    /// Leaves a datagram with a socket, which is emptied when everything else is done.
    fn board(&mut self, key: Key, socket_key: Key) {
        let (Some(inquiry), Some(socket)) = (
            self.inquiries.get_mut(key),
            self.sockets.get_mut(socket_key),
        ) else {
            return;
        };
        if socket.outbox.is_empty() {
            self.unsent.push_back(socket_key);
        }
        inquiry.flights.push(Flight {
            socket: socket_key,
            id: socket.enter(key),
            sent: self.now,
            strays: socket.strays,
        });
    }

    /// A datagram did not get out: a passing lack of this host's is waited out, anything else ends the attempt.
    fn not_sent(&mut self, key: Key, error: &io::Error) {
        let Some(inquiry) = self.inquiries.get_mut(key) else {
            return;
        };
        if socket_error::is_shortage(error) && self.now + PAUSE < inquiry.deadline {
            tracing::debug!(%error, "waiting for a socket");
            let due = Due::Again(key, inquiry.sequence);
            self.timers.add(self.now, PAUSE, due);
            return;
        }
        let why = socket_error::why_udp(inquiry.source.address, error);
        inquiry.tally.note(why);
        self.next_attempt(key);
    }

    /// A datagram that met a lack may be tried again.
    pub(super) fn again(&mut self, key: Key, sequence: u32) {
        let still = self
            .inquiries
            .get(key)
            .is_some_and(|inquiry| inquiry.sequence == sequence && inquiry.state == State::Udp);
        if still {
            self.launch_datagram(key);
        }
    }

    /// Sends every datagram that was left with a socket.
    pub(super) fn send(&mut self) {
        let mut letters = std::mem::take(&mut self.letters);
        while let Some(key) = self.unsent.pop_front() {
            let Some(descriptor) = self.collect(key, &mut letters) else {
                continue;
            };
            let mut left = &letters[..];
            while !left.is_empty() {
                let done = self.send_batch(key, &descriptor, left);
                left = left.get(done..).unwrap_or_default();
            }
        }
        self.letters = letters;
    }

    /// Empties a socket's outbox into `letters` and writes their ids; who was given up meanwhile has none.
    fn collect(&mut self, key: Key, letters: &mut Vec<Letter>) -> Option<Arc<OwnedFd>> {
        letters.clear();
        let socket = self.sockets.get_mut(key)?;
        for id in socket.outbox.drain(..) {
            let Some(inquiry_key) = socket.pending.get(&id).copied() else {
                continue;
            };
            let inquiry = self.inquiries.get_mut(inquiry_key);
            if let Some(query) = inquiry.and_then(|inquiry| inquiry.query.as_mut()) {
                query.set_id(id);
                letters.push((inquiry_key, id));
            }
        }
        Some(Arc::clone(&socket.descriptor))
    }

    /// Sends the first of these, and says how many are dealt with: at least one.
    fn send_batch(&mut self, socket: Key, descriptor: &OwnedFd, letters: &[Letter]) -> usize {
        let mut datagrams: [&[u8]; BATCH] = [&[]; BATCH];
        let mut count = 0;
        for (datagram, (key, _)) in datagrams.iter_mut().zip(letters) {
            let inquiry = self.inquiries.get(*key);
            let Some(query) = inquiry.and_then(|inquiry| inquiry.query.as_ref()) else {
                break;
            };
            *datagram = query.bytes();
            count += 1;
        }
        let before = Instant::now();
        let result = transmit(descriptor, datagrams.get(..count).unwrap_or_default());
        match result {
            Ok(sent) => {
                self.stamp(socket, letters.get(..sent).unwrap_or_default(), before);
                sent.max(1)
            }
            Err(error) => {
                // A lack is everybody's, another error that of the first alone.
                let lack = socket_error::is_shortage(&error);
                let met = if lack { letters.len() } else { 1 };
                for (key, id) in letters.iter().take(met) {
                    self.take_back(*key, socket, *id);
                    self.not_sent(*key, &error);
                }
                met
            }
        }
    }

    /// Notes when each datagram of a batch was sent. The kernel sends them one after another, so that each has its share
    /// of the time that the call took.
    fn stamp(&mut self, socket: Key, sent: &[Letter], before: Instant) {
        let share = before.elapsed() / sent.len().max(1) as u32;
        for ((key, id), nth) in sent.iter().zip(0..) {
            let Some(inquiry) = self.inquiries.get_mut(*key) else {
                continue;
            };
            if let Some(flight) = inquiry.flight_mut(socket, *id) {
                flight.sent = before + share * nth;
            }
        }
    }

    /// Takes back a datagram that was never sent.
    fn take_back(&mut self, key: Key, socket: Key, id: u16) {
        if let Some(inquiry) = self.inquiries.get_mut(key) {
            inquiry.end_flight(socket, id, &self.sockets);
        }
        self.leave(socket, id, false);
    }

    /// Goes on over a stream, with what the time left allows.
    pub(super) fn launch_stream(&mut self, key: Key) {
        let Some(inquiry) = self.inquiries.get_mut(key) else {
            return;
        };
        let transport = match inquiry.source.transport {
            Transport::Udp => Transport::Tcp,
            other => other,
        };
        self.last_errand += 1;
        let patience = inquiry.ask.timeout * 2;
        inquiry.state = State::Stream(self.last_errand);
        inquiry.udp_left = 0;
        inquiry.deadline = self.now + patience;
        self.errands.insert(self.last_errand, key);
        let target = Target {
            address: inquiry.source.address,
            transport,
            endpoint: inquiry.ask.endpoint.clone(),
        };
        let errand = Errand {
            slot: self.last_errand,
            query: inquiry.write(None),
            deadline: inquiry.deadline,
            fresh: inquiry.ask.fresh,
        };
        self.count(key, transport);
        let sequence = self.sequence(key);
        let due = Due::Silence(key, sequence);
        self.timers.add(self.now, patience + BACKSTOP, due);
        self.streams.send(&target, errand);
    }

    /// An attempt was not answered in time.
    pub(super) fn silence(&mut self, key: Key, sequence: u32) {
        let Some(inquiry) = self.inquiries.get_mut(key) else {
            return;
        };
        if inquiry.sequence != sequence {
            return;
        }
        inquiry.tally.note(NoReply::Timeout);
        if inquiry.state != State::Udp {
            tracing::warn!(source.address = %inquiry.source.address, "a stream kept silent beyond its deadline");
            self.give_up(key);
            return;
        }
        if let Some(flight) = inquiry.flights.last()
            && let Some(place) = inquiry
                .destination
                .and_then(|key| self.destinations.get_mut(key))
            && place.pace.lost(flight.sent, self.now)
        {
            tracing::debug!(
                source.address = %place.address,
                probe.window = place.pace.window(),
                "datagrams get lost: fewer questions at once"
            );
        }
        self.next_attempt(key);
    }
}

/// Sends, past the errors that the kernel had kept for the socket: they are of earlier datagrams, and the error queue
/// tells of them by name.
fn transmit(descriptor: &OwnedFd, datagrams: &[&[u8]]) -> io::Result<usize> {
    let mut result = packets::transmit(descriptor, datagrams);
    for _ in 0..OLD_ERRORS {
        let old = [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
        ];
        match &result {
            Err(error) if old.contains(&error.kind()) => {
                result = packets::transmit(descriptor, datagrams);
            }
            _ => break,
        }
    }
    result
}
