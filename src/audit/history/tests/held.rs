//! What is seen of a resolver's caches: renewals, constant TTLs, and the same of stored runs.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::super::held::{Held, Sighting};
use crate::{
    audit::testing::{
        ALIEN, BAD, GOOD, NAME, Reply, a, at, data, name, observe, question, resolver, rrset, secs,
        ttls,
    },
    types::{Answer, Link, Observation, Rcode, RecordType, SeriesKey, Span, Status, Value},
};

const GAP: Duration = Duration::from_mins(3);

fn reply(when: DateTime<Utc>, reply: &Reply) -> Observation {
    let source = resolver("google", "8.8.8.8", None)
        .sources()
        .next()
        .unwrap();
    observe(&source, &question(NAME, RecordType::A), when, reply)
}

/// The backend that all is about, where it has a name.
const SITE: &str = "fra3";

#[expect(clippy::unnecessary_wraps, reason = "a backend may have no name")]
fn here() -> Option<Arc<str>> {
    Some(SITE.into())
}

/// Receipts of one value from one backend, in order of receipt; how long before each the value was fetched at most.
fn fetches(receipts: &[(&str, u32)]) -> (Held, Vec<Option<TimeDelta>>) {
    let mut held = Held::default();
    let each = receipts.iter().map(|(when, ttl)| {
        let fetched = held.absorb(&reply(at(when), &a(&[GOOD], *ttl)), &here(), GAP);
        fetched.first().map(|(_, within)| *within)
    });
    let fetched = each.collect();
    (held, fetched)
}

fn sighting(held: &Held) -> Sighting {
    held.value(&name(NAME), &rrset(&[GOOD])).unwrap().clone()
}

#[test]
fn an_expiry_that_moved_later_by_more_than_five_seconds_is_a_new_fetch() {
    let (_, fetched) = fetches(&[("10:00", 60), ("10:00:10", 55), ("10:00:20", 46)]);
    assert_eq!(fetched, [None, None, Some(secs(10))]);
    let (held, fetched) = fetches(&[("10:00", 60), ("10:00", 300), ("10:01", 240)]);
    assert_eq!(
        fetched,
        [None, Some(secs(0)), None],
        "two backends in one instant"
    );
    assert_eq!(sighting(&held).renewed_after, Some(at("10:00")));
}

/// The first receipt of the copy seen last: no earlier than, and no later than.
fn copy(held: &Held) -> (DateTime<Utc>, DateTime<Utc>) {
    let seen = sighting(held);
    (seen.copy_shown(), seen.copy_seen())
}

#[test]
fn a_copy_is_shown_by_the_receipt_whose_expiry_moved_later() {
    let once: &[_] = &[("10:00", 300), ("10:01", 240)];
    assert_eq!(copy(&fetches(once).0), (at("10:00"), at("10:00")));
    let renewed: &[_] = &[("10:00", 300), ("10:05", 300), ("10:06", 240)];
    assert_eq!(copy(&fetches(renewed).0), (at("10:05"), at("10:05")));
}

#[test]
fn the_first_receipt_after_an_instant_is_not_the_one_in_it() {
    let seen = sighting(&fetches(&[("10:00", 300), ("10:05", 300), ("10:06", 240)]).0);
    for (instant, first) in [
        ("09:59", Some("10:00")),
        ("10:00", Some("10:05")),
        ("10:04", Some("10:05")),
        ("10:05", None),
    ] {
        assert_eq!(seen.first_after(at(instant)), first.map(at), "{instant}");
    }
}

#[test]
fn a_receipt_that_a_later_one_overtook_moves_nothing_but_the_first_sight_and_the_exposure() {
    let (held, fetched) = fetches(&[("10:05", 60), ("10:04", 600), ("10:05:30", 30)]);
    assert_eq!(fetched, [None, None, None]);
    let seen = sighting(&held);
    assert_eq!(
        (seen.first_seen, seen.last_seen),
        (at("10:04"), at("10:05:30"))
    );
    assert_eq!((seen.cached_until, seen.ttl_max), (at("10:14"), 600));
    assert_eq!(seen.renewed_after, None);
}

