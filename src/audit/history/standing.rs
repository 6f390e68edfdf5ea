//! Where a link stands at one instant: what is served now (`C`), what was served before and until when it may be held.
//!
//! Deliberately absent: what resolvers say.

use std::{collections::VecDeque, net::SocketAddr};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    epochs::{Epoch, PastValue, ServerHistory},
    links::Gap,
};
use crate::types::Value;

/// Whether a server's word on a link counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It is in `S` today.
    Listed,
    /// It was in `S`: what it said then may still be held.
    Left,
    /// It serves another zone and has no say here.
    Stranger,
}

/// A value that an authority serves now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current<'h> {
    /// The value.
    pub value: &'h Value,
    /// The highest `Θ` among the servers that serve it, seconds.
    pub ttl: u32,
    /// The latest of those servers' beginnings with it.
    pub from: DateTime<Utc>,
    /// The latest sight of it at any of them.
    pub last_seen: DateTime<Utc>,
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
    /// The last sight of it at any server; `None` where that is not known.
    pub last_seen: Option<DateTime<Utc>>,
    ended: Vec<(DateTime<Utc>, u32)>,
}

impl Past {
    fn of(ended: Vec<(DateTime<Utc>, u32)>, last_seen: Option<DateTime<Utc>>) -> Option<Self> {
        let (end, ttl) = ended.iter().copied().max()?;
        let deadline = ended.iter().map(|(end, ttl)| expiry(*end, *ttl)).max()?;
        Some(Self {
            end,
            deadline,
            ttl,
            last_seen,
            ended,
        })
    }

    /// Until when a cache may hold it that `keeps` each TTL for so many seconds: it may have fetched at the last moment of
    /// any epoch.
    pub fn worst_case_until(&self, keeps: impl Fn(u32) -> u32) -> DateTime<Utc> {
        let held = self
            .ended
            .iter()
            .map(|(end, ttl)| expiry(*end, keeps(*ttl)));
        held.max().unwrap_or(self.end)
    }
}

/// What one server serves now.
#[derive(Debug, Clone, Copy)]
pub struct Word<'h> {
    /// The server.
    pub address: SocketAddr,
    server: &'h ServerHistory,
}

impl<'h> Word<'h> {
    /// The value.
    pub fn value(&self) -> &'h Value {
        &self.server.epoch.value
    }

    /// Since when, as far as was seen; a changed TTL counts as a beginning.
    pub fn since(&self) -> DateTime<Utc> {
        self.server.epoch.from
    }

    /// Its last answer.
    pub fn last_seen(&self) -> DateTime<Utc> {
        self.server.epoch.last_seen
    }

    /// The other value that the server gave until then; `None` where it gave none, or where only the TTL changed.
    pub fn before(&self) -> Option<&'h Value> {
        let (epoch, past) = (&self.server.epoch, &self.server.past);
        let ended = |past: &PastValue| past.end() == Some(epoch.from);
        if past.get(&epoch.value).is_some_and(ended) {
            return None;
        }
        let before = past.iter().filter(|(_, past)| ended(past));
        // Of two that were overtaken at once the greater, whatever the order of the map.
        before.map(|(value, _)| value).max()
    }

    /// Every value that the server is known to have served, each with its first sight.
    pub fn sights(&self) -> impl Iterator<Item = (&'h Value, DateTime<Utc>)> + use<'h> {
        let (epoch, past) = (&self.server.epoch, &self.server.past);
        let past = past.iter().map(|(value, past)| (value, past.first));
        past.chain([(&epoch.value, epoch.from)])
    }
}

/// Where a link stands at an instant.
#[derive(Debug, Clone, Default)]
pub struct Standing<'h> {
    /// `C`: what is served now.
    pub current: Vec<Current<'h>>,
    /// Since when the history is without a gap.
    pub since: Option<DateTime<Utc>>,
    /// The gaps before that, the latest last. The time before the history is one.
    pub gaps: Vec<Gap>,
    /// The last authoritative answer of any server of `S`.
    pub last_answer: Option<DateTime<Utc>>,
    /// The highest `Θ` known of any value, seconds.
    pub longest_ttl: u32,
    /// Some server of `S` has been silent for longer than the limit, or none is left.
    pub low_confidence: bool,
    pool_window: TimeDelta,
    /// The servers whose past counts; the end of the running epoch where that is taken as over.
    heard: Vec<(&'h ServerHistory, Option<DateTime<Utc>>)>,
    /// What each server of `S` serves now.
    words: Vec<Word<'h>>,
    /// What servers of `S` served when they fell silent for longer than the limit.
    fading: Vec<&'h Value>,
}

impl<'h> Standing<'h> {
    pub(super) fn new(
        (gaps, since): (&VecDeque<Gap>, Option<DateTime<Utc>>),
        pool_window: TimeDelta,
    ) -> Self {
        Self {
            since,
            gaps: gaps.iter().copied().collect(),
            pool_window,
            ..Self::default()
        }
    }

