//! What an incident keeps beside its evidence, to tell what changes: who joined and left, how often it began, how much of
//! what was asked showed it.
//!
//! Deliberately absent: the rules for it, which are [`crate::audit::ledger`]'s.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::IncidentKey;

/// How much of the past a [`Tally`] speaks of.
const TALLIED: TimeDelta = TimeDelta::hours(1);
/// How long one of its bins is.
const BIN: TimeDelta = TimeDelta::minutes(5);
/// Most sites it knows of one resolver.
const MOST_SITES: usize = 64;

/// Who joined and who left since a step was last told: resolvers on the axis `name`, names on the wider ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct News {
    /// Bad now, and not when a step was last told.
    pub joined: BTreeSet<String>,
    /// The other way round.
    pub left: BTreeSet<String>,
}

impl News {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty()
    }
}

/// A resolver or a name of an incident that was clean of late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calm {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Rounds in a row.
    pub rounds: u32,
    /// Whether that is long enough to say so.
    pub has_left: bool,
}

/// How an incident comes and goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flapping {
    /// The first of the beginnings that made it flapping.
    pub since: DateTime<Utc>,
    /// How often it began since then.
    pub onsets: u32,
    /// Whether it is clean at the moment.
    pub is_lull: bool,
}

/// When one breach began of late, however many incidents that made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// Which breach.
    pub key: IncidentKey,
    /// The instants of belief within `flap_window`, in order.
    pub onsets: Vec<DateTime<Utc>>,
}

/// How many samples of one resolver showed the breach, over the last hour.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// In order of time.
    bins: Vec<Bin>,
    /// By NSID.
    sites: BTreeMap<String, SiteSeen>,
}

/// Samples of five minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Bin {
    from: DateTime<Utc>,
    bad: u32,
    all: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SiteSeen {
    last: DateTime<Utc>,
    last_bad: Option<DateTime<Utc>>,
}

/// What part of the samples of the last hour showed a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Samples that showed it.
    pub bad: u32,
    /// Samples that said anything of it.
    pub all: u32,
    /// Sites that showed it; sites that do not name themselves are not counted.
    pub bad_sites: usize,
    /// Sites that said anything of it.
    pub sites: usize,
}

impl Tally {
    /// Takes in a sample.
    pub fn note(&mut self, at: DateTime<Utc>, site: Option<&str>, is_bad: bool) {
        let bin = match self.bins.iter_mut().rev().find(|bin| bin.holds(at)) {
            Some(bin) => bin,
            None => self.begin(at),
        };
        bin.all = bin.all.saturating_add(1);
        bin.bad = bin.bad.saturating_add(is_bad.into());
        let Some(site) = site else {
            return;
        };
        if self.sites.len() < MOST_SITES || self.sites.contains_key(site) {
            let new = SiteSeen {
                last: at,
                last_bad: None,
            };
            let seen = self.sites.entry(site.to_owned()).or_insert(new);
            seen.last = seen.last.max(at);
            seen.last_bad = seen.last_bad.max(is_bad.then_some(at));
        }
    }

    fn begin(&mut self, at: DateTime<Utc>) -> &mut Bin {
        let seconds = at.timestamp() - at.timestamp().rem_euclid(BIN.num_seconds());
        let from = DateTime::from_timestamp(seconds, 0).unwrap_or(at);
        let place = self.bins.partition_point(|bin| bin.from <= from);
        let new = Bin {
            from,
            bad: 0,
            all: 0,
        };
        self.bins.insert(place, new);
        &mut self.bins[place]
    }

    /// Forgets what is too long ago to be told of at `now`.
    pub(in crate::audit) fn forget(&mut self, now: DateTime<Utc>) {
        self.bins.retain(|bin| now - bin.from <= TALLIED);
        self.sites.retain(|_, seen| now - seen.last <= TALLIED);
    }

    /// The share of the last hour.
    pub fn share(&self, now: DateTime<Utc>) -> Share {
        let bins = self.bins.iter().filter(|bin| now - bin.from <= TALLIED);
        let (bad, all) = bins.fold((0_u32, 0_u32), |(bad, all), bin| {
            (bad.saturating_add(bin.bad), all.saturating_add(bin.all))
        });
        let sites = self.sites.values();
        let sites = sites.filter(|seen| now - seen.last <= TALLIED);
        let is_bad = |seen: &&SiteSeen| seen.last_bad.is_some_and(|at| now - at <= TALLIED);
        Share {
            bad,
            all,
            bad_sites: sites.clone().filter(is_bad).count(),
            sites: sites.count(),
        }
    }
}

impl Bin {
    fn holds(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.from + BIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        let hour: DateTime<Utc> = "2026-11-22T19:00:30Z".parse().unwrap();
        hour + TimeDelta::minutes(minute)
    }

    #[test]
    fn a_tally_speaks_of_the_last_hour_by_samples_and_by_sites() {
        let mut tally = Tally::default();
        for minute in 0..120 {
            let (site, is_bad) = match minute % 4 {
                0 => (Some("fra"), minute >= 80),
                1 => (Some("ams"), false),
                _ => (None, true),
            };
            tally.note(at(minute), site, is_bad);
            tally.forget(at(minute));
        }
        let share = tally.share(at(119));
        assert_eq!((share.bad_sites, share.sites), (1, 2));
        assert_eq!((share.bad, share.all), (40, 60));
        assert!(tally.bins.len() <= 13, "{}", tally.bins.len());
        let later = tally.share(at(240));
        assert_eq!((later.bad, later.all, later.sites), (0, 0, 0));
    }

    #[test]
    fn a_sample_belongs_to_the_five_minutes_that_it_begins() {
        let mut tally = Tally::default();
        let begins = at(5) - TimeDelta::seconds(30);
        for sample in [at(4), begins, begins] {
            tally.note(sample, None, false);
        }
        assert_eq!(tally.bins.len(), 2);
        let all = |now| tally.share(now).all;
        let hour = at(60) - TimeDelta::seconds(30);
        assert_eq!((all(hour), all(at(60)), all(at(66))), (3, 2, 0));
    }

    #[test]
    fn samples_may_come_in_any_order_and_sites_are_bounded() {
        let (mut one, mut other) = (Tally::default(), Tally::default());
        for minute in 0..50 {
            one.note(at(minute), None, minute % 3 == 0);
            other.note(at(49 - minute), None, (49 - minute) % 3 == 0);
        }
        assert_eq!(one, other);
        assert!(one.bins.is_sorted_by_key(|bin| bin.from));
        for site in 0..100 {
            one.note(at(50), Some(&format!("pop{site}")), true);
        }
        assert_eq!(one.share(at(50)).sites, MOST_SITES);
    }
}
