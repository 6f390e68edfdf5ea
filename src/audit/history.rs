//! The history of observations, as far as judgement needs it: spans, what authorities served, what resolvers held.
//!
//! Every observation goes through [`History::absorb`] once; the spans it returns are what is stored, and
//! [`History::restore`] rebuilds the same history from them. Deliberately absent: verdicts, and any reading of a clock.

mod held;
mod links;

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    names::DnsName,
    types::{Flags, Observation, RecordType, SeriesKey, SourceKind, Span, Status, Value},
};
pub use held::{Held, Sighting};
pub use links::{Current, LinkHistory, Past, Standing};

/// How far instants may lie apart and still be the same: a second for each cache layer, the way, and the clocks.
pub const EPSILON: TimeDelta = TimeDelta::seconds(5);

/// What authorities are judged on: one owner name, and the type that was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkKey {
    /// The owner name of the link.
    pub owner: DnsName,
    /// The type asked, also where the link is an alias.
    pub rtype: RecordType,
}

/// What absorbing one observation did to its span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanChange {
    /// The span as it stands now.
    pub span: Span,
    /// Whether the observation began it.
    pub opened: bool,
}

/// The history of one vantage.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The running spans of each series, one per site.
    spans: HashMap<SeriesKey, Vec<Span>>,
    links: HashMap<LinkKey, LinkHistory>,
    held: HashMap<SeriesKey, Held>,
}

impl History {
    /// Takes in one observation. A silence of more than `gap` ends a run: nobody knows what was served meanwhile.
    pub fn absorb(&mut self, observation: &Observation, gap: Duration) -> SpanChange {
        let series = SeriesKey {
            question: observation.question.clone(),
            source: observation.source.clone(),
        };
        match observation.source.kind {
            SourceKind::Authority => self.absorb_links(observation, gap),
            SourceKind::Resolver => self
                .held
                .entry(series.clone())
                .or_default()
                .absorb(observation),
        }
        let running = self.spans.entry(series.clone()).or_default();
        let site = observation.site();
        match running.iter_mut().find(|span| span.site == site) {
            Some(span) if continues(span, observation, gap) => {
                extend(span, observation);
                SpanChange {
                    span: span.clone(),
                    opened: false,
                }
            }
            Some(span) => {
                *span = begin(series, site, observation);
                SpanChange {
                    span: span.clone(),
                    opened: true,
                }
            }
            None => {
                let span = begin(series, site, observation);
                running.push(span.clone());
                SpanChange { span, opened: true }
            }
        }
    }

    /// Takes in spans that were stored, in any order. `gap` as in [`History::absorb`].
    pub fn restore(&mut self, spans: impl IntoIterator<Item = Span>, gap: Duration) {
        let mut spans: Vec<_> = spans.into_iter().collect();
        spans.sort_by_key(|span| span.first_seen);
        for span in &spans {
            match span.series.source.kind {
                SourceKind::Authority => self.restore_links(span, gap),
                SourceKind::Resolver => {
                    self.held
                        .entry(span.series.clone())
                        .or_default()
                        .restore(span);
                }
            }
        }
        for span in spans {
            let running = self.spans.entry(span.series.clone()).or_default();
            running.retain(|other| other.site != span.site);
            running.push(span);
        }
    }

    /// Drops what no deadline after `horizon` can need, and series that have not been seen since.
    pub fn forget_before(&mut self, horizon: DateTime<Utc>) {
        self.spans.retain(|_, running| {
            running.retain(|span| span.last_seen >= horizon);
            !running.is_empty()
        });
        self.held.retain(|_, held| held.forget_before(horizon));
        self.links.retain(|_, link| link.forget_before(horizon));
    }

    /// What authorities served for a link; `None` where none was ever asked.
    pub fn link(&self, key: &LinkKey) -> Option<&LinkHistory> {
        self.links.get(key)
    }

    /// What one resolver address was seen to hold for a question.
    pub fn held(&self, series: &SeriesKey) -> Option<&Held> {
        self.held.get(series)
    }

    /// The running span of a backend.
    pub fn running(&self, series: &SeriesKey, site: Option<&str>) -> Option<&Span> {
        self.spans
            .get(series)?
            .iter()
            .find(|span| span.site.as_deref() == site)
    }

