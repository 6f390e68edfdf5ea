//! Two runs over the same rounds side by side: which incidents are in both, and which in one only.
//!
//! Deliberately absent: which of them is better.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Told;
use crate::{
    audit::incident::{Axis, Incident, IncidentKey, Status},
    names::DnsName,
    types::Severity,
};

/// In which run an incident fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It would have fired, and did not.
    New,
    /// It fired, and would not have.
    Gone,
    /// It fired, and would have, and something told of it differs.
    Changed,
    /// It fired, and would have, just so.
    Same,
}

/// One incident in either run or in both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// In which.
    pub outcome: Outcome,
    /// The group.
    pub group: String,
    /// Along which line.
    pub axis: Axis,
    /// What it is about.
    pub subject: String,
    /// As it was; `None`: it did not fire.
    pub did: Option<Fired>,
    /// As it would have been; `None`: it would not have fired.
    pub would: Option<Fired>,
}

/// An incident as far as two runs can differ in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fired {
    /// Its id.
    pub id: Uuid,
    /// The state's or the finding's name.
    pub verdict: String,
    /// How much it mattered.
    pub severity: Severity,
    /// The names it concerned.
    pub names: Vec<DnsName>,
    /// The resolvers it was seen at.
    pub resolvers: Vec<String>,
    /// First bad sample.
    pub opened_at: DateTime<Utc>,
    /// When it was believed and told.
    pub confirmed_at: DateTime<Utc>,
    /// When it ended; `None`: not in these rounds.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Steps told in these rounds.
    pub steps: usize,
}

impl Fired {
    fn of((incident, steps): &(Incident, usize)) -> Self {
        Self {
            id: incident.id,
            verdict: incident.verdict.clone(),
            severity: incident.severity,
            names: incident.names.iter().cloned().collect(),
            resolvers: incident.resolvers.iter().cloned().collect(),
            opened_at: incident.opened_at,
            confirmed_at: incident.confirmed_at,
            resolved_at: incident
                .resolved_at
                .filter(|_| incident.status == Status::Resolved),
            steps: *steps,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let before =
            |one: &Self, other: &Self| one.resolved_at.is_some_and(|ended| ended < other.opened_at);
        !before(self, other) && !before(other, self)
    }
}

/// Pairs incidents of one key that overlap in time. What differs first, then by beginning.
pub fn compare(did: &Told, would: &Told) -> Vec<Compared> {
    let (mut did, mut would) = (by_key(did), by_key(would));
    let mut compared = Vec::new();
    for (key, fired) in &mut did {
        let others = would.remove(key).unwrap_or_default();
        compared.extend(pair(key, std::mem::take(fired), others));
    }
    for (key, fired) in would {
        compared.extend(pair(&key, Vec::new(), fired));
    }
    compared.sort_by(|one, other| {
        (one.outcome, one.opened_at(), &one.subject).cmp(&(
            other.outcome,
            other.opened_at(),
            &other.subject,
        ))
    });
    compared
}

fn by_key(told: &Told) -> BTreeMap<IncidentKey, Vec<Fired>> {
    let mut by_key: BTreeMap<IncidentKey, Vec<Fired>> = BTreeMap::new();
    for one in told.incidents() {
        by_key
            .entry(one.0.key.clone())
            .or_default()
            .push(Fired::of(one));
    }
    for fired in by_key.values_mut() {
        fired.sort_by_key(|one| one.opened_at);
    }
    by_key
}

fn pair(key: &IncidentKey, did: Vec<Fired>, mut would: Vec<Fired>) -> Vec<Compared> {
    let mut compared = Vec::new();
    for one in did {
        let other = would.iter().position(|other| one.overlaps(other));
        let other = other.map(|at| would.remove(at));
        compared.push(Compared::of(key, Some(one), other));
    }
    compared.extend(
        would
            .into_iter()
            .map(|one| Compared::of(key, None, Some(one))),
    );
    compared
}

impl Compared {
    fn of(key: &IncidentKey, did: Option<Fired>, would: Option<Fired>) -> Self {
        let outcome = match (&did, &would) {
            (None, _) => Outcome::New,
            (_, None) => Outcome::Gone,
            (did, would) if did == would => Outcome::Same,
            _ => Outcome::Changed,
        };
        Self {
            outcome,
            group: key.group.clone(),
            axis: key.axis,
            subject: key.subject.clone(),
            did,
            would,
        }
    }

    fn opened_at(&self) -> Option<DateTime<Utc>> {
        let either = self.did.as_ref().or(self.would.as_ref());
        either.map(|fired| fired.opened_at)
    }
}
