//! What comes back: datagrams, the network's reports, and the outcomes of streams.
//!
//! A datagram that fits no question of its socket is counted for the question under the same id, or, where nothing has
//! that id, for every question that waits on the socket: it came to the port of each. Deliberately absent: what a reply
//! means beyond "it ends the question", "ask in another manner" and "ask over a stream".

use std::{io, sync::Arc, sync::atomic::Ordering::Relaxed, time::Duration};

use super::{
    clock::Moment,
    driver::Driver,
    inquiry::{Manners, State},
    packets::{self, BATCH, Report},
    slab::Key,
};
use crate::{
    probe::{
        message::{Fit, Reading, Reply, is_truncated},
        received::Received,
        socket_error,
        stream::Outcome,
    },
    types::{NoReply, Rcode, Status, Transport},
};

/// Batches read from one socket before the others have their turn.
const BATCHES: usize = 16;
/// Reports read from one error queue before the others have their turn.
const REPORTS: usize = 64;
/// BADCOOKIE (RFC 7873 section 8).
const BADCOOKIE: Rcode = Rcode(23);

impl Driver {
    /// Reads what a socket has to say.
    pub(super) fn hear(&mut self, key: Key, errors: bool) {
        if errors {
            self.hear_reports(key);
        }
        for _ in 0..BATCHES {
            let Some(socket) = self.sockets.get(key) else {
                return;
            };
            let descriptor = Arc::clone(&socket.descriptor);
            let received = packets::receive(&descriptor, |datagram, is_cut, queued, now| {
                self.datagram(key, (datagram, is_cut), queued, now);
            });
            match received {
                Ok(BATCH) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => return,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // An error that the kernel kept for the socket: the queue tells whose it is.
                Err(_) => self.hear_reports(key),
            }
        }
        self.unread = true;
    }