/// A backend that gives these receipts of `GOOD` and those of `BAD`.
fn two_values(good: &[(&str, u32)], bad: &[(&str, u32)]) -> Held {
    let mut held = Held::default();
    for (value, receipts) in [(GOOD, good), (BAD, bad)] {
        for (when, ttl) in receipts {
            held.absorb(&reply(at(when), &a(&[value], *ttl)), &here(), GAP);
        }
    }
    held
}

fn is_constant(held: &Held, value: &str) -> bool {
    held.is_constant(Some(SITE), &name(NAME), &rrset(&[value]))
}

#[test]
fn one_ttl_repeated_before_it_could_expire_is_constant() {
    let (held, _) = fetches(&[("10:00", 300), ("10:01", 300), ("10:02", 300)]);
    assert!(is_constant(&held, GOOD));
    let (held, _) = fetches(&[("10:00", 300), ("10:01", 300)]);
    assert!(!is_constant(&held, GOOD), "once is not often enough");
    // Of the same TTL 60 s later, 65 s may be a new fetch, within five seconds; 66 s may not.
    let (held, _) = fetches(&[("10:00", 65), ("10:01", 65), ("10:02", 65)]);
    assert!(!is_constant(&held, GOOD));
    let (held, _) = fetches(&[("10:00", 66), ("10:01", 66), ("10:02", 66)]);
    assert!(is_constant(&held, GOOD));
}

#[test]
fn a_value_that_counts_down_is_not_constant_for_what_its_backend_does_with_others() {
    let constant = [("10:00", 300), ("10:01", 300), ("10:02", 300)];
    let held = two_values(&[("10:00", 300), ("10:01", 240)], &constant);
    assert!(!is_constant(&held, GOOD));
    assert!(is_constant(&held, BAD));
    assert!(is_constant(&held, ALIEN), "not seen often enough to tell");
    // It went down once, by less than a cache would have counted, and has stood still since.
    let later = [
        ("10:00", 300),
        ("10:01", 250),
        ("10:02", 250),
        ("10:03", 250),
    ];
    assert!(is_constant(&two_values(&later, &constant), GOOD));
    // It rises only.
    let held = two_values(&[("10:00", 300), ("10:01", 360)], &constant);
    assert!(is_constant(&held, GOOD));
}

/// Receipts of `GOOD` with one TTL, a minute apart, after these.
fn and_then(before: &[(DateTime<Utc>, u32)], repeated: i64, site: Option<&str>) -> bool {
    let (last, ttl) = before[before.len() - 1];
    let later = (1..=repeated).map(|nth| (last + secs(60 * nth), ttl));
    let mut held = Held::default();
    for (at, ttl) in before.iter().copied().chain(later) {
        held.absorb(&reply(at, &a(&[GOOD], ttl)), &site.map(Arc::from), GAP);
    }
    held.is_constant(site, &name(NAME), &rrset(&[GOOD]))
}

#[test]
fn a_ttl_that_was_counted_down_once_is_constant_only_after_many_repetitions() {
    // 1.5 s are rounding and the way.
    for (ttl, enough) in [(242, 2), (241, 20), (240, 20), (239, 20), (238, 2)] {
        let before = [(at("10:00"), 300), (at("10:01"), ttl)];
        assert!(and_then(&before, enough, Some(SITE)), "{ttl}");
        assert!(!and_then(&before, enough - 1, Some(SITE)), "{ttl}");
    }
}

#[test]
fn where_no_backend_has_a_name_one_ttl_may_be_of_several_caches_that_fetched_one_after_another() {
    let before = [(at("10:00"), 300)];
    assert!(and_then(&before, 20, None));
    assert!(!and_then(&before, 19, None));
    assert!(and_then(&before, 2, Some(SITE)));
}

