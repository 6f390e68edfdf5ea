//! Rounds of a scene judged by their own policy and by a revised one, side by side.

mod compared;
mod repeated;

use super::{Change, Compared, Outcome, Revised, Told, change, compare, revise};
use crate::{
    audit::{
        context::{Place, RoundContext, Setting},
        ledger::Ledger,
        testing::{ALIEN, BAD, GOOD, NAME, Scene, a, at, question, resolver, says, secs},
    },
    types::{Expect, Policy, RecordType, Source, SourceKind, Target},
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

/// What rounds of the scene are judged by.
fn context(scene: &Scene) -> RoundContext {
    RoundContext {
        setting: setting(scene),
        zones: scene.zones.clone(),
        ..RoundContext::default()
    }
}

/// Where a round that began then is judged.
fn place(begin: &str) -> Place<'static> {
    Place {
        vantage: "us-west-2",
        group: "dialers",
        now: at(begin) + secs(2),
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
    assert_eq!(compared[0].did.as_ref().unwrap().steps, 1);
    assert_eq!(repeated, 0);
}

#[test]
fn what_stood_before_stands_in_both_and_is_not_opened_anew() {
    let mut scene = Scene::new();
    let right = says(a(&[GOOD], 300), a(&[GOOD], 300));
    let wrong = says(a(&[GOOD], 300), a(&[ALIEN], 300));
    scene.run("14:50", "15:00", &right);
    assert_eq!(scene.round(at("15:00"), &wrong).transitions.len(), 1);
    let (did, mut would) = (Told::standing(&scene.ledger), Revised::begin(&scene.ledger));
    scene.round(at("15:01"), &wrong);
    let heard = &scene.observations;
    would.judge(
        &scene.history,
        &context(&scene),
        heard,
        heard.len(),
        place("15:01"),
    );
    let compared = compare(&did, would.told());
    assert_eq!(outcomes(&compared), [(Outcome::Same, "divergent")]);
    assert_eq!(compared[0].would.as_ref().unwrap().steps, 0);
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
    wanted.resolvers = vec![resolver("quad9", "9.9.9.9", None)];
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
fn what_a_service_record_led_to_is_no_question_that_anybody_changed() {
    let mut stored = setting(&Scene::new());
    let service = question("_sip._udp.example.com", RecordType::SRV);
    let led_to = question("sip1.example.com", RecordType::A);
    let mut wanted = stored.clone();
    wanted.questions.push(service.clone());
    stored.questions.extend([service.clone(), led_to.clone()]);
    stored.targets.push(Target {
        question: led_to.clone(),
        service,
        until: None,
    });
    assert_eq!(change(&stored, &wanted), Change::default());
    let revised = revise(&stored, &wanted);
    assert_eq!(revised.questions, stored.questions);
    assert_eq!(revised.targets, stored.targets);
    // Asked for by itself, too.
    wanted.questions.push(led_to);
    assert_eq!(revise(&stored, &wanted).questions, stored.questions);
    // Nobody asks for the service any more.
    wanted.questions.truncate(1);
    let revised = revise(&stored, &wanted);
    assert_eq!(
        (revised.questions, revised.targets),
        (wanted.questions, Vec::new())
    );
}

#[test]
fn a_resolver_or_an_address_that_is_no_longer_asked_fires_nothing() {
    let mut scene = Scene::new();
    let replies = says(a(&[GOOD], 300), a(&[BAD], 60));
    scene.round(at("15:00"), &replies);
    let source: Source = scene.resolvers[0].sources().next().unwrap();
    assert_eq!(source.kind, SourceKind::Resolver);
    let stored = setting(&scene);
    let google = &stored.resolvers[0];
    let elsewhere = resolver("google", "8.8.4.4", None);
    let another = resolver("quad9", "8.8.8.8", None);
    for (resolvers, is_still_asked) in [
        (vec![google.clone()], true),
        (vec![], false),
        (vec![elsewhere], false),
        (vec![another], false),
    ] {
        let wanted = Setting {
            resolvers,
            ..stored.clone()
        };
        for one in &scene.observations {
            let is_asked = super::is_asked(&wanted, &one.source, one);
            let expected = is_still_asked || one.source.kind == SourceKind::Authority;
            assert_eq!(is_asked, expected, "{:?} {}", wanted.resolvers, one.source);
        }
    }
}

fn networks(addresses: &[&str]) -> Expect {
    let host = |address: &&str| format!("{address}/32").parse().unwrap();
    Expect {
        networks: addresses.iter().map(host).collect(),
        texts: Vec::new(),
    }
}
