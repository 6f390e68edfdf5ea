//! What one resolver address was seen to hold for one question: until when, and how its TTLs moved.
//!
//! Deliberately absent: whether that was right.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{EPSILON, Site, failures::Failures, few::Few};
use crate::{
    names::DnsName,
    types::{Answer, Flags, Observation, Rcode, Span, Status, Value},
};

/// Receipts closer together than this tell nothing of how a TTL moves.
pub(in crate::audit) const TELLING: TimeDelta = TimeDelta::seconds(2);

/// What rounding and the way may add to or take from a countdown: a TTL that is lower by the time gone by, but for so much, can
/// only have been counted down.
pub(in crate::audit) const ROUNDING: TimeDelta = TimeDelta::milliseconds(1_500);

/// Repetitions of one TTL, where a cache would have counted it down, that make a backend a constant one.
const STEADY: u32 = 2;

/// The same where nobody says which of several caches answers, each of which may just have fetched: up to eight equally busy
/// ones that count down would let one of a thousand runs repeat that many. Also where the TTL has been counted down before.
pub(in crate::audit) const STEADY_IN_DOUBT: u32 = 20;

/// A value and the owner it was said of.
type HeldValue = (DnsName, Value);

/// What is known of each.
type Values = Few<HeldValue, Sighting>;

/// The values seen at one resolver address, over all its backends and at each of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Held {
    values: Values,
    backends: Few<Site, Values>,
    last_reply: Option<DateTime<Utc>>,
    #[serde(default)]
    failures: Failures,
    /// By backend: the owners of the chain that it last vouched for by AD=1.
    #[serde(default)]
    validated: Few<Site, Vec<DnsName>>,
}

/// When a value was seen, how long it could be kept, and whether its expiry moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// First receipt.
    pub first_seen: DateTime<Utc>,
    /// Last receipt.
    pub last_seen: DateTime<Utc>,
    /// The latest `t + θ`.
    pub cached_until: DateTime<Utc>,
    /// The highest TTL seen, seconds.
    pub ttl_max: u32,
    /// The last receipt before one whose expiry had moved later: the value was fetched anew after it.
    pub renewed_after: Option<DateTime<Utc>>,
    /// The receipt that showed it; of a restored run, its last one.
    #[serde(default)]
    renewed_by: Option<DateTime<Utc>>,
    /// No later than that receipt, and the same where it was taken in.
    #[serde(default)]
    renewed_from: Option<DateTime<Utc>>,
    /// The expiry that the next ones are held against.
    expires: DateTime<Utc>,
    /// How often in a row the TTL was the same where a cache would have counted it down.
    repeats: u32,
    /// Whether the TTL went down by itself, as a cache's does, since it last repeated for so long.
    counts_down: bool,
    /// Whether repetitions may be chance: it takes [`STEADY_IN_DOUBT`] of them.
    #[serde(default)]
    is_doubtful: bool,
    /// The receipt and TTL that repetition is measured from.
    anchor: (DateTime<Utc>, u32),
    /// Whether the expiry was read back from a run of chains, in which it may have moved unseen.
    #[serde(default)]
    is_estimate: bool,
}

impl Sighting {
    fn new(at: DateTime<Utc>, ttl: u32, is_named: bool) -> Self {
        let expires = at + TimeDelta::seconds(i64::from(ttl));
        Self {
            first_seen: at,
            last_seen: at,
            cached_until: expires,
            ttl_max: ttl,
            renewed_after: None,
            renewed_by: None,
            renewed_from: None,
            expires,
            repeats: 0,
            counts_down: false,
            is_doubtful: !is_named,
            anchor: (at, ttl),
            is_estimate: false,
        }
    }

    /// Takes in a receipt. Where its expiry has moved later, the value was fetched anew since the one before: how long ago
    /// that was. `is_back`: another value was seen in between, so that this is another copy.
    fn see(&mut self, at: DateTime<Utc>, ttl: u32, is_back: bool) -> Option<TimeDelta> {
        let expires = at + TimeDelta::seconds(i64::from(ttl));
        self.cached_until = self.cached_until.max(expires);
        self.ttl_max = self.ttl_max.max(ttl);
        if at < self.last_seen {
            self.first_seen = self.first_seen.min(at);
            return None;
        }
        let is_new = expires > self.expires + EPSILON;
        let since = at - self.last_seen;
        if is_new {
            (self.renewed_after, self.renewed_by) = (Some(self.last_seen), Some(at));
            (self.renewed_from, self.expires) = (Some(at), expires);
        }
        if is_back {
            self.anchor = (at, ttl);
        } else {
            self.compare(at, ttl);
        }
        self.last_seen = at;
        let is_known = !std::mem::take(&mut self.is_estimate);
        (is_new && is_known).then_some(since)
    }

