//! One question on its way: what was asked, what is under way for it, what it has cost and met so far.
//!
//! Deliberately absent: what happens next, which is the driver's business.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    cookies::Cookies,
    slab::{Key, Slab},
    socket::Socket,
};
use crate::{
    probe::{
        Ask,
        message::{Manner, Query, Reading},
        received::Received,
    },
    types::{ClientSubnet, NoReply, Question, Source, SourceKind, Transport},
};

/// Where a question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It has no turn yet.
    Waiting,
    /// A datagram is waited for.
    Udp,
    /// A stream was given the query under this number; late datagrams still count.
    Stream(u64),
}

/// What earlier replies to a question have taught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// Nothing yet.
    Usual,
    /// A cookie was not good, and another took its place.
    NewCookie,
    /// The server does not know EDNS.
    NoEdns,
}

/// A question and the id of one of its datagrams.
pub(super) type Letter = (Key, u16);

/// A datagram under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) socket: Key,
    pub(super) id: u16,
    /// When it was sent; until it is, when it was meant to be.
    pub(super) sent: Instant,
    /// What the socket had seen of strays before.
    pub(super) strays: u16,
}

/// See the module.
pub(super) struct Inquiry {
    pub(super) batch: u64,
    /// Its place in the batch's list.
    pub(super) place: usize,
    pub(super) source: Arc<Source>,
    pub(super) question: Question,
    pub(super) ask: Arc<Ask>,
    pub(super) destination: Option<Key>,
    pub(super) state: State,
    /// Nobody else may ask its source the same before it is finished.
    pub(super) holds_question: bool,
    pub(super) throttled: bool,
    pub(super) manners: Manners,
    /// The query as it is put now.
    pub(super) query: Option<Query>,
    pub(super) udp_left: u8,
    /// Counts attempts, so that a timer of an earlier one is known for that.
    pub(super) sequence: u32,
    pub(super) deadline: Instant,
    pub(super) flights: Vec<Flight>,
    pub(super) tally: Tally,
    /// A reply that stands unless something better comes.
    pub(super) kept: Option<Box<(Received, Reading)>>,
}

impl Inquiry {
    pub(super) fn new(batch: u64, source: Arc<Source>, question: Question, ask: Arc<Ask>) -> Self {
        Self {
            batch,
            place: 0,
            tally: Tally::of(source.transport),
            source,
            question,
            ask,
            destination: None,
            state: State::Waiting,
            holds_question: false,
            throttled: false,
            manners: Manners::Usual,
            query: None,
            udp_left: 0,
            sequence: 0,
            deadline: Instant::now(),
            flights: Vec::new(),
            kept: None,
        }
    }

    /// The query as it goes over UDP, or over a stream, where neither cookies nor random case are of use.
    pub(super) fn write(&self, cookies: Option<&Cookies>) -> Query {
        Query::new(&self.question, &self.manner(cookies))
    }

    /// The datagram that went over this socket under this id.
    pub(super) fn flight_mut(&mut self, socket: Key, id: u16) -> Option<&mut Flight> {
        self.flights
            .iter_mut()
            .find(|flight| flight.socket == socket && flight.id == id)
    }

    /// Stops waiting for the reply to a datagram, and counts what strayed to its port meanwhile. Says when it was sent.
    pub(super) fn end_flight(
        &mut self,
        socket: Key,
        id: u16,
        sockets: &Slab<Socket>,
    ) -> Option<Instant> {
        let at = self
            .flights
            .iter()
            .position(|flight| flight.socket == socket && flight.id == id)?;
        let flight = self.flights.swap_remove(at);
        let strays = sockets
            .get(socket)
            .map_or(flight.strays, |socket| socket.strays);
        let strays = strays.saturating_sub(flight.strays);
        self.tally.mismatched = self.tally.mismatched.saturating_add(strays);
        Some(flight.sent)
    }

    /// Keeps a reply that stands unless something better comes, with the query it answers.
    pub(super) fn keep(&mut self, mut received: Received, reading: Reading) {
        if let Some(query) = self.query.as_ref().filter(|_| received.query.is_empty()) {
            received.query = query.bytes().to_vec();
        }
        self.kept = Some(Box::new((received, reading)));
    }

    /// Whether a cookie goes with its datagrams.
    pub(super) fn wants_cookie(&self) -> bool {
        let usual = self.source.kind == SourceKind::Authority;
        self.manners != Manners::NoEdns && self.ask.options.cookies.unwrap_or(usual)
    }

    /// What is said beside the question, by the kind of the source and its options; `cookies` over UDP alone.
    fn manner(&self, cookies: Option<&Cookies>) -> Manner {
        let options = &self.ask.options;
        let resolver = self.source.kind == SourceKind::Resolver;
        let random_case = cookies.is_some() && options.case_randomization == Some(true);
        Manner {
            recursion: options.recursion_desired.unwrap_or(resolver),
            authentic_data: resolver,
            checking_disabled: options.checking_disabled.unwrap_or(false),
            edns: self.manners != Manners::NoEdns,
            dnssec: options.dnssec.unwrap_or(false),
            ecs: match options.ecs {
                None | Some(ClientSubnet::Unsaid) => None,
                Some(ClientSubnet::Hidden) => Some(ipnet::Ipv4Net::default().into()),
                Some(ClientSubnet::Of(network)) => Some(network),
            },
            cookie: cookies.filter(|_| self.wants_cookie()).map(Cookies::option),
            random_case,
        }
    }
}

/// What a question has cost and met so far.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) attempts: u8,
    pub(super) mismatched: u16,
    pub(super) truncated: bool,
    pub(super) no_reply: Option<NoReply>,
    pub(super) last_tried: Transport,
}

impl Tally {
    fn of(transport: Transport) -> Self {
        Self {
            attempts: 0,
            mismatched: 0,
            truncated: false,
            no_reply: None,
            last_tried: transport,
        }
    }

    /// Counts an attempt.
    pub(super) fn count(&mut self, transport: Transport) {
        self.attempts = self.attempts.saturating_add(1);
        self.last_tried = transport;
    }

    /// Keeps the most telling reason, the first among equals: what the peer did before what it said, before no route,
    /// before silence.
    pub(super) fn note(&mut self, why: NoReply) {
        let weight = |why| match why {
            NoReply::Timeout => 0,
            NoReply::NoRoute => 1,
            NoReply::WrongQuestion => 2,
            _ => 3,
        };
        if self
            .no_reply
            .is_none_or(|known| weight(known) < weight(why))
        {
            self.no_reply = Some(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_reason_stands() {
        let mut tally = Tally::of(Transport::Udp);
        for (why, expected) in [
            (NoReply::Timeout, NoReply::Timeout),
            (NoReply::NoRoute, NoReply::NoRoute),
            (NoReply::Timeout, NoReply::NoRoute),
            (NoReply::WrongQuestion, NoReply::WrongQuestion),
            (NoReply::PortUnreachable, NoReply::PortUnreachable),
            (NoReply::Refused, NoReply::PortUnreachable),
        ] {
            tally.note(why);
            assert_eq!(tally.no_reply, Some(expected));
        }
    }
}
