//! The sections of a reply as records to look through, for whoever walks delegations.
//!
//! Deliberately absent: RDATA of types that no delegation is made of.

use std::net::IpAddr;

use super::{
    decode::{self, Message, SOA},
    name::Expanded,
};
use crate::{
    names::DnsName,
    types::{Observation, RecordType},
};

/// The records of class IN whose RDATA fits their type, section by section.
#[derive(Debug, Default)]
pub(in crate::probe) struct Sections {
    pub(in crate::probe) answers: Vec<SectionRecord>,
    pub(in crate::probe) authorities: Vec<SectionRecord>,
    pub(in crate::probe) additionals: Vec<SectionRecord>,
}

/// One of these records.
#[derive(Debug)]
pub(in crate::probe) struct SectionRecord {
    pub(in crate::probe) owner: DnsName,
    pub(in crate::probe) ttl: u32,
    pub(in crate::probe) data: Data,
}

/// What a delegation is made of.
#[derive(Debug)]
pub(in crate::probe) enum Data {
    Ns(DnsName),
    Soa,
    Address(IpAddr),
    Other,
}

impl Sections {
    /// Reads the reply that came with an observation; `None` where none came, or it does not decode.
    pub(in crate::probe) fn of(observation: &Observation) -> Option<Self> {
        Self::read(&observation.wire.as_ref()?.reply)
    }

    /// Reads a reply; `None` where it does not decode.
    pub(in crate::probe) fn read(reply: &[u8]) -> Option<Self> {
        let message = Message::decode(reply)?;
        let section = |section| {
            let records = message.sound(section);
            records
                .filter_map(|record| SectionRecord::read(&message, record))
                .collect()
        };
        Some(Self {
            answers: section(decode::Section::Answer),
            authorities: section(decode::Section::Authority),
            additionals: section(decode::Section::Additional),
        })
    }
}

impl SectionRecord {
    fn read(message: &Message<'_>, record: &decode::Record) -> Option<Self> {
        let name = |at: u16| {
            let (name, _) = Expanded::read(message.octets, usize::from(at))?;
            name.to_name()
        };
        let data = match (RecordType(record.rtype), message.data(record)) {
            (RecordType::NS, _) => Data::Ns(name(record.data)?),
            (RecordType(SOA), _) => Data::Soa,
            (RecordType::A, data) => Data::Address(<[u8; 4]>::try_from(data).ok()?.into()),
            (RecordType::AAAA, data) => Data::Address(<[u8; 16]>::try_from(data).ok()?.into()),
            _ => Data::Other,
        };
        Some(Self {
            owner: name(record.owner)?,
            ttl: record.ttl,
            data,
        })
    }
}
