//! How observations of one site are run together into a span, and where a run ends.
//!
//! Deliberately absent: other sites, and what a span means for a verdict.

use std::{cmp::Ordering, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{EPSILON, Site, is_authoritative};
use crate::types::{Answer, Mostly, Observation, SeriesKey, SourceKind, Span, Ttls};

/// A span that may still grow, without its series, and when each of its links last expired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) site: Site,
    pub(super) answer: Arc<Answer>,
    pub(super) authoritative: bool,
    pub(super) first_ttls: Ttls,
    pub(super) first_seen: DateTime<Utc>,
    pub(super) last_seen: DateTime<Utc>,
    samples: u64,
    pub(super) ttl_min: Option<u32>,
    pub(super) ttl_max: Option<u32>,
    cached_until: Option<DateTime<Utc>>,
    longest_silence_s: Option<u32>,
    expires: Mostly<DateTime<Utc>>,
}

impl Run {
    pub(super) fn begin(site: Site, observation: &Observation) -> Self {
        Self {
            site,
            answer: Arc::clone(&observation.answer),
            authoritative: is_authoritative(observation),
            first_ttls: remaining_ttls(observation),
            first_seen: observation.at,
            last_seen: observation.at,
            samples: 1,
            ttl_min: observation.ttl(),
            ttl_max: observation.ttl(),
            cached_until: expiries(observation).max(),
            longest_silence_s: Some(0),
            expires: expiries(observation).collect(),
        }
    }

    /// A run as it was stored.
    pub(super) fn restored(span: &Span, site: Site) -> Self {
        let links = 0..span.answer.links.len();
        let expires = links.map(|index| last_expiry(span, index)).collect();
        Self::of_span(span, site, expires)
    }

    /// A run as it was stored, and when its links last expired.
    pub(super) fn of_span(span: &Span, site: Site, expires: Mostly<DateTime<Utc>>) -> Self {
        Self {
            site,
            answer: Arc::clone(&span.answer),
            authoritative: span.authoritative,
            first_ttls: span.first_ttls.clone(),
            first_seen: span.first_seen,
            last_seen: span.last_seen,
            samples: span.samples,
            ttl_min: span.ttl_min,
            ttl_max: span.ttl_max,
            cached_until: span.cached_until,
            longest_silence_s: span.longest_silence_s,
            expires,
        }
    }

    /// As a span of its series.
    pub(super) fn span(&self, series: &SeriesKey) -> Span {
        Span {
            series: series.clone(),
            site: self.site.clone(),
            answer: Arc::clone(&self.answer),
            authoritative: self.authoritative,
            first_ttls: self.first_ttls.clone(),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            samples: self.samples,
            ttl_min: self.ttl_min,
            ttl_max: self.ttl_max,
            first_expires_at: None,
            cached_until: self.cached_until,
            longest_silence_s: self.longest_silence_s,
        }
        .with_first_expiry()
    }

    pub(super) fn extend(&mut self, observation: &Observation) {
        self.samples += 1;
        self.ttl_min = self.ttl_min.min(observation.ttl());
        self.ttl_max = self.ttl_max.max(observation.ttl());
        self.cached_until = self.cached_until.max(expiries(observation).max());
        if observation.at >= self.last_seen {
            let silent = whole_seconds(observation.at - self.last_seen);
            self.longest_silence_s = self.longest_silence_s.map(|longest| longest.max(silent));
            self.last_seen = observation.at;
            self.expires = expiries(observation).collect();
        }
    }

    /// Takes in that the run goes on through a silence that is longer than three rounds.
    pub(super) fn bridge(&mut self, observation: &Observation) {
        self.longest_silence_s.get_or_insert_default();
        self.extend(observation);
    }

    /// Whether the observation says the same as the run did within `gap`. At an authority a changed TTL begins a new one, unless
    /// it counts down: some authorities are caches in front of a hidden primary.
    pub(super) fn continues(&self, observation: &Observation, gap: Duration) -> bool {
        if !self.says_the_same(observation) || self.is_silent_for(gap, observation) {
            return false;
        }
        observation.source.kind == SourceKind::Resolver
            || self.keeps_first_ttls(observation)
            || (0..observation.answer.links.len()).all(|index| self.keeps_ttl(observation, index))
    }

