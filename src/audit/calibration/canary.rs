//! The canary zone: its names, its content as a master file, and what its servers say of it.
//!
//! Every question is put for a name that was never asked before, under a wildcard: no cache can hold it, so the first reply
//! is a fetch. Deliberately absent: publishing the zone. It must stay unsigned: a validating cache may make up an answer
//! below a signed wildcard out of an earlier one (RFC 8198 section 5.3).

use std::{net::IpAddr, ops::RangeInclusive};

use super::plan::{Kind, Probe};
use crate::{
    names::{DnsName, NameError},
    types::{Observation, Question, RecordType, Value},
};

/// TTL of the long-lived names, seconds: the highest that caches are advised to keep (RFC 8767 section 4).
const LONG: u32 = 604_800;

/// TTL of the names that stale answers are looked for with, seconds: as long as a stale answer's own (RFC 8767 section 4).
pub(super) const FADING: u32 = 30;

/// How long a "no" of the zone may be kept, seconds: above every usual limit on that.
const NEGATIVE: u32 = 86_400;

/// A cap below an hour and none is all that could be told with less, seconds: some who host zones have caps of their own.
const LEAST_LONG: u32 = 3600;

/// What each canary says.
const TEXT: &str = "dns-auditor canary";

/// A canary zone by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    origin: DnsName,
}

/// A name server of the zone, with its address where its name lies in the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServer {
    /// Host name.
    pub name: DnsName,
    /// What the zone says of its addresses.
    pub addresses: Vec<IpAddr>,
}

/// Why a name server cannot stand in the zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// Nobody could find it.
    #[error("`{0}` lies in the zone: give its address, as in `{0}=192.0.2.53`")]
    NoAddress(DnsName),
    /// The zone has no word on it.
    #[error("`{0}` lies outside the zone, which cannot say its address: give the name alone")]
    Outside(DnsName),
}

impl Canary {
    /// The zone of this name.
    ///
    /// # Errors
    ///
    /// Its names would be too long.
    pub fn new(origin: DnsName) -> Result<Self, NameError> {
        let canary = Self { origin };
        let longest = Probe::new(Kind::Long, u8::MAX);
        canary.question(&"x".repeat(16), longest)?;
        Ok(canary)
    }

    /// Its name.
    pub fn origin(&self) -> &DnsName {
        &self.origin
    }

    /// What is asked for a probe of the run with this token.
    ///
    /// # Errors
    ///
    /// The name is too long: never with the token of a run.
    pub fn question(&self, token: &str, probe: Probe) -> Result<Question, NameError> {
        let (number, origin) = (probe.number, &self.origin);
        let name = match probe.subtree() {
            Some(subtree) => format!("{token}-{number}.{subtree}.{origin}"),
            None => format!("{token}-{number}.{origin}"),
        };
        Ok(Question {
            name: name.parse()?,
            rtype: RecordType::TXT,
        })
    }

    /// The zone as a master file (RFC 1035 section 5).
    ///
    /// # Errors
    ///
    /// A name server without an address in the zone, or with one outside.
    pub fn master_file(&self, servers: &[NameServer], serial: u32) -> Result<String, ZoneError> {
        let origin = &self.origin;
        let first = servers.first().map_or(origin, |server| &server.name);
        let mut file = format!(
            "; The canary zone of dns-auditor: what resolvers do with TTLs is measured with names below it.\n\
             ; Leave it unsigned, and delegate it from its parent to the name servers below.\n\
             $ORIGIN {origin}.\n\
             @ {NEGATIVE} IN SOA {first}. hostmaster.{origin}. {serial} 7200 900 1209600 {NEGATIVE}\n"
        );
        for server in servers {
            file += &self.name_server(server)?;
        }
        file += "; Kept as long as a cache keeps anything, and as short.\n";
        for (subtree, ttl) in [
            ("ttl604800", LONG),
            ("ttl30", FADING),
            ("ttl1", 1),
            ("ttl0", 0),
        ] {
            file += &format!("*.{subtree} {ttl} IN TXT \"{TEXT}\"\n");
        }
        file += "; Delegated to a server that does not have it, and to one that does not exist: questions below fail.\n";
        file += &format!("lame 3600 IN NS {first}.\nnowhere 3600 IN NS nowhere.invalid.\n");
        Ok(file)
    }

