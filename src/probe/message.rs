//! DNS messages: a question becomes octets, a reply becomes the parts of an observation.
//!
//! Deliberately absent: sockets, time and retries. What a reply *means* is `audit`'s business.

use std::panic;

use hickory_proto::op::Message;
use ipnet::IpNet;

use crate::types::{Answer, Ede, Flags, Question, Rcode, Status};

mod edns;
mod links;
pub(super) mod name;
pub(super) mod rdata;

/// The UDP payload size that is advertised: no fragments on any usual path.
const UDP_PAYLOAD: u16 = 1232;
const HEADER_OCTETS: usize = 12;

/// What is said beside the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manner {
    /// RD.
    pub(super) recursion: bool,
    /// AD, so that AD in the reply means something (RFC 6840 section 5.7).
    pub(super) authentic_data: bool,
    /// CD: the resolver must not validate (RFC 4035 section 3.2.2).
    pub(super) checking_disabled: bool,
    /// An OPT record is sent, and the server identifier asked for (RFC 6891, RFC 5001). Without it none of the following.
    pub(super) edns: bool,
    /// DO (RFC 3225).
    pub(super) dnssec: bool,
    /// The client subnet, cut to its prefix (RFC 7871 section 6).
    pub(super) ecs: Option<IpNet>,
    /// The data of a COOKIE option: the client's eight octets, and the server's where they are known (RFC 7873).
    pub(super) cookie: Option<Vec<u8>>,
    /// The letters of the name in random case (0x20); a reply must then repeat them exactly.
    pub(super) random_case: bool,
}

/// How a message that came in relates to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// A reply to it.
    Reply,
    /// The right id, and another question: another name, type or class, or another case of a randomised name.
    OtherQuestion,
    /// No reply at all, or to another id.
    Foreign,
}

/// A query as octets.
#[derive(Debug, Clone)]
pub(super) struct Query {
    bytes: Vec<u8>,
    question_end: usize,
    edns: bool,
}

impl Query {
    /// Writes the query under the id 0. Class is always IN.
    pub(super) fn new(question: &Question, manner: &Manner) -> Self {
        let high = u8::from(manner.recursion);
        let low = u8::from(manner.authentic_data) << 5 | u8::from(manner.checking_disabled) << 4;
        let additional = u8::from(manner.edns);
        let mut bytes = vec![0, 0, high, low, 0, 1, 0, 0, 0, 0, 0, additional];
        bytes.extend(name::to_wire(&question.name));
        bytes.extend(question.rtype.0.to_be_bytes());
        bytes.extend([0, 1]);
        let question_end = bytes.len();
        if manner.edns {
            bytes.extend(edns::opt_record(UDP_PAYLOAD));
        }
        Self {
            bytes,
            question_end,
            edns: manner.edns,
        }
    }

    /// Puts another id on it.
    pub(super) fn set_id(&mut self, id: u16) {
        for (to, from) in self.bytes.iter_mut().zip(id.to_be_bytes()) {
            *to = from;
        }
    }

    /// The same query under a random id, from the thread's cryptographic generator.
    pub(super) fn renewed(&self) -> Self {
        let mut query = self.clone();
        query.set_id(rand::random());
        query
    }

    /// The message.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message, taken.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether these octets are a reply to this query: id, QR, opcode and question fit.
    ///
    /// The question is compared without regard to case, unless the case was drawn at random. A reply without one is
    /// accepted only as a bare failure, which is how some servers say FORMERR or REFUSED.
    pub(super) fn fit(&self, reply: &[u8]) -> Fit {
        let (Some(header), Some(own)) = (reply.get(..HEADER_OCTETS), self.bytes.get(..2)) else {
            return Fit::Foreign;
        };
        let is_reply = header[2] & 0x80 != 0 && header[2] & 0x78 == 0;
        if header[..2] != *own || !is_reply {
            return Fit::Foreign;
        }
        let fits = match (header[4], header[5]) {
            (0, 1) => self.asks_as(reply),
            (0, 0) => !matches!(header[3] & 0x0f, 0 | 3) && header[6..8] == [0, 0],
            _ => false,
        };
        if fits { Fit::Reply } else { Fit::OtherQuestion }
    }

    /// Whether these octets are a reply to this query.
    pub(super) fn is_answered_by(&self, reply: &[u8]) -> bool {
        self.fit(reply) == Fit::Reply
    }

