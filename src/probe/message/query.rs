//! Queries as octets, and whether a message answers one.
//!
//! Deliberately absent: ids. Whoever sends a query draws its own.

use ipnet::IpNet;

use super::{HEADER_OCTETS, Reply, edns, name::Expanded};
use crate::types::{Question, Rcode};

/// The UDP payload size that is advertised: no fragments on any usual path.
const UDP_PAYLOAD: u16 = 1232;

/// What is said beside the question.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a bit on the wire, or whether something is there"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probe) struct Manner {
    /// RD.
    pub(in crate::probe) recursion: bool,
    /// AD, so that AD in the reply means something (RFC 6840 section 5.7).
    pub(in crate::probe) authentic_data: bool,
    /// CD: the resolver must not validate (RFC 4035 section 3.2.2).
    pub(in crate::probe) checking_disabled: bool,
    /// An OPT record is sent, and the server identifier asked for (RFC 6891, RFC 5001). Without it none of the following.
    pub(in crate::probe) edns: bool,
    /// DO (RFC 3225).
    pub(in crate::probe) dnssec: bool,
    /// The client subnet, cut to its prefix (RFC 7871 section 6).
    pub(in crate::probe) ecs: Option<IpNet>,
    /// The data of a COOKIE option: the client's eight octets, and the server's where they are known (RFC 7873).
    pub(in crate::probe) cookie: Option<Vec<u8>>,
    /// The letters of the name in random case (0x20); a reply must then repeat them exactly.
    pub(in crate::probe) random_case: bool,
}

/// How a message that came in relates to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probe) enum Fit {
    /// A reply to it.
    Reply,
    /// The right id, and another question: another name, type or class, or another case of a randomised name.
    OtherQuestion,
    /// No reply at all, or to another id.
    Foreign,
}

/// A query as octets.
#[derive(Debug, Clone)]
pub(in crate::probe) struct Query {
    bytes: Vec<u8>,
    pub(super) question_end: usize,
    edns: bool,
    random_case: bool,
}

impl Query {
    /// Writes the query under the id 0. Class is always IN.
    pub(in crate::probe) fn new(question: &Question, manner: &Manner) -> Self {
        let name = Expanded::of(&question.name);
        let question_end = HEADER_OCTETS + name.octets().len() + 4;
        let mut bytes = Vec::with_capacity(question_end + edns::record_octets(manner));
        let high = u8::from(manner.recursion);
        let low = u8::from(manner.authentic_data) << 5 | u8::from(manner.checking_disabled) << 4;
        let additional = u8::from(manner.edns);
        bytes.extend([0, 0, high, low, 0, 1, 0, 0, 0, 0, 0, additional]);
        bytes.extend(name.octets());
        bytes.extend(question.rtype.0.to_be_bytes());
        bytes.extend([0, 1]);
        if manner.edns {
            edns::write_record(&mut bytes, UDP_PAYLOAD, manner);
        }
        let mut query = Self {
            bytes,
            question_end,
            edns: manner.edns,
            random_case: manner.random_case,
        };
        query.draw_case();
        query
    }

    /// Puts another id on it.
    pub(in crate::probe) fn set_id(&mut self, id: u16) {
        for (to, from) in self.bytes.iter_mut().zip(id.to_be_bytes()) {
            *to = from;
        }
    }

    /// One random bit for each letter of the name, from the thread's cryptographic generator. The lengths of labels are below every letter.
    fn draw_case(&mut self) {
        if !self.random_case {
            return;
        }
        let name = HEADER_OCTETS..self.question_end - 4;
        let (mut bits, mut left) = (0_u64, 0);
        let letters = self.bytes.get_mut(name).unwrap_or_default().iter_mut();
        for letter in letters.filter(|octet| octet.is_ascii_alphabetic()) {
            if left == 0 {
                (bits, left) = (rand::random(), u64::BITS);
            }
            *letter ^= (bits as u8 & 1) << 5;
            (bits, left) = (bits >> 1, left - 1);
        }
    }

    /// The message.
    pub(in crate::probe) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message, taken.
    pub(in crate::probe) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether these octets are a reply to this query: id, QR, opcode and question fit.
    ///
    /// The question is compared without regard to case, unless the case was drawn at random. A reply without one is
    /// accepted only as a bare failure, which is how some servers say FORMERR or REFUSED.
    pub(in crate::probe) fn fit(&self, reply: &[u8]) -> Fit {
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

    fn asks_as(&self, reply: &[u8]) -> bool {
        let here = HEADER_OCTETS..self.question_end;
        let (Some(own), Some(theirs)) = (self.bytes.get(here.clone()), reply.get(here)) else {
            return false;
        };
        let type_at = own.len() - 4;
        let same_name = if self.random_case {
            own[..type_at] == theirs[..type_at]
        } else {
            own[..type_at].eq_ignore_ascii_case(&theirs[..type_at])
        };
        same_name && own[type_at..] == theirs[type_at..]
    }

    /// Whether a reply says that the server does not know EDNS: FORMERR without an OPT record (RFC 6891 section 7).
    pub(in crate::probe) fn is_edns_refused_by(&self, reply: &Reply<'_>) -> bool {
        self.edns && reply.status_rcode() == Rcode::FORMERR && reply.edns().is_none()
    }
}
