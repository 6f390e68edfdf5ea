//! Resolvers that keep less than the authority allows: known beforehand, or learned.

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        testing::{
            BAD, GOOD, NAME, Reply, Scene, a, at, data, nodata, observe, question, resolver, rrset,
            says, server,
        },
        verdict::{State::Consistent, VerdictFlag},
    },
    types::{Question, RecordType, SeriesKey, Source, SourceKind, Value},
};

/// What a cache says that fetches at 00:00 and whenever nothing is left, and keeps nothing for longer than `cap`.
fn cached(cap: i64, now: DateTime<Utc>) -> u32 {
    let age = (now - at("00:00")).num_seconds().rem_euclid(cap);
    u32::try_from(cap - age).unwrap()
}

/// Rounds at a resolver of which nothing is known, with this cap, until `until`.
fn watch(cap: i64, until: &str, dressed: fn(Reply) -> Reply) -> Scene {
    let mut scene = Scene::new().with_resolvers(&[resolver("isp", "192.0.2.53", None)]);
    scene.policy.max_ttl = 86_400;
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority => a(&[GOOD], 86_400),
        SourceKind::Resolver => dressed(a(&[GOOD], cached(cap, now))),
    };
    scene.run("00:10", until, &world);
    scene
}

fn learned(scene: &Scene) -> Option<u32> {
    let isp = scene.resolvers[0].sources().next().unwrap();
    scene.history.learned_cap(&isp)
}

#[test]
fn a_cap_is_learned_from_three_fetches_and_named() {
    assert_eq!(learned(&watch(3_600, "02:59", |reply| reply)), None);
    let mut scene = watch(3_600, "03:02", |reply| reply);
    let cap = learned(&scene).unwrap();
    assert!((3_540..=3_600).contains(&cap), "{cap}");
    let world = says(a(&[GOOD], 86_400), a(&[GOOD], 3_400));
    let verdict = scene.round(at("03:03"), &world);
    let verdict = verdict.at("isp");
    assert_eq!(
        (verdict.state, &*verdict.flags),
        (Consistent, &[VerdictFlag::Capped][..])
    );
    let told = format!("keeps nothing for longer than {cap} s, and the authority allows 86400 s");
    assert!(verdict.reason.contains(&told), "{}", verdict.reason);
}

#[test]
fn what_is_known_beforehand_needs_no_learning_and_a_short_ttl_no_cap() {
    let check = |ttl: u32, expected: &[VerdictFlag]| {
        // Google keeps nothing for longer than 21600 s.
        let mut scene = Scene::new();
        let round = scene.round(at("09:00"), &says(a(&[GOOD], ttl), a(&[GOOD], 60)));
        assert_eq!(round.at("google").flags, expected, "{ttl}");
    };
    check(86_400, &[VerdictFlag::Capped]);
    check(21_600, &[]);
    check(300, &[]);
    let mut scene = Scene::new();
    let round = scene.round(at("09:00"), &says(nodata(86_400), nodata(60)));
    assert_eq!(round.at("google").flags, [], "a denial has caps of its own");
}

#[test]
fn neither_an_uncapped_cache_nor_a_stale_one_teaches_a_cap() {
    assert_eq!(learned(&watch(86_400, "31T06:00", |reply| reply)), None);
    assert_eq!(
        learned(&watch(3_600, "06:00", |reply| reply.with_ede(3))),
        None
    );
    let denied = |mut reply: Reply| {
        reply.links[0].0.value = Value::Nodata;
        reply
    };
    assert_eq!(learned(&watch(3_600, "06:00", denied)), None);
    let other = |mut reply: Reply| {
        reply.links[0].0.value = rrset(&["192.0.2.99"]);
        reply
    };
    assert_eq!(learned(&watch(3_600, "06:00", other)), None);
}

#[test]
fn what_comes_over_an_intercepted_path_teaches_nothing() {
    let mut scene = Scene::new().with_resolvers(&[resolver("isp", "192.0.2.53", None)]);
    scene.policy.max_ttl = 86_400;
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority => Reply {
            authoritative: now < at("00:30"),
            ..a(&[GOOD], 86_400)
        },
        SourceKind::Resolver => a(&[GOOD], cached(3_600, now)),
    };
    scene.run("00:10", "06:00", &world);
    assert_eq!(learned(&scene), None);
}

