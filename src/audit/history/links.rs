//! What the authoritative servers served for one link: values, TTLs, and when each ended.
//!
//! An *epoch* is a value and its TTL `Θ` at one server, from its first sight to that server's next differing
//! observation. Deliberately absent: which servers count today; the caller says so when it asks for the [`Standing`].

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    EPSILON,
    epochs::{Epoch, ServerHistory},
    few::Few,
    standing::{Membership, Standing},
};
use crate::{
    names::DnsName,
    types::{Policy, Value},
};

/// Rounds and multiples of `max_ttl` that an address stays in a pool after its last sight at an authority.
const POOL_ROUNDS: u32 = 20;
const POOL_TTLS: u32 = 2;

/// Gaps kept of one link; of more the oldest are forgotten.
const MOST_GAPS: usize = 16;

/// The epochs of one link at every server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LinkHistory {
    /// Since when its authorities have been heard without a gap.
    since: Option<DateTime<Utc>>,
    /// The times before that in which none was heard, the latest last. The first is the time before the history.
    #[serde(default)]
    gaps: VecDeque<Gap>,
    #[serde(default, alias = "last_asked")]
    last_heard: Option<DateTime<Utc>>,
    /// When somebody else last answered in the place of a server of its zone.
    #[serde(default)]
    last_foreign: Option<DateTime<Utc>>,
    servers: Few<SocketAddr, ServerHistory>,
}

/// A time in which no authority of a link was heard: what it served meanwhile is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last authoritative answer before it; `None` for the time before the history begins.
    pub from: Option<DateTime<Utc>>,
    /// The first after it.
    pub until: DateTime<Utc>,
}

/// A value with its TTL at one server, as far as it is still known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedEpoch<'h> {
    /// The server.
    pub server: SocketAddr,
    /// The name it was asked for when it said so last.
    pub told_for: &'h DnsName,
    /// The value.
    pub value: &'h Value,
    /// `Θ`, seconds.
    pub ttl: u32,
    /// The first sight of the value there.
    pub from: DateTime<Utc>,
    /// The server's next differing answer; `None` while this is its latest.
    pub end: Option<DateTime<Utc>>,
}

impl LinkHistory {
    /// An authority was heard on it from `first` to `last`.
    ///
    /// More than `gap` (three rounds) without one is a gap: silence says as little as not asking. Where somebody else answered
    /// meanwhile, every round without an authority is: half of three rounds tells one from the next.
    pub(super) fn heard(&mut self, first: DateTime<Utc>, last: DateTime<Utc>, gap: Duration) {
        let longest = if self.last_foreign > self.last_heard {
            gap / 2
        } else {
            gap
        };
        let is_unbroken = |from: DateTime<Utc>| {
            let silent = (first - from).to_std();
            !silent.is_ok_and(|silent| silent > longest)
        };
        if !self.last_heard.is_some_and(is_unbroken) {
            self.gaps.push_back(Gap {
                from: self.last_heard,
                until: first,
            });
            if self.gaps.len() > MOST_GAPS {
                self.gaps.pop_front();
            }
            self.since = Some(first);
        }
        self.last_heard = self.last_heard.max(Some(last));
    }

    /// Somebody answered in the place of a server of its zone, last at `last`.
    pub(super) fn spoken_over(&mut self, last: DateTime<Utc>) {
        self.last_foreign = self.last_foreign.max(Some(last));
    }

    /// Whether somebody has answered in the place of its authorities since any of them was heard: what resolvers say meanwhile
    /// may be no more their own.
    pub(super) fn is_spoken_over(&self) -> bool {
        let since = self.last_heard.map(|heard| heard + EPSILON);
        self.last_foreign > since
    }

    /// A server said `value` with `ttl` at `at`, for this SCOPE where there was a client subnet, when asked for `told_for`.
    pub(super) fn served(
        &mut self,
        server: SocketAddr,
        told_for: (&DnsName, bool),
        (value, ttl, scope): (&Value, u32, Option<u8>),
        at: DateTime<Utc>,
    ) {
        let epoch = Epoch {
            scope,
            ..Epoch::new(value, ttl, at)
        };
        let (name, is_owner) = told_for;
        match self.servers.get_mut(&server) {
            None => {
                let new = ServerHistory::new(name, epoch);
                self.servers.insert(server, new);
            }
            Some(server) => {
                if is_owner {
                    server.told_for = name.clone();
                }
                server.observe(epoch);
            }
        }
    }

    /// A stored run of `value` ended at `at`: the server said it then, with this expiry.
    pub(super) fn still_served(
        &mut self,
        server: SocketAddr,
        (value, ttl): (&Value, u32),
        at: DateTime<Utc>,
        expires: DateTime<Utc>,
    ) {
        if let Some(server) = self.servers.get_mut(&server) {
            let again = Epoch::new(value, ttl, at);
            server.still_serves(Epoch { expires, ..again });
        }
    }

