//! Where a link stands: which servers count, and what of a pool is still a member.

use std::{net::SocketAddr, time::Duration};

use super::super::{
    links::LinkHistory,
    standing::{Membership, Standing},
};
use crate::{
    audit::testing::{BAD, GOOD, NAME, at, name, rrset, secs},
    types::Policy,
};

fn server(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 53))
}

/// What servers said: server, address, TTL, when.
fn link(replies: &[(u8, &str, u32, &str)]) -> LinkHistory {
    let mut link = LinkHistory::default();
    for (number, value, ttl, when) in replies {
        let told_for = (&name(NAME), true);
        link.served(
            server(*number),
            told_for,
            (&rrset(&[value]), *ttl, None),
            at(when),
        );
    }
    link
}

fn standing<'l>(link: &'l LinkHistory, policy: &Policy, when: &str) -> Standing<'l> {
    link.standing(|_, _| Membership::Listed, policy, at(when))
}

#[test]
fn a_server_is_blind_after_more_than_the_limit() {
    let link = link(&[(1, GOOD, 60, "10:00")]);
    let policy = Policy::default();
    let in_time = standing(&link, &policy, "11:00");
    assert!(!in_time.low_confidence);
    assert!(in_time.current(&rrset(&[GOOD])).is_some());
    let late = standing(&link, &policy, "11:00:01");
    assert!(late.low_confidence);
    assert!(late.was_last_heard(&rrset(&[GOOD])));
}

#[test]
fn a_record_is_a_member_for_twenty_rounds_or_twice_the_ttl_that_is_allowed_whichever_is_longer() {
    let link = link(&[(1, GOOD, 60, "10:00"), (1, BAD, 60, "10:05")]);
    for (period, max_ttl, until) in [(60, 300, "10:20"), (1, 300, "10:10"), (60, 3_600, "12:00")] {
        let policy = Policy {
            period: Duration::from_secs(period),
            max_ttl,
            ..Policy::default()
        };
        let standing = standing(&link, &policy, "10:06");
        let good = standing.pooled(GOOD, None).unwrap();
        assert_eq!(good.end, at(until));
        assert_eq!(good.deadline, at(until) + secs(60));
    }
}

#[test]
fn a_pool_is_filling_until_its_newest_member_is_older_than_the_window() {
    let policy = Policy::default();
    let rotating = link(&[
        (1, GOOD, 60, "10:00"),
        (1, BAD, 60, "10:05"),
        (1, GOOD, 60, "10:10"),
    ]);
    assert!(standing(&rotating, &policy, "10:24:59").pool_is_filling(at("10:24:59")));
    assert!(!standing(&rotating, &policy, "10:25").pool_is_filling(at("10:25")));
    let steady = link(&[(1, GOOD, 60, "10:00")]);
    assert!(!standing(&steady, &policy, "10:01").pool_is_filling(at("10:01")));
    // Two servers may be in turn from the first on.
    let unequal = link(&[(1, GOOD, 60, "10:00"), (2, BAD, 60, "10:00")]);
    assert!(standing(&unequal, &policy, "10:01").pool_is_filling(at("10:01")));
}

#[test]
fn the_lowest_ttl_is_known_where_every_server_has_served_the_value_for_long_enough() {
    let link = link(&[
        (1, GOOD, 300, "10:00"),
        (2, GOOD, 60, "10:05"),
        (3, BAD, 10, "10:30"),
    ]);
    let good = rrset(&[GOOD]);
    assert_eq!(link.lowest_ttl(&good, at("10:05")), Some(60));
    assert_eq!(link.lowest_ttl(&good, at("10:04:59")), None);
    assert_eq!(link.lowest_ttl(&rrset(&["192.0.2.99"]), at("11:00")), None);
    // One that was raised is not yet everywhere.
    let raised = self::link(&[(1, GOOD, 60, "10:00"), (1, GOOD, 300, "10:10")]);
    assert_eq!(raised.lowest_ttl(&good, at("10:10")), Some(300));
    assert_eq!(raised.lowest_ttl(&good, at("10:09:59")), None);
}

#[test]
fn a_server_was_heard_where_it_said_anything() {
    let link = link(&[(1, GOOD, 300, "10:00")]);
    assert!(link.has_heard(server(1)));
    assert!(!link.has_heard(server(2)));
}

#[test]
fn a_value_was_served_where_any_server_served_it() {
    let link = link(&[
        (1, GOOD, 300, "10:00"),
        (2, BAD, 300, "10:05"),
        (2, GOOD, 300, "10:10"),
    ]);
    assert!(link.was_served(&rrset(&[BAD]), at("10:00"), at("10:30")));
    assert!(!link.was_served(&rrset(&[BAD]), at("10:20"), at("10:30")));
    assert!(!link.was_served(&rrset(&["192.0.2.99"]), at("10:00"), at("10:30")));
}

