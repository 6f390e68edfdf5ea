//! The epochs of one server: where one ends and the next begins, and what is kept of the past.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::epochs::{Epoch, PastValue, ServerHistory};
use crate::{
    audit::testing::{BAD, GOOD, NAME, at, name, rrset},
    types::Value,
};

fn said(value: &str, ttl: u32, when: &str) -> Epoch {
    Epoch::new(&rrset(&[value]), ttl, at(when))
}

/// A server that said this, in order of receipt: address, TTL, when.
fn server(replies: &[(&str, u32, &str)]) -> ServerHistory {
    let mut replies = replies
        .iter()
        .map(|(value, ttl, when)| said(value, *ttl, when));
    let mut server = ServerHistory::new(&name(NAME), replies.next().unwrap());
    replies.for_each(|next| server.observe(next));
    server
}

fn ended(server: &ServerHistory, value: &str) -> Vec<(DateTime<Utc>, u32)> {
    let past = server.past.get(&rrset(&[value]));
    past.map(|past| past.ended.clone()).unwrap_or_default()
}

#[test]
fn of_the_ended_epochs_those_are_kept_that_no_other_outlives_under_every_cap() {
    type Ends<'a> = &'a [(&'a str, u32)];
    let cases: [(Ends, Ends); 6] = [
        (&[("10:00", 60), ("11:00", 60)], &[("11:00", 60)]),
        (&[("10:00", 60), ("10:00", 300)], &[("10:00", 300)]),
        (&[("10:00", 60), ("09:00", 30)], &[("10:00", 60)]),
        (&[("10:00", 60), ("10:00", 60)], &[("10:00", 60)]),
        // The earlier one outlives the later one where a cache keeps an hour.
        (
            &[("10:00", 60), ("09:59", 3_600)],
            &[("10:00", 60), ("09:59", 3_600)],
        ),
        (
            &[("10:00", 3_600), ("11:00", 60)],
            &[("10:00", 3_600), ("11:00", 60)],
        ),
    ];
    for (added, kept) in cases {
        let mut past = PastValue {
            first: at("08:00"),
            ended: Vec::new(),
            last_seen: None,
        };
        for (end, ttl) in added {
            past.add(at(end), *ttl);
        }
        let kept: Vec<_> = kept.iter().map(|(end, ttl)| (at(end), *ttl)).collect();
        assert_eq!(past.ended, kept, "{added:?}");
    }
}

#[test]
fn an_overtaken_reply_was_said_and_is_over() {
    let late = server(&[
        (GOOD, 60, "10:00"),
        (GOOD, 60, "10:03"),
        (BAD, 300, "10:02:30"),
    ]);
    assert_eq!(late.epoch.value, rrset(&[GOOD]));
    assert_eq!(late.epoch.last_seen, at("10:03"));
    assert_eq!(
        ended(&late, BAD),
        [(at("10:03"), 300)],
        "over when it was overtaken, at the latest"
    );
    let early = server(&[
        (GOOD, 60, "10:00"),
        (GOOD, 60, "10:03"),
        (BAD, 300, "09:59"),
    ]);
    assert_eq!(
        ended(&early, BAD),
        [(at("10:00"), 300)],
        "over when the other began"
    );
    let at_once = server(&[
        (GOOD, 60, "10:00"),
        (GOOD, 60, "10:03"),
        (BAD, 300, "10:00"),
    ]);
    assert_eq!(ended(&at_once, BAD), [(at("10:03"), 300)]);
}

#[test]
fn an_overtaken_reply_with_the_same_value_tells_nothing_but_a_longer_ttl() {
    let same = server(&[
        (GOOD, 60, "10:00"),
        (GOOD, 60, "10:03"),
        (GOOD, 60, "10:02"),
    ]);
    assert!(same.past.is_empty());
    let lower = server(&[
        (GOOD, 60, "10:00"),
        (GOOD, 60, "10:03"),
        (GOOD, 30, "10:02"),
    ]);
    assert!(lower.past.is_empty());
    let longer = server(&[
        (GOOD, 60, "10:00"),
        (GOOD, 60, "10:03"),
        (GOOD, 300, "10:02"),
    ]);
    assert_eq!(ended(&longer, GOOD), [(at("10:03"), 300)]);
    assert_eq!(longer.epoch.ttl, 60);
}

#[test]
fn of_two_values_in_one_instant_the_greater_is_taken_for_the_later() {
    let (lesser, greater) = if rrset(&[GOOD]) < rrset(&[BAD]) {
        (GOOD, BAD)
    } else {
        (BAD, GOOD)
    };
    for order in [[lesser, greater], [greater, lesser]] {
        let server = server(&order.map(|value| (value, 60, "10:00")));
        assert_eq!(server.epoch.value, rrset(&[greater]), "{order:?}");
        assert_eq!(ended(&server, lesser), [(at("10:00"), 60)], "{order:?}");
    }
}

#[test]
fn a_ttl_that_rises_lengthens_its_epoch_and_one_that_falls_ends_it() {
    for when in ["10:05", "10:00"] {
        let risen = server(&[(GOOD, 60, "10:00"), (GOOD, 300, when)]);
        assert_eq!(
            (risen.epoch.ttl, risen.epoch.from),
            (300, at("10:00")),
            "{when}"
        );
        assert!(risen.past.is_empty(), "{when}");
    }
    let fallen = server(&[(GOOD, 300, "10:00"), (GOOD, 60, "10:05")]);
    assert_eq!((fallen.epoch.ttl, fallen.epoch.from), (60, at("10:05")));
    assert_eq!(ended(&fallen, GOOD), [(at("10:05"), 300)]);
    let counted_down = server(&[(GOOD, 300, "10:00"), (GOOD, 240, "10:01")]);
    assert_eq!(
        (counted_down.epoch.ttl, counted_down.epoch.last_seen),
        (300, at("10:01"))
    );
    assert!(counted_down.past.is_empty());
}

#[test]
fn of_more_past_values_than_are_kept_the_first_to_expire_is_dropped() {
    let mut server = server(&[("192.0.2.1", 60, "10:00")]);
    let values = |nth: usize| rrset(&[&format!("10.0.{}.{}", nth / 250, nth % 250)]);
    for nth in 0..1_030_usize {
        let when = at("10:01") + TimeDelta::minutes(i64::try_from(nth).unwrap());
        server.observe(Epoch::new(&values(nth), 60, when));
        assert_eq!(server.past.len(), (nth + 1).min(1_024), "after {nth}");
    }
    assert!(!server.past.contains_key(&rrset(&["192.0.2.1"])));
    assert!(!server.past.contains_key(&values(4)));
    assert!(server.past.contains_key(&values(5)));
}

#[test]
fn a_record_is_held_until_its_ttl_after_its_last_sight_is_over() {
    let mut server = server(&[(GOOD, 300, "10:00"), (GOOD, 30, "10:01")]);
    let member = server.member(GOOD, None).unwrap();
    assert_eq!(member.first_seen, at("10:00"));
    assert_eq!((member.last_seen, member.ttl), (at("10:01"), 30));
    assert_eq!(
        member.held_until,
        at("10:05"),
        "the longer TTL was fetched a minute before"
    );
    server.observe(said(GOOD, 300, "10:02"));
    assert_eq!(server.member(GOOD, None).unwrap().held_until, at("10:07"));
}

#[test]
fn a_scope_of_zero_is_everybodys() {
    let for_scope = |value: &str, scope| Epoch {
        scope: Some(scope),
        ..said(value, 60, "10:00")
    };
    let mut server = ServerHistory::new(&name(NAME), for_scope(GOOD, 0));
    server.observe(Epoch {
        from: at("10:01"),
        last_seen: at("10:01"),
        ..for_scope(BAD, 24)
    });
    assert!(server.member(GOOD, None).is_some());
    assert!(
        server.scoped.keys().all(|(scope, _)| *scope == 24),
        "{:?}",
        server.scoped
    );
    assert!(server.member(BAD, Some(24)).is_some());
    assert!(server.member(GOOD, Some(24)).is_none());
}

#[test]
fn what_ended_and_expired_is_forgotten_and_a_server_of_which_nothing_is_left() {
    let narrow = |epoch| Epoch {
        scope: Some(24),
        ..epoch
    };
    let mut whole = ServerHistory::new(&name(NAME), narrow(said(BAD, 300, "10:00")));
    whole.observe(narrow(said(GOOD, 60, "10:10")));
    // BAD was held until 10:15 where it was fetched at its end, and until 10:05 where that was at its last sight.
    let after = |horizon: &str| {
        let mut server = whole.clone();
        let is_left = server.forget_before(at(horizon));
        let knows = |value: &str| {
            (
                server.member(value, None).is_some(),
                server.member(value, Some(24)).is_some(),
            )
        };
        (is_left, server.past.len(), knows(BAD), knows(GOOD))
    };
    let (all, none) = ((true, true), (false, false));
    assert_eq!(after("10:05"), (true, 1, all, all));
    assert_eq!(after("10:06"), (true, 1, none, all));
    assert_eq!(
        after("10:11"),
        (true, 1, none, all),
        "the past holds the server, whose last word is older"
    );
    assert_eq!(after("10:15"), (true, 1, none, none));
    assert_eq!(after("10:16"), (false, 0, none, none));
    let mut current = server(&[(GOOD, 60, "10:00")]);
    assert!(current.forget_before(at("10:00")));
    assert!(!current.forget_before(at("10:01")));
}

#[test]
fn a_value_was_served_from_its_first_sight_to_its_last_end() {
    let server = server(&[(BAD, 60, "10:00"), (GOOD, 60, "10:10")]);
    let within = |value: &str, from: &str, until: &str| {
        server.was_served(&rrset(&[value]), at(from), at(until))
    };
    assert!(within(BAD, "10:10", "11:00"));
    assert!(within(BAD, "09:00", "10:00"));
    assert!(!within(BAD, "10:11", "11:00"));
    assert!(!within(BAD, "09:00", "09:59"));
    assert!(within(GOOD, "12:00", "13:00"));
    assert!(!within(GOOD, "09:00", "10:09"));
    assert!(!server.was_served(&Value::Nxdomain, at("09:00"), at("13:00")));
}
