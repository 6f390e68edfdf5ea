//! The epochs of one link at one authoritative server: the running one, and what deadlines need of those that ended.
//!
//! Deliberately absent: other servers, and whether this one counts.

use std::cmp::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{few::Few, runs::counts_down};
use crate::{names::DnsName, types::Value};

/// Past values kept of one server. Rotating sets make one each poll; what is dropped then expired first.
const MOST_PAST_VALUES: usize = 1_024;

/// What one server said of one link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ServerHistory {
    /// The name it was asked for when it said so: the link's owner, or one whose chain passes the link.
    pub(super) told_for: DnsName,
    pub(super) epoch: Epoch,
    pub(super) past: Few<Value, PastValue>,
    /// Every record of every value, for pools.
    pub(super) records: Few<Box<str>, Member>,
    /// The same of what was said for a client subnet, by its SCOPE (RFC 7871). A restart forgets it.
    #[serde(default)]
    pub(super) scoped: Few<(u8, String), Member>,
    /// The highest TTL ever seen here, seconds.
    pub(super) longest_ttl: u32,
}

/// The value and TTL that a server serves, as far as it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Epoch {
    pub(super) value: Value,
    /// `Θ`: the TTL at its start, seconds.
    pub(super) ttl: u32,
    pub(super) from: DateTime<Utc>,
    /// Since when it has this TTL: one that is raised does not end the epoch. `None`: since its start.
    #[serde(default)]
    pub(super) raised: Option<DateTime<Utc>>,
    pub(super) last_seen: DateTime<Utc>,
    /// `t + θ` of the last sight.
    pub(super) expires: DateTime<Utc>,
    /// The SCOPE that its first sight was said for, where it was for a client subnet at all.
    pub(super) scope: Option<u8>,
}

/// The ended epochs of one value: those that another one does not outlive under every cap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PastValue {
    pub(super) first: DateTime<Utc>,
    pub(super) ended: Vec<(DateTime<Utc>, u32)>,
    /// The last sight of it in any of them.
    #[serde(default)]
    pub(super) last_seen: Option<DateTime<Utc>>,
}

/// One record of a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) first_seen: DateTime<Utc>,
    pub(super) last_seen: DateTime<Utc>,
    /// The latest sight + TTL.
    pub(super) held_until: DateTime<Utc>,
    pub(super) ttl: u32,
}

impl Epoch {
    pub(super) fn new(value: &Value, ttl: u32, at: DateTime<Utc>) -> Self {
        Self {
            value: value.clone(),
            ttl,
            from: at,
            raised: None,
            last_seen: at,
            expires: at + TimeDelta::seconds(i64::from(ttl)),
            scope: None,
        }
    }

    /// Since when it is served with this TTL.
    pub(super) fn unchanged_since(&self) -> DateTime<Utc> {
        self.raised.unwrap_or(self.from)
    }
}

impl PastValue {
    /// Adds an epoch by its end and `Θ`; drops those that end no later with no longer TTL.
    pub(super) fn add(&mut self, end: DateTime<Utc>, ttl: u32) {
        if self.ended.iter().any(|(e, t)| *e >= end && *t >= ttl) {
            return;
        }
        self.ended.retain(|(e, t)| *e > end || *t > ttl);
        self.ended.push((end, ttl));
    }

    pub(super) fn end(&self) -> Option<DateTime<Utc>> {
        self.ended.iter().map(|(end, _)| *end).max()
    }

    pub(super) fn deadline(&self) -> Option<DateTime<Utc>> {
        let deadlines = self.ended.iter();
        deadlines
            .map(|(end, ttl)| *end + TimeDelta::seconds(i64::from(*ttl)))
            .max()
    }
}

impl Member {
    fn keep<K: Ord>(members: &mut Few<K, Self>, key: K, seen: &Epoch) {
        let member = members.get_or_insert_with(key, || Self {
            first_seen: seen.from,
            last_seen: seen.last_seen,
            held_until: seen.last_seen,
            ttl: seen.ttl,
        });
        member.first_seen = member.first_seen.min(seen.from);
        if seen.last_seen >= member.last_seen {
            (member.last_seen, member.ttl) = (seen.last_seen, seen.ttl);
        }
        let until = seen.last_seen + TimeDelta::seconds(i64::from(seen.ttl));
        member.held_until = member.held_until.max(until);
    }
}

