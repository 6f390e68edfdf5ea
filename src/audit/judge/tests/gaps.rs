//! Restarts, and times in which nobody watched.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        history::LinkKey,
        testing::{ALIEN, BAD, GOOD, Reply, Scene, a, at, observe, says, secs, server},
        verdict::State::{self, Consistent, Divergent, Propagating, StaleOverdue, Unexplained},
    },
    types::{Question, Severity, Source, SourceKind},
};

/// What came and went while nobody watched, counted down from a fetch then.
fn fetched_at(fetched: &str, ttl: i64) -> impl Fn(&Source, &Question, DateTime<Utc>) -> Reply {
    let fetched = at(fetched);
    move |source, _, now| match source.kind {
        SourceKind::Authority => a(&[GOOD], 300),
        SourceKind::Resolver => {
            let left = ttl - (now - fetched).num_seconds();
            a(&[ALIEN], u32::try_from(left).unwrap())
        }
    }
}

#[test]
fn a_value_that_came_and_went_while_nobody_watched_is_unexplained() {
    let mut scene = Scene::new();
    let good = says(a(&[GOOD], 300), a(&[GOOD], 300));
    scene.run("08:00", "09:00", &good);
    // Three rounds' silence is a gap; what the backend held before it excuses nothing and accuses nobody.
    for mut scene in [scene.restarted(), scene] {
        let round = scene
            .run("10:00", "10:30", &fetched_at("09:50", 7_200))
            .unwrap();
        let verdict = round.at("google");
        assert_eq!(
            (verdict.state, verdict.severity),
            (Unexplained, Severity::Warning)
        );
        assert!(
            verdict.reason.contains("2020-08-30T10:00:00Z"),
            "{}",
            verdict.reason
        );
        scene.run("10:30", "10:35", &good);
        let round = scene.round(at("10:35"), &fetched_at("10:34", 7_200));
        assert_eq!(
            round.state("google"),
            Divergent,
            "since 10:30 it is no older cache"
        );
    }
}

/// BAD was served until 08:10, GOOD since; `old` is what google says from then on. Nobody looked between 08:59 and 10:00.
fn gone_and_a_gap(old: Reply) -> [Scene; 2] {
    let mut scene = Scene::new();
    scene.run("08:00", "08:10", &says(a(&[BAD], 300), a(&[BAD], 300)));
    scene.run("08:10", "09:00", &says(a(&[GOOD], 300), old));
    [scene.restarted(), scene]
}

#[test]
fn a_past_value_may_have_been_served_again_in_a_gap() {
    for mut scene in gone_and_a_gap(a(&[GOOD], 300)) {
        let world = |from: &str, ttl: i64| {
            let fetched = at(from);
            move |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
                SourceKind::Authority => a(&[GOOD], 300),
                SourceKind::Resolver => {
                    let left = ttl - (now - fetched).num_seconds();
                    a(&[BAD], u32::try_from(left).unwrap()).at_site("fra3")
                }
            }
        };
        let round = scene.round(at("10:00"), &world("09:59", 300));
        let verdict = round.at("google");
        assert_eq!(
            (verdict.state, verdict.severity),
            (Unexplained, Severity::None),
            "{}",
            verdict.reason
        );
        for told in [
            "until 2020-08-30T08:10",
            "between 2020-08-30T08:59:00Z and 2020-08-30T10:00:00Z",
        ] {
            assert!(verdict.reason.contains(told), "{}", verdict.reason);
        }
        let round = scene.clone().run("10:01", "10:07", &world("09:59", 7_200));
        assert_eq!(
            round.unwrap().state("google"),
            StaleOverdue,
            "fetched anew since"
        );
        let round = scene
            .restarted()
            .run("10:01", "10:03", &world("09:59", 300));
        assert_eq!(round.unwrap().state("google"), Unexplained);
        let right = says(a(&[GOOD], 300), a(&[GOOD], 300).at_site("fra3"));
        scene.run("10:01", "10:03", &right);
        let round = scene.round(at("10:03"), &world("09:59", 300));
        assert_eq!(
            round.state("google"),
            StaleOverdue,
            "it had the right value since"
        );
    }
}

#[test]
fn a_gap_excuses_nobody_who_had_outstayed_before_it() {
    let world = says(a(&[GOOD], 300), a(&[BAD], 30));
    for mut scene in gone_and_a_gap(a(&[BAD], 30)) {
        assert_eq!(
            scene.round(at("10:00"), &world).state("google"),
            StaleOverdue
        );
    }
}

#[test]
fn a_copy_older_than_a_gap_was_not_fetched_in_it() {
    let held = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority => a(&[GOOD], 300),
        SourceKind::Resolver => {
            let left = (at("12:00") - now).num_seconds();
            a(&[BAD], u32::try_from(left).unwrap())
        }
    };
    let mut scene = Scene::new();
    scene.run("08:00", "08:10", &says(a(&[BAD], 300), a(&[BAD], 300)));
    scene.run("08:10", "08:14", &held);
    for mut scene in [scene.restarted(), scene] {
        assert_eq!(
            scene.round(at("10:00"), &held).state("google"),
            StaleOverdue
        );
    }
}

