//! Rounds of a scene judged by their own policy and by a revised one, side by side.

use super::{Compared, Outcome, Revised, Told, change, compare, revise};
use crate::{
    audit::{
        context::{Place, RoundContext, Setting},
        ledger::Ledger,
        testing::{ALIEN, BAD, GOOD, NAME, Scene, a, at, says, secs},
    },
    types::{Expect, Policy, Source, SourceKind},
};

fn setting(scene: &Scene) -> Setting {
    Setting {
        policy: scene.policy.clone(),
        options: scene.options,
        resolvers: scene.resolvers.clone(),
        questions: scene.questions.clone(),
        targets: Vec::new(),
    }
}

/// Twenty rounds two days after a first one, judged both ways. The authority serves `GOOD` for five minutes each.
fn tried(resolver: &[&str], ttl: u32, revision: impl Fn(&mut Policy)) -> (Vec<Compared>, usize) {
    let mut scene = Scene::new();
    let replies = says(a(&[GOOD], 300), a(resolver, ttl));
    scene.round(
        at("00:00") - secs(2 * 86_400),
        &says(a(&[GOOD], 300), a(&[GOOD], 300)),
    );
    let stored = setting(&scene);
    let mut wanted = stored.clone();
    revision(&mut wanted.policy);
    let mut ledger = Ledger::default();
    let (mut did, mut would) = (Told::default(), Revised::begin(&ledger));
    for minute in 0..20 {
        let begin = at("15:00") + secs(60 * minute);
        scene.round(begin, &replies);
        let place = Place {
            vantage: "us-west-2",
            group: "dialers",
            now: begin + secs(2),
        };
        let context = RoundContext {
            setting: stored.clone(),
            zones: scene.zones.clone(),
            ..RoundContext::default()
        };
        let heard = &scene.observations;
        let conclusion = context.conclude(&scene.history, &mut ledger, heard, place);
        did.take(&conclusion.transitions);
        let context = RoundContext {
            setting: revise(&stored, &wanted),
            ..context
        };
        let asked_again = begin + secs(1);
        let first = heard.iter().filter(|one| one.at < asked_again).count();
        would.judge(&scene.history, &context, heard, first, place);
    }
    (compare(&did, would.told()), would.repeated())
}

fn outcomes(compared: &[Compared]) -> Vec<(Outcome, &str)> {
    let verdict = |one: &Compared| {
        one.did
            .as_ref()
            .or(one.would.as_ref())
            .map(|one| one.verdict.clone())
    };
    let known = ["divergent", "ttl_above_policy"];
    compared
        .iter()
        .map(|one| {
            let verdict = verdict(one).unwrap();
            let verdict = known.iter().find(|known| ***known == *verdict);
            (one.outcome, *verdict.unwrap())
        })
        .collect()
}

#[test]
fn the_same_policy_fires_the_same() {
    let (compared, repeated) = tried(&[ALIEN], 60, |_| {});
    assert_eq!(outcomes(&compared), [(Outcome::Same, "divergent")]);
    assert_eq!(repeated, 0);
}

#[test]
fn what_is_declared_would_not_have_fired() {
    let declared = |policy: &mut Policy| policy.expect = networks(&[GOOD, ALIEN]);
    let (compared, _) = tried(&[ALIEN], 60, declared);
    assert_eq!(outcomes(&compared), [(Outcome::Gone, "divergent")]);
}

#[test]
fn a_stricter_ttl_would_have_fired() {
    let (compared, _) = tried(&[GOOD], 300, |policy| policy.max_ttl = 60);
    assert_eq!(outcomes(&compared), [(Outcome::New, "ttl_above_policy")]);
}

#[test]
fn what_was_not_asked_again_is_taken_to_be_said_again() {
    // Consistent by its own policy, and so asked once a round only.
    let mut scene = Scene::new();
    scene.policy.expect = networks(&[ALIEN, GOOD]);
    let stored = setting(&scene);
    let mut wanted = stored.clone();
    wanted.policy.expect = Expect::default();
    let replies = says(a(&[GOOD], 300), a(&[ALIEN], 60));
    scene.round(
        at("00:00") - secs(2 * 86_400),
        &says(a(&[GOOD], 300), a(&[GOOD], 300)),
    );
    let mut would = Revised::begin(&Ledger::default());
    for minute in 0..20 {
        let begin = at("15:00") + secs(60 * minute);
        scene.round(begin, &replies);
        let context = RoundContext {
            setting: revise(&stored, &wanted),
            zones: scene.zones.clone(),
            ..RoundContext::default()
        };
        let place = Place {
            vantage: "us-west-2",
            group: "dialers",
            now: begin + secs(2),
        };
        let heard = &scene.observations;
        would.judge(&scene.history, &context, heard, heard.len(), place);
    }
    let compared = compare(&Told::default(), would.told());
    assert_eq!(outcomes(&compared), [(Outcome::New, "divergent")]);
    // The resolver twice and both authorities once, in each round.
    assert_eq!(would.repeated(), 4 * 20);
}

#[test]
fn what_the_history_does_not_hold_is_said_and_left_out() {
    let scene = Scene::new();
    let stored = setting(&scene);
    let mut wanted = stored.clone();
    wanted.policy.max_ttl = 60;
    wanted.policy.period *= 5;
    wanted.questions[0].name = "dialer8.example.com".parse().unwrap();
    wanted.resolvers = vec![crate::audit::testing::resolver("quad9", "9.9.9.9", None)];
    let told = change(&stored, &wanted);
    assert_eq!(told.questions_dropped, [format!("{NAME} A")]);
    assert_eq!(told.questions_not_held, ["dialer8.example.com A"]);
    assert_eq!(told.resolvers_dropped, ["google"]);
    assert_eq!(told.resolvers_not_held, ["quad9"]);
    let keys: Vec<_> = told.policy.keys().map(String::as_str).collect();
    assert_eq!(keys, ["max_ttl"]);
    let revised = revise(&stored, &wanted);
    assert_eq!((revised.questions.len(), revised.resolvers.len()), (0, 0));
    assert_eq!(revised.policy.period, stored.policy.period);
}

#[test]
fn a_resolver_that_is_no_longer_asked_fires_nothing() {
    let mut scene = Scene::new();
    let replies = says(a(&[GOOD], 300), a(&[BAD], 60));
    scene.round(at("15:00"), &replies);
    let source: Source = scene.resolvers[0].sources().next().unwrap();
    assert_eq!(source.kind, SourceKind::Resolver);
    let mut wanted = setting(&scene);
    wanted.resolvers.clear();
    for one in &scene.observations {
        let is_asked = super::is_asked(&wanted, &one.source, one);
        assert_eq!(is_asked, one.source.kind == SourceKind::Authority);
    }
}

fn networks(addresses: &[&str]) -> Expect {
    let host = |address: &&str| format!("{address}/32").parse().unwrap();
    Expect {
        networks: addresses.iter().map(host).collect(),
        texts: Vec::new(),
    }
}
