//! DNS messages: a question becomes octets, a reply becomes the parts of an observation.
//!
//! All of it is read here, octet by octet, without a library between: what a server sent is what is judged. The rules of
//! what is malformed and what is merely irregular stand at [`decode`]. Deliberately absent: sockets, time and retries.
//! What a reply *means* is `audit`'s business.

use crate::types::{Answer, Ede, Flags, Question, Rcode, RecordType, Status};

mod decode;
mod describe;
mod edns;
mod links;
pub(super) mod name;
mod query;
mod rdata;
mod sections;

pub use describe::{describe, hex_dump};
pub(super) use query::{Fit, Manner, Query};
pub(super) use sections::{Data, SectionRecord, Sections};

use decode::{Message, Record, count};
use edns::Opt;
use name::Expanded;

const HEADER_OCTETS: usize = 12;

/// The question of a message, and those that its answer section would answer under the same name: what to read it for
/// when nothing is known of the query.
pub(super) fn asked(octets: &[u8]) -> Vec<Question> {
    let own = || {
        let (name, end) = Expanded::read(octets, HEADER_OCTETS)?;
        Some((name.to_name()?, RecordType(count(octets, end)?)))
    };
    let Some((name, rtype)) = own() else {
        return Vec::new();
    };
    let records = Message::decode(octets).map_or_else(Vec::new, |message| message.records);
    let mut types: Vec<_> = records
        .iter()
        .map(|record| RecordType(record.rtype))
        .chain([rtype])
        .collect();
    types.sort_unstable();
    types.dedup();
    let question = |rtype| Question {
        name: name.clone(),
        rtype,
    };
    types.into_iter().map(question).collect()
}

/// Whether the TC flag is set.
pub(super) fn is_truncated(reply: &[u8]) -> bool {
    reply.get(2).is_some_and(|byte| byte & 0x02 != 0)
}

/// A matching reply, decoded as far as it goes.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    header: [u8; HEADER_OCTETS],
    /// `None` where the octets do not decode.
    message: Option<Message<'a>>,
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

impl<'a> Reply<'a> {
    /// Decodes what [`Query::fit`] let through.
    pub(super) fn decode(bytes: &'a [u8]) -> Self {
        let mut header = [0; HEADER_OCTETS];
        for (to, from) in header.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self {
            header,
            message: Message::decode(bytes),
        }
    }

    /// The OPT record.
    fn edns(&self) -> Option<&Opt<'a>> {
        self.message.as_ref()?.opt.as_ref()
    }

    /// The RCODE: four bits of the header, eight of the OPT record (RFC 6891 section 6.1.3).
    pub(super) fn status_rcode(&self) -> Rcode {
        let high = self.edns().map_or(0, |opt| u16::from(opt.rcode_high));
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
        let flags = flags.with(Flags::IRREGULAR, message.is_irregular);
        let mut reading = Reading::without_data(Status::Rcode(rcode), flags);
        reading.answer.links = data.links;
        reading.ttls = data.ttls;
        reading.serial = data.serial;
        if let Some(opt) = &message.opt {
            opt.fill(&mut reading);
        }
        reading
    }
}

impl Reading {
    /// This reading of a reply that is not whole: what it says of the name does not count.
    pub(super) fn cut_short(self) -> Self {
        match self.answer.status {
            Status::Rcode(rcode) => Self::without_data(Status::Malformed(rcode), self.flags),
            _ => self,
        }
    }

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
