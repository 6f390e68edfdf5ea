//! Explanations of the incident of 2020 and of its neighbours, by the rounds that judged them.

use chrono::{DateTime, Utc};

use super::{Explanation, JudgedRound, explain};
use crate::{
    audit::{
        context::{RoundContext, Setting},
        testing::{ALIEN, BAD, GOOD, Reply, Scene, a, at, nxdomain, secs},
        verdict::State,
    },
    types::{Question, Rcode, Source, SourceKind},
};

/// Authorities serve B until 15:10 and G from then on, with this TTL; the resolver says what it is given.
fn explained(theta: u32, until: &str, resolver: impl Fn(DateTime<Utc>) -> Reply) -> Explanation {
    explained_in(until, |source, now| match source.kind {
        SourceKind::Authority if now < at("15:10") => a(&[BAD], theta),
        SourceKind::Authority => a(&[GOOD], theta),
        SourceKind::Resolver => resolver(now),
    })
}

/// The last round of a world that was looked at for two days.
fn explained_in(until: &str, world: impl Fn(&Source, DateTime<Utc>) -> Reply) -> Explanation {
    let mut scene = Scene::new();
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| world(source, now);
    // Older than a day, so that nothing is excused by its youth.
    let mut now = at("14:00") - secs(2 * 86_400);
    scene.round(now, &world);
    scene.policy.period = std::time::Duration::from_hours(50);
    now = at("15:00");
    let mut last = None;
    while now <= at(until) {
        last = Some((now, scene.round(now, &world)));
        now += secs(60);
    }
    let (now, round) = last.unwrap();
    let context = RoundContext {
        setting: Setting {
            policy: scene.policy.clone(),
            options: scene.options,
            resolvers: scene.resolvers.clone(),
            questions: scene.questions.clone(),
            targets: Vec::new(),
        },
        zones: scene.zones.clone(),
        ..RoundContext::default()
    };
    let observations = &scene.observations;
    let asked_again = now + secs(1);
    let first = observations.iter().filter(|one| one.at < asked_again);
    let judged = JudgedRound {
        history: &scene.history,
        context: &context,
        observations,
        first: first.count(),
        now: now + secs(2),
    };
    explain(judged, round.at("google"))
}

/// A cache that fetched at `fetched` what was served then, and keeps it for `kept` seconds.
fn cached(fetched: &str, kept: i64) -> impl Fn(DateTime<Utc>) -> Reply {
    let fetched = at(fetched);
    move |now| {
        let left = kept - (now - fetched).num_seconds().max(0);
        a(&[BAD], u32::try_from(left).unwrap())
    }
}

#[test]
fn the_day_of_2020_is_legal_and_the_authority_is_to_blame() {
    let told = explained(86_400, "15:11", cached("15:05", 86_400));
    assert_eq!(
        told.sentence,
        "15:11:01 + 86039 s = 31 Aug 15:05 ≤ 15:10 + 86400 s: legal; the TTL at the authority is to blame"
    );
    assert_eq!((told.state, told.row), (State::PropagatingLong, 9));
    let held = told.inequality.unwrap();
    assert_eq!(held.end, at("15:10"));
    assert_eq!(held.deadline, at("31T15:10"));
    assert!(held.holds);
    let link = told.link.unwrap();
    assert_eq!(link.current, [GOOD]);
    let epochs: Vec<_> = link
        .epochs
        .iter()
        .map(|one| {
            (
                one.server.as_deref().unwrap(),
                &*one.value,
                one.end,
                one.is_judged,
            )
        })
        .collect();
    let end = Some(at("15:10"));
    assert_eq!(
        epochs,
        [
            ("ns1", BAD, end, true),
            ("ns1", GOOD, None, false),
            ("ns2", BAD, end, true),
            ("ns2", GOOD, None, false)
        ]
    );
    assert_eq!(
        told.earlier_rows,
        [
            "rows 1 to 4: a valid reply came over udp, NOERROR, at attempt 1",
            "row 5: no extended error, signature or sinkhole address says that it was blocked on purpose",
            "rows 6 and 7: the value is in an epoch: an authority served it, the last until 2020-08-30T15:10:00Z",
            &format!(
                "row 8: every server of the zone serves {GOOD} now, and `expect` does not declare the value"
            ),
        ]
    );
    assert_eq!(told.ttl_cap, Some(21_600));
    assert_eq!(told.observations[0].ttl, Some(86_040));
    for one in &told.observations {
        assert!((one.expires_at.unwrap() - at("31T15:05")).abs() < secs(1));
    }
    let again: Vec<_> = told.observations.iter().map(|one| one.again).collect();
    // However many samples an open incident takes.
    assert!(again.is_sorted() && again.starts_with(&[false]) && again.ends_with(&[true, true]));
    assert!(!again.ends_with(&[true; 3]), "{again:?}");
    let mut states = told.observations.iter().map(|one| one.state);
    assert!(states.all(|state| state == Some(State::PropagatingLong)));
}

#[test]
fn what_no_honest_cache_may_say_blames_the_resolver() {
    let stuck = |_| a(&[BAD], 30);
    let told = explained(300, "15:20", stuck);
    assert_eq!(told.state, State::StaleOverdue);
    assert_eq!(
        told.sentence,
        "15:20:01 > 15:10 + 300 s = 15:15: no honest cache may still say this; the resolver is to blame"
    );
    assert!(!told.inequality.unwrap().holds);
}

