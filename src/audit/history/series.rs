//! The runs of one series, one for each of its sites, and what all of them together have said.
//!
//! Of several backends that take turns one is often silent for longer than three rounds. Its run goes on nevertheless where the
//! address was heard meanwhile without such a gap, and said the same: then nothing else can have been served in between that a
//! run of the address would have shown. Deliberately absent: other series.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Site, is_authoritative,
    runs::{Run, is_longer, remaining_ttls},
};
use crate::types::{Answer, Mostly, Observation, SourceKind, Span, Ttls};

/// The running spans of one series.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Form")]
pub(super) struct Runs {
    /// One for each site.
    sites: Vec<Run>,
    /// What they said last; `None` while there is no more than one site, whose run says as much.
    #[serde(skip_serializing_if = "Option::is_none")]
    common: Option<Box<Common>>,
}

/// As runs are read back. Before there was anything in common, each was a span, and stood alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Spans(Vec<Spanned>),
    Whole {
        sites: Vec<Run>,
        #[serde(default)]
        common: Option<Box<Common>>,
    },
}

#[derive(Deserialize)]
struct Spanned {
    span: Span,
    expires: Mostly<DateTime<Utc>>,
}

impl From<Form> for Runs {
    fn from(form: Form) -> Self {
        match form {
            Form::Whole { sites, common } => Self { sites, common },
            Form::Spans(spans) => {
                let spans = spans.into_iter();
                let runs = spans.map(|Spanned { span, expires }| {
                    let site = span.site.clone();
                    Run::of_span(&span, site, expires)
                });
                Self {
                    sites: runs.collect(),
                    common: None,
                }
            }
        }
    }
}

/// The word that was given last at any site, and for how long no other was, and no silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Common {
    word: Word,
    since: DateTime<Utc>,
    last: DateTime<Utc>,
}

/// What an address says: at an authority its TTLs are part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Word {
    answer: Arc<Answer>,
    authoritative: bool,
    ttls: Option<Ttls>,
}

impl Word {
    /// Silence is none.
    fn of(observation: &Observation) -> Option<Self> {
        let is_authority = observation.source.kind == SourceKind::Authority;
        observation.answer.is_reply().then(|| Self {
            answer: Arc::clone(&observation.answer),
            authoritative: is_authoritative(observation),
            ttls: is_authority.then(|| remaining_ttls(observation)),
        })
    }

    /// What a run says by an authority or not.
    fn of_run(run: &Run, kind: SourceKind) -> Option<Self> {
        let is_authority = kind == SourceKind::Authority;
        run.answer.is_reply().then(|| Self {
            answer: Arc::clone(&run.answer),
            authoritative: run.authoritative,
            ttls: is_authority.then(|| run.first_ttls.clone()),
        })
    }
}

impl Common {
    fn begin(word: Word, since: DateTime<Utc>, last: DateTime<Utc>) -> Self {
        Self { word, since, last }
    }

    /// Takes in a word that was given from `first` to `last`.
    fn say(&mut self, word: Word, (first, last): (DateTime<Utc>, DateTime<Utc>), gap: Duration) {
        if word == self.word {
            if is_longer(first - self.last, gap) {
                self.since = first;
            }
        } else if first > self.last {
            *self = Self::begin(word, first, last);
        } else if last >= self.last {
            // Both were given for a while: what is known to be the latter's alone is its last sight.
            *self = Self::begin(word, last, last);
        } else {
            self.since = self.last;
        }
        self.last = self.last.max(last);
    }

    /// A whole run. Where an authority's TTLs moved in it, its first ones are not its last word.
    fn say_run(common: Option<Self>, run: &Run, kind: SourceKind, gap: Duration) -> Option<Self> {
        let Some(word) = Word::of_run(run, kind) else {
            return common;
        };
        let moved = word.ttls.is_some() && run.ttl_min != run.ttl_max;
        let first = if moved { run.last_seen } else { run.first_seen };
        let Some(mut common) = common else {
            return Some(Self::begin(word, first, run.last_seen));
        };
        common.say(word, (first, run.last_seen), gap);
        Some(common)
    }
}

impl Runs {
    /// Takes in one observation: the run it belongs to, and whether it began that.
    pub(super) fn absorb(
        &mut self,
        observation: &Observation,
        site: Site,
        gap: Duration,
    ) -> (&Run, bool) {
        let known = self.sites.iter().position(|run| run.site == site);
        if self.sites.len() + usize::from(known.is_none()) > 1 {
            self.hear(observation, gap);
        }
        let Some(index) = known else {
            self.sites.reserve_exact(1);
            let run = self.sites.push_mut(Run::begin(site, observation));
            return (run, true);
        };
        let is_bridged =
            observation.answer.is_reply() && self.is_unbroken_since(self.sites[index].last_seen);
        let run = &mut self.sites[index];
        if run.continues(observation, gap) {
            run.extend(observation);
            return (run, false);
        }
        if is_bridged && run.continues_later(observation) {
            run.bridge(observation);
            return (run, false);
        }
        *run = Run::begin(site, observation);
        (run, true)
    }

    /// Whether the address has said what it says now ever since, without a gap.
    fn is_unbroken_since(&self, instant: DateTime<Utc>) -> bool {
        let common = self.common.as_ref();
        common.is_some_and(|common| common.since <= instant)
    }

    fn hear(&mut self, observation: &Observation, gap: Duration) {
        let Some(word) = Word::of(observation) else {
            return;
        };
        if self.common.is_none() {
            self.common = self.so_far(observation.source.kind, gap);
        }
        let at = observation.at;
        match &mut self.common {
            Some(common) => common.say(word, (at, at), gap),
            None => self.common = Some(Box::new(Common::begin(word, at, at))),
        }
    }

    /// What the runs tell of their common word.
    fn so_far(&self, kind: SourceKind, gap: Duration) -> Option<Box<Common>> {
        let runs = self.sites.iter();
        let common = runs.fold(None, |common, run| Common::say_run(common, run, kind, gap));
        common.map(Box::new)
    }

    /// Takes in a stored run; they come in order of first sight.
    pub(super) fn restore(&mut self, span: &Span, site: Site, gap: Duration) {
        let kind = span.series.source.kind;
        let known = self.sites.iter().position(|run| run.site == site);
        let run = Run::restored(span, site);
        if self.sites.len() + usize::from(known.is_none()) > 1 {
            let common = self.common.take().or_else(|| self.so_far(kind, gap));
            let common = common.map(|common| *common);
            self.common = Common::say_run(common, &run, kind, gap).map(Box::new);
        }
        if let Some(index) = known {
            self.sites[index] = run;
        } else {
            self.sites.reserve_exact(1);
            self.sites.push(run);
        }
    }

    /// Drops runs that were not seen since `horizon`; `false` when none is left.
    pub(super) fn forget_before(&mut self, horizon: DateTime<Utc>) -> bool {
        self.sites.retain(|run| run.last_seen >= horizon);
        self.sites.shrink_to_fit();
        if self.sites.len() < 2 {
            self.common = None;
        }
        !self.sites.is_empty()
    }
}
