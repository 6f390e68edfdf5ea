//! The history of observations, as far as judgement needs it: spans, what authorities served, what resolvers held.
//!
//! Every observation goes through [`History::absorb`] once; the spans it returns are what is stored, and
//! [`History::restore`] rebuilds the same history from them, and from what was learned of caps. Deliberately absent: verdicts, and any reading of a clock.

mod by_series;
mod caps;
mod epochs;
mod failures;
mod few;
mod held;
mod links;
mod pairs;
mod runs;
mod series;
mod standing;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    names::DnsName,
    types::{
        Answer, Flags, Observation, Pool, Question, RecordType, SeriesKey, Source, SourceKind,
        Span, Status,
    },
};
use by_series::BySeries;
pub use caps::Cap;
use caps::Fetch;
pub use held::{Held, Sighting};
pub(in crate::audit) use held::{ROUNDING, STEADY_IN_DOUBT, TELLING};
pub use links::{Gap, LinkHistory, ServedEpoch};
use series::Runs;
pub use standing::{Current, Membership, Past, Standing, Word};

/// How far instants may lie apart and still be the same: a second for each cache layer, the way, and the clocks.
pub const EPSILON: TimeDelta = TimeDelta::seconds(5);

/// What authorities are judged on: one owner name, and the type that was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LinkKey {
    /// The owner name of the link.
    pub owner: DnsName,
    /// The type asked, also where the link is an alias.
    pub rtype: RecordType,
}

/// A backend, by NSID; `None` where it does not say.
type Site = Option<Arc<str>>;

/// What absorbing one observation did to its span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanChange {
    /// The span as it stands now.
    pub span: Span,
    /// Whether the observation began it.
    pub opened: bool,
}

/// The history of one vantage. As JSON it is whole: what is read back judges as this one does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History {
    /// The running spans of each series, one per site.
    runs: BySeries<Runs>,
    #[serde(with = "pairs")]
    links: HashMap<LinkKey, LinkHistory>,
    held: BySeries<Held>,
    #[serde(default, with = "pairs")]
    caps: HashMap<Arc<Source>, Cap>,
    /// When any resolver last vouched for an answer by AD=1.
    #[serde(default, with = "pairs")]
    validated: HashMap<Question, DateTime<Utc>>,
    #[serde(skip)]
    sites: Pool<str>,
}

impl History {
    /// Takes in one observation. A silence of more than `gap` ends a run, since nobody knows what was served meanwhile; unless
    /// the address was heard without such a gap at its other sites, and said the same.
    pub fn absorb(&mut self, observation: &Observation, gap: Duration) -> SpanChange {
        let series = SeriesKey::of(observation);
        let site = self.site(observation.site().as_deref());
        match observation.source.kind {
            SourceKind::Authority => self.absorb_links(observation, gap),
            SourceKind::Resolver => self.absorb_held(&series, observation, &site, gap),
        }
        let runs = self.runs.get_or_begin(&series);
        let (run, opened) = runs.absorb(observation, site, gap);
        SpanChange {
            span: run.span(&series),
            opened,
        }
    }

    fn site(&mut self, site: Option<&str>) -> Site {
        site.map(|site| self.sites.share(site, Arc::from))
    }

    /// Takes in the reply to an aside ([`Flags::ASIDE`]): no run ends or begins with it. `gap` as in [`History::absorb`].
    pub fn absorb_aside(&mut self, observation: &Observation, gap: Duration) {
        let held = self.held.get_or_begin(&SeriesKey::of(observation));
        held.absorb_aside(observation, gap);
    }

    /// Takes in spans that were stored, in any order. `gap` as in [`History::absorb`].
    pub fn restore(&mut self, spans: impl IntoIterator<Item = Span>, gap: Duration) {
        let mut spans: Vec<_> = spans.into_iter().collect();
        spans.sort_by_key(|span| (span.first_seen, span.last_seen));
        let mut of_authorities = Vec::new();
        for span in spans {
            let site = self.site(span.site.as_deref());
            let runs = self.runs.get_or_begin(&span.series);
            runs.restore(&span, site.clone(), gap);
            match span.series.source.kind {
                SourceKind::Authority => {
                    self.restore_heard(&span, gap);
                    of_authorities.push(span);
                }
                SourceKind::Resolver => {
                    let held = self.held.get_or_begin(&span.series);
                    held.restore(&span, &site, gap);
                }
            }
        }
        self.restore_links(&of_authorities);
    }

    /// Drops what no deadline after `horizon` can need, and series that have not been seen since.
    pub fn forget_before(&mut self, horizon: DateTime<Utc>) {
        self.runs.retain(|runs| runs.forget_before(horizon));
        self.held.retain(|held| held.forget_before(horizon));
        self.links.retain(|_, link| link.forget_before(horizon));
        self.validated.retain(|_, at| *at >= horizon);
        self.sites.forget();
    }

    /// What authorities served for a link; `None` where none was ever asked.
    pub fn link(&self, key: &LinkKey) -> Option<&LinkHistory> {
        self.links.get(key)
    }

    /// What one resolver address was seen to hold for a question.
    pub fn held(&self, series: &SeriesKey) -> Option<&Held> {
        self.held.get(series)
    }

    /// The longest TTL that a resolver address keeps, seconds, where its fetches have shown one.
    pub fn learned_cap(&self, source: &Source) -> Option<u32> {
        self.caps.get(source)?.learned()
    }

