//! Changes that happen while a round is being asked.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        testing::{ALIEN, BAD, GOOD, Reply, Scene, a, at, observe, says, secs, server},
        verdict::{
            State::{self, Consistent, Divergent, Propagating, StaleOverdue, Unexplained},
            VerdictFlag,
        },
    },
    types::{Question, Severity, Source, SourceKind},
};

#[test]
fn a_resolver_that_saw_the_change_first_is_right() {
    // The authority changes within the round, between its own poll and the resolver's fetch.
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let changed = at("10:05") + TimeDelta::milliseconds(2);
        let _ = source;
        a(&[if now < changed { BAD } else { GOOD }], 300)
    };
    let mut scene = Scene::new();
    scene.run("10:00", "10:05", &world);
    let round = scene.round(at("10:05"), &world);
    assert_eq!(round.state("google"), Consistent);
}

#[test]
fn a_change_between_the_authoritys_second_answer_and_the_resolvers_is_no_divergence() {
    // Asked again because B is still long-lived there; the authority moves on right after its own second answer.
    let moved = at("10:05") + TimeDelta::milliseconds(1_002);
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority if now < at("10:04") => a(&[BAD], 7_200),
        SourceKind::Authority if now < moved => a(&[GOOD], 300),
        SourceKind::Resolver if now < moved => a(&[BAD], 7_000),
        _ => a(&["198.51.100.8"], 300),
    };
    let mut scene = Scene::new();
    scene.run("10:00", "10:05", &world);
    let round = scene.round(at("10:05"), &world);
    assert!(
        round.verdicts[0]
            .samples
            .iter()
            .all(|sample| sample.state != Divergent)
    );
    assert_eq!(scene.round(at("10:06"), &world).state("google"), Consistent);
}

#[test]
fn nothing_is_believed_that_no_authority_confirmed_when_asked_again() {
    let mut scene = Scene::new();
    scene.run("10:00", "10:05", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    // The authorities answer at the first asking and are silent at the second.
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority if now > at("10:05") => Reply::silence(),
        SourceKind::Authority => a(&[GOOD], 60),
        SourceKind::Resolver => a(&[ALIEN], 60),
    };
    let round = scene.round(at("10:05"), &world);
    let verdict = round.at("google");
    assert_eq!(
        (verdict.state, verdict.severity),
        (Unexplained, Severity::None)
    );
    assert!(verdict.flags.contains(&VerdictFlag::LowConfidence));
    assert!(verdict.worst_case_until.is_some());
}

#[test]
fn replies_received_in_another_order_than_sent_are_not_lost() {
    let mut scene = Scene::new();
    let ns1 = server("ns1", "192.0.2.1").source();
    let asked = scene.questions[0].clone();
    scene.run("10:00", "10:03", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    for (when, value) in [("10:03", GOOD), ("10:02:30", BAD)] {
        let late = observe(&ns1, &asked, at(when), &a(&[value], 60));
        scene.absorb(&[late]);
    }
    let round = scene.round(at("10:03:20"), &says(a(&[GOOD], 60), a(&[BAD], 10)));
    assert_eq!(round.state("google"), Propagating);
}

#[test]
fn a_resolver_whose_first_reply_came_before_the_authoritys_counts_as_seen_current() {
    let mut scene = Scene::new();
    let source = scene.resolvers[0].sources().next().unwrap();
    let question = scene.questions[0].clone();
    let overtaken = at("10:00") - TimeDelta::milliseconds(3);
    let first = scene.hear(&source, &question, overtaken, a(&[GOOD], 300));
    scene.absorb(&[first]);
    // Only the authorities' replies of the first round follow; in the second the resolver is poisoned.
    let resolvers = std::mem::take(&mut scene.resolvers);
    scene.round(at("10:00"), &says(a(&[GOOD], 300), a(&[GOOD], 300)));
    scene.resolvers = resolvers;
    let round = scene.round(at("10:01"), &says(a(&[GOOD], 300), a(&[ALIEN], 60)));
    assert_eq!(round.state("google"), Divergent);
}

const ONE: &[&str] = &["ns1"];
const ALL: &[&str] = &["ns1", "ns2"];

/// What google comes to in the rounds from 10:05 on, in which it says `lie` while these servers answer only where `hears`
/// says so: by the round, and by whether they are asked again.
fn verdicts(
    lie: &Reply,
    servers: &[&str],
    hears: impl Fn(DateTime<Utc>, bool) -> bool,
    rounds: i64,
) -> Vec<State> {
    let begin = at("10:05");
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Resolver if now >= begin => lie.clone(),
        _ if now < at("10:02") => a(&[BAD], 60),
        SourceKind::Authority if servers.contains(&&*source.id) && now >= begin => {
            let is_again = now.timestamp() % 60 > 0;
            let is_heard = hears(now - secs(now.timestamp() % 60), is_again);
            if is_heard {
                a(&[GOOD], 60)
            } else {
                Reply::silence()
            }
        }
        _ => a(&[GOOD], 60),
    };
    let mut scene = Scene::new();
    scene.run("09:50", "10:05", &world);
    let round = |nth: i64| scene.round(begin + secs(60 * nth), &world).state("google");
    (0..rounds).map(round).collect()
}

#[test]
fn a_server_that_is_never_heard_twice_in_a_round_silences_nobody_for_longer_than_one() {
    let once = |_: DateTime<Utc>, is_again: bool| !is_again;
    let poisoned = verdicts(&a(&[ALIEN], 60), ONE, once, 2);
    assert_eq!(poisoned, [Unexplained, Divergent]);
    let stale = verdicts(&a(&[BAD], 30), ONE, once, 2);
    assert_eq!(stale, [Unexplained, StaleOverdue]);
}

