//! The chain of links in a reply: from the asked name through its aliases to the data or its denial.
//!
//! Deliberately absent: judgement, and any further question. A chain that a reply does not finish stays unfinished.

use std::collections::{BTreeMap, BTreeSet};

use hickory_proto::{
    op::Message,
    rr::{DNSClass, RData, Record},
};

use super::{name, rdata};
use crate::{
    names::DnsName,
    types::{Flags, Link, Question, Rcode, RecordType, Value},
};

/// The links of a reply with their TTLs, as [`crate::types::Observation`] holds them.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) links: Vec<Link>,
    pub(super) ttls: Vec<Vec<u32>>,
    pub(super) serial: Option<u32>,
}

impl Data {
    fn push(&mut self, owner: DnsName, value: Value, ttls: Vec<u32>) {
        self.links.push(Link { owner, value });
        self.ttls.push(ttls);
    }
}

/// Reads the links. Only NOERROR and NXDOMAIN carry any.
pub(super) fn read(question: &Question, rcode: Rcode, flags: Flags, message: &Message) -> Data {
    let mut data = Data::default();
    if !matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN) {
        return data;
    }
    let sets = Sets::of(&message.answers);
    let end = follow(question, &sets, &mut data);
    let found = (rcode == Rcode::NOERROR)
        .then(|| {
            end.as_ref()
                .and_then(|owner| sets.get(owner, question.rtype))
        })
        .flatten();
    let Some(owner) = end else { return data };
    let shown = if data.links.is_empty() {
        &question.name
    } else {
        &owner
    };
    if let Some(set) = found {
        data.serial = soa_serial(message, &owner, question.rtype);
        let (records, ttls) = set.iter().map(|(text, ttl)| (text.clone(), *ttl)).unzip();
        data.push(shown.clone(), Value::Rrset(records), ttls);
    } else {
        deny(&mut data, shown.clone(), &owner, rcode, flags, message);
    }
    data
}

/// Walks the aliases from the asked name. Returns the name they end at; `None` where they end in a circle.
fn follow(question: &Question, sets: &Sets, data: &mut Data) -> Option<DnsName> {
    let mut owner = name::canonical(&question.name);
    if question.rtype == RecordType::CNAME {
        return Some(owner);
    }
    let mut seen = BTreeSet::new();
    while let Some((target, ttl)) = sets.alias(&owner) {
        let shown = if data.links.is_empty() {
            &question.name
        } else {
            &owner
        };
        data.push(shown.clone(), Value::Cname(target.clone()), vec![ttl]);
        seen.insert(owner);
        if seen.contains(&target) {
            return None;
        }
        owner = target;
    }
    Some(owner)
}

/// Says what a reply without data at the end of the chain says (RFC 2308 section 2).
fn deny(
    data: &mut Data,
    shown: DnsName,
    owner: &DnsName,
    rcode: Rcode,
    flags: Flags,
    message: &Message,
) {
    let soa = enclosing_soa(message, owner);
    let ttls = soa.map_or_else(Vec::new, |(ttl, minimum, _)| vec![ttl, minimum]);
    let value = if rcode == Rcode::NXDOMAIN {
        Value::Nxdomain
    } else {
        Value::Nodata
    };
    let refers = !flags.has(Flags::AA)
        && message
            .authorities
            .iter()
            .any(|record| record.record_type() == hickory_proto::rr::RecordType::NS);
    let speaks = flags.has(Flags::AA) || flags.has(Flags::RA);
    let bare = data.links.is_empty() && !refers && speaks;
    if value == Value::Nxdomain || soa.is_some() || bare {
        data.serial = soa.map(|(_, _, serial)| serial);
        data.push(shown, value, ttls);
    }
}

/// TTL, MINIMUM and serial of the SOA in the authority section whose zone holds `owner`.
fn enclosing_soa(message: &Message, owner: &DnsName) -> Option<(u32, u32, u32)> {
    message
        .authorities
        .iter()
        .find_map(|record| match &record.data {
            RData::SOA(soa) if owner.is_within(&name::from_wire(&record.name)?) => {
                Some((record.ttl, soa.minimum, soa.serial))
            }
            _ => None,
        })
}

fn soa_serial(message: &Message, owner: &DnsName, asked: RecordType) -> Option<u32> {
    message
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::SOA(soa)
                if asked == RecordType::SOA
                    && name::from_wire(&record.name).as_ref() == Some(owner) =>
            {
                Some(soa.serial)
            }
            _ => None,
        })
}

/// RDATA texts of one owner and type with their TTLs; a repeated RDATA keeps its lowest TTL.
type RecordSet = BTreeMap<String, u32>;

/// The answer section by owner and type.
struct Sets(BTreeMap<(DnsName, RecordType), RecordSet>);

impl Sets {
    fn of(records: &[Record]) -> Self {
        let mut sets: BTreeMap<_, RecordSet> = BTreeMap::new();
        for record in records
            .iter()
            .filter(|record| record.dns_class == DNSClass::IN)
        {
            let Some(owner) = name::from_wire(&record.name) else {
                continue;
            };
            let key = (owner, RecordType(record.record_type().into()));
            let ttl = sets
                .entry(key)
                .or_default()
                .entry(rdata::text(&record.data))
                .or_insert(record.ttl);
            *ttl = record.ttl.min(*ttl);
        }
        Self(sets)
    }

    fn get(&self, owner: &DnsName, rtype: RecordType) -> Option<&RecordSet> {
        self.0.get(&(owner.clone(), rtype))
    }

    /// Two CNAMEs at one owner are illegal (RFC 1034 section 3.6.2): taking the first in order keeps the answer stable.
    fn alias(&self, owner: &DnsName) -> Option<(DnsName, u32)> {
        let (target, ttl) = self.get(owner, RecordType::CNAME)?.first_key_value()?;
        Some((target.parse().ok()?, *ttl))
    }
}