#[test]
fn a_short_interruption_is_no_gap() {
    let mut scene = Scene::new();
    let good = says(a(&[GOOD], 300), a(&[GOOD], 300));
    scene.run("08:00", "08:10", &good);
    let mut scene = scene.restarted();
    let round = scene.round(at("08:12"), &fetched_at("08:11", 7_200));
    assert_eq!(round.state("google"), Divergent);
}

#[test]
fn what_silent_authorities_served_is_as_little_known_as_if_nobody_had_asked() {
    let mut scene = Scene::new();
    scene.run("08:00", "08:10", &says(a(&[GOOD], 300), a(&[GOOD], 300)));
    scene.run("08:10", "08:20", &says(Reply::silence(), a(&[GOOD], 300)));
    let fetched = fetched_at("08:19:30", 7_200);
    let round = scene.round(at("08:20"), &fetched);
    assert_eq!(round.state("google"), Unexplained);
    let again = fetched_at("08:20:30", 7_200);
    assert_eq!(scene.round(at("08:21"), &again).state("google"), Divergent);
}

#[test]
fn three_rounds_of_silence_are_no_gap() {
    let mut scene = Scene::new();
    scene.run("08:00", "08:10", &says(a(&[GOOD], 300), a(&[GOOD], 300)));
    scene.run("08:10", "08:12", &says(Reply::silence(), a(&[GOOD], 300)));
    let round = scene.round(at("08:12"), &says(a(&[GOOD], 300), a(&[ALIEN], 300)));
    assert_eq!(round.state("google"), Divergent);
}

#[test]
fn a_change_during_a_gap_ends_at_the_first_differing_observation() {
    let mut scene = Scene::new();
    scene.run("08:00", "09:00", &says(a(&[BAD], 300), a(&[BAD], 300)));
    let mut scene = scene.restarted();
    let world = |ttl| says(a(&[GOOD], 300), a(&[BAD], ttl));
    let round = scene.round(at("12:00"), &world(290));
    assert_eq!(round.state("google"), Propagating);
    assert_eq!(round.at("google").deadline, Some(at("12:05")));
    scene.run("12:01", "12:06", &world(1));
    assert_eq!(
        scene.round(at("12:06"), &world(1)).state("google"),
        StaleOverdue
    );
}

#[test]
fn two_backends_behind_one_authoritys_address_survive_a_restart() {
    // ns1 answers from one site or the other, each with its own data, minute by minute.
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let odd = (now - at("08:00")).num_minutes() % 2 == 1;
        match (&*source.id, odd) {
            ("ns1", true) => a(&[BAD], 60).at_site("ams1"),
            ("ns1", false) => a(&[GOOD], 60).at_site("fra3"),
            _ => a(&[GOOD], 60),
        }
    };
    let mut scene = Scene::new();
    scene.run("08:00", "08:31", &world);
    for mut scene in [scene.restarted(), scene] {
        let round = scene.round(at("08:30:30"), &says(a(&[GOOD], 60), a(&[BAD], 10)));
        assert_eq!(
            round.state("google"),
            Propagating,
            "{}",
            round.at("google").reason
        );
        assert_eq!(round.at("google").deadline, Some(at("08:31")));
    }
}

#[test]
fn what_ended_before_the_horizon_is_forgotten_and_nothing_else() {
    let mut scene = Scene::new();
    scene.run("08:00", "08:10", &says(a(&[BAD], 300), a(&[BAD], 300)));
    scene.run("08:10", "09:00", &says(a(&[GOOD], 300), a(&[GOOD], 300)));
    let held = says(a(&[GOOD], 300), a(&[BAD], 60));
    scene.history.forget_before(at("08:15"));
    assert_eq!(
        scene.clone().round(at("09:00"), &held).state("google"),
        StaleOverdue
    );
    scene.history.forget_before(at("08:16"));
    assert_eq!(scene.round(at("09:00"), &held).state("google"), Divergent);
    scene.history.forget_before(at("12:00"));
    let key = LinkKey {
        owner: scene.questions[0].name.clone(),
        rtype: scene.questions[0].rtype,
    };
    assert!(scene.history.link(&key).is_none());
}

#[test]
fn a_run_ends_with_its_answer_its_authority_ttl_or_its_unbroken_watch() {
    let mut scene = Scene::new();
    let (ns1, asked) = (
        server("ns1", "192.0.2.1").source(),
        scene.questions[0].clone(),
    );
    let google = scene.resolvers[0].sources().next().unwrap();
    let mut opened = |source: &Source, when: &str, reply: Reply| {
        let one = observe(source, &asked, at(when), &reply);
        scene.history.absorb(&one, Duration::from_mins(3)).opened
    };
    assert!(opened(&ns1, "08:00", a(&[GOOD], 300)));
    assert!(!opened(&ns1, "08:01", a(&[GOOD], 300)));
    assert!(!opened(&ns1, "08:02", a(&[GOOD], 240)), "counted down");
    assert!(opened(&ns1, "08:03", a(&[GOOD], 60)), "lowered");
    assert!(opened(&ns1, "08:04", a(&[BAD], 60)));
    assert!(
        opened(&ns1, "08:08", a(&[BAD], 60)),
        "more than three rounds later"
    );
    assert!(opened(&google, "08:00", a(&[GOOD], 300)));
    assert!(!opened(&google, "08:01", a(&[GOOD], 17)), "any TTL");
    assert!(
        opened(&google, "08:01", a(&[GOOD], 17).at_site("fra3")),
        "another backend"
    );
    assert!(!opened(&google, "08:02", a(&[GOOD], 17)));
}

