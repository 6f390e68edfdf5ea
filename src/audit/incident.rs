//! Incidents: confirmed breaches with a beginning and an end, and the steps of their life.
//!
//! Deliberately absent: the rules of the edges, which are [`crate::audit::ledger`], and how a step is told.

mod changes;
mod life;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use changes::{Calm, Flapping, News, Recurrence, Share, Tally};
pub use life::{Cause, EDGES, Edge, Standing};

use crate::{
    audit::evidence::{Baseline, Observed},
    audit::verdict::Family,
    names::DnsName,
    types::{RecordType, Severity},
};

/// Along which line the bad questions of a round fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// One name and type.
    Name,
    /// One resolver, on much of a group.
    Resolver,
    /// One authoritative server, or one zone.
    Authority,
    /// The vantage itself sees next to nothing.
    Vantage,
}

impl Axis {
    /// In a word, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Resolver => "resolver",
            Self::Authority => "authority",
            Self::Vantage => "vantage",
        }
    }
}

/// Where an incident stands, as it is told and stored. [`Standing`] has the edges between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Bad.
    Open,
    /// Clean of late; caches may still hold it.
    Recovering,
    /// Over.
    Resolved,
}

/// What makes an incident the same incident: one open incident per key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncidentKey {
    /// The group.
    pub group: String,
    /// The axis.
    pub axis: Axis,
    /// On `name`: `name type`; on `resolver`: its id; on `authority`: the server's address or the zone; on `vantage`: its name.
    pub subject: String,
    /// Which breaches it gathers.
    pub family: Family,
}

/// How long one backend, or one resolver address as a whole, has been bad or clean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendTrack {
    /// Last bad sample.
    pub last_bad: DateTime<Utc>,
    /// Rounds in a row with a clean sample and without a bad one. A round that did not reach it does not count.
    pub clean_rounds: u32,
    /// Last clean sample of a round without a bad one.
    #[serde(default)]
    pub last_clean: Option<DateTime<Utc>>,
    /// The latest `t + θ` seen of any bad value here.
    #[serde(default)]
    pub cached_until: Option<DateTime<Utc>>,
}

/// How a resolver address that turned everything away is asked: one question a round, and everything now and then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// The round after which it is asked so.
    pub since: DateTime<Utc>,
    /// When one of its questions was answered: since then it is asked everything again.
    pub until: Option<DateTime<Utc>>,
    /// Rounds that asked everything in vain, from 1: the back-off grows with them.
    pub tries: u32,
    /// When everything is asked again, answered or not.
    pub next_try: DateTime<Utc>,
    /// Rounds that asked one question in vain: whose turn it is next.
    pub canaries: u32,
}

/// A confirmed breach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Derived from key, vantage, `opened_at` and `confirmed_at`: the same history gives the same id.
    pub id: Uuid,
    /// What it is about.
    pub key: IncidentKey,
    /// Where it stands.
    pub status: Status,
    /// The state's or the finding's name, of the worst evidence so far.
    pub verdict: String,
    /// Only ever rises.
    pub severity: Severity,
    /// Every name it concerns.
    pub names: BTreeSet<DnsName>,
    /// Every type.
    pub types: BTreeSet<RecordType>,
    /// Every resolver it was seen at.
    pub resolvers: BTreeSet<String>,
    /// Every authoritative server it was seen at.
    pub authorities: BTreeSet<String>,
    /// Where it was seen from.
    pub vantages: BTreeSet<String>,
    /// What is right.
    pub baseline: Option<Baseline>,
    /// Bad replies, the latest per (resolver address, name, type, site), at most 100.
    pub observed: Vec<Observed>,
    /// First bad sample. Never changes, since the id comes from it.
    pub opened_at: DateTime<Utc>,
    /// When it was believed and told. Never changes, as `opened_at`.
    pub confirmed_at: DateTime<Utc>,
    /// Last bad sample.
    pub last_bad_at: DateTime<Utc>,
    /// When it was found recovering; `None` again after a relapse.
    pub recovering_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub resolved_at: Option<DateTime<Utc>>,
    /// When a person took it.
    pub acked_at: Option<DateTime<Utc>>,
    /// The latest `t + θ` seen of any bad value.
    pub cached_until: Option<DateTime<Utc>>,
    /// The latest worst case of any bad value.
    pub worst_case_until: Option<DateTime<Utc>>,
    /// Clean or bad, per backend that was ever bad: three words, `resolver address site`. The site is the NSID as text,
    /// `-` where the backend does not say, `*` for the address as a whole. Failures are kept by whole addresses only
    /// (silence names no site); findings and `blind` keep none.
    pub backends: BTreeMap<String, BackendTrack>,
    /// Resolver addresses, named as in `backends`, that were left alone for it but for one question a round.
    #[serde(default)]
    pub throttled: BTreeMap<String, Throttle>,
    /// Rounds in a row with a clean sample and without a bad one anywhere.
    pub clean_rounds: u32,
    /// Steps told so far: the number of the next one.
    pub transitions: u32,
    /// When a step was last told.
    pub told_at: DateTime<Utc>,
    /// One sentence of the worst evidence so far.
    pub reason: String,
    /// Resolvers (on the axis `name`) or names (on the axis `resolver`) that were clean of late.
    #[serde(default)]
    pub calm: BTreeMap<String, Calm>,
    /// Who joined and left since a step was last told.
    #[serde(default)]
    pub untold: News,
    /// How it comes and goes; `None`: it does not.
    #[serde(default)]
    pub flapping: Option<Flapping>,
    /// By resolver, how much of what was asked showed it. Findings and `blind` keep none.
    #[serde(default)]
    pub tallies: BTreeMap<String, Tally>,
}

impl Incident {
    /// Whether it is clean at the moment, though it is not over.
    pub(in crate::audit) fn is_calm(&self) -> bool {
        let is_lull = self.flapping.as_ref().is_some_and(|one| one.is_lull);
        self.status == Status::Recovering || is_lull
    }
}

/// What kind of step this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransitionKind {
    /// Confirmed.
    Opened,
    /// Worse, wider, merged, recovering, or relapsed.
    Updated,
    /// Still there.
    Reminder,
    /// Over.
    Resolved,
}

impl Status {
    /// In a word, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Recovering => "recovering",
            Self::Resolved => "resolved",
        }
    }
}

/// One step of an incident's life, with the incident as it stood after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Its number within the incident, from 0: (incident, number) is unique for ever.
    pub number: u32,
    /// What kind.
    pub kind: TransitionKind,
    /// When.
    pub at: DateTime<Utc>,
    /// What moved the incident, one cause an edge, in order.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// Why, in one sentence.
    pub reason: String,
    /// The incident after the step.
    pub incident: Incident,
}

/// A breach that still counts towards confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// What it will be about.
    pub key: IncidentKey,
    /// What is counted: `name type @ resolver address` for a verdict (with ` bogus` behind where only row 3 is counted),
    /// the subject for a finding, the vantage for `blind`. With the family it is unique; the rest of the key may change
    /// from round to round, as the axis does.
    pub subject: String,
    /// First bad sample.
    pub since: DateTime<Utc>,
    /// When it was last counted: a candidate older than three rounds starts afresh.
    pub last_at: DateTime<Utc>,
    /// Rounds in a row.
    pub rounds: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_called_the_same_in_words_and_in_json() {
        for status in [Status::Open, Status::Recovering, Status::Resolved] {
            let json = serde_json::to_value(status).unwrap();
            assert_eq!(json, status.as_str());
        }
        assert_eq!(Status::Recovering.as_str(), "recovering");
    }
}