    fn asks_as(&self, reply: &[u8]) -> bool {
        let here = HEADER_OCTETS..self.question_end;
        let (Some(own), Some(theirs)) = (self.bytes.get(here.clone()), reply.get(here)) else {
            return false;
        };
        let type_at = own.len() - 4;
        own[..type_at].eq_ignore_ascii_case(&theirs[..type_at])
            && own[type_at..] == theirs[type_at..]
    }

    /// Whether a reply says that the server does not know EDNS: FORMERR without an OPT record (RFC 6891 section 7).
    pub(super) fn is_edns_refused_by(&self, reply: &Reply) -> bool {
        self.edns
            && reply.status_rcode() == Rcode::FORMERR
            && reply
                .message
                .as_ref()
                .is_none_or(|message| message.edns.is_none())
    }
}

/// Whether the TC flag is set.
pub(super) fn is_truncated(reply: &[u8]) -> bool {
    reply.get(2).is_some_and(|byte| byte & 0x02 != 0)
}

/// A matching reply, decoded as far as it goes.
#[derive(Debug)]
pub(super) struct Reply {
    header: [u8; HEADER_OCTETS],
    /// `None` where the octets do not decode.
    pub(super) message: Option<Message>,
}

/// The parts of an observation that a message carries.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) answer: Answer,
    pub(super) ttls: Vec<Vec<u32>>,
    pub(super) serial: Option<u32>,
    pub(super) flags: Flags,
    pub(super) ede: Vec<Ede>,
    pub(super) nsid: Option<Vec<u8>>,
    pub(super) ecs_scope: Option<u8>,
    pub(super) edns_size: Option<u16>,
    pub(super) edns_version: Option<u8>,
    /// The data of a COOKIE option, client and server part (RFC 7873 section 4).
    pub(super) cookie: Option<Vec<u8>>,
}

impl Reply {
    /// Decodes what [`Query::is_answered_by`] let through.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut header = [0; HEADER_OCTETS];
        for (to, from) in header.iter_mut().zip(bytes) {
            *to = *from;
        }
        // The decoder has asserts of its own; a hostile reply must cost one observation, not a task.
        let message = panic::catch_unwind(|| Message::from_vec(bytes).ok())
            .ok()
            .flatten();
        Self { header, message }
    }

    /// The RCODE: four bits of the header, eight of the OPT record (RFC 6891 section 6.1.3).
    pub(super) fn status_rcode(&self) -> Rcode {
        let opt = self
            .message
            .as_ref()
            .and_then(|message| message.edns.as_ref());
        let high = opt.map_or(0, |edns| u16::from(edns.rcode_high()));
        Rcode(high << 4 | u16::from(self.header[3] & 0x0f))
    }

    /// The header flags.
    pub(super) fn flags(&self) -> Flags {
        let bit = |index: usize, mask: u8| self.header[index] & mask != 0;
        Flags::default()
            .with(Flags::AA, bit(2, 0x04))
            .with(Flags::TC, bit(2, 0x02))
            .with(Flags::RD, bit(2, 0x01))
            .with(Flags::RA, bit(3, 0x80))
            .with(Flags::AD, bit(3, 0x20))
            .with(Flags::CD, bit(3, 0x10))
            .with(Flags::AUTHORITY_SECTION, bit(8, 0xff) || bit(9, 0xff))
    }

    /// Everything an observation takes from a reply to `question`.
    pub(super) fn read(&self, question: &Question) -> Reading {
        let (rcode, flags) = (self.status_rcode(), self.flags());
        let Some(message) = &self.message else {
            return Reading::without_data(Status::Malformed(rcode), flags);
        };
        let data = links::read(question, rcode, flags, message);
        let mut reading = Reading::without_data(Status::Rcode(rcode), flags);
        reading.answer.links = data.links;
        reading.ttls = data.ttls;
        reading.serial = data.serial;
        if let Some(opt) = &message.edns {
            reading.edns_size = Some(opt.max_payload());
            reading.edns_version = Some(opt.version());
            reading.ede = edns::extended_errors(opt);
            reading.nsid = edns::server_id(opt);
            reading.ecs_scope = edns::subnet_scope(opt);
        }
        reading
    }
}

impl Reading {
    /// A reading that carries no data.
    pub(super) fn without_data(status: Status, flags: Flags) -> Self {
        Self {
            answer: Answer::failure(status),
            ttls: Vec::new(),
            serial: None,
            flags,
            ede: Vec::new(),
            nsid: None,
            ecs_scope: None,
            edns_size: None,
            edns_version: None,
            cookie: None,
        }
    }
}

#[cfg(test)]
mod tests;
