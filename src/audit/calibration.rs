//! Calibration: what a resolver does with TTLs, measured with names of a canary zone that its user delegates.
//!
//! [`canary`] is the zone and its names, [`plan`] what is asked in which order, `limits`, `countdown`, `errors` and
//! `stale` read the replies, [`traits`] tells the judge. What could not be measured is `Measured::unknown` with the
//! reason. Deliberately absent: asking, and any guess. A number here was seen on the wire.

pub mod canary;
mod countdown;
mod errors;
mod limits;
pub mod plan;
mod samples;
mod stale;
#[cfg(test)]
mod tests;
pub mod traits;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    names::DnsName,
    types::{Observation, Source},
};
use canary::Served;
use plan::Probe;
use samples::Samples;
pub use stale::{Again, Expiry, expiry, read_again};

/// A calibration older than this is shown as old. It stays in use: an old measurement is better than none.
pub const OLD: TimeDelta = TimeDelta::days(90);

/// Something that was measured, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured<T> {
    /// `None`: not measured.
    pub value: Option<T>,
    /// What the value stands on, or why there is none.
    pub how: String,
}

impl<T> Measured<T> {
    fn known(value: T, how: impl Into<String>) -> Self {
        Self {
            value: Some(value),
            how: how.into(),
        }
    }

    fn unknown(why: impl Into<String>) -> Self {
        Self {
            value: None,
            how: why.into(),
        }
    }
}

/// A bound on TTLs, and how far it was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Seconds; `None` where there is none as far as was looked.
    pub seconds: Option<u32>,
    /// The authority's own TTL of the names it was looked for with, seconds.
    pub tested: u32,
}

/// How TTLs move while an answer stays in a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decrement {
    /// They fall by the time gone by (RFC 1034 section 3.6).
    CountsDown,
    /// They stay as they were (`serve-original-ttl`).
    Constant,
    /// One way at some backends, the other way at others.
    Mixed,
}

/// Whether answers are given after their TTL when the authority is silent (RFC 8767).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServeStale {
    /// Whether they are.
    pub serves: bool,
    /// The highest TTL such an answer had, seconds; `None` where there were none.
    pub ttl: Option<u32>,
    /// Whether EDE 3 or 19 came with every one of them.
    pub declared: bool,
}

/// What is behind one address, as far as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backends {
    /// The sites that named themselves (NSID, RFC 5001), sorted.
    pub sites: Vec<String>,
    /// Caches told apart by their countdowns of one name, at least; `None` where TTLs do not count down.
    pub caches: Option<usize>,
}

impl Backends {
    /// How many there are at least.
    pub fn seen(&self) -> usize {
        self.sites.len().max(self.caches.unwrap_or(0))
    }
}

/// What one run found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measures {
    /// The highest TTL it keeps.
    pub ttl_cap: Measured<Limit>,
    /// The lowest TTL it keeps.
    pub ttl_floor: Measured<Limit>,
    /// How long it keeps a denial at most.
    pub negative_ttl_cap: Measured<Limit>,
    /// How TTLs move.
    pub decrement: Measured<Decrement>,
    /// The extended errors (RFC 8914) it sent, by code; empty where a failure came without one.
    pub ede: Measured<Vec<u16>>,
    /// What is behind the address.
    pub backends: Measured<Backends>,
}

/// One address of a resolver, measured once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    /// Who was measured.
    #[serde(flatten)]
    pub source: Source,
    /// The canary zone.
    pub zone: DnsName,
    /// What this run's names begin with. Later questions find them again by it.
    pub token: String,
    /// When the run ended.
    pub at: DateTime<Utc>,
    /// Questions that were put.
    pub questions: usize,
    /// Questions that any reply came to.
    pub replies: usize,
    /// What was found out.
    #[serde(flatten)]
    pub measures: Measures,
    /// Whether it serves stale answers. May be of another run.
    pub serve_stale: Measured<ServeStale>,
    /// When that was measured; `None` where it never was.
    pub serve_stale_at: Option<DateTime<Utc>>,
}

impl Calibration {
    /// What the replies of one address to the whole [`plan`] say. `served` is what the zone's own servers say.
    pub fn of(
        source: Source,
        zone: DnsName,
        token: String,
        served: &Served,
        replies: &[(Probe, Observation)],
        now: DateTime<Utc>,
    ) -> Self {
        let samples = Samples::new(served, replies);
        let measures = Measures {
            ttl_cap: limits::cap(&samples),
            ttl_floor: limits::floor(&samples),
            negative_ttl_cap: limits::negative_cap(&samples),
            decrement: countdown::decrement(&samples),
            ede: errors::extended(&samples),
            backends: countdown::backends(&samples),
        };
        let serve_stale = stale::read_first(&samples);
        Self {
            source,
            zone,
            token,
            at: now,
            questions: replies.len(),
            replies: samples.replies(),
            measures,
            serve_stale_at: serve_stale.value.map(|_| now),
            serve_stale,
        }
    }

    /// The same with what an earlier run found out about stale answers, where this one did not.
    #[must_use]
    pub fn after(mut self, earlier: Option<&Self>) -> Self {
        if let Some(earlier) = earlier.filter(|_| self.serve_stale.value.is_none())
            && earlier.serve_stale.value.is_some()
        {
            self.serve_stale = earlier.serve_stale.clone();
            self.serve_stale_at = earlier.serve_stale_at;
        }
        self
    }

    /// Whether it is to be measured anew.
    pub fn is_old(&self, now: DateTime<Utc>) -> bool {
        now - self.at > OLD
    }

    /// The same as it is shown.
    pub fn dated(self, now: DateTime<Utc>) -> Dated {
        Dated {
            old: self.is_old(now),
            calibration: self,
        }
    }
}

/// A calibration as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dated {
    /// The calibration.
    #[serde(flatten)]
    pub calibration: Calibration,
    /// Whether it is older than [`OLD`].
    pub old: bool,
}
