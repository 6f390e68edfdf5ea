//! What a round says of one question at one resolver address.
//!
//! Deliberately absent: how it is decided, which is [`crate::audit::judge`].

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    audit::{
        evidence::{Baseline, Observed},
        finding::FindingKind,
    },
    names::DnsName,
    types::{Question, Severity},
};

/// The state of a question at a resolver: the closed list. The first that matches wins, in the order of [`State::row`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing came from it within three rounds, or nothing was in its cache where that alone was asked (RD=0).
    Unknown,
    /// No valid reply after all attempts.
    Unreachable,
    /// REFUSED, NOTIMP, FORMERR, or an extended error that says so.
    Refused,
    /// DNSSEC validation failed.
    Bogus,
    /// Any other SERVFAIL.
    Servfail,
    /// Blocked or rewritten on purpose.
    Filtered,
    /// In no epoch, and the history is too young to say more.
    Unexplained,
    /// A positive answer that no authority ever served.
    Divergent,
    /// NXDOMAIN that no authority ever said.
    NxdomainMismatch,
    /// NODATA that no authority ever said.
    NodataMismatch,
    /// What is served now, or declared.
    Consistent,
    /// A past answer, still within its TTL, for at most `max_ttl` more.
    Propagating,
    /// A past answer, still within its TTL, for longer than `max_ttl`.
    PropagatingLong,
    /// A past answer after its deadline; the resolver says that it is stale.
    StaleDeclared,
    /// A past answer after its deadline.
    StaleOverdue,
    /// A past answer before its deadline whose TTL will carry it beyond.
    StaleExtended,
}

/// Which states, or which finding, share an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A wrong or old answer (rows 5, 6, 7 and 9).
    Value,
    /// No usable answer (rows 1 to 4).
    Failure,
    /// One finding, each a family by itself.
    Finding(FindingKind),
    /// The vantage itself.
    Blind,
}

impl State {
    /// Every state, in the order of the table.
    pub const ALL: [Self; 16] = [
        Self::Unknown,
        Self::Unreachable,
        Self::Refused,
        Self::Bogus,
        Self::Servfail,
        Self::Filtered,
        Self::Unexplained,
        Self::Divergent,
        Self::NxdomainMismatch,
        Self::NodataMismatch,
        Self::Consistent,
        Self::Propagating,
        Self::PropagatingLong,
        Self::StaleDeclared,
        Self::StaleOverdue,
        Self::StaleExtended,
    ];

    /// The row of the verdict table.
    pub fn row(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Unreachable => 1,
            Self::Refused => 2,
            Self::Bogus => 3,
            Self::Servfail => 4,
            Self::Filtered => 5,
            Self::Unexplained => 6,
            Self::Divergent | Self::NxdomainMismatch | Self::NodataMismatch => 7,
            Self::Consistent => 8,
            Self::Propagating
            | Self::PropagatingLong
            | Self::StaleDeclared
            | Self::StaleOverdue
            | Self::StaleExtended => 9,
        }
    }

    /// The family an incident of this state belongs to; `None` for rows 0 and 8.
    pub fn family(self) -> Option<Family> {
        match self.row() {
            1..=4 => Some(Family::Failure),
            5 | 6 | 7 | 9 => Some(Family::Value),
            _ => None,
        }
    }

    /// Whether the reply must be asked again, of the resolver twice and of `S` once, before it is believed.
    pub fn needs_asking_again(self) -> bool {
        matches!(self.row(), 3 | 5 | 6 | 7 | 9)
    }

    /// The name in every output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Bogus => "bogus",
            Self::Servfail => "servfail",
            Self::Filtered => "filtered",
            Self::Unexplained => "unexplained",
            Self::Divergent => "divergent",
            Self::NxdomainMismatch => "nxdomain_mismatch",
            Self::NodataMismatch => "nodata_mismatch",
            Self::Consistent => "consistent",
            Self::Propagating => "propagating",
            Self::PropagatingLong => "propagating_long",
            Self::StaleDeclared => "stale_declared",
            Self::StaleOverdue => "stale_overdue",
            Self::StaleExtended => "stale_extended",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A remark beside the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictFlag {
    /// EDE 3 with the right value: this resolver cannot reach the authority.
    ServeStaleInUse,
    /// The authority itself serves something undeclared.
    ExpectedMismatch,
    /// The baseline is weak: no authority answered, or one is being counted on after it fell silent.
    LowConfidence,
    /// The value is declared `known_bad`.
    KnownBad,
    /// The backend repeats a constant TTL and is judged by instants of receipt.
    ConstantTtl,
    /// The resolver keeps this answer for less than the authority's TTL: it has a cap, which the reason names.
    Capped,
    /// A signed answer came without AD, from a backend that validated it before or where the configuration has `dnssec`.
    ValidationLost,
    /// This address turns everything away, and is asked one question a round until it answers one.
    Throttled,
    /// Somebody on the way answers in its place: nothing is said of it.
    PathIntercepted,
}

/// One sample of a round, for shares and recovery by backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The backend, by NSID.
    pub site: Option<String>,
    /// Its state.
    pub state: State,
    /// When it was received.
    pub at: DateTime<Utc>,
}

/// What a round says of one question at one resolver address: the worst of its samples, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was asked.
    pub question: Question,
    /// The resolver's id.
    pub resolver: String,
    /// Its operator.
    pub operator: String,
    /// The state of the worst sample.
    pub state: State,
    /// How much it matters.
    pub severity: Severity,
    /// Whether the state was seen at least twice in this round. Rows 1, 2 and 4 are confirmed by rounds instead.
    pub confirmed: bool,
    /// Remarks beside the state.
    pub flags: Vec<VerdictFlag>,
    /// The worst sample.
    pub observed: Observed,
    /// The owner name of the link that decided, where a chain was judged.
    pub link: Option<DnsName>,
    /// What it was held against; `None` only where nothing was answered or nothing is known.
    pub baseline: Option<Baseline>,
    /// `D(v)` of a past value: the last instant at which any honest cache may hold it.
    pub deadline: Option<DateTime<Utc>>,
    /// The latest `t + θ` seen of the value here.
    pub cached_until: Option<DateTime<Utc>>,
    /// Until when a backend never hit could hand it out; `None` where the value is current, and for rows 0 to 5.
    pub worst_case_until: Option<DateTime<Utc>>,
    /// Every sample of the round.
    pub samples: Vec<Sample>,
    /// One sentence with the instants filled in.
    pub reason: String,
}

impl Verdict {
    /// Whether the pair must be asked again before this is believed. A silent `propagating` tells nobody anything, so it is
    /// left alone.
    pub fn is_suspicious(&self) -> bool {
        self.state.needs_asking_again()
            && (self.state != State::Propagating || self.severity > Severity::None)
    }
}
