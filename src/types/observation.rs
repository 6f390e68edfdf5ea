//! One question put to one source at one instant, and everything that came back.
//!
//! Deliberately absent: what it means.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::types::{Answer, Question, Source};

/// How a question travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// UDP, and TCP where the reply was truncated or UDP stayed silent.
    Udp,
    /// TCP only (RFC 7766).
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS, HTTP/2 (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
    /// DNS over HTTPS, HTTP/3 (RFC 8484, RFC 9114).
    H3,
}

impl Transport {
    /// Every transport there is, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::Udp,
        Self::Tcp,
        Self::Tls,
        Self::Https,
        Self::Quic,
        Self::H3,
    ];

    /// The word that configuration, command line and JSON have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
            Self::H3 => "h3",
        }
    }

    /// The port it uses unless told otherwise.
    pub fn usual_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 53,
            Self::Tls | Self::Quic => 853,
            Self::Https | Self::H3 => 443,
        }
    }

    /// Whether the server shows a certificate, which must be valid for a name.
    pub fn is_encrypted(self) -> bool {
        !matches!(self, Self::Udp | Self::Tcp)
    }

    /// Whether questions go to a path (RFC 8484 section 3).
    pub fn is_http(self) -> bool {
        matches!(self, Self::Https | Self::H3)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The header flags of a reply, as one small number in storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(pub u16);

impl Flags {
    /// Authoritative answer.
    pub const AA: Self = Self(1);
    /// Truncated (of the first UDP reply, even when TCP then brought the whole).
    pub const TC: Self = Self(2);
    /// Recursion desired, as echoed.
    pub const RD: Self = Self(4);
    /// Recursion available.
    pub const RA: Self = Self(8);
    /// Authentic data (RFC 4035 section 3.2.3).
    pub const AD: Self = Self(16);
    /// Checking disabled.
    pub const CD: Self = Self(32);
    /// The reply's authority section held at least one record.
    pub const AUTHORITY_SECTION: Self = Self(64);
    /// The reply decodes, and breaks a rule that no client minds: octets after its end, an option whose data does not
    /// fit the option.
    pub const IRREGULAR: Self = Self(128);
    /// An aside: our own question with CD=1 beside a plain one. No client sees its reply, so that it is no sample.
    pub const ASIDE: Self = Self(256);

    /// Whether every flag of `other` is set here.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and `other`, when `on`.
    #[must_use]
    pub fn with(self, other: Self, on: bool) -> Self {
        if on { Self(self.0 | other.0) } else { self }
    }
}

/// An extended DNS error (RFC 8914). The text comes from the wire: show it escaped, never act on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ede {
    /// INFO-CODE.
    pub code: u16,
    /// EXTRA-TEXT, lossily read as UTF-8; empty where absent.
    pub text: String,
}

/// One question put to one source at one instant. A timeout is an observation too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Who was asked.
    pub source: Arc<Source>,
    /// What was asked.
    pub question: Question,
    /// When the reply was received, or when waiting ended.
    pub at: DateTime<Utc>,
    /// The canonical content.
    pub answer: Arc<Answer>,
    /// The TTLs as received, in seconds: one list per link of the answer. For an `RRset` one TTL per RDATA in the
    /// answer's order, for an alias one, for a denial `[SOA TTL, SOA MINIMUM]`, or empty when no SOA came with it.
    pub ttls: Vec<Vec<u32>>,
    /// The SOA serial that a denial carried, or that was asked for.
    pub serial: Option<u32>,
    /// Header flags.
    pub flags: Flags,
    /// Extended errors in the order received.
    pub ede: Vec<Ede>,
    /// The name server identifier, raw (RFC 5001).
    pub nsid: Option<Vec<u8>>,
    /// SCOPE PREFIX-LENGTH of a returned client subnet option (RFC 7871).
    pub ecs_scope: Option<u8>,
    /// The responder's UDP payload size, where the reply carried an OPT record.
    pub edns_size: Option<u16>,
    /// The responder's EDNS version (RFC 6891 section 6.1.3).
    #[serde(default)]
    pub edns_version: Option<u8>,
    /// Seconds that an HTTP cache had held the reply (RFC 8484 section 5.1); zero where none did, or over other transports.
    #[serde(default)]
    pub age: u32,
    /// From the send of the attempt that was answered to its receipt; zero when nothing came.
    pub rtt: Duration,
    /// The transport that brought the reply, or the last one tried.
    pub transport: Transport,
    /// Datagrams and connections spent, from 1.
    pub attempts: u8,
    /// Datagrams that came to our port and did not match peer, id and question.
    pub mismatched: u16,
    /// Octets of the reply; zero when nothing came.
    pub size: u16,
    /// The messages themselves, where a reply came. Equal observations may have travelled differently.
    #[serde(skip)]
    pub wire: Option<Arc<Wire>>,
}