    fn absorb_links(&mut self, observation: &Observation, gap: Duration) {
        let rtype = observation.question.rtype;
        let asked = LinkKey {
            owner: observation.question.name.clone(),
            rtype,
        };
        self.links
            .entry(asked)
            .or_default()
            .asked(observation.at, gap);
        if !is_authoritative(observation) {
            return;
        }
        for (index, link) in observation.answer.links.iter().enumerate() {
            let history = self
                .links
                .entry(LinkKey {
                    owner: link.owner.clone(),
                    rtype,
                })
                .or_default();
            history.asked(observation.at, gap);
            history.served(
                observation.source.address,
                &link.value,
                observation.link_ttl(index),
                observation.at,
            );
        }
    }

    /// A span says what its first sample said, and that its last one said the same.
    fn restore_links(&mut self, span: &Span, gap: Duration) {
        let rtype = span.series.question.rtype;
        let asked = LinkKey {
            owner: span.series.question.name.clone(),
            rtype,
        };
        self.links
            .entry(asked)
            .or_default()
            .asked_from(span.first_seen, span.last_seen, gap);
        if !span.authoritative {
            return;
        }
        for (index, link) in span.answer.links.iter().enumerate() {
            let ttl = span
                .first_ttls
                .get(index)
                .and_then(|ttls| ttls.iter().min())
                .copied();
            let history = self
                .links
                .entry(LinkKey {
                    owner: link.owner.clone(),
                    rtype,
                })
                .or_default();
            history.asked_from(span.first_seen, span.last_seen, gap);
            let address = span.series.source.address;
            history.served(address, &link.value, ttl.unwrap_or(0), span.first_seen);
            history.still_served(address, &link.value, span.last_seen);
        }
    }
}

/// Whether a reply is a zone's own word: AA is set and it says something of the name.
pub fn is_authoritative(observation: &Observation) -> bool {
    observation.flags.has(Flags::AA)
        && matches!(observation.answer.status, Status::Rcode(_))
        && observation.answer.is_data()
}

fn begin(series: SeriesKey, site: Option<String>, observation: &Observation) -> Span {
    let last = observation.answer.links.len().checked_sub(1);
    Span {
        series,
        site,
        answer: observation.answer.clone(),
        authoritative: is_authoritative(observation),
        first_ttls: observation.ttls.clone(),
        first_seen: observation.at,
        last_seen: observation.at,
        samples: 1,
        ttl_min: observation.ttl(),
        ttl_max: observation.ttl(),
        first_expires_at: last.map(|index| observation.expires_at(index)),
        cached_until: latest_expiry(observation),
    }
}

fn extend(span: &mut Span, observation: &Observation) {
    span.last_seen = span.last_seen.max(observation.at);
    span.samples += 1;
    span.ttl_min = span.ttl_min.min(observation.ttl());
    span.ttl_max = span.ttl_max.max(observation.ttl());
    span.cached_until = span.cached_until.max(latest_expiry(observation));
}

/// Whether the observation says the same as the run. At an authority a changed TTL begins a new one, unless it counts
/// down: some authorities are caches in front of a hidden primary.
fn continues(span: &Span, observation: &Observation, gap: Duration) -> bool {
    let silent = observation.at - span.last_seen;
    if span.answer != observation.answer
        || span.authoritative != is_authoritative(observation)
        || silent.to_std().is_ok_and(|silent| silent > gap)
    {
        return false;
    }
    observation.source.kind == SourceKind::Resolver
        || span.first_ttls == observation.ttls
        || (0..observation.answer.links.len()).all(|index| {
            let first = span
                .first_ttls
                .get(index)
                .and_then(|ttls| ttls.iter().min())
                .copied();
            let first = first.unwrap_or(0);
            let expired = span.first_seen + TimeDelta::seconds(i64::from(first));
            let ttl = observation.link_ttl(index);
            ttl == first
                || (ttl < first && (observation.expires_at(index) - expired).abs() <= EPSILON)
        })
}

fn latest_expiry(observation: &Observation) -> Option<DateTime<Utc>> {
    (0..observation.answer.links.len())
        .map(|index| observation.expires_at(index))
        .max()
}

/// A value and the owner it was said of, as resolvers hold it.
type HeldValue = (DnsName, Value);