#[test]
fn a_ttl_that_comes_back_after_another_value_is_of_another_copy_and_repeats_nothing() {
    let seen = |receipts: &[(&str, &str, u32)]| {
        let mut held = Held::default();
        for (value, when, ttl) in receipts {
            held.absorb(&reply(at(when), &a(&[value], *ttl)), &here(), GAP);
        }
        held
    };
    let back = [
        (GOOD, "10:00", 300),
        (BAD, "10:01", 300),
        (GOOD, "10:02", 300),
        (GOOD, "10:03", 300),
    ];
    assert!(!is_constant(&seen(&back), GOOD), "repeated once");
    let again = [back.as_slice(), &[(GOOD, "10:04", 300)]].concat();
    assert!(is_constant(&seen(&again), GOOD));
    // Nor does it take anything back: whatever the other copy's TTL.
    let known = [
        (GOOD, "10:00", 300),
        (GOOD, "10:01", 300),
        (GOOD, "10:02", 300),
        (BAD, "10:03", 60),
        (GOOD, "10:04", 60),
    ];
    assert!(is_constant(&seen(&known), GOOD));
}

/// A run of `GOOD` as it is stored.
struct Stored {
    site: Option<Arc<str>>,
    links: usize,
    samples: u64,
    seen: (DateTime<Utc>, DateTime<Utc>),
    first_ttl: u32,
    ttls: (u32, u32),
    cached_until: DateTime<Utc>,
    longest_silence_s: Option<u32>,
}

impl Stored {
    /// Samples a minute apart, all with the same TTL.
    fn steady(samples: u64, ttl: u32) -> Self {
        let last = at("10:00") + secs(60 * (samples.cast_signed() - 1));
        Self {
            site: here(),
            links: 1,
            samples,
            seen: (at("10:00"), last),
            first_ttl: ttl,
            ttls: (ttl, ttl),
            cached_until: last + secs(ttl.into()),
            longest_silence_s: None,
        }
    }

    fn restored(&self) -> Held {
        let alias = Link {
            owner: name("www.example.com"),
            value: Value::Cname(name(NAME)),
        };
        let link = Link {
            owner: name(NAME),
            value: rrset(&[GOOD]),
        };
        let links = [alias, link].into_iter().skip(2 - self.links).collect();
        let span = Span {
            series: SeriesKey::of(&reply(at("10:00"), &data())),
            site: self.site.clone(),
            answer: Arc::new(Answer {
                status: Status::Rcode(Rcode::NOERROR),
                links,
            }),
            authoritative: false,
            first_ttls: ttls(&vec![&[self.first_ttl][..]; self.links]),
            first_seen: self.seen.0,
            last_seen: self.seen.1,
            samples: self.samples,
            ttl_min: Some(self.ttls.0),
            ttl_max: Some(self.ttls.1),
            first_expires_at: Some(self.seen.0 + secs(self.first_ttl.into())),
            cached_until: Some(self.cached_until),
            longest_silence_s: self.longest_silence_s,
        };
        let mut held = Held::default();
        held.restore(&span, &self.site, Duration::from_mins(1));
        held
    }

    /// Whether the backend is constant, as a value tells of which nothing else is known.
    fn is_constant(&self) -> bool {
        is_constant(&self.restored(), ALIEN)
    }
}

