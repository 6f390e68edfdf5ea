//! How observations are run together into spans, and where a run ends.
//!
//! Deliberately absent: what a span means for a verdict.

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
            span.last_seen = observation.at;
            self.expires = expiries(observation);
        }
    }

    /// Whether the observation says the same as the run. At an authority a changed TTL begins a new one, unless it
    /// counts down: some authorities are caches in front of a hidden primary.
    pub(super) fn continues(&self, observation: &Observation, gap: Duration) -> bool {
        let span = &self.span;
        let silent = observation.at - span.last_seen;
        if span.answer != observation.answer
            || span.authoritative != is_authoritative(observation)
            || silent.to_std().is_ok_and(|silent| silent > gap)
        {
            return false;
        }
        observation.source.kind == SourceKind::Resolver
            || span.first_ttls == remaining_ttls(observation)
            || (0..observation.answer.links.len()).all(|index| self.keeps_ttl(observation, index))
    }

    fn keeps_ttl(&self, observation: &Observation, index: usize) -> bool {
        let (ttl, first) = (observation.link_ttl(index), self.span.first_link_ttl(index));
        let unmoved = |before: &DateTime<Utc>| counts_down(*before, observation.expires_at(index));
        ttl == first || (ttl < first && self.expires.get(index).is_some_and(unmoved))
    }
}

/// The TTLs as received, less the reply's age in an HTTP cache: what restoring reckons expiries from.
fn remaining_ttls(observation: &Observation) -> Vec<Vec<u32>> {
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
