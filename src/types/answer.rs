//! An answer: the canonical content of a reply, without TTLs, so that equal content is stored once.
//!
//! Deliberately absent: TTLs, flags, times. They belong to the observation.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Rrset;
use crate::names::DnsName;

/// A response code as a number, extended bits included (RFC 6891 section 6.1.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error.
    pub const NOERROR: Self = Self(0);
    /// Format error.
    pub const FORMERR: Self = Self(1);
    /// Server failure.
    pub const SERVFAIL: Self = Self(2);
    /// No such name.
    pub const NXDOMAIN: Self = Self(3);
    /// Not implemented.
    pub const NOTIMP: Self = Self(4);
    /// Refused.
    pub const REFUSED: Self = Self(5);
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "NOERROR",
            1 => "FORMERR",
            2 => "SERVFAIL",
            3 => "NXDOMAIN",
            4 => "NOTIMP",
            5 => "REFUSED",
            9 => "NOTAUTH",
            16 => "BADVERS",
            23 => "BADCOOKIE",
            other => return f.pad(&format!("RCODE{other}")),
        };
        f.pad(name)
    }
}

impl fmt::Debug for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why there was no valid reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoReply {
    /// Nothing valid came within any attempt.
    Timeout,
    /// The connection was refused, or reset.
    Refused,
    /// No way to the address from here (no route, no such address family).
    NoRoute,
    /// ICMP said that nobody listens at the UDP port.
    PortUnreachable,
    /// Replies came from the right peer under the right id, and none of them to this question.
    WrongQuestion,
    /// No secure connection came about.
    Tls(TlsFailure),
    /// The HTTP status, other than 2xx.
    Http(u16),
    /// The connection stood, and the peer broke the rules of the transport or ended it without an answer.
    Protocol,
}

/// Why no secure connection came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFailure {
    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate is for other names.
    WrongName,
    /// Nobody who is trusted vouches for the certificate; self-signed ones come here, too.
    UnknownIssuer,
    /// The certificate was revoked.
    Revoked,
    /// Any other fault of the certificate.
    BadCertificate,
    /// The peer speaks TLS and no protocol of ours (ALPN, RFC 7301).
    NoCommonProtocol,
    /// The handshake ended in another way: an alert, another version, no TLS at all.
    Handshake,
}

impl NoReply {
    /// What is known of the reason, in a few words.
    pub fn text(self) -> String {
        match self {
            Self::Timeout => "timeout".to_owned(),
            Self::Refused => "connection refused".to_owned(),
            Self::NoRoute => "no route".to_owned(),
            Self::PortUnreachable => "port unreachable".to_owned(),
            Self::WrongQuestion => "wrong question".to_owned(),
            Self::Tls(why) => format!("TLS: {}", why.as_str()),
            Self::Http(status) => format!("HTTP {status}"),
            Self::Protocol => "protocol error".to_owned(),
        }
    }
}

impl TlsFailure {
    /// The reason in a few words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "certificate expired",
            Self::NotYetValid => "certificate not yet valid",
            Self::WrongName => "certificate for another name",
            Self::UnknownIssuer => "unknown issuer",
            Self::Revoked => "certificate revoked",
            Self::BadCertificate => "bad certificate",
            Self::NoCommonProtocol => "no common protocol",
            Self::Handshake => "handshake failed",
        }
    }
}

/// What kind of reply this was, RCODE first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A message that decodes, with this RCODE.
    Rcode(Rcode),
    /// A matching message that does not decode, or that is cut short where nothing is too long (TC over a stream); the
    /// RCODE of its header.
    Malformed(Rcode),
    /// No valid reply at all.
    NoReply(NoReply),
}

/// What one owner name was said to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// An alias: the owner is another name (RFC 1034 section 3.6.2).
    Cname(DnsName),
    /// The `RRset` of the asked type: RDATA in canonical presentation form, sorted, each once. Never empty.
    Rrset(Rrset),
    /// The name exists and has no data of the type (RFC 2308 section 2.2).
    Nodata,
    /// The name does not exist (RFC 2308 section 2.1, RFC 8020).
    Nxdomain,
}

impl Value {
    /// Whether this denies data.
    pub fn is_negative(&self) -> bool {
        matches!(self, Self::Nodata | Self::Nxdomain)
    }

    /// The addresses of an A or AAAA `RRset`; empty for any other value.
    pub fn addresses(&self) -> Vec<IpAddr> {
        match self {
            Self::Rrset(set) => set.iter().filter_map(|rdata| rdata.parse().ok()).collect(),
            _ => Vec::new(),
        }
    }

    /// The records as short texts for people and payloads: RDATA, or the alias target; empty when negative.
    pub fn records(&self) -> Vec<String> {
        match self {
            Self::Cname(target) => vec![target.to_string()],
            Self::Rrset(set) => set.iter().map(str::to_owned).collect(),
            Self::Nodata | Self::Nxdomain => Vec::new(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cname(target) => f.pad(&format!("CNAME {target}")),
            Self::Rrset(set) => f.pad(&set.iter().collect::<Vec<_>>().join(" ")),
            Self::Nodata => f.pad("NODATA"),
            Self::Nxdomain => f.pad("NXDOMAIN"),
        }
    }
}

/// One step of a reply: an owner name and what it was said to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The owner name of the `RRset`.
    pub owner: DnsName,
    /// What it holds.
    pub value: Value,
}

