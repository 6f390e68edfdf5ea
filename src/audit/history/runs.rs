//! How observations of one site are run together into a span, and where a run ends.
//!
//! Deliberately absent: other sites, and what a span means for a verdict.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{EPSILON, is_authoritative};
use crate::types::{Observation, SeriesKey, SourceKind, Span};

/// A span that may still grow, and when each of its links last expired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) span: Span,
    expires: Vec<DateTime<Utc>>,
}

impl Run {
    pub(super) fn begin(series: SeriesKey, observation: &Observation) -> Self {
        let last = observation.answer.links.len().checked_sub(1);
        let span = Span {
            series,
            site: observation.site(),
            answer: observation.answer.clone(),
            authoritative: is_authoritative(observation),
            first_ttls: remaining_ttls(observation),
            first_seen: observation.at,
            last_seen: observation.at,
            samples: 1,
            ttl_min: observation.ttl(),
            ttl_max: observation.ttl(),
            first_expires_at: last.map(|index| observation.expires_at(index)),
            cached_until: expiries(observation).into_iter().max(),
            longest_silence_s: Some(0),
        };
        Self {
            span,
            expires: expiries(observation),
        }
    }

    /// A run as it was stored.
    pub(super) fn restored(span: Span) -> Self {
        let links = 0..span.answer.links.len();
        let expires = links.map(|index| last_expiry(&span, index)).collect();
        Self { span, expires }
    }

    pub(super) fn extend(&mut self, observation: &Observation) {
        let span = &mut self.span;
        span.samples += 1;
        span.ttl_min = span.ttl_min.min(observation.ttl());
        span.ttl_max = span.ttl_max.max(observation.ttl());
        span.cached_until = span
            .cached_until
            .max(expiries(observation).into_iter().max());
        if observation.at >= span.last_seen {
            let silent = whole_seconds(observation.at - span.last_seen);
            span.longest_silence_s = span.longest_silence_s.map(|longest| longest.max(silent));
            span.last_seen = observation.at;
            self.expires = expiries(observation);
        }
    }

    /// Takes in that the run goes on through a silence that is longer than three rounds.
    pub(super) fn bridge(&mut self, observation: &Observation) {
        self.span.longest_silence_s.get_or_insert_default();
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
        self.span.answer == observation.answer
            && self.span.authoritative == is_authoritative(observation)
    }

    fn is_silent_for(&self, gap: Duration, observation: &Observation) -> bool {
        is_longer(observation.at - self.span.last_seen, gap)
    }

    fn keeps_first_ttls(&self, observation: &Observation) -> bool {
        self.span.first_ttls == remaining_ttls(observation)
    }

    fn keeps_ttl(&self, observation: &Observation, index: usize) -> bool {
        let (ttl, first) = (observation.link_ttl(index), self.span.first_link_ttl(index));
        let unmoved = |before: &DateTime<Utc>| counts_down(*before, observation.expires_at(index));
        ttl == first || (ttl < first && self.expires.get(index).is_some_and(unmoved))
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
pub(super) fn remaining_ttls(observation: &Observation) -> Vec<Vec<u32>> {
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

fn expiries(observation: &Observation) -> Vec<DateTime<Utc>> {
    let links = 0..observation.answer.links.len();
    links.map(|index| observation.expires_at(index)).collect()
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
            source: source.clone(),
        };
        let mut observation = observe(&source, &question, at("12:00"), &a(&[GOOD], 300));
        observation.age = 120;
        let run = Run::begin(series, &observation);
        let until = at("12:03");
        assert_eq!(run.span.cached_until, Some(until));
        assert_eq!((run.span.ttl_min, run.span.ttl_max), (Some(180), Some(180)));
        assert_eq!(run.expires, [until]);
        assert_eq!(Run::restored(run.span).expires, [until]);
    }
}