    /// Drops what ended and expired before `horizon`; `false` when nothing is left.
    pub(super) fn forget_before(&mut self, horizon: DateTime<Utc>) -> bool {
        self.servers
            .retain(|_, server| server.forget_before(horizon));
        self.gaps.retain(|gap| gap.until >= horizon);
        self.last_heard.is_some_and(|at| at >= horizon)
    }

    /// The values that servers gave last, each within `gap` of the last answer of any of them.
    pub fn served_lately(&self, gap: Duration) -> impl Iterator<Item = &Value> {
        let epochs = self.servers.values().map(|server| &server.epoch);
        let newest = epochs.clone().map(|epoch| epoch.last_seen).max();
        let is_recent = move |at: DateTime<Utc>| {
            newest.is_some_and(|newest| (newest - at).to_std().is_ok_and(|age| age <= gap))
        };
        epochs
            .filter(move |epoch| is_recent(epoch.last_seen))
            .map(|epoch| &epoch.value)
    }

    /// The values that servers gave before their last, each with the instant until which an honest cache may hold it: those
    /// that one may still hold at `now`.
    pub fn held_still(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&Value, DateTime<Utc>)> {
        let past = self.servers.values().flat_map(|server| &server.past);
        past.filter_map(move |(value, past)| {
            let until = past.deadline().filter(|until| *until >= now)?;
            Some((value, until))
        })
    }

    /// Whether a server was ever heard on it with authority, as far as that is remembered.
    pub fn has_heard(&self, server: SocketAddr) -> bool {
        self.servers.contains_key(&server)
    }

    /// Whether a value was served at some instant between `from` and `until`, by any server.
    pub fn was_served(&self, value: &Value, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let mut servers = self.servers.values();
        servers.any(|server| server.was_served(value, from, until))
    }

    /// The epochs at every server, by server and end. Of those that ended with one value, only the ones that another does
    /// not outlive are kept.
    pub fn epochs(&self) -> Vec<ServedEpoch<'_>> {
        let mut epochs: Vec<_> = self
            .servers
            .iter()
            .flat_map(|(address, server)| epochs_at(*address, server))
            .collect();
        epochs.sort_by_key(|epoch| (epoch.server, epoch.end.is_none(), epoch.end, epoch.value));
        epochs
    }

    /// The lowest TTL under which any server serves the value, seconds; `None` where one has done so, or under this TTL, only
    /// after `from`, or none does.
    pub(super) fn lowest_ttl(&self, value: &Value, from: DateTime<Utc>) -> Option<u32> {
        let epochs = self.servers.values().map(|server| &server.epoch);
        let serving = epochs.filter(|epoch| epoch.value == *value);
        let mut lowest = None;
        for epoch in serving {
            if epoch.unchanged_since() > from {
                return None;
            }
            lowest = Some(lowest.unwrap_or(u32::MAX).min(epoch.ttl));
        }
        lowest
    }

    /// Where the link stands at `now`. `membership` says which servers count, by address and the name they were asked
    /// for.
    pub fn standing(
        &self,
        membership: impl Fn(SocketAddr, &DnsName) -> Membership,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Standing<'_> {
        let mut standing = Standing::new((&self.gaps, self.since), pool_window(policy));
        let blind =
            TimeDelta::from_std(policy.authority_blind_limit).unwrap_or(TimeDelta::hours(1));
        let period = TimeDelta::from_std(policy.period).unwrap_or(TimeDelta::zero());
        for (address, server) in &self.servers {
            match membership(*address, &server.told_for) {
                Membership::Listed => standing.take_listed(*address, server, blind, now),
                Membership::Left => standing.take_former(server, period),
                Membership::Stranger => {}
            }
        }
        standing.low_confidence |= standing.current.is_empty();
        standing
    }
}

fn epochs_at(address: SocketAddr, server: &ServerHistory) -> impl Iterator<Item = ServedEpoch<'_>> {
    let epoch = move |value, (from, ttl), end| ServedEpoch {
        server: address,
        told_for: &server.told_for,
        value,
        ttl,
        from,
        end,
    };
    let running = &server.epoch;
    let past = server.past.iter().flat_map(move |(value, past)| {
        let ended = past.ended.iter();
        ended.map(move |(end, ttl)| epoch(value, (past.first, *ttl), Some(*end)))
    });
    past.chain([epoch(&running.value, (running.from, running.ttl), None)])
}

fn pool_window(policy: &Policy) -> TimeDelta {
    let ttls = Duration::from_secs(u64::from(policy.max_ttl) * u64::from(POOL_TTLS));
    let window = (policy.period * POOL_ROUNDS).max(ttls);
    TimeDelta::from_std(window).unwrap_or(TimeDelta::days(1))
}
