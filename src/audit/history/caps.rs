//! The longest TTL that a resolver address keeps, learned from how it fetches.
//!
//! A cache without a cap shows, right after a fetch, the authority's TTL less the time since then; a cache over another
//! cache shows any TTL up to that. One with a cap shows the same lower TTL at every fetch. So a fetch
//! that falls between two sights says between which bounds its first TTL lay; a cap is what several fetches in a row agree
//! on, while the authority's TTL is above all of them. One fetch may be seen through many names that lead to one address:
//! it counts once. Deliberately absent: the TTL of denials, which have caps of their own, and of
//! stale answers (RFC 8767 section 5 gives them 30 s), which look like a cap.

use std::{collections::VecDeque, ops::RangeInclusive};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::EPSILON;

/// Fetches in a row that must agree.
const AGREEING: u32 = 3;

/// How close they must hold the cap, as a part of it, unless they show the very same TTL.
const CLOSE: u32 = 20;

/// What cannot be told from the TTL of a stale answer is not learned, seconds.
const STALE_TTL: u32 = 30;

/// A fetch that fell between two sights of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fetch {
    /// The later sight.
    pub(super) at: DateTime<Utc>,
    /// The TTL at the later sight, seconds: the first TTL was not lower.
    pub(super) ttl: u32,
    /// The time between the sights: the first TTL was not higher by more.
    pub(super) within: TimeDelta,
    /// The authority's own TTL, the lowest of any server's, seconds.
    pub(super) authority: u32,
}

impl Fetch {
    /// When it ends. Sights of one fetch agree on that.
    fn expires(&self) -> DateTime<Utc> {
        self.at + TimeDelta::seconds(self.ttl.into())
    }

    /// The bounds of its first TTL, seconds.
    fn bounds(&self) -> RangeInclusive<u32> {
        let slack = u32::try_from((self.within + EPSILON).num_seconds()).unwrap_or(u32::MAX);
        self.ttl..=self.ttl.saturating_add(slack)
    }
}

/// What the fetches of one address show so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// The last fetch that counted.
    #[serde(default)]
    at: Option<DateTime<Utc>>,
    /// What the agreeing fetches leave; `None` before the first.
    bounds: Option<RangeInclusive<u32>>,
    agreeing: u32,
    /// When the last of them ended.
    #[serde(default)]
    expiries: VecDeque<DateTime<Utc>>,
    /// How many of them in a row showed the lower bound itself.
    same: u32,
    learned: Option<u32>,
}

impl Cap {
    pub(super) fn see(&mut self, fetch: Fetch) {
        let seen = fetch.bounds();
        if fetch.ttl <= STALE_TTL {
            return;
        }
        if self.learned.is_some_and(|cap| fetch.ttl > cap + 5) {
            *self = Self {
                at: Some(fetch.at),
                ..Self::default()
            };
        }
        if *seen.end() >= fetch.authority {
            // Perhaps the whole of the authority's TTL: that says nothing of a cap.
            return;
        }
        let is_same_fetch = |known: &DateTime<Utc>| (*known - fetch.expires()).abs() <= EPSILON;
        if self.expiries.iter().any(is_same_fetch) {
            return;
        }
        self.at = Some(fetch.at);
        let before = self.bounds.take();
        let joint = before
            .as_ref()
            .map(|before| *before.start().max(seen.start())..=*before.end().min(seen.end()));
        if let Some(joint) = joint.filter(|joint| !joint.is_empty()) {
            let is_same = before.is_some_and(|before| *before.start() == fetch.ttl);
            self.agreeing += 1;
            self.same = if is_same { self.same + 1 } else { 1 };
            self.bounds = Some(joint);
        } else {
            (self.agreeing, self.same) = (1, 1);
            self.expiries.clear();
            self.bounds = Some(seen);
        }
        self.expiries.push_back(fetch.expires());
        if self.expiries.len() > AGREEING as usize {
            self.expiries.pop_front();
        }
        self.learn();
    }

    fn learn(&mut self) {
        let Some(bounds) = &self.bounds else { return };
        let is_close = (bounds.end() - bounds.start()).saturating_mul(CLOSE) <= *bounds.start();
        if self.same >= AGREEING || (self.agreeing >= AGREEING && is_close) {
            self.learned = Some(*bounds.start());
        }
    }

    /// The cap, seconds, where one was learned.
    pub fn learned(&self) -> Option<u32> {
        self.learned
    }

    /// The last fetch that counted; `None` before the first.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::at;