#[test]
fn what_will_overstay_says_until_when() {
    let renewed = |now: DateTime<Utc>| {
        let fetched = if now < at("15:12") {
            at("15:08")
        } else {
            at("15:12")
        };
        let left = (fetched + secs(300) - now).num_seconds();
        a(&[BAD], u32::try_from(left).unwrap())
    };
    let told = explained(300, "15:12", renewed);
    assert_eq!(told.state, State::StaleExtended, "{}", told.sentence);
    assert_eq!(
        told.sentence,
        "15:12:01 + 298 s = 15:16:59 > 15:10 + 300 s = 15:15: its TTL was reset, and it will overstay until 15:16:59; the \
         resolver is to blame"
    );
}

#[test]
fn what_is_right_says_who_serves_it() {
    let told = explained(300, "15:05", cached("15:03", 300));
    assert_eq!((told.state, told.row), (State::Consistent, 8));
    assert_eq!(
        told.sentence,
        format!(
            "{BAD} is what 2 of 2 authoritative servers serve, since 28 Aug 14:00 at all of them, TTL 300"
        )
    );
    assert_eq!(told.inequality, None);
}

#[test]
fn what_was_never_served_says_that_the_authorities_were_asked_again() {
    let told = explained(300, "15:05", |_| a(&[ALIEN], 60));
    assert_eq!((told.state, told.row), (State::Divergent, 7));
    assert_eq!(told.sentence, told.reason);
    assert!(
        told.earlier_rows[2].starts_with("row 6: the authorities were asked again and answered")
    );
}

#[test]
fn what_exceeds_the_deadline_within_the_slack_is_legal() {
    let renewed = |now: DateTime<Utc>| {
        let fetched = match now {
            _ if now < at("15:05") => at("15:00"),
            _ if now < at("15:11") => at("15:05"),
            _ => at("15:10:03"),
        };
        let left = 300 - (now - fetched).num_seconds().max(0);
        a(&[BAD], u32::try_from(left).unwrap())
    };
    let told = explained(300, "15:11", renewed);
    assert_eq!(told.state, State::Propagating, "{}", told.sentence);
    assert!(told.inequality.unwrap().holds);
    // The TTL is what the policy allows, so that nobody is to blame.
    assert_eq!(
        told.sentence,
        "15:11:00 + 243 s = 15:15:03 ≤ 15:10 + 300 s + 5 s: legal; the change is still propagating"
    );
}

#[test]
fn what_is_stale_by_its_own_word_blames_the_way_to_the_authority() {
    let told = explained(300, "15:20", |_| a(&[BAD], 30).with_ede(3));
    assert_eq!(told.state, State::StaleDeclared);
    assert_eq!(
        told.sentence,
        "15:20:01 > 15:10 + 300 s = 15:15: stale, as the resolver says itself; it cannot reach the authority"
    );
}

#[test]
fn each_sample_has_a_state_of_its_own() {
    let by_turns = |now: DateTime<Utc>| match now.timestamp_subsec_millis() {
        15 if now > at("15:10") => a(&[GOOD], 30),
        _ => a(&[BAD], 30),
    };
    let told = explained(300, "15:20", by_turns);
    assert_eq!(told.state, State::StaleOverdue);
    let states = told.observations.iter().map(|one| (one.again, one.state));
    let (bad, good) = (Some(State::StaleOverdue), Some(State::Consistent));
    assert_eq!(
        states.collect::<Vec<_>>(),
        [
            (false, bad),
            (false, good),
            (false, bad),
            (true, bad),
            (true, good)
        ]
    );
}

#[test]
fn of_what_was_served_before_only_the_judged_value_is_told() {
    let told = explained_in("15:11", |source, now| {
        let value = match now {
            _ if now < at("15:05") => ALIEN,
            _ if now < at("15:10") || source.kind == SourceKind::Resolver => BAD,
            _ => GOOD,
        };
        a(&[value], 300)
    });
    let epochs = told.link.unwrap().epochs;
    let values: Vec<_> = epochs.iter().map(|one| &*one.value).collect();
    assert_eq!(values, [BAD, GOOD, BAD, GOOD]);
}

#[test]
fn a_server_that_was_asked_in_vain_counts_among_those_asked() {
    let told = explained_in("15:00", |source, _| match &*source.id {
        "ns2" => Reply::silence(),
        _ => a(&[GOOD], 300),
    });
    assert_eq!(
        told.sentence,
        format!(
            "{GOOD} is what 1 of 2 authoritative servers serve, since 28 Aug 14:00 at all of them, TTL 300"
        )
    );
}

#[test]
fn earlier_rows_are_those_before_the_one_that_matched() {
    let replied = |rows: &str, rcode: &str| {
        format!("{rows}: a valid reply came over udp, {rcode}, at attempt 1")
    };
    let not_blocked = "row 5: no extended error, signature or sinkhole address says that it was blocked on purpose";
    let not_seen = "rows 6 and 7: the value is served, or declared";
    let failed = || Reply::rcode(Rcode::SERVFAIL);
    for (reply, row, expected) in [
        (Reply::silence(), 1, vec![]),
        (
            Reply::rcode(Rcode::REFUSED),
            2,
            vec![replied("row 1", "REFUSED")],
        ),
        (
            failed().with_ede(6),
            3,
            vec![replied("rows 1 and 2", "SERVFAIL")],
        ),
        (failed(), 4, vec![replied("rows 1 to 3", "SERVFAIL")]),
        (
            nxdomain(300).with_ede(15),
            5,
            vec![replied("rows 1 to 4", "NXDOMAIN")],
        ),
        (
            a(&[BAD], 300),
            8,
            vec![
                replied("rows 1 to 4", "NOERROR"),
                not_blocked.to_owned(),
                not_seen.to_owned(),
            ],
        ),
    ] {
        let told = explained(300, "15:00", |_| reply.clone());
        assert_eq!((told.row, told.earlier_rows), (row, expected), "{reply:?}");
    }
}