    pub(super) fn take_listed(
        &mut self,
        address: SocketAddr,
        server: &'h ServerHistory,
        blind: TimeDelta,
        now: DateTime<Utc>,
    ) {
        let epoch = &server.epoch;
        self.last_answer = self.last_answer.max(Some(epoch.last_seen));
        self.longest_ttl = self.longest_ttl.max(server.longest_ttl);
        if now - epoch.last_seen > blind {
            self.low_confidence = true;
            self.fading.push(&epoch.value);
            self.heard.push((server, Some(epoch.last_seen + blind)));
        } else {
            self.serves(address, epoch);
            self.words.push(Word { address, server });
            self.heard.push((server, None));
        }
    }

    /// A server that left between its last poll and the next, which would have come a period later.
    pub(super) fn take_former(&mut self, server: &'h ServerHistory, period: TimeDelta) {
        self.longest_ttl = self.longest_ttl.max(server.longest_ttl);
        let left_by = server.epoch.last_seen + period;
        self.heard.push((server, Some(left_by)));
    }

    fn serves(&mut self, address: SocketAddr, epoch: &'h Epoch) {
        let known = self
            .current
            .iter_mut()
            .find(|current| *current.value == epoch.value);
        match known {
            Some(current) => {
                current.ttl = current.ttl.max(epoch.ttl);
                current.from = current.from.max(epoch.from);
                current.last_seen = current.last_seen.max(epoch.last_seen);
                current.servers.push(address);
            }
            None => self.current.push(Current {
                value: &epoch.value,
                ttl: epoch.ttl,
                from: epoch.from,
                last_seen: epoch.last_seen,
                servers: vec![address],
            }),
        }
    }

    /// The value, if it is served now.
    pub fn current(&self, value: &Value) -> Option<&Current<'h>> {
        self.current.iter().find(|current| current.value == value)
    }

    /// Whether this is what the authority said last, while no server of it answers any more. Nobody can call that stale.
    pub fn was_last_heard(&self, value: &Value) -> bool {
        self.current.is_empty() && self.fading.contains(&value)
    }

    /// What each server of `S` serves now.
    pub fn words(&self) -> &[Word<'h>] {
        &self.words
    }

    /// The value's past epochs.
    pub fn past(&self, value: &Value) -> Option<Past> {
        let (mut ended, mut last_seen) = (Vec::new(), None);
        for (server, running_until) in &self.heard {
            if let Some(past) = server.past.get(value) {
                ended.extend(past.ended.iter().copied());
                last_seen = last_seen.max(past.last_seen);
            }
            if let Some(end) = running_until
                && server.epoch.value == *value
            {
                ended.push((*end, server.epoch.ttl));
                last_seen = last_seen.max(Some(server.epoch.last_seen));
            }
        }
        Past::of(ended, last_seen)
    }

    /// The past value that was served last; what is right to show while nothing is served.
    pub fn last_served(&self) -> Option<(&'h Value, Past)> {
        let running = self.heard.iter().map(|(server, _)| &server.epoch.value);
        let values = running.chain(self.heard.iter().flat_map(|(server, _)| server.past.keys()));
        values
            .filter_map(|value| Some((value, self.past(value)?)))
            .max_by_key(|(value, past)| (past.end, *value))
    }

    /// One record of a pool, as it was given for this SCOPE, or at all: until when it counts as a member, and until when it
    /// may be held.
    pub fn pooled(&self, rdata: &str, scope: Option<u8>) -> Option<Past> {
        let members = self
            .heard
            .iter()
            .filter_map(|(server, _)| server.member(rdata, scope));
        let seen: Vec<_> = members.collect();
        let last = seen
            .iter()
            .max_by_key(|member| (member.last_seen, member.ttl))?;
        let held_until = seen.iter().map(|member| member.held_until).max()?;
        let end = last.last_seen + self.pool_window;
        Some(Past {
            end,
            deadline: held_until + self.pool_window,
            ttl: last.ttl,
            last_seen: Some(last.last_seen),
            ended: vec![(end, last.ttl)],
        })
    }

    /// Whether any authority answered for this SCOPE (RFC 7871) of a client subnet.
    pub fn speaks_for(&self, scope: u8) -> bool {
        let mut heard = self.heard.iter();
        heard.any(|(server, _)| server.scoped.keys().any(|(said_for, _)| *said_for == scope))
    }

    /// Whether a rotating pool has shown a new member within the window: then it may have more that nobody has seen.
    pub fn pool_is_filling(&self, now: DateTime<Utc>) -> bool {
        let rotates =
            self.current.len() > 1 || self.heard.iter().any(|(server, _)| !server.past.is_empty());
        let members = self
            .heard
            .iter()
            .flat_map(|(server, _)| server.records.values());
        let newest = members.map(|member| member.first_seen).max();
        rotates && newest.is_some_and(|newest| newest + self.pool_window > now)
    }

    /// Whether any authority ever answered.
    pub fn is_known(&self) -> bool {
        !self.heard.is_empty()
    }
}

fn expiry(end: DateTime<Utc>, ttl: u32) -> DateTime<Utc> {
    end + TimeDelta::seconds(i64::from(ttl))
}
