//! Questions, and whom they are put to.
//!
//! Deliberately absent: sockets, and the list of presets.

use std::{collections::BTreeSet, fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ipnet::Ipv6Net;
use serde::{Deserialize, Serialize};

use crate::{
    names::DnsName,
    types::{QueryOptions, RecordType, Transport, Value},
};

/// A name and a record type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Question {
    /// QNAME.
    pub name: DnsName,
    /// QTYPE.
    #[serde(rename = "type")]
    pub rtype: RecordType,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.rtype)
    }
}

/// Which side of the cache a source stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A recursive resolver, public or own. Asked with RD=1.
    Resolver,
    /// One address of one authoritative server. Asked with RD=0.
    Authority,
}

/// Whom a question is put to: one address of a resolver, or of an authoritative server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Resolver or authority.
    pub kind: SourceKind,
    /// The resolver's id in the configuration, or the authoritative server's host name (its address where it was
    /// configured by address).
    pub id: String,
    /// Where it is asked.
    pub address: SocketAddr,
    /// How it is asked.
    pub transport: Transport,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = show_address(self.address, self.transport.usual_port());
        let suffix = self.id.strip_suffix(self.transport.as_str());
        let bare = suffix.and_then(|id| id.strip_suffix('+'));
        if bare.unwrap_or(&self.id) == address {
            // Named by its address alone, or with its transport.
            return f.write_str(&self.id);
        }
        write!(f, "{} ({address})", self.id)
    }
}

/// The address, with its port only where that is not the usual one.
pub(crate) fn show_address(address: SocketAddr, usual_port: u16) -> String {
    if address.port() == usual_port {
        address.ip().to_string()
    } else {
        address.to_string()
    }
}

/// What is known of a resolver beforehand.
#[expect(clippy::struct_excessive_bools, reason = "each is a trait of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResolverTraits {
    /// It blocks names on purpose.
    pub filters: bool,
    /// It blocks with NXDOMAIN, an empty authority section and RA=0 (Quad9's signature).
    pub signs_blocks: bool,
    /// It passes client subnets to authorities (RFC 7871).
    pub ecs: bool,
    /// Highest TTL it keeps, seconds; `None`: not known.
    pub ttl_cap: Option<u32>,
    /// Where and when the cap was measured, for people.
    pub ttl_cap_source: Option<String>,
    /// Lowest TTL it keeps, seconds: what is shorter is lifted to it. 0: nothing is lifted, or not known.
    #[serde(default)]
    pub ttl_floor: u32,
    /// How long it keeps a denial at most, seconds; `None`: not known.
    #[serde(default)]
    pub negative_ttl_cap: Option<u32>,
    /// Every backend was measured to repeat TTLs instead of counting them down.
    #[serde(default)]
    pub constant_ttl: bool,
    /// One cache answers at each of its addresses, or for each NSID there. Otherwise an NSID may name a place with several:
    /// RFC 5001 leaves open what it says.
    #[serde(default)]
    pub single_cache: bool,
    /// Anybody may ask it, and its operator shares no server with another one.
    #[serde(default)]
    pub is_public: bool,
    /// What the identifiers (NSID, RFC 5001) of all its servers end in, in lower case; `None`: not known.
    #[serde(default)]
    pub nsid_suffix: Option<String>,
    /// The page where a person can flush its cache.
    pub flush_page: Option<String>,
    /// The prefix under which it makes AAAA records of A records, where that is not `64:ff9b::/96` (RFC 6052).
    pub dns64_prefix: Option<Ipv6Net>,
}

impl ResolverTraits {
    /// How long, in seconds, a value that the authority gives this TTL can be kept: as long as its TTL where nothing is
    /// known.
    pub fn keeps(&self, value: &Value, ttl: u32) -> u32 {
        if value.is_negative() {
            // Floors are measured with positive answers.
            return ttl.min(self.negative_ttl_cap.or(self.ttl_cap).unwrap_or(u32::MAX));
        }
        ttl.min(self.ttl_cap.unwrap_or(u32::MAX))
            .max(self.ttl_floor)
    }
}

/// Whom an encrypted transport must find at an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The name that is sent as SNI and that the certificate must be valid for, or an address as text.
    pub server_name: String,
    /// The path that HTTP questions go to, `/dns-query` as a rule (RFC 8484 section 4.1).
    pub path: String,
    /// A PEM file of certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// A resolver as configured: one operator's service at one or more addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolver {
    /// Unique id.
    pub id: String,
    /// Who runs it: one voice in a quorum.
    pub operator: String,
    /// Every address that is asked.
    pub addresses: Vec<SocketAddr>,
    /// How it is asked.
    pub transport: Transport,
    /// Whom an encrypted transport must find there; `None` for the others.
    pub endpoint: Option<Arc<Endpoint>>,
    /// What is said beside the question; what is left open here is the group's to say.
    pub options: QueryOptions,
    /// Most questions a second to one address.
    pub max_qps: u32,
    /// What is known of it.
    pub traits: ResolverTraits,
}

impl Resolver {
    /// One source per address.
    pub fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        self.addresses.iter().map(|address| Source {
            kind: SourceKind::Resolver,
            id: self.id.clone(),
            address: *address,
            transport: self.transport,
        })
    }
}

/// Why a server belongs to a zone's authority set `S`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listed {
    /// Named in the configuration.
    Configured,
    /// In the NS set of the parent's referral, of the child's apex, or of both.
    Delegated {
        /// Listed at the parent.
        parent: bool,
        /// Listed at the child.
        child: bool,
    },
    /// No longer listed, still asked until this instant: caches may hold the old NS set.
    Removed {
        /// One NS TTL after the removal was seen.
        until: DateTime<Utc>,
    },
}

/// One address of one authoritative server of a zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AuthorityServer {
    /// Host name from the NS record, or the address as text where it was configured.
    pub name: String,
    /// Where it is asked.
    pub address: SocketAddr,
    /// Why it is asked.
    pub listed: Listed,
}

impl AuthorityServer {
    /// The source it is asked as.
    pub fn source(&self) -> Source {
        Source {
            kind: SourceKind::Authority,
            id: self.name.clone(),
            address: self.address,
            transport: Transport::Udp,
        }
    }
}

/// A zone and its authority set `S`, as last found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// The apex.
    pub apex: DnsName,
    /// `S`: every address of every server that counts.
    pub servers: Vec<AuthorityServer>,
    /// NS host names in the parent's referral; empty where the zone was configured.
    pub parent_ns: BTreeSet<DnsName>,
    /// NS host names at the child's apex; empty where nothing was found.
    pub child_ns: BTreeSet<DnsName>,
    /// NS host names that no address was found for.
    pub unresolved_ns: BTreeSet<DnsName>,
    /// Highest TTL of the NS sets and glue, at parent and child.
    pub delegation_ttl: Option<Duration>,
    /// When this was found.
    pub found_at: DateTime<Utc>,
    /// When it must be found again: `found_at` + the lowest NS TTL, within bounds.
    pub refresh_at: DateTime<Utc>,
}