#[test]
fn a_server_that_fell_silent_may_have_changed_for_no_longer_than_three_rounds() {
    let gone = |_: DateTime<Utc>, _: bool| false;
    for lie in [a(&[ALIEN], 60), a(&[BAD], 30)] {
        let states = verdicts(&lie, ONE, gone, 4);
        assert_eq!(states[..2], [Unexplained; 2], "{lie:?}");
        assert!(
            states[2..].iter().all(|state| *state != Unexplained),
            "{states:?}"
        );
    }
    let lost = |round: DateTime<Utc>, is_again: bool| round != at("10:05") || !is_again;
    assert_eq!(verdicts(&a(&[ALIEN], 60), ONE, lost, 1), [Unexplained]);
    // Its last word came with the first lie, at most a round before what it may say now.
    let at_first = |round: DateTime<Utc>, is_again: bool| round == at("10:05") && !is_again;
    let states = verdicts(&a(&[ALIEN], 60), ONE, at_first, 4);
    assert_eq!(states, [Unexplained, Unexplained, Unexplained, Divergent]);
}

#[test]
fn where_no_server_answers_when_asked_again_nobody_is_accused_however_long() {
    let once = |_: DateTime<Utc>, is_again: bool| !is_again;
    let gone = |_: DateTime<Utc>, _: bool| false;
    for lie in [a(&[ALIEN], 60), a(&[BAD], 30)] {
        assert_eq!(verdicts(&lie, ALL, once, 6), [Unexplained; 6], "{lie:?}");
        assert_eq!(verdicts(&lie, ALL, gone, 6), [Unexplained; 6], "{lie:?}");
    }
}

#[test]
fn what_a_server_was_asked_before_the_lie_does_not_speak_against_it_however_late_it_answers() {
    let begin = at("10:05");
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match &*source.id {
        "google" if now >= begin => a(&[ALIEN], 60),
        "ns1" if now == begin => Reply {
            late: TimeDelta::milliseconds(500),
            ..a(&[GOOD], 60)
        },
        "ns1" if now > begin => Reply::silence(),
        _ => a(&[GOOD], 60),
    };
    let mut scene = Scene::new();
    scene.run("10:00", "10:05", &world);
    assert_eq!(scene.round(begin, &world).state("google"), Unexplained);
}

/// What google comes to when these replies are all that was heard, of `[ns1, ns2, google]`: who, when, what.
fn heard(scene: &mut Scene, replies: &[(usize, DateTime<Utc>, Reply)]) -> State {
    let asked = scene.questions[0].clone();
    let google = scene.resolvers[0].sources().next().unwrap();
    let servers = [server("ns1", "192.0.2.1"), server("ns2", "192.0.2.2")];
    let [ns1, ns2] = servers.map(|server| server.source());
    let sources = [ns1, ns2, google];
    let replies = replies.iter();
    let heard: Vec<_> = replies
        .map(|(who, when, reply)| scene.hear(&sources[*who], &asked, *when, reply.clone()))
        .collect();
    scene.absorb(&heard);
    let end = heard.last().unwrap().at + secs(1);
    scene.judge(end, &heard)[0].state
}

#[test]
fn what_a_server_is_asked_for_the_first_time_is_not_asked_again_though_it_comes_later() {
    let right = says(a(&[GOOD], 60), a(&[GOOD], 60));
    let begin = at("10:05");
    let lie = (2, begin, a(&[ALIEN], 60));
    let both = |after| [0, 1].map(|server| (server, begin + secs(after), a(&[GOOD], 60)));
    let mut scene = Scene::new();
    scene.run("10:00", "10:05", &right);
    let first: Vec<_> = [lie.clone()].into_iter().chain(both(2)).collect();
    assert_eq!(heard(&mut scene.clone(), &first), Unexplained);
    let again: Vec<_> = first.into_iter().chain(both(4)).collect();
    assert_eq!(heard(&mut scene, &again), Divergent);
}

#[test]
fn what_came_in_while_no_server_was_heard_is_believed_once_it_comes_beside_one() {
    let right = says(a(&[GOOD], 60), a(&[GOOD], 60));
    let begin = at("10:05");
    let lie = |after| (2, begin + secs(after), a(&[ALIEN], 60));
    let silent = [0, 1].map(|server| (server, begin, Reply::silence()));
    let both = [0, 1].map(|server| (server, begin + secs(2), a(&[GOOD], 60)));
    let mut scene = Scene::new();
    scene.run("10:00", "10:05", &right);
    let once: Vec<_> = silent.into_iter().chain([lie(0)]).chain(both).collect();
    assert_eq!(heard(&mut scene.clone(), &once), Unexplained);
    let twice: Vec<_> = once.into_iter().chain([lie(2)]).collect();
    assert_eq!(heard(&mut scene, &twice), Divergent);
}

#[test]
fn until_a_question_is_asked_again_the_first_replies_count_for_what_was_served_once() {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority if now >= at("10:02") => a(&[GOOD], 60),
        _ => a(&[BAD], 30),
    };
    let mut scene = Scene::new();
    scene.run("09:50", "10:05", &world);
    let begin = at("10:05");
    let late = begin + TimeDelta::milliseconds(5);
    let good = || a(&[GOOD], 60);
    let stale = (2, late, a(&[BAD], 30));
    let silent = [0, 1].map(|server| (server, begin, Reply::silence()));
    let silent: Vec<_> = silent.into_iter().chain([stale.clone()]).collect();
    assert_eq!(heard(&mut scene.clone(), &silent), Unexplained);
    let replies = [(0, begin, good()), (1, begin, good()), stale];
    assert_eq!(heard(&mut scene, &replies), StaleOverdue);
}