    /// Fetches at a cache that was given `authority`, each seen within a minute: what is learned after each.
    fn check(authority: u32, ttls: &[u32], expected: Option<u32>) {
        let mut cap = Cap::default();
        for (ttl, day) in ttls.iter().zip(0..) {
            cap.see(Fetch {
                at: at("12:00") + TimeDelta::days(day),
                ttl: *ttl,
                within: TimeDelta::minutes(1),
                authority,
            });
        }
        assert_eq!(cap.learned(), expected, "{ttls:?} of {authority}");
    }

    #[test]
    fn a_cap_is_what_three_fetches_in_a_row_agree_on() {
        check(86_400, &[21_580, 21_600], None);
        check(86_400, &[21_580, 21_600, 21_543], Some(21_600));
        // A name that nobody else asks for is fetched by our own question.
        check(3_600, &[300, 300], None);
        check(3_600, &[300, 300, 300], Some(300));
    }

    #[test]
    fn what_may_be_another_caches_countdown_is_no_cap() {
        check(86_400, &[21_600, 9_000, 40_000, 21_590, 70_000], None);
        check(3_600, &[300, 200, 300, 280, 100, 240], None);
        check(300, &[299, 300, 298, 240], None);
        // Nor is what a stale answer is given.
        check(86_400, &[30, 30, 30, 30], None);
    }

    #[test]
    fn fetches_that_agree_from_afar_must_do_so_closely() {
        // 320 to 365 s is left of them, 350 to 365 s.
        check(3_600, &[300, 310, 320], None);
        check(3_600, &[300, 350, 350], Some(350));
    }

    /// When it was seen, with what TTL, and how long before that it was fetched at most, seconds.
    fn see(cap: &mut Cap, (when, ttl, within): (&str, u32, i64)) {
        cap.see(Fetch {
            at: at(when),
            ttl,
            within: TimeDelta::seconds(within),
            authority: 86_400,
        });
    }

    #[test]
    fn one_fetch_counts_once_however_often_it_is_seen() {
        let mut cap = Cap::default();
        for seen in [
            ("12:00", 30_000, 600),
            ("12:01", 29_940, 600),
            ("12:02", 29_880, 600),
        ] {
            see(&mut cap, seen);
        }
        assert_eq!(cap.learned(), None);
        // Also after two others, which agree with it from afar only: seen more closely, it would narrow them all.
        let mut cap = Cap::default();
        for seen in [
            ("12:00", 3_000, 600),
            ("12:00:10", 3_010, 600),
            ("12:00:20", 3_020, 600),
            ("12:01", 2_940, 100),
        ] {
            see(&mut cap, seen);
        }
        assert_eq!(cap.learned(), None);
    }

    #[test]
    fn a_cap_is_dated_by_its_last_fetch_also_where_that_refuted_it() {
        let mut cap = Cap::default();
        assert_eq!(cap.at(), None);
        for when in ["12:00", "13:00", "14:00"] {
            see(&mut cap, (when, 3_600, 60));
        }
        assert_eq!((cap.learned(), cap.at()), (Some(3_600), Some(at("14:00"))));
        // It is the whole of the authority's TTL: nothing but that the cap is none.
        see(&mut cap, ("15:00", 86_390, 60));
        assert_eq!((cap.learned(), cap.at()), (None, Some(at("15:00"))));
    }

    #[test]
    fn a_longer_ttl_refutes_what_was_learned() {
        check(86_400, &[21_600; 4], Some(21_600));
        // Within five seconds they are the same.
        check(86_400, &[21_600, 21_600, 21_600, 21_605], Some(21_605));
        check(86_400, &[21_600, 21_600, 21_600, 21_606], None);
        check(86_400, &[21_600, 21_600, 21_600, 43_200], None);
        check(86_400, &[21_600, 21_600, 21_600, 86_390], None);
        check(
            86_400,
            &[21_600, 21_600, 21_600, 43_200, 43_200, 43_200],
            Some(43_200),
        );
        // Of a value with a shorter TTL nothing follows.
        let mut cap = Cap::default();
        for (day, ttl, authority) in [
            (0, 3_600, 86_400),
            (1, 3_600, 86_400),
            (2, 300, 300),
            (3, 3_600, 86_400),
        ] {
            cap.see(Fetch {
                at: at("12:00") + TimeDelta::days(day),
                ttl,
                within: TimeDelta::minutes(1),
                authority,
            });
        }
        assert_eq!(cap.learned(), Some(3_600));
    }
}