    /// Whether the observation says the same as the run did when it was heard last, however long ago that was. At an authority
    /// any other TTL is another word.
    pub(super) fn continues_later(&self, observation: &Observation) -> bool {
        self.says_the_same(observation)
            && (observation.source.kind == SourceKind::Resolver
                || self.keeps_first_ttls(observation))
    }

    fn says_the_same(&self, observation: &Observation) -> bool {
        self.answer == observation.answer && self.authoritative == is_authoritative(observation)
    }

    fn is_silent_for(&self, gap: Duration, observation: &Observation) -> bool {
        is_longer(observation.at - self.last_seen, gap)
    }

    fn keeps_first_ttls(&self, observation: &Observation) -> bool {
        self.first_ttls == remaining_ttls(observation)
    }

    fn keeps_ttl(&self, observation: &Observation, index: usize) -> bool {
        let (ttl, first) = (observation.link_ttl(index), self.first_link_ttl(index));
        let unmoved = |before: &DateTime<Utc>| counts_down(*before, observation.expires_at(index));
        match ttl.cmp(&first) {
            Ordering::Equal => true,
            Ordering::Less => self.expires.get(index).is_some_and(unmoved),
            Ordering::Greater => false,
        }
    }

    /// As [`Span::first_link_ttl`].
    fn first_link_ttl(&self, index: usize) -> u32 {
        let ttls = self.first_ttls.get(index);
        let lowest = ttls.and_then(|ttls| ttls.iter().min());
        lowest.copied().unwrap_or(0)
    }
}

/// Whether a silence is longer than a gap may be; one that ends before it began is none.
pub(super) fn is_longer(silent: TimeDelta, gap: Duration) -> bool {
    silent.to_std().is_ok_and(|silent| silent > gap)
}

fn whole_seconds(silent: TimeDelta) -> u32 {
    let begun = i64::from(silent.subsec_nanos() > 0);
    u32::try_from(silent.num_seconds() + begun).unwrap_or(u32::MAX)
}

/// The TTLs as received, less the reply's age in an HTTP cache: what restoring reckons expiries from.
pub(super) fn remaining_ttls(observation: &Observation) -> Ttls {
    let remaining = |ttl: &u32| ttl.saturating_sub(observation.age);
    let links = observation.ttls.iter();
    links
        .map(|link| link.iter().map(remaining).collect())
        .collect()
}

/// Whether a lower TTL is the old one counted down: its expiry instant has not moved.
pub(super) fn counts_down(before: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (now - before).abs() <= EPSILON
}

/// When a link of a span's last sample expires. Exact for a single link; in a chain of uneven TTLs an estimate, since
/// a span keeps the TTLs of its first sample only.
pub(super) fn last_expiry(span: &Span, index: usize) -> DateTime<Utc> {
    let steady = span.last_seen + TimeDelta::seconds(i64::from(span.first_link_ttl(index)));
    if span.ttl_min == span.ttl_max {
        return steady;
    }
    span.cached_until.map_or(steady, |until| until.min(steady))
}

fn expiries(observation: &Observation) -> impl Iterator<Item = DateTime<Utc>> {
    let links = 0..observation.answer.links.len();
    links.map(|index| observation.expires_at(index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::{GOOD, NAME, a, at, observe, question, resolver};

    #[test]
    fn a_reply_that_lay_in_an_http_cache_expires_as_early_after_a_restart() {
        let source = resolver("google", "8.8.8.8", None).sources().next();
        let (source, question) = (source.unwrap(), question(NAME, crate::types::RecordType::A));
        let series = SeriesKey {
            question: question.clone(),
            source: source.clone().into(),
        };
        let mut observation = observe(&source, &question, at("12:00"), &a(&[GOOD], 300));
        observation.age = 120;
        let run = Run::begin(None, &observation);
        let until = at("12:03");
        assert_eq!(run.cached_until, Some(until));
        assert_eq!((run.ttl_min, run.ttl_max), (Some(180), Some(180)));
        assert_eq!(*run.expires, [until]);
        assert_eq!(Run::restored(&run.span(&series), None), run);
    }
}