#[test]
fn a_fetch_during_which_the_authority_changed_teaches_nothing() {
    let learned_while = |before: &str, ttl: u32| {
        let mut scene = Scene::new();
        let asked = scene.questions[0].clone();
        let ns1 = server("ns1", "192.0.2.1").source();
        let google = scene.resolvers[0].sources().next().unwrap();
        for hour in 10..13 {
            // It is fetched between the resolver's two replies, and the authority comes back to it between them, too.
            for (source, time, reply) in [
                (&ns1, "00:00", a(&[before], ttl)),
                (&google, "00:30", a(&[GOOD], 10)),
                (&ns1, "01:00", a(&[GOOD], 86_400)),
                (&google, "02:00", a(&[GOOD], 3_000)),
            ] {
                let when = at(&format!("{hour}:{time}"));
                scene.absorb(&[observe(source, &asked, when, &reply)]);
            }
        }
        learned(&scene)
    };
    assert_eq!(learned_while(GOOD, 86_400), Some(3_000));
    assert_eq!(learned_while(BAD, 86_400), None);
    assert_eq!(learned_while(GOOD, 3_000), None, "the shorter TTL is whole");
}

#[test]
fn several_caches_behind_one_address_without_names_teach_nothing() {
    let mut scene = Scene::new().with_resolvers(&[resolver("isp", "192.0.2.53", None)]);
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority => a(&[GOOD], 86_400),
        // Three whole copies of the TTL, fetched hours apart, and asked in turn.
        SourceKind::Resolver => {
            let turn = (now - at("00:00")).num_minutes() % 3;
            a(
                &[GOOD],
                cached(86_400, now) - u32::try_from(turn).unwrap() * 9_000,
            )
        }
    };
    scene.run("00:10", "06:00", &world);
    assert_eq!(learned(&scene), None);
}

#[test]
fn a_countdown_beside_a_steady_link_is_no_constant_ttl_after_a_restart() {
    // The alias has a second left at each sight, its target counts down from an hour.
    let isp = resolver("isp", "192.0.2.53", None);
    let mut scene = Scene::new().with_resolvers(&[isp]);
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| {
        let left = match source.kind {
            SourceKind::Authority => 3_600,
            SourceKind::Resolver => cached(3_600, now),
        };
        data()
            .alias(NAME, "lb.example.net", 1)
            .link("lb.example.net", rrset(&[GOOD]), left)
    };
    scene.run("00:10", "00:20", &world);
    let target = "lb.example.net".parse().unwrap();
    for scene in [&scene, &scene.restarted()] {
        let source = scene.resolvers[0].sources().next().unwrap().into();
        let question = scene.questions[0].clone();
        let held = scene.history.held(&SeriesKey { question, source }).unwrap();
        assert!(!held.is_constant(None, &target, &rrset(&[GOOD])));
    }
}

/// Three names lead to one address record, of which a cache over another cache was given what that had left of a day, at
/// 00:12.
fn shared_target(source: &Source, question: &Question, now: DateTime<Utc>) -> Reply {
    let (of_alias, left) = match source.kind {
        SourceKind::Authority => (86_400, 86_400),
        SourceKind::Resolver => {
            let since = (now - at("00:12")).num_seconds();
            let of_copy = if since < 0 { 900 } else { 30_000 };
            let left = u32::try_from(of_copy - since).unwrap();
            // A fetch of the whole TTL would refute whatever was learned.
            (cached(86_400, now), left)
        }
    };
    let alias = data().alias(question.name.as_str(), "lb.example.net", of_alias);
    alias.link("lb.example.net", rrset(&[GOOD]), left)
}

#[test]
fn one_fetch_that_is_seen_through_many_names_teaches_nothing_before_or_after_a_restart() {
    let isp = resolver("isp", "192.0.2.53", None);
    let mut scene = Scene::new().with_resolvers(&[isp]);
    let names = ["a.example.com", "b.example.com", "c.example.com"];
    scene.questions = names.map(|name| question(name, RecordType::A)).to_vec();
    scene.run("00:10", "00:20", &shared_target);
    assert_eq!(learned(&scene), None);
    let mut restarted = scene.restarted();
    restarted.run("00:21", "00:40", &shared_target);
    assert_eq!(learned(&restarted), None);
}

#[test]
fn what_was_learned_and_what_agrees_so_far_outlive_a_restart() {
    let whole = watch(3_600, "03:02", |reply| reply);
    assert!(learned(&whole).is_some());
    assert_eq!(learned(&whole.restarted()), learned(&whole));
    // Two fetches before the restart, one after it.
    let mut scene = watch(3_600, "02:30", |reply| reply).restarted();
    assert_eq!(learned(&scene), None);
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority => a(&[GOOD], 86_400),
        SourceKind::Resolver => a(&[GOOD], cached(3_600, now)),
    };
    scene.run("02:31", "03:02", &world);
    assert_eq!(learned(&scene), learned(&whole));
}