    /// Holds a TTL of the same copy against the one before, where there was time enough for it to move.
    fn compare(&mut self, at: DateTime<Utc>, ttl: u32) {
        let (anchored_at, anchored_ttl) = self.anchor;
        let elapsed = at - anchored_at;
        if elapsed < TELLING {
            return;
        }
        let left = TimeDelta::seconds(ttl.into());
        // Past the old expiry the same TTL would be a new fetch.
        let is_alive = left > elapsed + EPSILON;
        self.repeats = if ttl == anchored_ttl && is_alive {
            self.repeats + 1
        } else {
            0
        };
        let moved = left + elapsed - TimeDelta::seconds(anchored_ttl.into());
        self.is_doubtful |= moved.abs() <= ROUNDING;
        self.counts_down |= ttl < anchored_ttl;
        self.counts_down &= !self.is_constant();
        self.anchor = (at, ttl);
    }

    /// The rest of a stored run that began with the receipt seen last. In a chain the run's latest expiry is any
    /// link's: an upper bound, from which no renewal follows.
    fn see_run(&mut self, span: &Span, index: usize, gap: Duration) {
        let is_single = span.answer.links.len() == 1;
        let first = span.first_link_ttl(index);
        let until = span.cached_until.unwrap_or(span.last_seen);
        self.cached_until = self.cached_until.max(until);
        self.ttl_max = self.ttl_max.max(first).max(span.ttl_max.unwrap_or(0));
        if span.last_seen <= self.last_seen {
            return;
        }
        let ran = span.last_seen - span.first_seen;
        let spacing = span.longest_silence_s.map_or_else(
            || TimeDelta::from_std(gap).unwrap_or(ran).min(ran),
            |longest| TimeDelta::seconds(longest.into()),
        );
        if is_single && until > self.expires + EPSILON {
            // No TTL of the run is longer than its highest: whoever was told the latest end was told it no earlier than that
            // long before it, and had asked a silence earlier.
            let longest = TimeDelta::seconds(span.ttl_max.unwrap_or(first).into());
            let told = (until - longest - EPSILON).max(span.first_seen);
            let after = (told - spacing).max(span.first_seen);
            (self.renewed_after, self.renewed_by) = (Some(after), Some(span.last_seen));
            (self.renewed_from, self.expires) = (Some(told), until);
        }
        self.is_estimate = !is_single;
        // A run keeps the lowest TTL of its chains alone: a link with a higher one may have counted down above it.
        let steady = span.ttl_min == span.ttl_max && span.ttl_min.is_none_or(|ttl| ttl == first);
        let repeats = u32::try_from(span.samples.saturating_sub(1)).unwrap_or(u32::MAX);
        let alive = TimeDelta::seconds(i64::from(first)) > spacing + EPSILON;
        self.repeats = if steady && ran >= TELLING && alive {
            repeats
        } else {
            0
        };
        self.counts_down = span.ttl_min != span.ttl_max;
        self.anchor = (span.last_seen, first);
        self.last_seen = span.last_seen;
    }

    /// Whether one TTL was repeated where a cache would have counted it down (`serve-original-ttl`).
    fn is_constant(&self) -> bool {
        let enough = if self.is_doubtful {
            STEADY_IN_DOUBT
        } else {
            STEADY
        };
        self.repeats >= enough
    }

    /// The first receipt after an instant, as far as receipts are still told apart.
    pub fn first_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let known = [Some(self.first_seen), self.renewed_after, self.renewed_by];
        let after = known.into_iter().flatten().filter(|at| *at > instant);
        after.min()
    }

    /// The first receipt of the copy that was seen last, as far as copies are told apart, or a later one.
    pub fn copy_seen(&self) -> DateTime<Utc> {
        self.renewed_by.unwrap_or(self.first_seen)
    }

    /// The same receipt or an earlier instant.
    pub fn copy_shown(&self) -> DateTime<Utc> {
        self.renewed_from.unwrap_or(self.first_seen)
    }
}

impl Held {
    /// The last receipt of any reply from this address, failures included; `None` before the first.
    pub fn last_reply(&self) -> Option<DateTime<Utc>> {
        self.last_reply
    }

    /// Since when a backend has given SERVFAIL at every sight while this address answers the same question with CD=1
    /// (RFC 4035 section 3.2.2); `None` where that is not so. A restart forgets it.
    pub fn unchecked_since(&self, site: Option<&str>) -> Option<DateTime<Utc>> {
        self.failures.unchecked_since(site)
    }

    /// Whether the backend that gave this reply has vouched for such a chain by AD=1 (RFC 4035 section 3.2.3). A restart
    /// forgets it.
    pub fn has_validated(&self, reply: &Observation) -> bool {
        let site: Site = reply.site().map(Arc::from);
        let known = self.validated.get(&site);
        known.is_some_and(|known| *known == owners(reply))
    }

    /// A value at any backend.
    pub fn value(&self, owner: &DnsName, value: &Value) -> Option<&Sighting> {
        self.values.get(&(owner.clone(), value.clone()))
    }

    /// A value at one backend.
    pub fn at_backend(
        &self,
        site: Option<&str>,
        owner: &DnsName,
        value: &Value,
    ) -> Option<&Sighting> {
        self.backend(site)?.get(&(owner.clone(), value.clone()))
    }

