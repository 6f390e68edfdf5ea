//! The end of a question: its observation, and everything it held given back.
//!
//! Deliberately absent: anything that is sent.

use std::{sync::Arc, time::Duration};

use super::{
    driver::Driver,
    inquiry::{Inquiry, State},
    slab::Key,
};
use crate::{
    clock,
    probe::{message::Reading, received::Received},
    types::{Flags, NoReply, Observation, Status, Wire},
};

impl Driver {
    /// Ends a question without a better reply than one that was kept.
    pub(super) fn give_up(&mut self, key: Key) {
        let kept = self
            .inquiries
            .get_mut(key)
            .and_then(|inquiry| inquiry.kept.take());
        self.finish(key, kept.map(|kept| *kept));
    }

    /// Ends a question with what is known of it.
    pub(super) fn finish(&mut self, key: Key, reply: Option<(Received, Reading)>) {
        let batch = self.remove(key, reply.is_none()).map(|inquiry| {
            let batch = inquiry.batch;
            (batch, observe(*inquiry, reply))
        });
        let Some((batch, observation)) = batch else {
            return;
        };
        if let Some(entry) = self.batches.get(&batch) {
            // Nobody listens any more where the batch was dropped; its command to close is on its way.
            let _ = entry.observations.send(observation);
        }
    }

    /// Gives up everything that is under way for a batch.
    pub(super) fn cancel(&mut self, batch: u64) {
        let Some(entry) = self.batches.get_mut(&batch) else {
            return;
        };
        for key in std::mem::take(&mut entry.inquiries) {
            self.remove(key, true);
        }
        self.batches.remove(&batch);
    }

    /// Takes a question out, and gives back what it held.
    fn remove(&mut self, key: Key, given_up: bool) -> Option<Box<Inquiry>> {
        self.end_flights(key, given_up);
        let inquiry = self.inquiries.remove(key)?;
        self.finished += 1;
        if let State::Stream(errand) = inquiry.state
            && self.errands.remove(&errand).is_some()
        {
            self.streams.cancel(errand);
        }
        self.unlist(&inquiry);
        if let Some(place_key) = inquiry.destination
            && let Some(place) = self.destinations.get_mut(place_key)
        {
            if inquiry.state != State::Waiting {
                self.in_flight -= 1;
                place.in_flight -= 1;
            }
            if inquiry.holds_question {
                place.release(&inquiry.question, &mut self.inquiries);
            }
            self.list(place_key);
        }
        Some(inquiry)
    }

    /// Takes a question off its batch's list, where the last one takes its place.
    fn unlist(&mut self, inquiry: &Inquiry) {
        let Some(entry) = self.batches.get_mut(&inquiry.batch) else {
            return;
        };
        if inquiry.place >= entry.inquiries.len() {
            return;
        }
        entry.inquiries.swap_remove(inquiry.place);
        if let Some(moved) = entry.inquiries.get(inquiry.place)
            && let Some(moved) = self.inquiries.get_mut(*moved)
        {
            moved.place = inquiry.place;
        }
    }

    /// Stops waiting for the replies to all datagrams of a question.
    pub(super) fn end_flights(&mut self, key: Key, given_up: bool) {
        let Some(inquiry) = self.inquiries.get_mut(key) else {
            return;
        };
        while let Some(flight) = inquiry.flights.last() {
            let (socket, id) = (flight.socket, flight.id);
            inquiry.end_flight(socket, id, &self.sockets);
            self.ended.push((socket, id));
        }
        while let Some((socket, id)) = self.ended.pop() {
            self.leave(socket, id, given_up);
        }
    }
}

/// The observation of a question that has ended.
fn observe(inquiry: Inquiry, reply: Option<(Received, Reading)>) -> Observation {
    let Inquiry {
        source,
        question,
        tally,
        query,
        ..
    } = inquiry;
    let (received, reading) = reply.unzip();
    let reading = reading.unwrap_or_else(|| {
        let why = tally.no_reply.unwrap_or(NoReply::Timeout);
        Reading::without_data(Status::NoReply(why), Flags::default())
    });
    let mut observation = Observation {
        source,
        question,
        at: received
            .as_ref()
            .map_or_else(clock::now, |received| received.at),
        answer: Arc::new(reading.answer),
        ttls: reading.ttls,
        serial: reading.serial,
        flags: reading.flags.with(Flags::TC, tally.truncated),
        ede: reading.ede,
        nsid: reading.nsid,
        ecs_scope: reading.ecs_scope,
        edns_size: reading.edns_size,
        edns_version: reading.edns_version,
        age: 0,
        rtt: Duration::ZERO,
        transport: tally.last_tried,
        attempts: tally.attempts,
        mismatched: tally.mismatched,
        size: 0,
        wire: None,
    };
    if let Some(received) = received {
        let query = match query {
            // A datagram's: the question holds it, under the id that was answered.
            Some(query) if received.query.is_empty() => query.into_bytes(),
            _ => received.query,
        };
        observation.age = received.age;
        observation.rtt = received.rtt;
        observation.transport = received.transport;
        observation.size = u16::try_from(received.bytes.len()).unwrap_or(u16::MAX);
        observation.wire = Some(Arc::new(Wire {
            query: query.into(),
            reply: received.bytes.into(),
        }));
    }
    observation
}
