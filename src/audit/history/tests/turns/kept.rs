//! What sites have said in common, as far as it is still known after a restart, and after some were forgotten.

use serde_json::Value as Json;

use super::{Heard, good, google};
use crate::audit::testing::{BAD, a, at};

/// Two sites said one thing until 10:03; one of them says another at 10:04 where it `wavers`, and the first again until 10:08.
fn wavering(wavers: bool) -> Heard {
    let mut heard = Heard::default();
    for minute in 0..=8 {
        let when = format!("10:{minute:02}");
        if minute <= 3 {
            heard.hears(&google(), &when, &good("fra3"));
        }
        if minute == 4 && wavers {
            heard.hears(&google(), &when, &a(&[BAD], 300).at_site("ams1"));
        } else if minute > 0 {
            heard.hears(&google(), &when, &good("ams1"));
        }
    }
    heard
}

#[test]
fn what_a_site_said_in_a_run_that_is_over_counts_after_a_restart_and_after_forgetting() {
    for wavers in [false, true] {
        let mut restarted = wavering(wavers).restarted();
        let mut forgetful = wavering(wavers);
        forgetful.history.forget_before(at("10:03"));
        for heard in [&mut wavering(wavers), &mut restarted, &mut forgetful] {
            assert_eq!(heard.hears(&google(), "10:09", &good("fra3")), wavers);
        }
    }
}

/// Whether the backend that was last heard at 10:05 begins a run at 10:11, after a restart: the others have said the same from
/// 10:01 on, and something else until the instant given.
fn begins_after(other_until: &str) -> bool {
    let mut heard = Heard::default();
    let replies = [
        ("09:58", a(&[BAD], 300).at_site("lhr2")),
        (other_until, a(&[BAD], 300).at_site("lhr2")),
        ("10:01", good("ams1")),
        ("10:02", good("ams1")),
        ("10:03", good("fra3")),
        ("10:04", good("ams1")),
        ("10:05", good("fra3")),
        ("10:06", good("ams1")),
        ("10:08", good("ams1")),
        ("10:10", good("ams1")),
    ];
    for (when, reply) in replies {
        heard.hears(&google(), when, &reply);
    }
    heard.restarted().hears(&google(), "10:11", &good("fra3"))
}

#[test]
fn a_stored_run_that_begins_after_another_ended_is_unbroken_from_its_beginning_on() {
    assert!(!begins_after("10:00"));
    // Of two that were given in one instant none is known to be the later one.
    assert!(begins_after("10:01"));
}

/// What all sites of the only address have in common, as a checkpoint holds it.
fn common(heard: &Heard) -> Json {
    let json = serde_json::to_value(&heard.history).unwrap();
    json["runs"][0][1]["common"].clone()
}

#[test]
fn an_address_of_one_site_has_no_common_word() {
    let mut heard = Heard::default();
    for when in ["10:00", "10:01"] {
        heard.hears(&google(), when, &good("ams1"));
        assert_eq!(common(&heard), Json::Null);
        assert_eq!(common(&heard.restarted()), Json::Null);
    }
    heard.hears(&google(), "10:01", &good("fra3"));
    assert_ne!(common(&heard), Json::Null);
    assert_ne!(common(&heard.restarted()), Json::Null);
}

#[test]
fn a_site_that_is_left_alone_is_not_spoken_for_by_those_that_are_forgotten() {
    let mut heard = Heard::default();
    heard.hears(&google(), "10:00", &good("fra3"));
    heard.hears(&google(), "10:01", &good("ams1"));
    heard.history.forget_before(at("10:01"));
    assert_eq!(common(&heard), Json::Null);
    assert!(heard.hears(&google(), "10:05", &good("ams1")));
}

#[test]
fn after_its_other_sites_are_forgotten_an_address_has_no_common_word() {
    let mut heard = Heard::default();
    heard.hears(&google(), "10:00", &good("fra3"));
    heard.hears(&google(), "10:01", &good("ams1"));
    heard.history.forget_before(at("10:01"));
    // By itself it says something else, and is back.
    heard.hears(&google(), "10:02", &a(&[BAD], 300).at_site("ams1"));
    heard.hears(&google(), "10:03", &good("ams1"));
    heard.hears(&google(), "10:04", &good("lhr2"));
    for minute in [5, 6, 7, 8] {
        heard.hears(&google(), &format!("10:{minute:02}"), &good("lhr2"));
    }
    let back = heard.hears(&google(), "10:08:30", &good("ams1"));
    assert!(!back, "unbroken since 10:03, at least");
}