    fn name_server(&self, server: &NameServer) -> Result<String, ZoneError> {
        let NameServer { name, addresses } = server;
        let within = name.is_within(&self.origin);
        match (within, addresses.is_empty()) {
            (true, true) => return Err(ZoneError::NoAddress(name.clone())),
            (false, false) => return Err(ZoneError::Outside(name.clone())),
            _ => {}
        }
        let mut lines = format!("@ 3600 IN NS {name}.\n");
        for address in addresses {
            let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
            lines += &format!("{name}. 3600 IN {rtype} {address}\n");
        }
        Ok(lines)
    }
}

/// What the zone's own servers say: resolvers are held against that, and not against what the zone should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// What every canary holds.
    pub value: Value,
    /// TTL of the long-lived names, seconds.
    pub long: u32,
    /// TTL of those below `ttl1`, seconds.
    pub short: u32,
    /// TTL of those below `ttl0`, seconds.
    pub zero: u32,
    /// How long a "no" may be kept, seconds.
    pub negative: u32,
}

/// Why the zone is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotServed {
    /// A name that must be there is not.
    #[error("the zone's servers do not have `{0}`: load what `resolvers canary-zone` prints")]
    Missing(DnsName),
    /// A name that must not be there is.
    #[error("the zone's servers do not deny `{0}`: load what `resolvers canary-zone` prints")]
    NotDenied(DnsName),
    /// A TTL that was moved too far to tell anything.
    #[error(
        "the zone's servers serve `{name}` with a TTL of {ttl} s: load what `resolvers canary-zone` prints"
    )]
    OtherTtl {
        /// The name.
        name: DnsName,
        /// Its TTL, seconds.
        ttl: u32,
    },
}

impl Served {
    /// What must be asked of the zone's servers, in this order.
    pub const PROBES: [Kind; 5] = [
        Kind::Long,
        Kind::Fading,
        Kind::Short,
        Kind::Zero,
        Kind::Absent,
    ];

    /// Reads the replies to [`Self::PROBES`].
    ///
    /// # Errors
    ///
    /// The zone does not hold what [`Canary::master_file`] has.
    pub fn read(replies: &[Observation; 5]) -> Result<Self, NotServed> {
        let [long, fading, short, zero, absent] = replies;
        let (value, long) = Self::text(long, LEAST_LONG..=u32::MAX)?;
        Self::text(fading, 0..=FADING)?;
        let ((_, short), (_, zero)) = (
            Self::text(short, 0..=FADING)?,
            Self::text(zero, 0..=FADING)?,
        );
        let end = absent.answer.last().map(|link| &link.value);
        if end != Some(&Value::Nxdomain) {
            return Err(NotServed::NotDenied(absent.question.name.clone()));
        }
        Ok(Self {
            value,
            long,
            short,
            zero,
            negative: absent.link_ttl(0),
        })
    }

    /// What a canary holds, and its TTL within these bounds.
    fn text(reply: &Observation, ttls: RangeInclusive<u32>) -> Result<(Value, u32), NotServed> {
        let name = || reply.question.name.clone();
        let says = |rdata: &str| rdata.contains(TEXT);
        let value = match reply.answer.links.as_slice() {
            [link] => match &link.value {
                Value::Rrset(set) if set.iter().all(says) => link.value.clone(),
                _ => return Err(NotServed::Missing(name())),
            },
            _ => return Err(NotServed::Missing(name())),
        };
        match reply.link_ttl(0) {
            ttl if ttls.contains(&ttl) => Ok((value, ttl)),
            ttl => Err(NotServed::OtherTtl { name: name(), ttl }),
        }
    }

    /// The TTL that the zone gives to names of a kind, seconds; `None` where it gives none.
    pub(super) fn ttl(&self, kind: Kind) -> Option<u32> {
        match kind {
            Kind::Long => Some(self.long),
            Kind::Short => Some(self.short),
            Kind::Zero => Some(self.zero),
            Kind::Absent => Some(self.negative),
            Kind::Fading | Kind::Failing => None,
        }
    }
}
