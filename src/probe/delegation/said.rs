//! What a reply to an SOA question says about where a name lies.
//!
//! Deliberately absent: whom to ask next.

use super::cut::NsSet;
use crate::{
    names::DnsName,
    probe::message::{Data, SectionRecord, Sections},
    types::{Flags, Observation, Rcode, Status},
};

/// What a server of `zone` says about `name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// It lies in the zone itself.
    Inside,
    /// It is delegated, or below a delegation.
    Referred(NsSet),
    /// It lies in a deeper zone with this apex, which the server holds as well.
    Deeper(DnsName),
}

/// Reads a reply of a server of `zone`; `None` where it is lame for the zone or says nothing usable.
pub(super) fn said(
    zone: &DnsName,
    asked: &DnsName,
    observation: &Observation,
    message: &Sections,
) -> Option<Said> {
    if !matches!(
        observation.answer.status,
        Status::Rcode(Rcode::NOERROR | Rcode::NXDOMAIN)
    ) {
        return None;
    }
    if let Some(apex) = apex_named(asked, message) {
        if apex == *zone {
            return Some(Said::Inside);
        }
        return apex.is_within(zone).then_some(Said::Deeper(apex));
    }
    if let Some(set) = NsSet::referral(zone, asked, message) {
        return Some(Said::Referred(set));
    }
    // An alias, or an authority that sends no SOA with its denials. An apex would have shown its SOA.
    observation.flags.has(Flags::AA).then_some(Said::Inside)
}

/// The apex whose SOA a reply carries: the name's own, or one it lies below.
pub(super) fn apex_named(asked: &DnsName, message: &Sections) -> Option<DnsName> {
    let own = soa_owners(&message.answers).find(|owner| owner == asked);
    let enclosing = soa_owners(&message.authorities).find(|owner| asked.is_within(owner));
    own.or(enclosing)
}

fn soa_owners(records: &[SectionRecord]) -> impl Iterator<Item = DnsName> {
    records.iter().filter_map(|record| match &record.data {
        Data::Soa => Some(record.owner.clone()),
        _ => None,
    })
}