/// A query and its reply as they travelled, without the framing of their transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// The query that was answered.
    pub query: Box<[u8]>,
    /// The reply, octet by octet.
    pub reply: Box<[u8]>,
}

impl Observation {
    /// The TTL of link `index`: the lowest in its `RRset` (RFC 2181 section 5.2); for a denial min(SOA TTL, SOA MINIMUM)
    /// (RFC 2308 section 5), and 0 when no SOA came with it (it should not be cached). Less the reply's age in an HTTP
    /// cache (RFC 8484 section 5.1).
    pub fn link_ttl(&self, index: usize) -> u32 {
        self.ttls
            .get(index)
            .and_then(|ttls| ttls.iter().min().copied())
            .unwrap_or(0)
            .saturating_sub(self.age)
    }

    /// The lowest TTL over all links: how long a stub may hold the whole answer. `None` where nothing was answered.
    pub fn ttl(&self) -> Option<u32> {
        (0..self.answer.links.len())
            .map(|index| self.link_ttl(index))
            .min()
    }

    /// The expiry instant `t + θ` of link `index`.
    pub fn expires_at(&self, index: usize) -> DateTime<Utc> {
        self.at + TimeDelta::seconds(i64::from(self.link_ttl(index)))
    }

    /// Whether this is no sample, but the reply to an aside of ours ([`Flags::ASIDE`]).
    pub fn is_aside(&self) -> bool {
        self.flags.has(Flags::ASIDE)
    }

    /// Whether the reply says itself that it is stale: EDE 3 or 19 (RFC 8914 sections 4.4 and 4.20).
    pub fn is_stale(&self) -> bool {
        self.ede.iter().any(|ede| [3, 19].contains(&ede.code))
    }

    /// The backend that answered, by NSID, printable: ASCII as it is, everything else as hex; `None` where unknown.
    pub fn site(&self) -> Option<String> {
        site_of(self.nsid.as_deref()?)
    }
}

/// The backend of an NSID (RFC 5001), printable: ASCII as it is, everything else as hex; `None` where it is empty.
pub(crate) fn site_of(nsid: &[u8]) -> Option<String> {
    let printable = nsid.iter().all(|byte| (b'!'..=b'~').contains(byte));
    let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
    match nsid {
        [] => None,
        ascii if printable => Some(String::from_utf8_lossy(ascii).into_owned()),
        other => Some(other.iter().fold(String::new(), hex)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_called_by_its_nsid_and_in_hex_where_that_is_no_word() {
        assert_eq!(site_of(b"fra3").as_deref(), Some("fra3"));
        assert_eq!(site_of(b"fra 3").as_deref(), Some("6672612033"));
        assert_eq!(site_of(&[0, 255]).as_deref(), Some("00ff"));
        assert_eq!(site_of(b""), None);
    }

    #[test]
    fn a_transport_is_encrypted_or_goes_to_a_path_by_its_kind() {
        use Transport::{H3, Https, Quic, Tcp, Tls, Udp};
        let all = [Udp, Tcp, Tls, Https, Quic, H3];
        let encrypted: Vec<_> = all.into_iter().filter(|one| one.is_encrypted()).collect();
        assert_eq!(encrypted, [Tls, Https, Quic, H3]);
        let http: Vec<_> = all.into_iter().filter(|one| one.is_http()).collect();
        assert_eq!(http, [Https, H3]);
    }

    #[test]
    fn a_flag_that_is_set_twice_is_set() {
        let flags = Flags::AA.with(Flags::AA, true).with(Flags::RA, true);
        assert!(flags.has(Flags::AA) && flags.has(Flags::RA));
        assert_eq!(flags.with(Flags::TC, false), flags);
    }
}
