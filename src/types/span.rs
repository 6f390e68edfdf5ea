//! Spans: an unbroken run of the same answer from the same source and site.
//!
//! Deliberately absent: how runs are cut, which is `audit::history`'s rule.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::types::{Answer, Mostly, Observation, Question, Source};

/// TTLs in seconds: for each link of an answer one of each record.
pub type Ttls = Mostly<Mostly<u32>>;

/// What is observed over time: one question at one source. The vantage is the process's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// What is asked.
    pub question: Question,
    /// Who is asked.
    pub source: Arc<Source>,
}

impl SeriesKey {
    /// The series that an observation belongs to.
    pub fn of(observation: &Observation) -> Self {
        Self {
            question: observation.question.clone(),
            source: observation.source.clone(),
        }
    }
}

/// An unbroken run of the same answer from the same source and site.
///
/// It goes on through a long silence of the site where the source said the same at its other sites meanwhile. At an authority
/// a run also ends where the TTLs change without counting down, so that every epoch starts a span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Whose run this is.
    pub series: SeriesKey,
    /// The backend, by NSID; `None` where it does not say.
    pub site: Option<Arc<str>>,
    /// The answer.
    pub answer: Arc<Answer>,
    /// Whether the answer came from an authority as its own word: AA set, and something said of the name.
    pub authoritative: bool,
    /// The TTLs of the first sample, as in [`crate::types::Observation::ttls`], less its age in an HTTP cache.
    pub first_ttls: Ttls,
    /// Receipt of the first sample.
    pub first_seen: DateTime<Utc>,
    /// Receipt of the last sample so far.
    pub last_seen: DateTime<Utc>,
    /// How many samples.
    pub samples: u64,
    /// Lowest TTL seen of the whole answer, seconds; `None` where nothing was answered.
    pub ttl_min: Option<u32>,
    /// Highest.
    pub ttl_max: Option<u32>,
    /// `t + θ` of the first sample, by the last link; `None` where nothing was answered.
    pub first_expires_at: Option<DateTime<Utc>>,
    /// The latest `t + θ` of any link of any sample: until when a client told now could keep it.
    pub cached_until: Option<DateTime<Utc>>,
    /// The longest time between two samples one after the other, seconds, rounded up; 0 where there is one sample. `None` where
    /// an earlier version recorded the run: then it is no more than three rounds.
    #[serde(default)]
    pub longest_silence_s: Option<u32>,
}

impl Span {
    /// The same with [`Span::first_expires_at`] as it follows from the first sample.
    #[must_use]
    pub(crate) fn with_first_expiry(self) -> Self {
        let last = self.answer.links.len().checked_sub(1);
        let ttl = last.map(|last| TimeDelta::seconds(self.first_link_ttl(last).into()));
        Self {
            first_expires_at: ttl.map(|ttl| self.first_seen + ttl),
            ..self
        }
    }

    /// The TTL of link `index` in the first sample, seconds: the lowest in its `RRset`; 0 where there is none.
    pub fn first_link_ttl(&self, index: usize) -> u32 {
        let ttls = self.first_ttls.get(index);
        ttls.and_then(|ttls| ttls.iter().min().copied())
            .unwrap_or(0)
    }
}