    /// `is_cut`: the octets are not the whole datagram, which is as good as a reply with TC=1.
    fn datagram(
        &mut self,
        key: Key,
        (datagram, is_cut): (&[u8], bool),
        queued: Option<Duration>,
        now: &Moment,
    ) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        let id = datagram.first_chunk().map(|id| u16::from_be_bytes(*id));
        let Some((id, inquiry_key)) = id.and_then(|id| Some((id, *socket.pending.get(&id)?)))
        else {
            // Late and repeated replies are no guesses, nor is anything where nobody waits.
            if !socket.pending.is_empty() && !id.is_some_and(|id| socket.past.contains(&id)) {
                socket.strays = socket.strays.saturating_add(1);
                let peer = socket.peer;
                self.count_mismatch(peer);
            }
            return;
        };
        let Some(inquiry) = self.inquiries.get_mut(inquiry_key) else {
            return;
        };
        let peer = inquiry.source.address;
        let Some(sent) = inquiry.flight_mut(key, id).map(|flight| flight.sent) else {
            return;
        };
        let Some(query) = &mut inquiry.query else {
            return;
        };
        query.set_id(id);
        let fit = query.fit(datagram);
        if fit != Fit::Reply {
            inquiry.tally.mismatched = inquiry.tally.mismatched.saturating_add(1);
            if fit == Fit::OtherQuestion {
                inquiry.tally.note(NoReply::WrongQuestion);
            }
            self.count_mismatch(peer);
            return;
        }
        if is_cut || is_truncated(datagram) {
            inquiry.tally.truncated = true;
            let streaming = inquiry.state != State::Udp;
            self.end_flight(inquiry_key, key, id);
            if !streaming {
                self.launch_stream(inquiry_key);
            }
            return;
        }
        let (at, rtt) = now.receipt(sent, queued);
        let received = Received {
            // The question still holds it; see `finish`.
            query: Vec::new(),
            bytes: datagram.to_vec(),
            at,
            rtt,
            transport: Transport::Udp,
            age: 0,
        };
        self.received(inquiry_key, received);
    }

    fn count_mismatch(&mut self, peer: std::net::SocketAddr) {
        self.tallies.mismatched.fetch_add(1, Relaxed);
        self.alarm.raise(peer, self.now);
    }

    /// Stops waiting for the reply to a datagram.
    fn end_flight(&mut self, key: Key, socket: Key, id: u16) {
        if let Some(inquiry) = self.inquiries.get_mut(key) {
            inquiry.end_flight(socket, id, &self.sockets);
        }
        self.leave(socket, id, false);
    }

    /// Reads the error queue of a socket.
    fn hear_reports(&mut self, key: Key) {
        for _ in 0..REPORTS {
            let Some(socket) = self.sockets.get(key) else {
                return;
            };
            let descriptor = Arc::clone(&socket.descriptor);
            let Some(report) = packets::report(&descriptor) else {
                return;
            };
            self.report(key, &report);
        }
    }

    /// The network's word on a datagram, which is named by its own octets. Where those did not come back, a lone
    /// question is meant; among several nobody is, and silence will tell.
    fn report(&mut self, key: Key, report: &Report) {
        let Some(socket) = self.sockets.get(key) else {
            return;
        };
        let named = report
            .datagram
            .first_chunk()
            .map(|id| u16::from_be_bytes(*id));
        let lone = || {
            socket
                .pending
                .keys()
                .next()
                .copied()
                .filter(|_| socket.pending.len() == 1)
        };
        let Some((id, inquiry_key)) = named
            .or_else(lone)
            .and_then(|id| Some((id, *socket.pending.get(&id)?)))
        else {
            return;
        };
        let Some(inquiry) = self.inquiries.get_mut(inquiry_key) else {
            return;
        };
        let Some(query) = &mut inquiry.query else {
            return;
        };
        query.set_id(id);
        let why = socket_error::why_udp(inquiry.source.address, &report.error);
        // "Too big" is no failure: the path has been told to cut.
        let passing =
            report.error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error());
        if passing || !query.bytes().starts_with(&report.datagram) {
            return;
        }
        inquiry.tally.note(why);
        let current = inquiry.state == State::Udp
            && inquiry
                .flights
                .last()
                .is_some_and(|flight| flight.socket == key && flight.id == id);
        self.end_flight(inquiry_key, key, id);
        if current {
            self.next_attempt(inquiry_key);
        }
    }

    /// How a stream fared.
    pub(super) fn outcome(&mut self, outcome: Outcome) {
        let Some(key) = self.errands.remove(&outcome.slot) else {
            return;
        };
        let Some(inquiry) = self.inquiries.get_mut(key) else {
            return;
        };
        if inquiry.state != State::Stream(outcome.slot) {
            return;
        }
        let tally = &mut inquiry.tally;
        tally.mismatched = tally.mismatched.saturating_add(outcome.mismatched);
        let strays = u64::from(outcome.mismatched);
        self.tallies.mismatched.fetch_add(strays, Relaxed);
        match outcome.result {
            Ok(received) => self.received(key, received),
            Err(why) => {
                tally.note(why);
                self.give_up(key);
            }
        }
    }

    /// A reply that fits: it ends the question, unless it says how to ask better.
    fn received(&mut self, key: Key, received: Received) {
        let Some(inquiry) = self.inquiries.get_mut(key) else {
            return;
        };
        let (reading, refused) = {
            let reply = Reply::decode(&received.bytes);
            let query = inquiry.query.as_ref();
            let refused = query.is_some_and(|query| query.is_edns_refused_by(&reply));
            (reply.read(&inquiry.question), refused)
        };
        let udp = received.transport == Transport::Udp;
        // Where nothing is too long, half an answer is no answer.
        let reading = if is_truncated(&received.bytes) {
            reading.cut_short()
        } else {
            reading
        };
        let place = inquiry
            .destination
            .and_then(|key| self.destinations.get_mut(key));
        if udp && let Some(place) = place {
            let cookie = reading.cookie.as_ref().filter(|_| inquiry.wants_cookie());
            if cookie.is_some_and(|cookie| !place.cookies.take(cookie)) {
                let peer = place.address;
                inquiry.tally.mismatched = inquiry.tally.mismatched.saturating_add(1);
                self.count_mismatch(peer);
                return;
            }
            place.pace.answered(self.now, received.rtt);
        }
        if refused && inquiry.manners != Manners::NoEdns {
            inquiry.manners = Manners::NoEdns;
            self.ask_better(key, received, reading);
        } else if udp && inquiry.wants_cookie() && reading.answer.status == Status::Rcode(BADCOOKIE)
        {
            self.renew_cookie(key, received, reading);
        } else {
            self.finish(key, Some((received, reading)));
        }
    }

    /// BADCOOKIE: once more with the cookie it came with, then over TCP, which needs none (RFC 7873 section 5.3).
    fn renew_cookie(&mut self, key: Key, received: Received, reading: Reading) {
        let Some(inquiry) = self.inquiries.get_mut(key) else {
            return;
        };
        if inquiry.state == State::Udp && inquiry.manners == Manners::Usual {
            inquiry.manners = Manners::NewCookie;
            self.ask_better(key, received, reading);
            return;
        }
        inquiry.keep(received, reading);
        if inquiry.state == State::Udp {
            self.end_flights(key, false);
            self.launch_stream(key);
        }
    }

    /// Puts the question again from the start, in another manner; this reply stands if nothing better comes.
    fn ask_better(&mut self, key: Key, received: Received, reading: Reading) {
        self.end_flights(key, false);
        if let Some(inquiry) = self.inquiries.get_mut(key) {
            inquiry.keep(received, reading);
            if let State::Stream(errand) = inquiry.state {
                self.errands.remove(&errand);
                self.streams.cancel(errand);
            }
        }
        self.begin(key);
    }
}
