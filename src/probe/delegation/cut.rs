//! A zone cut as its parent shows it: the NS set with its glue.
//!
//! Deliberately absent: the child's own view, which a survey adds.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    names::DnsName,
    probe::message::{Data, SectionRecord, Sections},
};

/// The bounds of how long a delegation is taken for granted. An NS TTL of two days at the parent must not mean two days
/// of not looking.
const SHORTEST: TimeDelta = TimeDelta::seconds(60);
const LONGEST: TimeDelta = TimeDelta::hours(1);

/// Instants closer than this are one round's.
const SAME_ROUND: TimeDelta = TimeDelta::seconds(10);

/// How long what an NS set with this TTL says is taken for granted.
pub(super) fn lasts(ns_ttl: u32) -> TimeDelta {
    TimeDelta::seconds(i64::from(ns_ttl)).clamp(SHORTEST, LONGEST)
}

/// An address of a host, as some record gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostAddress {
    pub(super) host: DnsName,
    pub(super) address: IpAddr,
    pub(super) ttl: u32,
}

/// An NS set and the addresses that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NsSet {
    pub(super) owner: DnsName,
    pub(super) hosts: BTreeSet<DnsName>,
    /// The lowest in the set, seconds.
    pub(super) ttl: u32,
    pub(super) glue: Vec<HostAddress>,
}

/// A zone cut.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) apex: DnsName,
    /// As the parent has it; `None` at the root, which has no parent.
    pub(super) delegation: Option<NsSet>,
    /// Where the zone can be asked.
    pub(super) servers: Vec<SocketAddr>,
    pub(super) found_at: DateTime<Utc>,
}

impl Cut {
    /// Whether this was found in the round that is `now`: its names may each bring their own instant.
    pub(super) fn is_new(&self, now: DateTime<Utc>) -> bool {
        self.found_at + SAME_ROUND > now
    }

    /// How long this is taken for granted.
    pub(super) fn lasts(&self) -> TimeDelta {
        lasts(self.delegation.as_ref().map_or(0, |set| set.ttl))
    }
}

impl NsSet {
    /// Reads the NS set of `owner` from records, with addresses from `additional` for hosts within `bailiwick`: what a
    /// server says of hosts outside its own zone is not believed (RFC 2181 section 5.4.1).
    pub(super) fn read(
        owner: &DnsName,
        records: &[SectionRecord],
        additional: &[SectionRecord],
        bailiwick: &DnsName,
    ) -> Option<Self> {
        let mut set = Self {
            owner: owner.clone(),
            hosts: BTreeSet::new(),
            ttl: u32::MAX,
            glue: Vec::new(),
        };
        for record in records {
            let Data::Ns(host) = &record.data else {
                continue;
            };
            if record.owner == *owner {
                set.hosts.insert(host.clone());
                set.ttl = set.ttl.min(record.ttl);
            }
        }
        let addresses = additional.iter().filter_map(host_address);
        set.glue = addresses
            .filter(|glue| set.hosts.contains(&glue.host) && glue.host.is_within(bailiwick))
            .collect();
        (!set.hosts.is_empty()).then_some(set)
    }

    /// The owner of the deepest NS set in a referral that leads from `zone` towards `name`.
    pub(super) fn referral(zone: &DnsName, name: &DnsName, message: &Sections) -> Option<Self> {
        let owners = message
            .authorities
            .iter()
            .filter_map(|record| match &record.data {
                Data::Ns(_) => Some(&record.owner),
                _ => None,
            });
        let leads =
            |owner: &&DnsName| *owner != zone && owner.is_within(zone) && name.is_within(owner);
        let owner = owners
            .filter(leads)
            .max_by_key(|owner| owner.labels().count())?;
        Self::read(owner, &message.authorities, &message.additionals, zone)
    }
}

fn host_address(record: &SectionRecord) -> Option<HostAddress> {
    let Data::Address(address) = record.data else {
        return None;
    };
    Some(HostAddress {
        host: record.owner.clone(),
        address,
        ttl: record.ttl,
    })
}