    /// Whether a backend repeats one TTL where a cache would have counted it down (`serve-original-ttl`). Of a value that was
    /// not seen often enough to tell, the backend's other values tell.
    pub fn is_constant(&self, site: Option<&str>, owner: &DnsName, value: &Value) -> bool {
        let of_backend = self.backend(site);
        let counts_down = self
            .at_backend(site, owner, value)
            .is_some_and(|seen| seen.counts_down);
        let is_constant = |values: &Values| values.values().any(Sighting::is_constant);
        !counts_down && of_backend.is_some_and(is_constant)
    }

    /// Every value of an owner at one backend.
    pub fn values_at<'a>(
        &'a self,
        site: Option<&str>,
        owner: &'a DnsName,
    ) -> impl Iterator<Item = (&'a Value, &'a Sighting)> {
        self.backend(site)
            .into_iter()
            .flatten()
            .filter(move |((of, _), _)| of == owner)
            .map(|((_, value), sighting)| (value, sighting))
    }

    fn backend(&self, site: Option<&str>) -> Option<&Values> {
        let site: Site = site.map(Arc::from);
        self.backends.get(&site)
    }

    /// Takes in a reply, and says which of its links the backend fetched anew since it gave the same before, and within how
    /// much time.
    pub(super) fn absorb(
        &mut self,
        observation: &Observation,
        site: &Site,
        gap: Duration,
    ) -> Vec<(usize, TimeDelta)> {
        let at = observation.at;
        if observation.answer.is_reply() {
            self.last_reply = self.last_reply.max(Some(at));
        }
        self.fail(&observation.answer, site, at, gap);
        if observation.flags.has(Flags::AD) && observation.answer.is_data() {
            self.validated.insert(site.clone(), owners(observation));
        }
        let mut fetched = Vec::new();
        for (index, link) in observation.answer.links.iter().enumerate() {
            let key = (link.owner.clone(), link.value.clone());
            let ttl = observation.link_ttl(index);
            see(&mut self.values, &key, (at, ttl), false);
            let backend = self
                .backends
                .get_or_insert_with(site.clone(), Values::default);
            let within = see(backend, &key, (at, ttl), site.is_some());
            fetched.extend(within.map(|within| (index, within)));
        }
        fetched
    }

    /// Takes in a reply to an aside with CD=1: nothing that a client would see.
    pub(super) fn absorb_aside(&mut self, observation: &Observation, gap: Duration) {
        if matches!(observation.answer.status, Status::Rcode(_)) {
            let is_answered = observation.answer.is_data();
            self.failures
                .see_unchecked(is_answered, observation.at, gap);
        }
    }

    fn fail(&mut self, answer: &Answer, site: &Site, at: DateTime<Utc>, gap: Duration) {
        if let Status::Rcode(rcode) = answer.status {
            self.failures.see(site, rcode == Rcode::SERVFAIL, at, gap);
        }
    }

    pub(super) fn restore(&mut self, span: &Span, site: &Site, gap: Duration) {
        if span.answer.is_reply() {
            self.last_reply = self.last_reply.max(Some(span.last_seen));
        }
        for at in [span.first_seen, span.last_seen] {
            self.fail(&span.answer, site, at, gap);
        }
        for (index, link) in span.answer.links.iter().enumerate() {
            let key = (link.owner.clone(), link.value.clone());
            let first = span.first_link_ttl(index);
            let backend = self
                .backends
                .get_or_insert_with(site.clone(), Values::default);
            for (values, is_named) in [(&mut self.values, false), (backend, site.is_some())] {
                see(values, &key, (span.first_seen, first), is_named);
                if let Some(sighting) = values.get_mut(&key) {
                    sighting.see_run(span, index, gap);
                }
            }
        }
    }

    /// Drops values that cannot be held after `horizon`; `false` when nothing is left.
    pub(super) fn forget_before(&mut self, horizon: DateTime<Utc>) -> bool {
        let fresh = |sighting: &Sighting| sighting.cached_until.max(sighting.last_seen) >= horizon;
        self.values.retain(|_, sighting| fresh(sighting));
        self.backends.retain(|_, backend| {
            backend.retain(|_, sighting| fresh(sighting));
            !backend.is_empty()
        });
        self.last_reply.is_some_and(|at| at >= horizon)
    }
}

/// `is_named`: whether all these values are of one backend that says who it is.
fn see(
    values: &mut Values,
    key: &HeldValue,
    (at, ttl): (DateTime<Utc>, u32),
    is_named: bool,
) -> Option<TimeDelta> {
    let Some(last_seen) = values.get(key).map(|known| known.last_seen) else {
        values.insert(key.clone(), Sighting::new(at, ttl, is_named));
        return None;
    };
    let mut others = values.iter();
    let is_back = others.any(|((owner, _), other)| {
        last_seen < other.last_seen && other.last_seen < at && *owner == key.0
    });
    values.get_mut(key)?.see(at, ttl, is_back)
}

fn owners(observation: &Observation) -> Vec<DnsName> {
    let links = observation.answer.links.iter();
    links.map(|link| link.owner.clone()).collect()
}
