//! What one resolver address was seen to hold for one question: until when, and whether it was ever current.
//!
//! Deliberately absent: whether that was right.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::HeldValue;
use crate::{
    names::DnsName,
    types::{Observation, Span, Value},
};

/// The values seen at one resolver address, over all its backends and at each of them.
#[derive(Debug, Clone, Default)]
pub struct Held {
    values: HashMap<HeldValue, Sighting>,
    backends: HashMap<Option<String>, HashMap<HeldValue, Sighting>>,
    last_reply: Option<DateTime<Utc>>,
}

/// When a value was seen, and how long it could be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// First receipt.
    pub first_seen: DateTime<Utc>,
    /// Last receipt.
    pub last_seen: DateTime<Utc>,
    /// `t + θ` of the first receipt.
    pub first_expires: DateTime<Utc>,
    /// The latest `t + θ`.
    pub cached_until: DateTime<Utc>,
    /// The highest TTL seen, seconds.
    pub ttl_max: u32,
}

impl Sighting {
    fn merge(&mut self, other: &Self) {
        if other.first_seen < self.first_seen {
            (self.first_seen, self.first_expires) = (other.first_seen, other.first_expires);
        }
        self.last_seen = self.last_seen.max(other.last_seen);
        self.cached_until = self.cached_until.max(other.cached_until);
        self.ttl_max = self.ttl_max.max(other.ttl_max);
    }
}

impl Held {
    /// The last receipt of any reply from this address, failures included; `None` before the first.
    pub fn last_reply(&self) -> Option<DateTime<Utc>> {
        self.last_reply
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
        self.backends
            .get(&site.map(str::to_owned))?
            .get(&(owner.clone(), value.clone()))
    }

    /// Every value of an owner at one backend.
    pub fn values_at<'a>(
        &'a self,
        site: Option<&str>,
        owner: &'a DnsName,
    ) -> impl Iterator<Item = (&'a Value, &'a Sighting)> {
        self.backends
            .get(&site.map(str::to_owned))
            .into_iter()
            .flatten()
            .filter(move |((of, _), _)| of == owner)
            .map(|((_, value), sighting)| (value, sighting))
    }

    pub(super) fn absorb(&mut self, observation: &Observation) {
        if observation.answer.is_reply() {
            self.last_reply = self.last_reply.max(Some(observation.at));
        }
        for (index, link) in observation.answer.links.iter().enumerate() {
            let expires = observation.expires_at(index);
            let sighting = Sighting {
                first_seen: observation.at,
                last_seen: observation.at,
                first_expires: expires,
                cached_until: expires,
                ttl_max: observation.link_ttl(index),
            };
            self.merge(
                observation.site(),
                &(link.owner.clone(), link.value.clone()),
                &sighting,
            );
        }
    }

    pub(super) fn restore(&mut self, span: &Span) {
        if span.answer.is_reply() {
            self.last_reply = self.last_reply.max(Some(span.last_seen));
        }
        let links = span.answer.links.len();
        for (index, link) in span.answer.links.iter().enumerate() {
            let first = span
                .first_ttls
                .get(index)
                .and_then(|ttls| ttls.iter().min())
                .copied();
            let first = first.unwrap_or(0);
            let first_expires = span.first_seen + TimeDelta::seconds(i64::from(first));
            // Only the whole answer's latest expiry is stored: exact for a single link, an upper bound in a chain.
            let bound = span.last_seen + TimeDelta::seconds(i64::from(first));
            let latest = span.cached_until.unwrap_or(first_expires);
            let sighting = Sighting {
                first_seen: span.first_seen,
                last_seen: span.last_seen,
                first_expires,
                cached_until: if links == 1 {
                    latest
                } else {
                    latest.min(bound.max(first_expires))
                },
                ttl_max: if links == 1 {
                    span.ttl_max.unwrap_or(first)
                } else {
                    first
                },
            };
            self.merge(
                span.site.clone(),
                &(link.owner.clone(), link.value.clone()),
                &sighting,
            );
        }
    }

    fn merge(&mut self, site: Option<String>, value: &HeldValue, sighting: &Sighting) {
        for values in [&mut self.values, self.backends.entry(site).or_default()] {
            values
                .entry(value.clone())
                .and_modify(|known| known.merge(sighting))
                .or_insert_with(|| sighting.clone());
        }
    }

    /// Drops values that cannot be held after `horizon`; `false` when nothing is left.
    pub(super) fn forget_before(&mut self, horizon: DateTime<Utc>) -> bool {
        let fresh = |sighting: &Sighting| sighting.cached_until.max(sighting.last_seen) >= horizon;
        self.values.retain(|_, sighting| fresh(sighting));
        self.backends.retain(|_, values| {
            values.retain(|_, sighting| fresh(sighting));
            !values.is_empty()
        });
        self.last_reply.is_some_and(|at| at >= horizon)
    }
}
