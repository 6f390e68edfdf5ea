//! What the judge is told.

use std::sync::Arc;

use super::{right, run};
use crate::{
    audit::{
        calibration::{Calibration, Decrement, Limit, OLD, traits::calibrated},
        testing::{at, resolver},
    },
    types::{Resolver, Value},
};

/// The subject as it would be measured: with a cap, a floor and a denial's, none where 0.
fn measured(resolver: &Arc<Resolver>, [cap, floor, denials]: [u32; 3]) -> Calibration {
    let mut calibration = run(|probe, _| right(probe, 0));
    calibration.source = resolver.sources().next().unwrap();
    let limit = |seconds: u32, tested| {
        Some(Limit {
            seconds: (seconds > 0).then_some(seconds),
            tested,
        })
    };
    let measures = &mut calibration.measures;
    measures.ttl_cap.value = limit(cap, 604_800);
    measures.ttl_floor.value = limit(floor, 0);
    measures.negative_ttl_cap.value = limit(denials, 86_400);
    measures.decrement.value = Some(Decrement::CountsDown);
    calibration
}

#[test]
fn a_calibration_comes_before_what_is_built_in_and_after_what_is_written() {
    let google = resolver("google", "8.8.8.8", Some(21_600));
    let office = resolver("office", "192.0.2.53", None);
    let now = at("10:01");
    let with = |resolver: &Arc<Resolver>, written, cap| {
        let calibrations = [measured(resolver, [cap, 0, 0])];
        let traits = calibrated(resolver, written, &calibrations, now)
            .traits
            .clone();
        (traits.ttl_cap, traits.ttl_cap_source)
    };
    let source = Some("calibrated 2020-08-30 with canary.example.com".to_owned());
    assert_eq!(with(&google, false, 3_600), (Some(3_600), source.clone()));
    assert_eq!(with(&google, false, 0), (None, source.clone()));
    assert_eq!(with(&google, true, 3_600), (Some(21_600), None));
    assert_eq!(with(&office, true, 3_600), (Some(3_600), source));
}

#[test]
fn what_was_not_measured_leaves_what_is_known() {
    let google = resolver("google", "8.8.8.8", Some(21_600));
    let mut calibration = measured(&google, [3_600, 60, 900]);
    calibration.measures.ttl_cap.value = None;
    let traits = calibrated(&google, false, &[calibration.clone()], at("10:01"))
        .traits
        .clone();
    assert_eq!(traits.ttl_cap, Some(21_600));
    assert_eq!((traits.ttl_floor, traits.negative_ttl_cap), (60, Some(900)));
    // Another resolver's calibration says nothing.
    let isp = resolver("isp", "192.0.2.53", None);
    assert_eq!(calibrated(&isp, true, &[calibration], at("10:01")), isp);
}

#[test]
fn an_old_calibration_is_used_and_said_to_be_old() {
    let google = resolver("google", "8.8.8.8", Some(21_600));
    let calibration = measured(&google, [3_600, 0, 0]);
    let source = |now| {
        calibrated(&google, false, std::slice::from_ref(&calibration), now)
            .traits
            .ttl_cap_source
            .clone()
            .unwrap()
    };
    let last = calibration.at + OLD;
    assert!(!source(last).ends_with(", old"));
    assert!(source(last + chrono::TimeDelta::seconds(1)).ends_with(", old"));
}

#[test]
fn of_several_addresses_the_one_that_keeps_longest_counts() {
    let mut google = (*resolver("google", "8.8.8.8", Some(21_600))).clone();
    google.addresses.push("8.8.4.4:53".parse().unwrap());
    let google = Arc::new(google);
    let sources: Vec<_> = google.sources().collect();
    let both = |one: [u32; 3], other: [u32; 3], other_counts: Decrement| {
        let mut calibrations = [measured(&google, one), measured(&google, other)];
        calibrations[0].measures.decrement.value = Some(Decrement::Constant);
        calibrations[1].measures.decrement.value = Some(other_counts);
        calibrations[1].source = sources[1].clone();
        calibrated(&google, false, &calibrations, at("10:01"))
            .traits
            .clone()
    };
    let traits = both([600, 0, 60], [900, 30, 30], Decrement::CountsDown);
    assert_eq!(traits.ttl_cap, Some(900));
    assert_eq!((traits.ttl_floor, traits.negative_ttl_cap), (30, Some(60)));
    assert!(!traits.constant_ttl);
    let traits = both([600, 0, 60], [0, 0, 0], Decrement::Constant);
    assert_eq!((traits.ttl_cap, traits.negative_ttl_cap), (None, None));
    assert!(traits.constant_ttl);
}

#[test]
fn a_ttl_is_kept_within_what_is_known() {
    let google = resolver("google", "8.8.8.8", None);
    let traits = calibrated(
        &google,
        false,
        &[measured(&google, [3_600, 60, 900])],
        at("10:01"),
    )
    .traits
    .clone();
    let value = Value::Cname("example.com".parse().unwrap());
    for (value, ttl, kept) in [
        (&value, 86_400, 3_600),
        (&value, 300, 300),
        (&value, 1, 60),
        (&Value::Nxdomain, 86_400, 900),
        (&Value::Nodata, 300, 300),
        (&Value::Nxdomain, 1, 1),
    ] {
        assert_eq!(traits.keeps(value, ttl), kept, "{value} {ttl}");
    }
}

#[test]
fn what_is_known_of_stale_answers_stays_with_its_date() {
    let silent = run(|_, _| crate::audit::testing::Reply::silence());
    let mut earlier = silent.clone();
    earlier.serve_stale.value = Some(crate::audit::calibration::ServeStale {
        serves: true,
        ttl: Some(30),
        declared: false,
    });
    earlier.serve_stale_at = Some(at("09:00"));
    let after = silent.clone().after(Some(&earlier));
    assert_eq!(after.serve_stale, earlier.serve_stale);
    assert_eq!(after.serve_stale_at, Some(at("09:00")));
    assert_eq!(silent.clone().after(None), silent);
    let newer = earlier.clone().after(Some(&silent));
    assert_eq!(newer, earlier);
}