/// The canonical content of a reply: status, and the chain of links from the asked name to the data.
///
/// `links` starts at the asked name; every link but the last is a CNAME, the last is the data or its denial. It ends
/// in a CNAME when the reply follows no further (an authority that does not serve the target). It is empty for a
/// status that carries no data: a failure, a malformed reply, no reply, or a referral.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// The RCODE class.
    pub status: Status,
    /// The chain, in the order it is followed.
    pub links: Vec<Link>,
}

impl Answer {
    /// An answer that carries no data.
    pub fn failure(status: Status) -> Self {
        Self {
            status,
            links: Vec::new(),
        }
    }

    /// Whether this says something of the name: data or its denial.
    pub fn is_data(&self) -> bool {
        !self.links.is_empty()
    }

    /// Whether a message with this RCODE came, decodable or not.
    pub fn is_reply(&self) -> bool {
        !matches!(self.status, Status::NoReply(_))
    }

    /// The last link, where the data or its denial stands.
    pub fn last(&self) -> Option<&Link> {
        self.links.last()
    }

    /// The RCODE as it is shown: `NOERROR`, or `no reply` where there was none.
    pub fn rcode_text(&self) -> String {
        match self.status {
            Status::Rcode(rcode) | Status::Malformed(rcode) => rcode.to_string(),
            Status::NoReply(_) => "no reply".to_owned(),
        }
    }

    /// SHA-256 over an unambiguous encoding: equal digests mean equal answers. The encoding is fixed for ever, since
    /// digests are stored.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut put = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        match self.status {
            Status::Rcode(rcode) => put(&format!("rcode {}", rcode.0)),
            Status::Malformed(rcode) => put(&format!("malformed {}", rcode.0)),
            // The texts of `NoReply` are part of the encoding: they must not change either.
            Status::NoReply(why) => put(&why.text()),
        }
        for Link { owner, value } in &self.links {
            put("link");
            put(owner.as_str());
            match value {
                Value::Cname(target) => {
                    put("cname");
                    put(target.as_str());
                }
                Value::Rrset(set) => {
                    put("rrset");
                    for rdata in set.iter() {
                        put(rdata);
                    }
                }
                Value::Nodata => put("nodata"),
                Value::Nxdomain => put("nxdomain"),
            }
        }
        hash.finalize().into()
    }
}

impl fmt::Display for Answer {
    /// One line: `CNAME lb.example.net → 192.0.2.1 192.0.2.2`, `NXDOMAIN`, `SERVFAIL`, `timeout`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.status {
            Status::NoReply(why) => why.text(),
            Status::Malformed(rcode) => format!("malformed {rcode}"),
            Status::Rcode(Rcode::NOERROR) if self.links.is_empty() => "no data, no SOA".to_owned(),
            Status::Rcode(rcode) if self.links.is_empty() => rcode.to_string(),
            Status::Rcode(_) => self
                .links
                .iter()
                .map(|link| link.value.to_string())
                .collect::<Vec<_>>()
                .join(" → "),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: Status, links: &[Value]) -> String {
        let owner: DnsName = "dialer7.example.com".parse().unwrap();
        let link = |value: &Value| Link {
            owner: owner.clone(),
            value: value.clone(),
        };
        let links = links.iter().map(link).collect();
        Answer { status, links }.to_string()
    }

    #[test]
    fn a_code_without_a_name_is_its_number() {
        let shown = [Rcode::SERVFAIL, Rcode(11)].map(|rcode| format!("{rcode:?}"));
        assert_eq!(shown, ["SERVFAIL", "RCODE11"]);
    }

    #[test]
    fn an_answer_is_shown_in_one_line_whatever_it_is() {
        use Status::{Malformed, NoReply as Nothing, Rcode as Said};
        let alias = Value::Cname("lb.example.net".parse().unwrap());
        let set = Value::Rrset(["192.0.2.1", "192.0.2.2"].map(str::to_owned).into());
        let cases: [(Status, &[Value], &str); 9] = [
            (
                Said(Rcode::NOERROR),
                &[alias, set],
                "CNAME lb.example.net → 192.0.2.1 192.0.2.2",
            ),
            (Said(Rcode::NXDOMAIN), &[Value::Nxdomain], "NXDOMAIN"),
            (Said(Rcode::NOERROR), &[], "no data, no SOA"),
            (Said(Rcode::SERVFAIL), &[], "SERVFAIL"),
            (Malformed(Rcode::NOERROR), &[], "malformed NOERROR"),
            (Nothing(NoReply::Timeout), &[], "timeout"),
            (Nothing(NoReply::Http(404)), &[], "HTTP 404"),
            (
                Nothing(NoReply::Tls(TlsFailure::Expired)),
                &[],
                "TLS: certificate expired",
            ),
            (
                Nothing(NoReply::Tls(TlsFailure::WrongName)),
                &[],
                "TLS: certificate for another name",
            ),
        ];
        for (status, links, text) in cases {
            assert_eq!(shown(status, links), text);
        }
    }
}
