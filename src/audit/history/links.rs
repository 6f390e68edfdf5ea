//! What the authoritative servers served for one link: values, TTLs, and when each ended.
//!
//! An *epoch* is a value and its TTL `Θ` at one server, from its first sight to that server's next differing
//! observation. Of past epochs only what the deadlines need is kept: per value the latest end, and the latest end + `Θ`.
//! Deliberately absent: which server belongs to the zone today; the caller says so when it asks for the [`Standing`].

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::EPSILON;
use crate::types::{Policy, Value, Zone};

/// Rounds and multiples of `max_ttl` that an address stays in a pool after its last sight at an authority.
const POOL_ROUNDS: u32 = 20;
const POOL_TTLS: u32 = 2;

/// The epochs of one link at every server.
#[derive(Debug, Clone, Default)]
pub struct LinkHistory {
    /// Since when its authorities have been asked without a gap.
    since: Option<DateTime<Utc>>,
    last_asked: Option<DateTime<Utc>>,
    servers: BTreeMap<SocketAddr, ServerHistory>,
    /// Every record of every set served, for pools: last sight and TTL then.
    records: HashMap<String, (DateTime<Utc>, u32)>,
}

#[derive(Debug, Clone)]
struct ServerHistory {
    epoch: Epoch,
    past: HashMap<Value, PastValue>,
}

#[derive(Debug, Clone)]
struct Epoch {
    value: Value,
    ttl: u32,
    from: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    last_expires: DateTime<Utc>,
}

#[derive(Debug, Clone)]
struct PastValue {
    first: DateTime<Utc>,
    end: DateTime<Utc>,
    deadline: DateTime<Utc>,
    ttl: u32,
}

/// A value that an authority serves now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// The value.
    pub value: Value,
    /// The highest `Θ` among the servers that serve it, seconds.
    pub ttl: u32,
    /// The latest of those servers' beginnings with it.
    pub from: DateTime<Utc>,
    /// The servers.
    pub servers: Vec<SocketAddr>,
}

/// A value that authorities served and serve no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// `L(v)`: the last instant at which an authority may have served it.
    pub end: DateTime<Utc>,
    /// `D(v)`: the last instant at which an honest cache may hold it.
    pub deadline: DateTime<Utc>,
    /// `Θ(v)` of the epoch that ended last, seconds.
    pub ttl: u32,
}

/// Where a link stands at an instant.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// `C`: what is served now.
    pub current: Vec<Current>,
    /// Since when the history is without a gap.
    pub since: Option<DateTime<Utc>>,
    /// The last authoritative answer of any server of `S`.
    pub last_answer: Option<DateTime<Utc>>,
    /// The highest `Θ` known of any value, seconds.
    pub longest_ttl: u32,
    /// Some server of `S` has been silent for longer than the limit, or none is left.
    pub low_confidence: bool,
    /// What servers of `S` served when they fell silent for longer than the limit.
    fading: Vec<Value>,
    past: HashMap<Value, Past>,
    pool: HashMap<String, Past>,
}

impl LinkHistory {
    pub(super) fn asked(&mut self, at: DateTime<Utc>, gap: Duration) {
        self.asked_from(at, at, gap);
    }

    pub(super) fn asked_from(&mut self, first: DateTime<Utc>, last: DateTime<Utc>, gap: Duration) {
        let silent = self
            .last_asked
            .map(|before| (first - before).to_std().unwrap_or_default());
        if silent.is_none_or(|silent| silent > gap) {
            self.since = Some(first);
        }
        self.last_asked = self.last_asked.max(Some(last));
    }

    pub(super) fn served(
        &mut self,
        server: SocketAddr,
        value: &Value,
        ttl: u32,
        at: DateTime<Utc>,
    ) {
        if let Value::Rrset(set) = value {
            for rdata in set {
                let seen = self.records.entry(rdata.clone()).or_insert((at, ttl));
                *seen = (seen.0.max(at), ttl);
            }
        }
        let expires = at + TimeDelta::seconds(i64::from(ttl));
        let epoch = Epoch {
            value: value.clone(),
            ttl,
            from: at,
            last_seen: at,
            last_expires: expires,
        };
        match self.servers.entry(server) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(ServerHistory {
                    epoch,
                    past: HashMap::new(),
                });
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                entry.get_mut().observe(epoch);
            }
        }
    }

    pub(super) fn still_served(&mut self, server: SocketAddr, value: &Value, at: DateTime<Utc>) {
        if let Value::Rrset(set) = value {
            for rdata in set {
                if let Some(seen) = self.records.get_mut(rdata) {
                    seen.0 = seen.0.max(at);
                }
            }
        }
        if let Some(server) = self.servers.get_mut(&server)
            && server.epoch.value == *value
        {
            server.epoch.last_seen = server.epoch.last_seen.max(at);
        }
    }

    /// Drops what ended and expired before `horizon`; `false` when nothing is left.
    pub(super) fn forget_before(&mut self, horizon: DateTime<Utc>) -> bool {
        for server in self.servers.values_mut() {
            server.past.retain(|_, past| past.deadline >= horizon);
        }
        self.servers
            .retain(|_, server| !server.past.is_empty() || server.epoch.last_seen >= horizon);
        self.records
            .retain(|_, (at, ttl)| *at + TimeDelta::seconds(i64::from(*ttl)) >= horizon);
        self.last_asked.is_some_and(|at| at >= horizon)
    }

    /// Whether a value was served at some instant between `from` and `until`, by any server.
    pub fn was_served(&self, value: &Value, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        self.servers.values().any(|server| {
            let now = server.epoch.value == *value && server.epoch.from <= until;
            now || server
                .past
                .get(value)
                .is_some_and(|past| past.first <= until && past.end >= from)
        })
    }

    /// Where the link stands at `now`. `zone` is its zone with today's `S`; `None` where it is not known, and then every
    /// server that ever answered counts.
    pub fn standing(&self, zone: Option<&Zone>, policy: &Policy, now: DateTime<Utc>) -> Standing {
        let mut standing = Standing {
            since: self.since,
            ..Standing::default()
        };
        let blind =
            TimeDelta::from_std(policy.authority_blind_limit).unwrap_or(TimeDelta::hours(1));
        for (address, server) in &self.servers {
            let listed =
                zone.is_none_or(|zone| zone.servers.iter().any(|one| one.address == *address));
            standing.take_in(*address, server, listed, blind, now);
        }
        standing.low_confidence |= standing.current.is_empty();
        let window = policy.period * POOL_ROUNDS;
        let window = window.max(Duration::from_secs(
            u64::from(policy.max_ttl) * u64::from(POOL_TTLS),
        ));
        let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::days(1));
        for (rdata, (last_seen, ttl)) in &self.records {
            let end = *last_seen + window;
            let deadline = end + TimeDelta::seconds(i64::from(*ttl));
            standing.pool.insert(
                rdata.clone(),
                Past {
                    end,
                    deadline,
                    ttl: *ttl,
                },
            );
        }
        standing
    }
}