#[test]
fn a_restored_authority_goes_blind_when_it_was_heard_last() {
    let mut scene = Scene::new();
    scene.run("08:00", "09:00", &says(a(&[GOOD], 300), a(&[GOOD], 300)));
    let mut scene = scene.restarted();
    scene.policy.period = Duration::from_mins(5);
    let silent = says(Reply::silence(), a(&[GOOD], 300));
    let round = scene.run("09:05", "09:59", &silent).unwrap();
    assert_eq!(
        (round.state("google"), round.at("google").flags.len()),
        (Consistent, 0)
    );
    let round = scene.round(at("10:00") + secs(30), &silent);
    assert_eq!(
        (round.state("google"), round.at("google").flags.len()),
        (Consistent, 1)
    );
}

/// Rounds from 10:00 on in which google is silent, and one that is judged at this instant, in which it says what nobody served.
fn first_shown(period: Duration, judged_at: DateTime<Utc>) -> (State, Severity) {
    let mut scene = Scene::new();
    scene.policy.period = period;
    let begins = judged_at - scene.pace[1];
    let silent = says(a(&[GOOD], 300), Reply::silence());
    let mut now = at("10:00");
    while now < begins {
        scene.round(now, &silent);
        now += period;
    }
    let round = scene.round(begins, &says(a(&[GOOD], 300), a(&[ALIEN], 60)));
    (round.state("google"), round.at("google").severity)
}

#[test]
fn what_may_be_older_than_the_history_is_silent_for_the_longest_ttl_and_excused_for_a_day() {
    let instant = TimeDelta::milliseconds(1);
    let (minute, hours) = (Duration::from_mins(1), Duration::from_hours(8));
    let (allowed, grown) = (at("10:05"), at("31T10:00"));
    let before = first_shown(minute, allowed - instant);
    assert_eq!(before, (Unexplained, Severity::None));
    let after = first_shown(minute, allowed);
    assert_eq!(after, (Unexplained, Severity::Warning));
    let before = first_shown(hours, grown - instant);
    assert_eq!(before, (Unexplained, Severity::Warning));
    let after = first_shown(hours, grown);
    assert_eq!(after, (Divergent, Severity::Critical));
}

#[test]
fn who_had_a_past_value_in_the_last_instant_that_was_right_had_not_outstayed_before_a_gap() {
    // BAD was served until 08:10, with 300 s, so that it may be held until five seconds past 08:15; it is heard 5 ms after the
    // round's beginning.
    let last = at("08:15:05") - TimeDelta::milliseconds(5);
    for (begins, expected) in [
        (last, Unexplained),
        (last + TimeDelta::milliseconds(1), StaleOverdue),
    ] {
        let mut scene = Scene::new();
        let good = says(a(&[GOOD], 300), a(&[GOOD], 300));
        scene.run("08:00", "08:10", &says(a(&[BAD], 300), a(&[BAD], 300)));
        scene.run("08:10", "08:15", &good);
        scene.round(begins, &says(a(&[GOOD], 300), a(&[BAD], 0)));
        scene.run("08:16", "09:00", &good);
        let round = scene.round(at("10:00"), &says(a(&[GOOD], 300), a(&[BAD], 240)));
        assert_eq!(round.state("google"), expected, "{begins}");
    }
}

/// BAD was served until nine, and nobody looked until noon. Authorities serve `first` then and GOOD from 12:01 on; google has
/// held BAD since 11:59, for two hours: what it is found with seven minutes later.
fn held_since_a_gap(first: &str) -> (State, String) {
    let mut scene = Scene::new();
    scene.run("08:00", "09:00", &says(a(&[BAD], 300), a(&[BAD], 300)));
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority if now < at("12:01") => a(&[first], 300),
        SourceKind::Authority => a(&[GOOD], 300),
        SourceKind::Resolver => {
            let left = (at("13:59") - now).num_seconds();
            a(&[BAD], u32::try_from(left).unwrap()).at_site("fra3")
        }
    };
    let round = scene.restarted().run("12:00", "12:08", &world).unwrap();
    let verdict = round.at("google");
    (verdict.state, verdict.reason.clone())
}

#[test]
fn a_gap_says_nothing_of_a_value_that_an_authority_gave_at_its_end() {
    let (state, reason) = held_since_a_gap(GOOD);
    assert_eq!(state, Unexplained, "{reason}");
    let told = "until some time between 2020-08-30T08:59:00Z and 2020-08-30T12:00:00Z";
    assert!(reason.contains(told), "{reason}");
    let (state, reason) = held_since_a_gap(BAD);
    assert_eq!(state, StaleOverdue, "{reason}");
}
