//! A caching resolver's memory: each answer is held for its TTL, or for the cap where that is shorter.
//!
//! Its users ask all the time, so that an answer is fetched again the moment it has run out. That makes it a matter of
//! instants alone: nothing has to happen between two of our questions. Deliberately absent: the network on its far side.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::story::{Dialer, Site, Story};

/// One resolver's memory.
#[derive(Debug)]
pub(super) struct Cache {
    story: Story,
    /// Nothing is held for longer, seconds.
    cap: Option<u32>,
    held: Mutex<HashMap<u8, Held>>,
}

/// An answer as it was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    site: Site,
    /// On a whole second, as caches count.
    until: DateTime<Utc>,
}

impl Cache {
    /// A memory that has been in use for days.
    pub(super) fn new(story: Story, cap: Option<u32>) -> Self {
        Self {
            story,
            cap,
            held: Mutex::default(),
        }
    }

    /// What it says at `at`, and the seconds that are left of it.
    pub(super) fn answer(&self, dialer: Dialer, at: DateTime<Utc>) -> (Site, u32) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = held
            .entry(dialer.number)
            .or_insert_with(|| self.fetch(self.first_fetch(dialer, at)));
        while held.until <= at {
            *held = self.fetch(held.until);
        }
        let left = held.until.timestamp() - at.timestamp();
        (held.site, u32::try_from(left).unwrap_or(0))
    }

    fn fetch(&self, at: DateTime<Utc>) -> Held {
        let served = self.story.served(at);
        Held {
            site: served.site,
            until: at + self.hold(served.ttl),
        }
    }

    fn hold(&self, ttl: u32) -> TimeDelta {
        let seconds = self.cap.map_or(ttl, |cap| ttl.min(cap));
        TimeDelta::seconds(i64::from(seconds.max(1)))
    }

    /// The last fetch before `at` that leads to the one of the story.
    fn first_fetch(&self, dialer: Dialer, at: DateTime<Utc>) -> DateTime<Utc> {
        let (fetched, hold) = (dialer.fetched(), self.hold(self.story.ttl));
        let since = (at - fetched).num_seconds().div_euclid(hold.num_seconds());
        fetched + hold * i32::try_from(since).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::story::TTL_OF_2020;

    /// What a cache of this cap says of dialer 7, asked every minute from 10:00 on, as runs: from when, what, until when
    /// it may be held.
    fn runs(ttl: u32, cap: Option<u32>, number: u8, minutes: i64) -> Vec<String> {
        let story = Story { ttl };
        let cache = Cache::new(story, cap);
        let dialer = Dialer::of_name(&format!("dialer{number}.example.com")).unwrap();
        let mut runs: Vec<(Site, String)> = Vec::new();
        for minute in 0..minutes {
            let at = story.begins() + TimeDelta::minutes(minute);
            let (site, left) = cache.answer(dialer, at);
            let until = at + TimeDelta::seconds(i64::from(left));
            let run = format!(
                "{} {site:?} until {}",
                at.format("%dT%H:%M"),
                until.format("%dT%H:%M")
            );
            if runs.last().is_none_or(|(last, _)| *last != site) {
                runs.push((site, run));
            }
        }
        runs.into_iter().map(|(_, run)| run).collect()
    }

    fn day(cap: Option<u32>, number: u8) -> Vec<String> {
        runs(TTL_OF_2020, cap, number, 30 * 60)
    }

    #[test]
    fn each_cap_holds_b_for_as_long_as_it_can() {
        let until = |from: &str| format!("{from} A until");
        for (cap, back) in [
            (Some(3_600), "30T16:05"),
            (Some(21_600), "30T21:05"),
            (Some(43_200), "31T03:05"),
            (None, "31T15:05"),
        ] {
            let runs = day(cap, 7);
            assert_eq!(runs.len(), 3, "{cap:?}: {runs:?}");
            assert!(runs[2].starts_with(&until(back)), "{cap:?}: {runs:?}");
        }
        assert_eq!(
            day(None, 7),
            [
                "30T10:00 A until 30T15:05",
                "30T15:05 B until 31T15:05",
                "31T15:05 A until 01T15:05",
            ]
        );
    }

    #[test]
    fn what_is_not_fetched_meanwhile_never_becomes_b() {
        assert_eq!(day(None, 6), ["30T10:00 A until 31T09:13"]);
        assert_eq!(day(None, 8), ["30T10:00 A until 30T18:31"]);
    }

    #[test]
    fn with_a_ttl_of_five_minutes_it_is_over_in_five_minutes() {
        for number in [4, 7] {
            let runs = runs(300, Some(3_600), number, 6 * 60);
            let back: DateTime<Utc> = format!("2020-08-{}:00Z", &runs[2][..8]).parse().unwrap();
            assert!(
                back <= "2020-08-30T15:15:00Z".parse::<DateTime<Utc>>().unwrap(),
                "{runs:?}"
            );
        }
    }
}
