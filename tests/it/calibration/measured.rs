//! One recursor each, with caps, floors and countdowns in the words of its make: what was set is what is measured.

use dns_auditor::audit::calibration::{Backends, Calibration, Decrement, Limit};
use futures::future::join_all;

use super::canary::CanaryLab;
use crate::lab::{self, Make, Recursor};

/// What a recursor was set to do.
struct Expected {
    cap: Option<u32>,
    floor: Option<u32>,
    denials: Option<u32>,
    decrement: Decrement,
    sites: &'static [&'static str],
}

const WEEK: u32 = 604_800;
const DAY: u32 = 86_400;

fn expect(cap: u32, floor: u32, denials: u32, site: &'static [&'static str]) -> Expected {
    Expected {
        cap: (cap < WEEK).then_some(cap),
        floor: (floor > 0).then_some(floor),
        denials: (denials < DAY).then_some(denials),
        decrement: Decrement::CountsDown,
        sites: site,
    }
}

/// What a loaded machine may take to answer, seconds: a TTL has counted down by as much.
const LATE: u32 = 4;

/// The measured limit, or the one that was set where it is that but for [`LATE`].
fn as_set(measured: Option<Limit>, set: Option<u32>) -> Option<Limit> {
    measured.map(|limit| match (limit.seconds, set) {
        (Some(seen), Some(set)) if (set.saturating_sub(LATE)..=set).contains(&seen) => Limit {
            seconds: Some(set),
            ..limit
        },
        _ => limit,
    })
}

fn check(what: &str, calibration: &Calibration, expected: &Expected) {
    let measures = &calibration.measures;
    let limit = |seconds, tested| Some(Limit { seconds, tested });
    assert_eq!(
        (
            as_set(measures.ttl_cap.value, expected.cap),
            measures.ttl_floor.value,
            as_set(measures.negative_ttl_cap.value, expected.denials),
            measures.decrement.value
        ),
        (
            limit(expected.cap, WEEK),
            limit(expected.floor, 0),
            limit(expected.denials, DAY),
            Some(expected.decrement)
        ),
        "{what}: {measures:#?}"
    );
    let counts_down = expected.decrement == Decrement::CountsDown;
    let backends = Backends {
        sites: expected.sites.iter().map(ToString::to_string).collect(),
        caches: counts_down.then_some(1),
    };
    let known = counts_down || !expected.sites.is_empty();
    assert_eq!(
        measures.backends.value,
        known.then_some(backends),
        "{what}: {measures:#?}"
    );
    assert_eq!(
        (calibration.questions, calibration.replies),
        (70, 70),
        "{what}"
    );
}

#[test]
fn what_a_recursor_was_set_to_do_is_what_is_measured() {
    lab::test(async || {
        let canary = CanaryLab::start().await;
        let constant = |expected| Expected {
            decrement: Decrement::Constant,
            ..expected
        };
        let unbound = &["unbound-1"][..];
        let plan = [
            (Make::Unbound, 100, "", expect(DAY, 0, 3600, unbound)),
            (
                Make::Unbound,
                101,
                "cache-max-ttl: 3600\n cache-min-ttl: 60\n nsid: \"\"",
                expect(3600, 60, 3600, &[]),
            ),
            (
                Make::Unbound,
                102,
                "serve-original-ttl: yes",
                constant(expect(WEEK, 0, 3600, unbound)),
            ),
            (
                Make::Unbound,
                103,
                "serve-original-ttl: yes\n nsid: \"\"",
                constant(expect(WEEK, 0, 3600, &[])),
            ),
            (
                Make::PdnsRecursor,
                120,
                "--max-cache-ttl=7200 --max-negative-ttl=600 --minimum-ttl-override=5",
                expect(7200, 5, 600, &["pdns-recursor-1"]),
            ),
            (
                Make::KnotResolver,
                130,
                "cache.min_ttl(5) cache.max_ttl(7200)",
                // What it keeps of a denial is in its packet cache, at the zone's own word.
                expect(7200, 5, DAY, &["kresd-1"]),
            ),
            (Make::Bind, 140, "", expect(WEEK, 0, 10_800, &["named-1"])),
            (
                Make::Bind,
                141,
                "max-cache-ttl 7200; min-cache-ttl 30; max-ncache-ttl 60;",
                expect(7200, 30, 60, &["named-1"]),
            ),
        ];
        let started = join_all(
            plan.iter()
                .map(|(make, host, settings, _)| canary.lab.add(*make, *host, settings)),
        );
        let recursors = started.await;
        let measuring = recursors.iter().map(|one| canary.calibrate(one.addr()));
        let measured = join_all(measuring).await;
        for ((make, _, settings, expected), calibration) in plan.iter().zip(&measured) {
            check(&format!("{make:?} {settings}"), calibration, expected);
        }
        for calibration in &measured {
            // Nobody was cut off from the authority, and nobody serves stale answers otherwise.
            assert_eq!(calibration.serve_stale.value, None, "{calibration:#?}");
            assert!(calibration.serve_stale.how.contains("--authority-stopped"));
        }
        drop::<Vec<Recursor>>(recursors);
    });
}

#[test]
fn a_recursor_that_is_silent_is_not_measured_and_says_so() {
    lab::test(async || {
        let canary = CanaryLab::start().await;
        let mut unbound = canary.lab.add(Make::Unbound, 100, "").await;
        unbound.stop();
        let calibration = canary.calibrate(unbound.addr()).await;
        assert_eq!((calibration.questions, calibration.replies), (70, 0));
        let measures = serde_json::to_value(&calibration).unwrap();
        for what in [
            "ttl_cap",
            "ttl_floor",
            "negative_ttl_cap",
            "decrement",
            "ede",
            "backends",
            "serve_stale",
        ] {
            assert!(measures[what]["value"].is_null(), "{what}: {measures:#}");
            assert_ne!(measures[what]["how"], "", "{what}: {measures:#}");
        }
        let why = &calibration.measures.ttl_cap.how;
        assert_eq!(why, "none of 8 new names was answered as the zone has it");
    });
}