#[test]
fn a_stored_run_of_one_ttl_is_constant_where_a_cache_would_have_counted_it_down() {
    assert!(Stored::steady(3, 300).is_constant());
    assert!(is_constant(&Stored::steady(3, 300).restored(), GOOD));
    assert!(!Stored::steady(2, 300).is_constant(), "seen twice");
    assert!(
        !Stored::steady(3, 65).is_constant(),
        "each may be a new fetch"
    );
    assert!(Stored::steady(3, 66).is_constant());
    for (samples, is_enough) in [(20, false), (21, true)] {
        let unnamed = Stored {
            site: None,
            ..Stored::steady(samples, 300)
        };
        let held = unnamed.restored();
        let is_constant = held.is_constant(None, &name(NAME), &rrset(&[GOOD]));
        assert_eq!(is_constant, is_enough, "{samples} of nobody knows whose");
    }
    let at_once = Stored {
        seen: (at("10:00"), at("10:00:01")),
        ..Stored::steady(3, 300)
    };
    assert!(
        !at_once.is_constant(),
        "nothing can be told within two seconds"
    );
    let falling = Stored {
        ttls: (180, 300),
        ..Stored::steady(3, 300)
    };
    assert!(!falling.is_constant());
    let rising = Stored {
        ttls: (300, 300),
        first_ttl: 400,
        ..Stored::steady(3, 300)
    };
    assert!(
        !rising.is_constant(),
        "the lowest TTL of a chain is another link's"
    );
}

#[test]
fn a_stored_run_was_seen_no_more_closely_than_its_longest_silence_tells() {
    let with = |longest_silence_s, ttl| Stored {
        longest_silence_s: Some(longest_silence_s),
        ..Stored::steady(30, ttl)
    };
    assert!(with(60, 300).is_constant());
    assert!(with(294, 300).is_constant());
    assert!(
        !with(295, 300).is_constant(),
        "it may have expired meanwhile, and been fetched anew"
    );
    assert!(!with(600, 300).is_constant());
}

#[test]
fn a_stored_run_that_moved_its_expiry_was_renewed_in_it() {
    let until = |cached_until| Stored {
        ttls: (60, 300),
        cached_until,
        ..Stored::steady(3, 300)
    };
    let renewed = |stored: &Stored| sighting(&stored.restored()).renewed_after;
    assert_eq!(renewed(&until(at("10:05"))), None);
    assert_eq!(
        renewed(&until(at("10:05:05"))),
        None,
        "five seconds are no renewal"
    );
    let moved = until(at("10:05:06"));
    assert_eq!(renewed(&moved), Some(at("10:00")));
    assert_eq!(
        copy(&moved.restored()),
        (at("10:00:01"), at("10:02")),
        "no TTL is longer than 300 s, within five seconds, and the run ends then"
    );
    let chain = Stored {
        links: 2,
        ..until(at("10:07"))
    };
    assert_eq!(renewed(&chain), None, "it is any link's");
    assert_eq!(sighting(&chain.restored()).cached_until, at("10:07"));
}

#[test]
fn after_a_stored_run_the_next_receipt_tells_of_a_fetch_where_the_run_told_of_its_expiry() {
    let next = |stored: &Stored| {
        let mut held = stored.restored();
        held.absorb(&reply(at("10:10"), &a(&[GOOD], 300)), &stored.site, GAP)
    };
    let ended = |links| Stored {
        links,
        ttls: (180, 300),
        cached_until: at("10:05"),
        ..Stored::steady(3, 300)
    };
    assert_eq!(next(&ended(1)), [(0, secs(8 * 60))]);
    assert_eq!(next(&ended(2)), [], "an estimate");
}

#[test]
fn a_resolver_is_forgotten_after_its_last_reply_and_a_value_after_its_expiry() {
    let mut held = two_values(&[("10:00", 3_600)], &[("10:30", 60)]);
    assert_eq!(held.last_reply(), Some(at("10:30")));
    assert!(held.forget_before(at("10:30")));
    assert!(
        held.value(&name(NAME), &rrset(&[GOOD])).is_some(),
        "held until eleven"
    );
    assert!(!held.forget_before(at("10:45")));
    assert!(held.value(&name(NAME), &rrset(&[GOOD])).is_some());
    assert!(held.value(&name(NAME), &rrset(&[BAD])).is_none());
    assert!(
        held.at_backend(Some(SITE), &name(NAME), &rrset(&[GOOD]))
            .is_some()
    );
    assert!(
        held.at_backend(Some(SITE), &name(NAME), &rrset(&[BAD]))
            .is_none()
    );
}
