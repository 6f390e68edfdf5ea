//! The history as a whole: what runs together, what is forgotten, and what comes back from spans.

use std::time::Duration;

use super::super::{History, LinkKey, SpanChange};
use crate::{
    audit::testing::{
        BAD, GOOD, NAME, Reply, Scene, a, at, data, name, observe, question, rrset, says, server,
    },
    types::{Question, RecordType, Source},
};

const GAP: Duration = Duration::from_mins(3);
const ALIAS: &str = "www.example.com";

fn ns1() -> Source {
    server("ns1", "192.0.2.1").source()
}

fn asked() -> Question {
    question(NAME, RecordType::A)
}

fn key() -> LinkKey {
    LinkKey {
        owner: name(NAME),
        rtype: RecordType::A,
    }
}

fn absorb(history: &mut History, question: &Question, when: &str, reply: &Reply) -> SpanChange {
    history.absorb(&observe(&ns1(), question, at(when), reply), GAP)
}

#[test]
fn a_run_goes_on_while_no_more_than_a_gap_lies_between() {
    let mut history = History::default();
    assert!(absorb(&mut history, &asked(), "10:00", &a(&[GOOD], 300)).opened);
    assert!(!absorb(&mut history, &asked(), "10:03", &a(&[GOOD], 300)).opened);
    assert!(absorb(&mut history, &asked(), "10:06:01", &a(&[GOOD], 300)).opened);
}

#[test]
fn what_is_read_back_as_json_is_the_whole_history() {
    let mut scene = Scene::new();
    scene.run(
        "10:00",
        "10:05",
        &says(a(&[GOOD], 300), a(&[BAD], 60).at_site("fra3")),
    );
    let json = serde_json::to_value(&scene.history).unwrap();
    let back: History = serde_json::from_value(json).unwrap();
    assert_eq!(back, scene.history);
    assert!(back.link(&key()).is_some());
}

#[test]
fn a_run_is_forgotten_once_it_was_not_seen_since_the_horizon() {
    let mut history = History::default();
    absorb(&mut history, &asked(), "10:00", &a(&[GOOD], 300));
    history.forget_before(at("10:00"));
    assert!(!absorb(&mut history, &asked(), "10:01", &a(&[GOOD], 300)).opened);
    history.forget_before(at("10:01:01"));
    assert!(absorb(&mut history, &asked(), "10:02", &a(&[GOOD], 300)).opened);
}

#[test]
fn that_a_resolver_vouched_for_an_answer_is_forgotten_with_the_rest() {
    let mut scene = Scene::new();
    scene.round(
        at("10:00"),
        &says(a(&[GOOD], 300), a(&[GOOD], 300).validated()),
    );
    let last = scene.history.last_validated(&asked()).unwrap();
    scene.history.forget_before(last);
    assert_eq!(scene.history.last_validated(&asked()), Some(last));
    scene
        .history
        .forget_before(last + chrono::TimeDelta::milliseconds(1));
    assert_eq!(scene.history.last_validated(&asked()), None);
}

/// Whose word a link's value is: the name that was asked for it last.
fn told_for(history: &History) -> String {
    history.link(&key()).unwrap().epochs()[0]
        .told_for
        .to_string()
}

#[test]
fn a_server_tells_of_a_link_for_its_own_name_once_that_was_asked() {
    let chain = data()
        .alias(ALIAS, NAME, 300)
        .link(NAME, rrset(&[GOOD]), 300);
    let through = question(ALIAS, RecordType::A);
    let mut scene = Scene::new();
    let mut told = |question: &Question, when: &str, reply: &Reply| {
        scene.absorb(&[observe(&ns1(), question, at(when), reply)]);
        (
            told_for(&scene.history),
            told_for(&scene.restarted().history),
        )
    };
    let both = |text: &str| (text.to_owned(), text.to_owned());
    assert_eq!(told(&through, "10:00", &chain), both(ALIAS));
    assert_eq!(told(&asked(), "10:01", &a(&[GOOD], 300)), both(NAME));
    assert_eq!(told(&through, "10:02", &chain), both(NAME));
}

#[test]
fn after_a_restart_the_last_run_of_a_series_goes_on_and_no_other() {
    let mut scene = Scene::new();
    let (asked, ns1) = (asked(), ns1());
    for (when, value) in [("10:00", BAD), ("10:01", GOOD)] {
        scene.absorb(&[observe(&ns1, &asked, at(when), &a(&[value], 300))]);
    }
    assert_eq!(scene.spans.len(), 2);
    let next = |value| {
        let mut history = scene.restarted().history;
        absorb(&mut history, &asked, "10:02", &a(&[value], 300)).opened
    };
    assert!(!next(GOOD));
    assert!(next(BAD));
}

#[test]
fn after_a_restart_what_an_authority_counts_down_is_the_same_epoch_as_before() {
    let mut scene = Scene::new();
    for (when, ttl) in [("10:00", 300), ("10:01", 240)] {
        scene.absorb(&[observe(&ns1(), &asked(), at(when), &a(&[GOOD], ttl))]);
    }
    let mut history = scene.restarted().history;
    absorb(&mut history, &asked(), "10:02", &a(&[GOOD], 180));
    let epochs = history.link(&key()).unwrap().epochs();
    let epochs: Vec<_> = epochs.iter().map(|one| (one.ttl, one.end)).collect();
    assert_eq!(epochs, [(300, None)]);
}

#[test]
fn after_a_restart_only_an_authoritys_own_word_is_an_epoch() {
    let mut scene = Scene::new();
    let not_its_own = Reply {
        authoritative: false,
        ..a(&[BAD], 300)
    };
    scene.round(at("10:00"), &says(not_its_own, a(&[BAD], 300)));
    let has_none = |history: &History| {
        let link = history.link(&key());
        link.is_none_or(|link| link.epochs().is_empty())
    };
    assert!(has_none(&scene.history));
    assert!(has_none(&scene.restarted().history));
}