impl ServerHistory {
    pub(super) fn new(told_for: &DnsName, epoch: Epoch) -> Self {
        let mut server = Self {
            told_for: told_for.clone(),
            longest_ttl: epoch.ttl,
            epoch,
            past: Few::default(),
            records: Few::default(),
            scoped: Few::default(),
        };
        server.keep_records(&server.epoch.clone());
        server
    }

    /// Takes in what the server said at `next.from`.
    pub(super) fn observe(&mut self, next: Epoch) {
        self.longest_ttl = self.longest_ttl.max(next.ttl);
        self.keep_records(&next);
        let epoch = &mut self.epoch;
        let is_late = next.from < epoch.last_seen
            || (next.from == epoch.last_seen && next.value < epoch.value);
        if is_late {
            return self.observe_late(&next);
        }
        let moved = (next.value == epoch.value).then(|| next.ttl.cmp(&epoch.ttl));
        let goes_on = match moved {
            Some(Ordering::Equal) => true,
            Some(Ordering::Less) => counts_down(epoch.expires, next.expires),
            Some(Ordering::Greater) | None => false,
        };
        if goes_on {
            (epoch.last_seen, epoch.expires) = (next.last_seen, next.expires);
        } else if moved == Some(Ordering::Greater) {
            // The longer TTL outlives whatever the shorter one allowed: one epoch serves for both.
            *epoch = Epoch {
                from: epoch.from,
                raised: Some(next.from),
                ..next
            };
        } else {
            let end = next.from;
            let ended = std::mem::replace(epoch, next);
            self.ended(&ended, end);
        }
    }

    /// A reply that a later one overtook: what it says was over by then, but it was said.
    fn observe_late(&mut self, late: &Epoch) {
        let epoch = &self.epoch;
        if late.value == epoch.value && late.ttl <= epoch.ttl {
            return;
        }
        let end = if late.from < epoch.from {
            epoch.from
        } else {
            epoch.last_seen
        };
        self.ended(late, end);
    }

    /// The server said the same once more, at the end of a stored run of `value`. Runs are handed in in order of time.
    pub(super) fn still_serves(&mut self, again: Epoch) {
        self.keep_records(&again);
        if self.epoch.value == again.value {
            (self.epoch.last_seen, self.epoch.expires) = (again.last_seen, again.expires);
        } else {
            self.observe(again);
        }
    }

    fn ended(&mut self, epoch: &Epoch, end: DateTime<Utc>) {
        let value = epoch.value.clone();
        let past = self.past.get_or_insert_with(value, || PastValue {
            first: epoch.from,
            ended: Vec::new(),
            last_seen: None,
        });
        past.last_seen = past.last_seen.max(Some(epoch.last_seen));
        past.first = past.first.min(epoch.from);
        past.add(end, epoch.ttl);
        if self.past.len() > MOST_PAST_VALUES {
            let by_deadline = self
                .past
                .iter()
                .min_by_key(|(value, past)| (past.deadline(), *value));
            if let Some(first) = by_deadline.map(|(value, _)| value.clone()) {
                self.past.retain(|value, _| *value != first);
            }
        }
    }

    fn keep_records(&mut self, seen: &Epoch) {
        for rdata in seen.value.records() {
            if let Some(scope) = seen.scope.filter(|scope| *scope > 0) {
                Member::keep(&mut self.scoped, (scope, rdata.clone()), seen);
            }
            Member::keep(&mut self.records, rdata.into_boxed_str(), seen);
        }
    }

    /// What is known of a record, of those said for this SCOPE, or of all.
    pub(super) fn member(&self, rdata: &str, scope: Option<u8>) -> Option<&Member> {
        match scope {
            Some(scope) => self.scoped.get(&(scope, rdata.to_owned())),
            None => self.records.get(rdata),
        }
    }

    /// Drops what ended and expired before `horizon`; `false` when nothing is left.
    pub(super) fn forget_before(&mut self, horizon: DateTime<Utc>) -> bool {
        self.past
            .retain(|_, past| past.deadline().is_some_and(|deadline| deadline >= horizon));
        self.records
            .retain(|_, member| member.held_until >= horizon);
        self.scoped.retain(|_, member| member.held_until >= horizon);
        !self.past.is_empty() || self.epoch.last_seen >= horizon
    }

    /// Whether the value was served at some instant between `from` and `until`.
    pub(super) fn was_served(
        &self,
        value: &Value,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> bool {
        let now = self.epoch.value == *value && self.epoch.from <= until;
        let past = self.past.get(value);
        now || past
            .is_some_and(|past| past.first <= until && past.end().is_some_and(|end| end >= from))
    }
}
