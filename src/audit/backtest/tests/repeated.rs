//! What is taken to have been said again, and what was.

use chrono::{DateTime, Utc};

use super::{Revised, Scene, context, place};
use crate::{
    audit::{
        backtest::repeat::as_if_asked_again,
        ledger::Ledger,
        testing::{ALIEN, GOOD, NAME, at, data, question, rrset},
    },
    types::{Observation, Question, RecordType, Source, SourceKind},
};

const OTHER: &str = "dialer8.example.com";

/// A round at 15:00 in which google gives an address that no authority served, of each of these names.
fn scene(names: &[&str]) -> Scene {
    let mut scene = Scene::new();
    let questions = names.iter().map(|name| question(name, RecordType::A));
    scene.questions = questions.collect();
    let world = |source: &Source, asked: &Question, now: DateTime<Utc>| {
        let is_wrong = source.kind == SourceKind::Resolver && now >= at("15:00");
        let address = if is_wrong { ALIEN } else { GOOD };
        data().link(asked.name.as_str(), rrset(&[address]), 60)
    };
    scene.run("14:50", "15:01", &world);
    scene
}

fn is_first(one: &Observation) -> bool {
    one.at < at("15:00:01")
}

#[test]
fn only_the_pair_that_was_not_asked_again_is_taken_to_have_said_it_again() {
    let scene = scene(&[NAME, OTHER]);
    let (mut heard, again): (Vec<_>, Vec<_>) =
        scene.observations.iter().cloned().partition(is_first);
    let first = heard.len();
    let verdicts = scene.judge(at("15:00:01"), &heard);
    assert_eq!(verdicts.len(), 2);
    let of_name = |one: &Observation| one.question.name.as_str() == NAME;
    heard.extend(again.into_iter().filter(of_name));
    let more = as_if_asked_again(&verdicts, &heard, first);
    // The resolver twice, and both authorities once.
    assert_eq!(more.len(), 4);
    let seen = heard[..first].iter().map(|one| one.at).max().unwrap();
    for one in &more {
        assert_eq!(one.question.name.as_str(), OTHER);
        assert!(one.at > at("15:00"), "{one:?}");
        assert!(
            one.source.kind == SourceKind::Resolver || one.at > seen,
            "{one:?}"
        );
    }
}

#[test]
fn a_single_reply_that_was_asked_for_again_is_enough() {
    let scene = scene(&[NAME]);
    let mut heard = scene.observations.clone();
    let first = heard.iter().filter(|one| is_first(one)).count();
    // One of the resolver's two alone came through.
    let only = at("15:00:01") + chrono::TimeDelta::milliseconds(5);
    heard.retain(|one| is_first(one) || one.at == only);
    assert_eq!(heard.len(), first + 1);
    let mut would = Revised::begin(&Ledger::default());
    would.judge(
        &scene.history,
        &context(&scene),
        &heard,
        first,
        place("15:00"),
    );
    assert_eq!(would.repeated(), 0);
    would.judge(
        &scene.history,
        &context(&scene),
        &heard[..first],
        first,
        place("15:00"),
    );
    assert_eq!(would.repeated(), 4);
}
