//! AAAA records that a resolver makes of A records for clients without IPv4 (DNS64, RFC 6147).
//!
//! What is embedded is judged as the A records it was made of: an address that the authority serves, once served, or never
//! did. Deliberately absent: asking a network for its prefix (RFC 7050); a prefix of one's own is configured.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv6Net;

use super::{Judged, RoundInput, value::Subject};
use crate::{
    audit::{
        history::{LinkKey, Standing},
        verdict::{State, VerdictFlag},
    },
    types::{Ede, Link, RecordType, Rrset, Severity, Value},
};

/// The well-known prefix (RFC 6052 section 2.1).
const WELL_KNOWN: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

/// The lengths a prefix may have (RFC 6052 section 2.2), the usual one first.
const LENGTHS: [u8; 6] = [96, 64, 56, 48, 40, 32];

/// The extended error that says that an answer was made up by the resolver (IANA registry).
const SYNTHESISED: u16 = 29;

/// The lengths that the prefix of these addresses may have: none where they are no DNS64's.
fn lengths(declared: Option<Ipv6Net>, addresses: &[IpAddr], ede: &[Ede]) -> Vec<u8> {
    let within = |prefix: Ipv6Net| {
        let is_inside = |address: &IpAddr| match address {
            IpAddr::V6(address) => prefix.contains(address),
            IpAddr::V4(_) => false,
        };
        !addresses.is_empty() && addresses.iter().all(is_inside)
    };
    let well_known = Ipv6Net::new_assert(WELL_KNOWN, LENGTHS[0]);
    let prefixes = [Some(well_known), declared].into_iter().flatten();
    if let Some(prefix) = prefixes.into_iter().find(|prefix| within(*prefix)) {
        vec![prefix.prefix_len()]
    } else if !addresses.is_empty() && ede.iter().any(|ede| ede.code == SYNTHESISED) {
        LENGTHS.to_vec()
    } else {
        Vec::new()
    }
}

/// The IPv4 address behind a prefix of this length: bits 64 to 71 are left out (RFC 6052 section 2.2).
fn embedded(address: Ipv6Addr, length: u8) -> Ipv4Addr {
    let octets = address.octets();
    let places = (usize::from(length / 8)..octets.len()).filter(|place| *place != 8);
    let mut found = [0; 4];
    for (to, from) in found.iter_mut().zip(places) {
        *to = octets[from];
    }
    found.into()
}

/// Whether AAAA records that a resolver gave may be a DNS64's work.
pub(super) fn is_likely(
    input: &RoundInput,
    resolver: &str,
    addresses: &[IpAddr],
    ede: &[Ede],
) -> bool {
    let known = input.resolver(resolver);
    let declared = known.and_then(|known| known.traits.dns64_prefix);
    !lengths(declared, addresses, ede).is_empty()
}

impl Subject<'_> {
    /// The judgement of AAAA records that no authority serves and a DNS64 may have made; `None` where they are none.
    pub(super) fn synthesised(&self) -> Option<Judged> {
        let resolver = self.context.resolver(&self.sample.source.id);
        let declared = resolver.and_then(|resolver| resolver.traits.dns64_prefix);
        let addresses = self.link.value.addresses();
        let lengths = lengths(declared, &addresses, &self.sample.ede);
        let has_none = self.standing.current(&Value::Nodata).is_some();
        if self.key.rtype != RecordType::AAAA || lengths.is_empty() || !has_none {
            return None;
        }
        let key = LinkKey {
            rtype: RecordType::A,
            ..self.key.clone()
        };
        let standing = self.context.standing(&key.owner, key.rtype);
        let Some(standing) = standing.filter(|standing| standing.is_known()) else {
            return Some(unasked());
        };
        let link = Link {
            owner: self.link.owner.clone(),
            value: origin(&addresses, &lengths, standing),
        };
        let origin = Subject {
            link: &link,
            key,
            series: self.series.clone(),
            standing,
            ..*self
        };
        let mut judged = origin.judge();
        judged.reason = format!(
            "made by DNS64 of A records, judged as those: {}",
            judged.reason
        );
        Some(judged)
    }
}

/// The A records that the addresses were made of: by the first length that gives what an authority ever served.
fn origin(addresses: &[IpAddr], lengths: &[u8], standing: &Standing) -> Value {
    let made_by = |length: u8| -> Rrset {
        let six = addresses.iter().filter_map(|address| match address {
            IpAddr::V6(address) => Some(embedded(*address, length).to_string()),
            IpAddr::V4(_) => None,
        });
        six.collect()
    };
    let is_known = |records: &Rrset| {
        let mut records = records.iter();
        records.all(|rdata| standing.pooled(rdata, None).is_some())
    };
    let mut all = lengths.iter().map(|length| made_by(*length));
    let known = all.find(is_known);
    Value::Rrset(known.unwrap_or_else(|| made_by(lengths.first().copied().unwrap_or(LENGTHS[0]))))
}

/// The authorities are asked for the A records when this is asked again.
fn unasked() -> Judged {
    let reason = "made by DNS64 of A records that no authority has been asked for yet";
    let mut judged = Judged::new(State::Unexplained, Severity::None, reason.to_owned());
    judged.flags.push(VerdictFlag::LowConfidence);
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_where_rfc_6052_puts_it() {
        // The table of section 2.4.
        for (address, length) in [
            ("2001:db8:c000:221::", 32),
            ("2001:db8:1c0:2:21::", 40),
            ("2001:db8:122:c000:2:2100::", 48),
            ("2001:db8:122:3c0:0:221::", 56),
            ("2001:db8:122:344:c0:2:2100::", 64),
            ("2001:db8:122:344::192.0.2.33", 96),
            ("64:ff9b::192.0.2.33", 96),
        ] {
            let found = embedded(address.parse().unwrap(), length);
            assert_eq!(found.to_string(), "192.0.2.33", "{address}/{length}");
        }
    }
}
