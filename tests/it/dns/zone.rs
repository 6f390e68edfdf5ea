//! Zones as short text, and what an authority says from them.

use std::str::FromStr;

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record, RecordType},
};

/// A zone: an origin and its records.
#[derive(Debug, Clone)]
pub struct Zone {
    origin: Name,
    records: Vec<Record>,
}

/// A name as text: lower case, without the trailing dot.
pub fn text(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    match text.strip_suffix('.') {
        Some(head) if !head.is_empty() => head.to_owned(),
        _ => text,
    }
}

/// An absolute name, with or without the trailing dot.
pub fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

/// RDATA from text; names in it are absolute.
pub fn rdata(rtype: &str, text: &str) -> RData {
    let rtype = RecordType::from_str(rtype).unwrap();
    RData::try_from_str(rtype, text).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"))
}

impl Zone {
    /// Reads lines of `owner ttl type rdata`; owners are relative to the origin, `@` is the origin itself.
    pub fn new(origin: &str, lines: &str) -> Self {
        let mut zone = Self {
            origin: name(origin),
            records: Vec::new(),
        };
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut fields = line.splitn(4, ' ').map(str::trim);
            let owner = fields.next().unwrap();
            let rest = line[owner.len()..].trim_start();
            let (ttl, rest) = rest.split_once(' ').unwrap();
            let (rtype, value) = rest.trim_start().split_once(' ').unwrap();
            let owner = zone.absolute(owner);
            zone.records.push(Record::from_rdata(
                owner,
                ttl.parse().unwrap(),
                rdata(rtype, value.trim()),
            ));
        }
        zone
    }

    fn absolute(&self, owner: &str) -> Name {
        if owner == "@" {
            return self.origin.clone();
        }
        Name::from_ascii(owner)
            .unwrap()
            .append_domain(&self.origin)
            .unwrap()
    }

    pub fn is_at(&self, origin: &Name) -> bool {
        self.origin == *origin
    }

    pub fn encloses(&self, name: &Name) -> bool {
        self.origin.zone_of(name)
    }

    pub fn depth(&self) -> u8 {
        self.origin.num_labels()
    }

    /// Replaces the records of one owner and type.
    pub fn set(&mut self, owner: &Name, rtype: &str, ttl: u32, values: &[&str]) {
        let asked = RecordType::from_str(rtype).unwrap();
        self.records
            .retain(|record| record.name != *owner || record.record_type() != asked);
        for value in values {
            self.records
                .push(Record::from_rdata(owner.clone(), ttl, rdata(rtype, value)));
        }
    }

    /// Adds the SOA serial `step` to the present one.
    pub fn bump_serial(&mut self, step: u32) {
        for record in &mut self.records {
            if let RData::SOA(soa) = &mut record.data {
                soa.serial = soa.serial.wrapping_add(step);
            }
        }
    }

    fn of(&self, owner: &Name, rtype: RecordType) -> Vec<Record> {
        let mut records = self.records.clone();
        records.retain(|record| record.name == *owner && record.record_type() == rtype);
        records
    }

    fn soa(&self) -> Vec<Record> {
        self.of(&self.origin, RecordType::SOA)
    }

    /// The NS records of the delegation that `owner` lies at or below, if any.
    fn delegation(&self, owner: &Name) -> Vec<Record> {
        let mut here = owner.clone();
        while here != self.origin && self.origin.zone_of(&here) {
            let servers = self.of(&here, RecordType::NS);
            if !servers.is_empty() {
                return servers;
            }
            here = here.base_name();
        }
        Vec::new()
    }

    /// The addresses this zone holds of the servers named.
    fn glue(&self, servers: &[Record]) -> Vec<Record> {
        let hosts = servers.iter().filter_map(|record| match &record.data {
            RData::NS(host) => Some(host.0.clone()),
            _ => None,
        });
        hosts
            .flat_map(|host| {
                let mut addresses = self.of(&host, RecordType::A);
                addresses.extend(self.of(&host, RecordType::AAAA));
                addresses
            })
            .collect()
    }

    /// Fills in what this zone says of `owner`. Returns an alias's target, where the server must look further.
    pub fn say(&self, owner: &Name, rtype: RecordType, reply: &mut Message) -> Option<Name> {
        let delegation = self.delegation(owner);
        if !delegation.is_empty() {
            reply.add_additionals(self.glue(&delegation));
            reply.add_authorities(delegation);
            return None;
        }
        reply.metadata.authoritative = true;
        let found = self.of(owner, rtype);
        if !found.is_empty() {
            reply.add_additionals(self.glue(&found));
            reply.add_answers(found);
            return None;
        }
        if let [alias, ..] = &self.of(owner, RecordType::CNAME)[..] {
            reply.add_answer(alias.clone());
            return match &alias.data {
                RData::CNAME(target) => Some(target.0.clone()),
                _ => None,
            };
        }
        if !self
            .records
            .iter()
            .any(|record| owner.zone_of(&record.name))
        {
            reply.metadata.response_code = ResponseCode::NXDomain;
        }
        reply.add_authorities(self.soa());
        None
    }
}
