//! Caches of every kind, and what is measured of each.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{right, run};
use crate::{
    audit::{
        calibration::{
            Backends, Calibration, Decrement, Limit, ServeStale,
            plan::{Kind, Probe},
        },
        testing::{Reply, at},
    },
    types::Rcode,
};

/// One cache.
#[derive(Clone)]
struct Cache {
    cap: u32,
    floor: u32,
    denials: u32,
    constant: bool,
    site: Option<&'static str>,
    held: HashMap<Probe, DateTime<Utc>>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            cap: 86_400,
            floor: 0,
            denials: 3_600,
            constant: false,
            site: None,
            held: HashMap::new(),
        }
    }
}

impl Cache {
    fn ask(&mut self, probe: Probe, now: DateTime<Utc>) -> Reply {
        let kept = match probe.kind {
            Kind::Long => 604_800.min(self.cap),
            Kind::Fading => 30.max(self.floor),
            Kind::Short => 1.max(self.floor),
            Kind::Zero => self.floor,
            Kind::Absent => 86_400.min(self.denials),
            Kind::Failing => 0,
        };
        let end = self.held.get(&probe).copied().filter(|end| *end > now);
        let end = end.unwrap_or(now + TimeDelta::seconds(kept.into()));
        self.held.insert(probe, end);
        // Caches count whole seconds.
        let left = end.timestamp() - now.timestamp();
        let ttl = if self.constant {
            kept
        } else {
            u32::try_from(left).unwrap()
        };
        let reply = right(probe, ttl);
        self.site.map_or(reply.clone(), |site| reply.at_site(site))
    }
}

/// What a resolver of several caches is measured to do, asked in turn.
fn measured<const N: usize>(mut caches: [Cache; N]) -> Calibration {
    let mut turn = 0;
    run(|probe, now| {
        turn += 1;
        caches[turn % N].ask(probe, now)
    })
}

fn limit(seconds: u32, tested: u32) -> Limit {
    Limit {
        seconds: Some(seconds),
        tested,
    }
}

fn none_up_to(tested: u32) -> Limit {
    Limit {
        seconds: None,
        tested,
    }
}

fn backends(sites: &[&str], caches: Option<usize>) -> Backends {
    Backends {
        sites: sites.iter().map(ToString::to_string).collect(),
        caches,
    }
}

#[test]
fn one_cache_with_limits_of_its_own() {
    let cache = Cache {
        cap: 3_600,
        floor: 60,
        denials: 900,
        ..Cache::default()
    };
    let Calibration {
        measures,
        questions,
        replies,
        ..
    } = measured([cache]);
    assert_eq!((questions, replies), (70, 70));
    assert_eq!(measures.ttl_cap.value, Some(limit(3_600, 604_800)));
    assert_eq!(measures.ttl_floor.value, Some(limit(60, 0)));
    assert_eq!(measures.negative_ttl_cap.value, Some(limit(900, 86_400)));
    assert_eq!(measures.decrement.value, Some(Decrement::CountsDown));
    assert_eq!(measures.backends.value, Some(backends(&[], Some(1))));
    assert_eq!(measures.ede.value, Some(Vec::new()));
}

#[test]
fn one_cache_without_any_limit() {
    let cache = Cache {
        cap: u32::MAX,
        denials: u32::MAX,
        site: Some("fra1"),
        ..Cache::default()
    };
    let measures = measured([cache]).measures;
    assert_eq!(measures.ttl_cap.value, Some(none_up_to(604_800)));
    assert_eq!(measures.ttl_floor.value, Some(none_up_to(0)));
    assert_eq!(measures.negative_ttl_cap.value, Some(none_up_to(86_400)));
    assert_eq!(measures.backends.value, Some(backends(&["fra1"], Some(1))));
}

#[test]
fn a_cap_just_below_the_zones_ttl_is_one_and_what_a_slow_fetch_takes_off_is_none() {
    let with = |cap| {
        let cache = Cache {
            cap,
            ..Cache::default()
        };
        measured([cache]).measures.ttl_cap.value
    };
    assert_eq!(with(604_794), Some(limit(604_794, 604_800)));
    assert_eq!(with(604_795), Some(none_up_to(604_800)));
}

