//! Failures without a break, and answers to asides.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::failures::Failures;
use crate::audit::testing::at;

const GAP: Duration = Duration::from_mins(3);

/// Since when it is SERVFAIL alone without CD=1, after failures at these instants, in order of receipt.
fn since(failed: &[&str]) -> Option<DateTime<Utc>> {
    let mut failures = Failures::default();
    failures.see_unchecked(true, at("09:00"), GAP);
    for when in failed {
        failures.see(&None, true, at(when), GAP);
    }
    failures.unchecked_since(None)
}

#[test]
fn failures_are_unbroken_while_no_more_than_a_gap_lies_between() {
    assert_eq!(since(&["10:00", "10:02", "10:04"]), Some(at("10:00")));
    assert_eq!(since(&["10:00", "10:03"]), Some(at("10:00")));
    assert_eq!(since(&["10:00", "10:02", "10:05:01"]), Some(at("10:05:01")));
    assert_eq!(since(&[]), None);
}

#[test]
fn a_failure_that_a_later_one_overtook_changes_nothing() {
    assert_eq!(since(&["10:05", "10:04", "10:08"]), Some(at("10:05")));
}

#[test]
fn any_other_reply_of_the_backend_ends_its_failures_and_no_other_backends() {
    let mut failures = Failures::default();
    failures.see_unchecked(true, at("10:01"), GAP);
    for site in ["fra3", "ams1"] {
        failures.see(&Some(site.into()), true, at("10:00"), GAP);
    }
    assert_eq!(
        failures.unchecked_since(Some("fra3")),
        Some(at("10:01")),
        "both must be so"
    );
    failures.see(&Some("fra3".into()), false, at("10:02"), GAP);
    assert_eq!(failures.unchecked_since(Some("fra3")), None);
    assert_eq!(failures.unchecked_since(Some("ams1")), Some(at("10:01")));
    failures.see_unchecked(false, at("10:02"), GAP);
    assert_eq!(failures.unchecked_since(Some("ams1")), None);
}