    /// What fetches have shown of the cap of each resolver address, in no order.
    pub fn caps(&self) -> impl Iterator<Item = (&Source, &Cap)> {
        self.caps.iter().map(|(source, cap)| (&**source, cap))
    }

    /// Takes in what was stored of [`History::caps`]: spans do not tell how closely fetches were seen.
    pub fn restore_caps(&mut self, caps: impl IntoIterator<Item = (Source, Cap)>) {
        let caps = caps.into_iter();
        self.caps
            .extend(caps.map(|(source, cap)| (source.into(), cap)));
    }

    /// When any resolver last gave the question's answer with AD=1 (RFC 4035 section 3.2.3), since the start.
    pub fn last_validated(&self, question: &Question) -> Option<DateTime<Utc>> {
        self.validated.get(question).copied()
    }

    fn absorb_held(
        &mut self,
        series: &SeriesKey,
        observation: &Observation,
        site: &Site,
        gap: Duration,
    ) {
        let held = self.held.get_or_begin(series);
        let fetched = held.absorb(observation, site, gap);
        for (index, within) in fetched {
            if let Some(fetch) = self.fetch(observation, index, within) {
                let cap = self.caps.entry(Arc::clone(&series.source)).or_default();
                cap.see(fetch);
            }
        }
        if observation.flags.has(Flags::AD) && observation.answer.is_data() {
            let last = self
                .validated
                .entry(series.question.clone())
                .or_insert(observation.at);
            *last = (*last).max(observation.at);
        }
    }

    /// A fetch of a link within so much time, where its authorities have served the same all the while, and nobody speaks in
    /// their place: then it is the resolver's own.
    fn fetch(&self, observation: &Observation, index: usize, within: TimeDelta) -> Option<Fetch> {
        let link = observation.answer.links.get(index)?;
        if link.value.is_negative() || observation.is_stale() {
            return None;
        }
        let key = LinkKey {
            owner: link.owner.clone(),
            rtype: observation.question.rtype,
        };
        let served = self.links.get(&key).filter(|link| !link.is_spoken_over())?;
        Some(Fetch {
            at: observation.at,
            ttl: observation.link_ttl(index),
            within,
            authority: served.lowest_ttl(&link.value, observation.at - within)?,
        })
    }

    fn link_mut(&mut self, owner: &DnsName, rtype: RecordType) -> &mut LinkHistory {
        let key = LinkKey {
            owner: owner.clone(),
            rtype,
        };
        self.links.entry(key).or_default()
    }

    fn absorb_links(&mut self, observation: &Observation, gap: Duration) {
        let (at, question) = (observation.at, &observation.question);
        if is_somebody_elses(observation.flags.has(Flags::AA), &observation.answer) {
            self.link_mut(&question.name, question.rtype)
                .spoken_over(at);
        }
        if !is_authoritative(observation) {
            return;
        }
        for (index, link) in observation.answer.links.iter().enumerate() {
            let history = self.link_mut(&link.owner, question.rtype);
            history.heard(at, at, gap);
            history.served(
                observation.source.address,
                (&question.name, link.owner == question.name),
                (
                    &link.value,
                    observation.link_ttl(index),
                    observation.ecs_scope,
                ),
                at,
            );
        }
    }

    fn restore_heard(&mut self, span: &Span, gap: Duration) {
        let question = &span.series.question;
        if is_somebody_elses(span.authoritative, &span.answer) {
            self.link_mut(&question.name, question.rtype)
                .spoken_over(span.last_seen);
        }
        if span.authoritative {
            let (first, last) = (span.first_seen, span.last_seen);
            for link in &span.answer.links {
                let history = self.link_mut(&link.owner, question.rtype);
                history.heard(first, last, gap);
            }
        }
    }

    /// A span of an authority says what its first sample said, and that its last one said the same. Spans of one server may overlap (two
    /// backends behind one address, two names over one link), so that beginnings and ends are replayed in time.
    fn restore_links(&mut self, spans: &[Span]) {
        let authoritative = spans.iter().filter(|span| span.authoritative);
        let mut events: Vec<_> = authoritative
            .flat_map(|span| [(span.first_seen, false, span), (span.last_seen, true, span)])
            .collect();
        events.sort_by_key(|(at, is_end, _)| (*at, *is_end));
        for (at, is_end, span) in events {
            let (question, address) = (&span.series.question, span.series.source.address);
            for (index, link) in span.answer.links.iter().enumerate() {
                let said = (&link.value, span.first_link_ttl(index));
                let history = self.link_mut(&link.owner, question.rtype);
                if is_end {
                    let expires = runs::last_expiry(span, index);
                    history.still_served(address, said, at, expires);
                } else {
                    let told_for = (&question.name, link.owner == question.name);
                    history.served(address, told_for, (said.0, said.1, None), at);
                }
            }
        }
    }
}

/// Whether an authority's reply is data that the zone does not vouch for: somebody else's. While nothing else comes, what the
/// zone serves is not known.
fn is_somebody_elses(authoritative: bool, answer: &Answer) -> bool {
    !authoritative && answer.is_data()
}

/// Whether a reply is a zone's own word: AA is set and it says something of the name.
pub fn is_authoritative(observation: &Observation) -> bool {
    observation.flags.has(Flags::AA)
        && matches!(observation.answer.status, Status::Rcode(_))
        && observation.answer.is_data()
}