#[test]
fn of_several_backends_the_highest_limit_counts() {
    let caches = [600, 7_200, 60].map(|cap| Cache {
        cap,
        floor: cap / 60,
        ..Cache::default()
    });
    let measures = measured(caches).measures;
    assert_eq!(measures.ttl_cap.value, Some(limit(7_200, 604_800)));
    assert_eq!(measures.ttl_floor.value, Some(limit(120, 0)));
    assert!(
        measures.ttl_cap.how.contains("60 s at first"),
        "{measures:?}"
    );
    assert_eq!(measures.decrement.value, Some(Decrement::CountsDown));
}

#[test]
fn several_backends_are_told_apart_by_their_countdowns() {
    let [one, other] = [Some("fra1"), Some("ams2")].map(|site| Cache {
        site,
        ..Cache::default()
    });
    let named = measured([one, other]).measures;
    assert_eq!(
        named.backends.value,
        Some(backends(&["ams2", "fra1"], Some(2)))
    );
    for count in [2, 3] {
        let unnamed = match count {
            2 => measured([(); 2].map(|()| Cache::default())),
            _ => measured([(); 3].map(|()| Cache::default())),
        };
        let measures = unnamed.measures;
        assert_eq!(measures.backends.value, Some(backends(&[], Some(count))));
        assert_eq!(measures.decrement.value, Some(Decrement::CountsDown));
    }
}

#[test]
fn a_constant_ttl_is_told_from_many_backends() {
    let constant = |site| Cache {
        constant: true,
        site,
        ..Cache::default()
    };
    let named = measured([constant(Some("fra1"))]).measures;
    assert_eq!(named.decrement.value, Some(Decrement::Constant));
    assert!(!named.decrement.how.contains("without NSID"), "{named:?}");
    assert_eq!(named.backends.value, Some(backends(&["fra1"], None)));
    let unnamed = measured([constant(None)]).measures;
    assert_eq!(unnamed.decrement.value, Some(Decrement::Constant));
    assert!(unnamed.decrement.how.contains("more than eight"));
    assert_eq!(unnamed.backends.value, None);
    // Every reply from another backend: nothing is ever seen twice.
    let mut nth = 0;
    let named_anew = run(|probe, now| {
        nth += 1;
        Cache::default()
            .ask(probe, now)
            .at_site(&format!("pop{nth}"))
    });
    let measures = named_anew.measures;
    assert_eq!(measures.decrement.value, None);
    assert_eq!(
        measures.decrement.how,
        "no TTL was seen twice at one backend"
    );
    assert_eq!(measures.backends.value.unwrap().seen(), 70);
}

#[test]
fn few_repetitions_without_names_could_be_as_many_backends() {
    let mut cache = Cache {
        constant: true,
        ..Cache::default()
    };
    let measures = run(|probe, now| match probe {
        Probe {
            kind: Kind::Long,
            number: 2..6,
        } => Reply::silence(),
        _ => cache.ask(probe, now),
    })
    .measures;
    assert_eq!(measures.decrement.value, None);
    assert!(measures.decrement.how.contains("no NSID"), "{measures:?}");
}

#[test]
fn one_way_here_and_another_there_is_mixed() {
    let caches = [
        Cache {
            site: Some("fra1"),
            ..Cache::default()
        },
        Cache {
            site: Some("ams2"),
            constant: true,
            ..Cache::default()
        },
    ];
    let measures = measured(caches).measures;
    assert_eq!(measures.decrement.value, Some(Decrement::Mixed));
}

#[test]
fn a_floor_that_only_the_cache_says_is_found_in_the_second_reply() {
    let mut cache = Cache {
        floor: 5,
        ..Cache::default()
    };
    let mut seen = HashSet::new();
    let measures = run(|probe, now| {
        let reply = cache.ask(probe, now);
        let is_first = seen.insert(probe);
        match probe.kind {
            Kind::Short if is_first => right(probe, 1),
            Kind::Zero if is_first => right(probe, 0),
            _ => reply,
        }
    })
    .measures;
    assert_eq!(measures.ttl_floor.value, Some(limit(5, 0)));
}

