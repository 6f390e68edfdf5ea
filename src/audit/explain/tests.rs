//! Explanations of the incident of 2020 and of its neighbours, by the rounds that judged them.

use chrono::{DateTime, Utc};

use super::{Explanation, JudgedRound, explain};
use crate::{
    audit::{
        context::{RoundContext, Setting},
        testing::{ALIEN, BAD, GOOD, Reply, Scene, a, at, secs},
        verdict::State,
    },
    types::{Question, Source, SourceKind},
};

/// Authorities serve B until 15:10 and G from then on, with this TTL; the resolver says what it is given.
fn explained(theta: u32, until: &str, resolver: impl Fn(DateTime<Utc>) -> Reply) -> Explanation {
    let mut scene = Scene::new();
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority if now < at("15:10") => a(&[BAD], theta),
        SourceKind::Authority => a(&[GOOD], theta),
        SourceKind::Resolver => resolver(now),
    };
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