impl ServerHistory {
    fn observe(&mut self, next: Epoch) {
        let epoch = &mut self.epoch;
        if next.from < epoch.last_seen {
            // A reply that overtook a later one says nothing new.
            return;
        }
        let same = next.value == epoch.value;
        let counts_down =
            next.ttl < epoch.ttl && (next.last_expires - epoch.last_expires).abs() <= EPSILON;
        if same && (next.ttl == epoch.ttl || counts_down) {
            (epoch.last_seen, epoch.last_expires) = (next.last_seen, next.last_expires);
        } else if same && next.ttl > epoch.ttl {
            // The longer TTL outlives whatever the shorter one allowed: one epoch serves for both.
            *epoch = Epoch {
                from: epoch.from,
                ..next
            };
        } else {
            let ended = std::mem::replace(epoch, next);
            self.end(ended);
        }
    }

    /// An epoch ends at the server's next differing observation, which is the current epoch's first.
    fn end(&mut self, ended: Epoch) {
        let end = self.epoch.from;
        let deadline = end + TimeDelta::seconds(i64::from(ended.ttl));
        self.past
            .entry(ended.value)
            .and_modify(|past| {
                (past.end, past.ttl) = (end, ended.ttl);
                past.deadline = past.deadline.max(deadline);
            })
            .or_insert(PastValue {
                first: ended.from,
                end,
                deadline,
                ttl: ended.ttl,
            });
    }
}

impl Standing {
    fn take_in(
        &mut self,
        address: SocketAddr,
        server: &ServerHistory,
        listed: bool,
        blind: TimeDelta,
        now: DateTime<Utc>,
    ) {
        let epoch = &server.epoch;
        self.longest_ttl = self.longest_ttl.max(epoch.ttl);
        for (value, past) in &server.past {
            self.longest_ttl = self.longest_ttl.max(past.ttl);
            self.ended(value, past.end, past.deadline, past.ttl);
        }
        if listed {
            self.last_answer = self.last_answer.max(Some(epoch.last_seen));
        }
        let is_blind = now - epoch.last_seen > blind;
        if listed && !is_blind {
            self.serves(address, epoch);
            return;
        }
        if listed {
            self.low_confidence = true;
            self.fading.push(epoch.value.clone());
        }
        let end = if listed {
            epoch.last_seen + blind
        } else {
            epoch.last_seen
        };
        self.ended(
            &epoch.value,
            end,
            end + TimeDelta::seconds(i64::from(epoch.ttl)),
            epoch.ttl,
        );
    }

    fn serves(&mut self, address: SocketAddr, epoch: &Epoch) {
        match self
            .current
            .iter_mut()
            .find(|current| current.value == epoch.value)
        {
            Some(current) => {
                current.ttl = current.ttl.max(epoch.ttl);
                current.from = current.from.max(epoch.from);
                current.servers.push(address);
            }
            None => self.current.push(Current {
                value: epoch.value.clone(),
                ttl: epoch.ttl,
                from: epoch.from,
                servers: vec![address],
            }),
        }
    }

    fn ended(&mut self, value: &Value, end: DateTime<Utc>, deadline: DateTime<Utc>, ttl: u32) {
        let past = self
            .past
            .entry(value.clone())
            .or_insert(Past { end, deadline, ttl });
        if end > past.end {
            (past.end, past.ttl) = (end, ttl);
        }
        past.deadline = past.deadline.max(deadline);
    }

    /// The value, if it is served now.
    pub fn current(&self, value: &Value) -> Option<&Current> {
        self.current.iter().find(|current| current.value == *value)
    }

    /// Whether this is what the authority said last, while no server of it answers any more. Nobody can call that stale.
    pub fn was_last_heard(&self, value: &Value) -> bool {
        self.current.is_empty() && self.fading.contains(value)
    }

    /// The value's past epochs.
    pub fn past(&self, value: &Value) -> Option<&Past> {
        self.past.get(value)
    }

    /// The past value that was served last; what is right to show while nothing is served.
    pub fn last_served(&self) -> Option<(&Value, &Past)> {
        self.past
            .iter()
            .max_by_key(|(value, past)| (past.end, *value))
    }

    /// One record of a pool: until when it counts as a member, and until when it may be held.
    pub fn pooled(&self, rdata: &str) -> Option<&Past> {
        self.pool.get(rdata)
    }

    /// Whether any authority ever answered.
    pub fn is_known(&self) -> bool {
        !self.current.is_empty() || !self.past.is_empty()
    }
}