#[test]
fn a_stale_answer_during_a_fetch_is_no_floor() {
    let stale = |declared: bool| {
        let mut first: HashMap<Probe, DateTime<Utc>> = HashMap::new();
        run(|probe, now| {
            let fetched = *first.entry(probe).or_insert(now);
            match probe.kind {
                Kind::Short if now - fetched > TimeDelta::seconds(2) => {
                    let reply = right(probe, 30).at_site("fra1");
                    if declared { reply.with_ede(3) } else { reply }
                }
                Kind::Short => right(probe, 1).at_site("fra1"),
                _ => right(probe, 0).at_site("fra1"),
            }
        })
    };
    for declared in [false, true] {
        let calibration = stale(declared);
        let found = ServeStale {
            serves: true,
            ttl: Some(30),
            declared,
        };
        assert_eq!(calibration.serve_stale.value, Some(found));
        assert_eq!(calibration.serve_stale_at, Some(at("10:00:15")));
        assert_eq!(calibration.measures.ttl_floor.value, Some(none_up_to(0)));
    }
}

#[test]
fn a_lifted_ttl_of_an_unnamed_backend_may_be_another_ones_floor() {
    let mut first: HashMap<Probe, DateTime<Utc>> = HashMap::new();
    let calibration = run(|probe, now| {
        let fetched = *first.entry(probe).or_insert(now);
        let late = now - fetched > TimeDelta::seconds(2);
        right(
            probe,
            if late && probe.kind == Kind::Short {
                30
            } else {
                1
            },
        )
    });
    assert_eq!(calibration.serve_stale.value, None);
    assert_eq!(calibration.serve_stale_at, None);
}

#[test]
fn answers_made_up_from_a_wildcard_tell_no_cap() {
    let fetched = at("09:00");
    let measures = run(|probe, now| {
        let left = u32::try_from((now - fetched).num_seconds()).unwrap();
        right(probe, 86_400 - left)
    })
    .measures;
    assert_eq!(measures.ttl_cap.value, None);
    assert!(measures.ttl_cap.how.contains("RFC 8198"), "{measures:?}");
}

#[test]
fn nothing_is_said_of_who_is_silent_or_says_something_else() {
    for reply in [
        Reply::silence(),
        Reply::rcode(Rcode::REFUSED),
        Reply::rcode(Rcode::NXDOMAIN),
    ] {
        let calibration = run(|_, _| reply.clone());
        let measures = calibration.measures;
        assert_eq!(measures.ttl_cap.value, None);
        assert_eq!(measures.ttl_floor.value, None);
        assert_eq!(measures.negative_ttl_cap.value, None);
        assert_eq!(measures.decrement.value, None);
        assert_eq!(measures.backends.value, None);
        assert_eq!(calibration.serve_stale.value, None);
    }
}

#[test]
fn one_name_alone_may_be_a_mishap() {
    let mut cache = Cache::default();
    let measures = run(|probe, now| match probe.number {
        0 if probe.kind != Kind::Zero => cache.ask(probe, now),
        _ => Reply::silence(),
    })
    .measures;
    assert_eq!(measures.ttl_cap.value, None);
    assert_eq!(
        measures.ttl_cap.how,
        "only 1 of 8 new names was answered as the zone has it"
    );
    assert_eq!(measures.ttl_floor.value, None);
    assert_eq!(measures.negative_ttl_cap.value, None);
}

#[test]
fn extended_errors_are_those_that_came() {
    let mut cache = Cache::default();
    let measures = run(|probe, now| match probe.kind {
        Kind::Failing => Reply::rcode(Rcode::SERVFAIL).with_ede(22).with_ede(0),
        _ => cache.ask(probe, now),
    })
    .measures;
    assert_eq!(measures.ede.value, Some(vec![0, 22]));
    let unexplained = run(|probe, now| match probe.kind {
        Kind::Failing => Reply::silence(),
        _ => cache.ask(probe, now),
    });
    assert_eq!(unexplained.measures.ede.value, None);
}