/// What was heard when, of the zone itself or of somebody in its place (`!`), in rounds of a minute: since when it has been
/// heard, and the gaps before, after the time before the first word.
fn check_gaps(replies: &[&str], since: &str, gaps: &[(&str, &str)]) {
    let mut link = LinkHistory::default();
    for reply in replies {
        match reply.strip_prefix('!') {
            Some(foreign) => link.spoken_over(at(foreign)),
            None => link.heard(at(reply), at(reply), Duration::from_mins(3)),
        }
    }
    let policy = Policy::default();
    let standing = standing(&link, &policy, "12:00");
    let first = replies.iter().find(|reply| !reply.starts_with('!'));
    let before = first.map(|first| (None, at(first)));
    let between = gaps.iter().map(|(from, until)| (Some(at(from)), at(until)));
    let expected = before.into_iter().chain(between);
    let found = standing.gaps.iter().map(|gap| (gap.from, gap.until));
    assert_eq!(
        (standing.since, found.collect::<Vec<_>>()),
        (Some(at(since)), expected.collect()),
        "{replies:?}"
    );
}

#[test]
fn three_rounds_without_a_word_are_a_gap_and_one_in_which_somebody_else_answered() {
    check_gaps(&["10:00", "10:03"], "10:00", &[]);
    check_gaps(&["10:00", "10:03:01"], "10:03:01", &[("10:00", "10:03:01")]);
    let two = [("10:00", "10:04"), ("10:05", "10:09")];
    check_gaps(&["10:00", "10:04", "10:05", "10:09"], "10:09", &two);
    check_gaps(
        &["10:00", "!10:01", "10:02"],
        "10:02",
        &[("10:00", "10:02")],
    );
    // One server that somebody answers for tells nothing beside another that is heard.
    check_gaps(
        &["10:00", "!10:00:01", "10:01", "!10:01:01", "10:02"],
        "10:00",
        &[],
    );
    check_gaps(&["10:00", "!10:00", "10:02"], "10:00", &[]);
    check_gaps(&["10:00", "!10:01", "10:01:30"], "10:00", &[]);
    check_gaps(&["!10:00", "10:01"], "10:01", &[]);
}

#[test]
fn the_last_sixteen_gaps_are_remembered() {
    let mut link = LinkHistory::default();
    let nth = |nth: i64| at("00:00") + secs(600 * nth);
    for round in 0..=17 {
        link.heard(nth(round), nth(round), Duration::from_mins(3));
    }
    let policy = Policy::default();
    let standing = standing(&link, &policy, "12:00");
    let found: Vec<_> = standing.gaps.iter().map(|gap| gap.until).collect();
    assert_eq!(found, (2..=17).map(nth).collect::<Vec<_>>());
}

/// Authorities were heard at ten; somebody else answered at the instant given.
fn is_spoken_over(foreign: Option<&str>) -> bool {
    let mut link = LinkHistory::default();
    link.heard(at("10:00"), at("10:00"), Duration::from_mins(3));
    if let Some(foreign) = foreign {
        link.spoken_over(at(foreign));
    }
    link.is_spoken_over()
}

#[test]
fn a_zone_is_spoken_over_where_none_of_its_own_servers_was_heard_in_the_same_round() {
    for (foreign, expected) in [
        (None, false),
        (Some("09:59"), false),
        (Some("10:00"), false),
        // Replies to questions that were put at once come within five seconds.
        (Some("10:00:05"), false),
        (Some("10:00:06"), true),
    ] {
        assert_eq!(is_spoken_over(foreign), expected, "{foreign:?}");
    }
    let mut unheard = LinkHistory::default();
    assert!(!unheard.is_spoken_over());
    unheard.spoken_over(at("10:00"));
    assert!(unheard.is_spoken_over());
}

#[test]
fn a_gap_is_forgotten_when_it_ended_before_the_horizon() {
    let mut link = LinkHistory::default();
    for heard in ["10:00", "10:10", "10:20"] {
        link.heard(at(heard), at(heard), Duration::from_mins(3));
    }
    for (horizon, ends, is_left) in [
        ("10:10", &["10:10", "10:20"][..], true),
        ("10:10:01", &["10:20"], true),
        ("10:20", &["10:20"], true),
        ("10:20:01", &[], false),
    ] {
        assert_eq!(link.forget_before(at(horizon)), is_left, "{horizon}");
        let policy = Policy::default();
        let standing = standing(&link, &policy, "12:00");
        let found: Vec<_> = standing.gaps.iter().map(|gap| gap.until).collect();
        let expected: Vec<_> = ends.iter().map(|end| at(end)).collect();
        assert_eq!(found, expected, "{horizon}");
    }
}

#[test]
fn an_authority_is_known_where_a_server_that_counts_was_ever_heard() {
    let heard = link(&[(1, GOOD, 60, "10:00")]);
    let policy = Policy::default();
    for (membership, is_known) in [
        (Membership::Listed, true),
        (Membership::Left, true),
        (Membership::Stranger, false),
    ] {
        // Long silent or not.
        for when in ["10:01", "12:00"] {
            let standing = heard.standing(|_, _| membership, &policy, at(when));
            assert_eq!(standing.is_known(), is_known, "{membership:?} {when}");
        }
    }
    let unheard = LinkHistory::default();
    assert!(!standing(&unheard, &policy, "10:00").is_known());
}
