//! What is wrong with a name, a zone or a server by itself, whatever resolvers say.
//!
//! Deliberately absent: how it is found, which is `crate::audit::findings`.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    audit::evidence::{Baseline, Observed},
    names::DnsName,
    types::{Question, Severity},
};

/// The closed list of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The authority says NXDOMAIN, or has no data for every type asked.
    NameMissing,
    /// The authoritative TTL of a link is above `max_ttl`.
    TtlAbovePolicy,
    /// min(SOA TTL, SOA MINIMUM) is above `max_negative_ttl`.
    NegativeTtlAbovePolicy,
    /// A resolver keeps a current value longer than any authority allows.
    TtlStretched,
    /// Servers of one zone disagree in data for more than 60 s.
    AuthoritySplit,
    /// A server listed for the zone does not answer for it with authority (RFC 9499, "lame delegation").
    LameAuthority,
    /// A server of the zone does not answer.
    AuthorityUnreachable,
    /// The NS sets of parent and child differ.
    NsMismatch,
    /// Unequal TTLs within one `RRset` (RFC 2181 section 5.2).
    RrsetTtlMismatch,
    /// NS or glue TTL above `max_delegation_ttl`.
    DelegationTtl,
    /// A server is behind the highest SOA serial of its zone for more than 300 s (RFC 1982).
    SerialLag,
    /// The authority serves what is not declared in `expect`, or what is declared `known_bad`.
    ExpectedMismatch,
    /// The authority's value changed, and nobody declared the change.
    UnexpectedChange,
    /// Somebody on the way from the vantage answers port 53 in place of those who are asked.
    PathIntercepted,
    /// A server says NXDOMAIN for a name and has data below it: an empty non-terminal denied (RFC 8020, RFC 4592 section
    /// 2.2.2).
    EntNxdomain,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::NameMissing,
        Self::TtlAbovePolicy,
        Self::NegativeTtlAbovePolicy,
        Self::TtlStretched,
        Self::AuthoritySplit,
        Self::LameAuthority,
        Self::AuthorityUnreachable,
        Self::NsMismatch,
        Self::RrsetTtlMismatch,
        Self::DelegationTtl,
        Self::SerialLag,
        Self::ExpectedMismatch,
        Self::UnexpectedChange,
        Self::PathIntercepted,
        Self::EntNxdomain,
    ];

    /// The name in every output.
    pub fn name(self) -> &'static str {
        match self {
            Self::NameMissing => "name_missing",
            Self::TtlAbovePolicy => "ttl_above_policy",
            Self::NegativeTtlAbovePolicy => "negative_ttl_above_policy",
            Self::TtlStretched => "ttl_stretched",
            Self::AuthoritySplit => "authority_split",
            Self::LameAuthority => "lame_authority",
            Self::AuthorityUnreachable => "authority_unreachable",
            Self::NsMismatch => "ns_mismatch",
            Self::RrsetTtlMismatch => "rrset_ttl_mismatch",
            Self::DelegationTtl => "delegation_ttl",
            Self::SerialLag => "serial_lag",
            Self::ExpectedMismatch => "expected_mismatch",
            Self::UnexpectedChange => "unexpected_change",
            Self::PathIntercepted => "path_intercepted",
            Self::EntNxdomain => "ent_nxdomain",
        }
    }

    /// Rounds in a row that must show it before it is told.
    pub fn rounds_to_confirm(self) -> u32 {
        match self {
            // The two replies come one after the other, and a transfer may come between them.
            Self::LameAuthority
            | Self::AuthorityUnreachable
            | Self::PathIntercepted
            | Self::EntNxdomain => 3,
            // A TTL that has just risen may reach a resolver before the server that gave it is heard here again.
            Self::TtlStretched => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for FindingKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is no finding; there are {known}")
        })
    }
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One name and type of the group.
    Question(Question),
    /// One authoritative server, by host name and address as shown.
    Server {
        /// Host name.
        name: String,
        /// Address, with the port where it is not 53.
        address: String,
    },
    /// A zone as a whole.
    Zone(DnsName),
    /// The vantage that looks, whichever it is.
    Vantage,
}

/// One thing that is wrong, found in one round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// About whom.
    pub subject: Subject,
    /// The zone it belongs to, where one is known: what many names of one zone share is told once.
    pub zone: Option<DnsName>,
    /// The names and types of the group that it concerns.
    pub questions: Vec<Question>,
    /// The resolver ids it was seen at (`ttl_stretched` and `path_intercepted` only).
    pub resolvers: Vec<String>,
    /// The authoritative servers it was seen at, by host name.
    pub authorities: Vec<String>,
    /// What the authority serves, where that is the point.
    pub baseline: Option<Baseline>,
    /// The replies that show it.
    pub observed: Vec<Observed>,
    /// When it was found.
    pub at: DateTime<Utc>,
    /// One sentence that names the link, the number and the limit.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::FindingKind;

    #[test]
    fn a_kind_is_known_by_its_name() {
        for kind in FindingKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        let unknown = "ttl".parse::<FindingKind>().unwrap_err();
        assert!(unknown.contains("ttl_above_policy"), "{unknown}");
    }
}
