//! How many caches answer at one address under one NSID, and from when on all of them have been met.
//!
//! Each may hold an older copy of its own when a watch begins: one with a later end looks like a fetch, and one that is met after
//! the right answer of another looks like a lie. Deliberately absent: what follows from that for a verdict or a finding.

use chrono::{DateTime, TimeDelta, Utc};

use super::RoundInput;
use crate::{
    audit::history::{EPSILON, History, Sighting},
    names::DnsName,
    types::{Observation, SeriesKey},
};

/// In how many rounds the caches of one backend are met: one that shows itself later is no other cache with an older copy.
/// Asked once a round, one of eight equally busy ones stays unmet in one of 600 watches. An NSID does not say that there is
/// just one: it may name a place.
const MEETING: i32 = 64;

/// A history younger than this, or than the longest TTL known, may not know what an honest cache still holds.
pub(in crate::audit) const YOUTH: TimeDelta = TimeDelta::hours(24);

impl RoundInput<'_> {
    /// Whether a backend fetched the copy of an owner's value that it gives in a reply since then, in a history that is unbroken
    /// from there on: its end has moved later.
    pub(in crate::audit) fn has_fetched(
        &self,
        history: &History,
        (reply, owner, copy): (&Observation, &DnsName, &Sighting),
        since: DateTime<Utc>,
    ) -> bool {
        let Some(renewed_after) = copy.renewed_after else {
            return false;
        };
        match self.met(history, (reply, owner), since) {
            Some(met) => copy.copy_shown() >= met,
            None => renewed_after >= since,
        }
    }

    /// From when on, of a history that is unbroken since `since`, what the backend of a reply says of an owner can be held against
    /// itself; `None` where it is known to be a single cache, whose word always can.
    pub(super) fn met(
        &self,
        history: &History,
        (reply, owner): (&Observation, &DnsName),
        since: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let known = self.resolver(&reply.source.id);
        if known.is_some_and(|known| known.traits.single_cache) {
            return None;
        }
        let site = reply.site();
        let held = history.held(&SeriesKey::of(reply)).into_iter();
        let values = held.flat_map(|held| held.values_at(site.as_deref(), owner));
        let first = values.map(|(_, seen)| seen.first_seen).min();
        let period = TimeDelta::from_std(self.policy.period).unwrap_or(EPSILON);
        Some(since.max(first.unwrap_or(since)) + period * MEETING)
    }
}
