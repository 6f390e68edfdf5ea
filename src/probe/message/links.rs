//! The chain of links in a reply: from the asked name through its aliases to the data or its denial.
//!
//! Deliberately absent: judgement, and any further question. A chain that a reply does not finish stays unfinished.

use super::{
    decode::{Message, Record, SOA, Section},
    name::Expanded,
    rdata,
};
use crate::{
    names::DnsName,
    types::{Flags, Link, Question, Rcode, RecordType, Value},
};

/// CNAME records that are looked at: several times what any resolver follows, and an end to what a hostile reply could
/// cost.
const MOST_ALIASES: usize = 64;

/// The links of a reply with their TTLs, as [`crate::types::Observation`] holds them.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) links: Vec<Link>,
    pub(super) ttls: Vec<Vec<u32>>,
    pub(super) serial: Option<u32>,
}

impl Data {
    fn push(&mut self, owner: DnsName, value: Value, ttls: Vec<u32>) {
        if self.links.is_empty() {
            self.links.reserve_exact(1);
            self.ttls.reserve_exact(1);
        }
        self.links.push(Link { owner, value });
        self.ttls.push(ttls);
    }

    /// Says what a reply without data at the end of the chain says (RFC 2308 section 2).
    fn deny(
        &mut self,
        message: &Message<'_>,
        shown: DnsName,
        owner: &Expanded,
        rcode: Rcode,
        flags: Flags,
    ) {
        let soa = enclosing_soa(message, owner);
        let ttls = soa.and_then(|soa| Some(vec![soa.ttl, minimum(message, soa)?]));
        let value = if rcode == Rcode::NXDOMAIN {
            Value::Nxdomain
        } else {
            Value::Nodata
        };
        let refers = !flags.has(Flags::AA)
            && message.records.iter().any(|record| {
                record.section == Section::Authority && record.rtype == RecordType::NS.0
            });
        let speaks = flags.has(Flags::AA) || flags.has(Flags::RA);
        let bare = self.links.is_empty() && !refers && speaks;
        if value == Value::Nxdomain || soa.is_some() || bare {
            self.serial = soa.and_then(|soa| serial(message, soa));
            self.push(shown, value, ttls.unwrap_or_default());
        }
    }
}

/// A name of the chain: as it is shown (the asked one as it was asked), and in lower case off the wire.
struct Place {
    shown: DnsName,
    octets: Expanded,
}

/// Reads the links. Only NOERROR and NXDOMAIN carry any.
pub(super) fn read(question: &Question, rcode: Rcode, flags: Flags, message: &Message<'_>) -> Data {
    let mut data = Data::default();
    if !matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN) {
        return data;
    }
    let Some(Place { shown, octets }) = follow(question, message, &mut data) else {
        return data;
    };
    let mut found = records_of(message, &octets, question.rtype).peekable();
    if rcode == Rcode::NOERROR && found.peek().is_some() {
        data.serial = found.peek().and_then(|record| serial(message, record));
        let (value, ttls) = set(message, found);
        data.push(shown, value, ttls);
    } else {
        data.deny(message, shown, &octets, rcode, flags);
    }
    data
}

/// Walks the aliases from the asked name. Returns the name they end at; `None` where they end in a circle.
fn follow(question: &Question, message: &Message<'_>, data: &mut Data) -> Option<Place> {
    let mut place = Place {
        shown: question.name.clone(),
        octets: Expanded::of(&question.name),
    };
    if question.rtype == RecordType::CNAME {
        return Some(place);
    }
    let mut seen = Vec::new();
    while let Some((target, ttl)) = alias(message, &place.octets) {
        data.push(place.shown, Value::Cname(target.shown.clone()), vec![ttl]);
        seen.push(place.octets);
        if seen.contains(&target.octets) {
            return None;
        }
        place = target;
    }
    Some(place)
}

/// Two CNAMEs at one owner are illegal (RFC 1034 section 3.6.2): taking the first in order keeps the answer stable.
fn alias(message: &Message<'_>, owner: &Expanded) -> Option<(Place, u32)> {
    let aliases = message
        .sound(Section::Answer)
        .filter(|record| record.rtype == RecordType::CNAME.0)
        .take(MOST_ALIASES);
    let own = aliases.filter(|record| owner.is_at(message.octets, usize::from(record.owner)));
    let targets = own.filter_map(|record| {
        let (target, _) = Expanded::read(message.octets, usize::from(record.data))?;
        let octets = target.lower();
        Some((octets.text(), record.ttl, octets))
    });
    let (text, ttl, octets) = targets.min_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)))?;
    let shown = text.parse().ok()?;
    Some((Place { shown, octets }, ttl))
}

fn records_of<'m>(
    message: &'m Message<'_>,
    owner: &'m Expanded,
    rtype: RecordType,
) -> impl Iterator<Item = &'m Record> {
    message.sound(Section::Answer).filter(move |record| {
        record.rtype == rtype.0 && owner.is_at(message.octets, usize::from(record.owner))
    })
}

/// The `RRset` and its TTLs in its order; a repeated RDATA keeps its lowest TTL.
fn set<'m>(
    message: &Message<'_>,
    mut found: impl Iterator<Item = &'m Record>,
) -> (Value, Vec<u32>) {
    let text = |record: &Record| (rdata::text(message.octets, record), record.ttl);
    let first = found.next().map(text);
    let Some(second) = found.next().map(text) else {
        let (records, ttls): (Vec<_>, _) = first.into_iter().unzip();
        return (Value::Rrset(records.into_iter().collect()), ttls);
    };
    let mut records: Vec<_> = first.into_iter().chain([second]).collect();
    records.extend(found.map(text));
    records.sort_unstable();
    records.dedup_by(|later, earlier| later.0 == earlier.0);
    let (records, ttls): (Vec<_>, _) = records.into_iter().unzip();
    (Value::Rrset(records.into_iter().collect()), ttls)
}

/// The SOA in the authority section whose zone holds `owner`.
fn enclosing_soa<'m>(message: &'m Message<'_>, owner: &Expanded) -> Option<&'m Record> {
    let holds = |record: &&Record| {
        let zone = Expanded::read(message.octets, usize::from(record.owner));
        zone.is_some_and(|(zone, _)| owner.is_within(&zone.lower()))
    };
    let mut records = message.sound(Section::Authority);
    records.find(|record| record.rtype == SOA && holds(record))
}

/// SERIAL of an SOA record; `None` of any other.
fn serial(message: &Message<'_>, record: &Record) -> Option<u32> {
    soa_number(message, record, 0)
}

fn minimum(message: &Message<'_>, record: &Record) -> Option<u32> {
    soa_number(message, record, 4)
}

/// One of the five numbers at the end of an SOA record (RFC 1035 section 3.3.13).
fn soa_number(message: &Message<'_>, record: &Record, index: usize) -> Option<u32> {
    let numbers = message.data(record).last_chunk::<20>()?;
    let number = numbers.as_chunks::<4>().0.get(index)?;
    (record.rtype == SOA).then(|| u32::from_be_bytes(*number))
}
