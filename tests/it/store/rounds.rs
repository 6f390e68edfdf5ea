//! Rounds run once; a crash leaves either the whole of what was decided or none.

use dns_auditor::{
    audit::{incident::TransitionKind, ledger::Ledger},
    store::{RoundOutcome, Store, StoreError},
};

use super::samples::{at, begin, incident, message, observation, opening, quiet, resolver, step};
use crate::postgres::{fresh_database, fresh_store};

#[tokio::test]
async fn a_round_cannot_be_begun_twice() {
    let store = fresh_store().await;
    begin(&store, at(0)).await;
    let again = store
        .begin_round("here", "dialers", at(0), at(5))
        .await
        .unwrap();
    assert_eq!(again, None);
    let elsewhere = store
        .begin_round("there", "dialers", at(0), at(5))
        .await
        .unwrap();
    assert!(elsewhere.is_some(), "another vantage has rounds of its own");
}

#[tokio::test]
async fn a_missed_round_is_recorded_and_cannot_be_begun_after_all() {
    let store = fresh_store().await;
    for _ in 0..2 {
        store
            .give_up_rounds("here", "dialers", &[at(-5), at(0)], at(1))
            .await
            .unwrap();
    }
    let late = store
        .begin_round("here", "dialers", at(0), at(5))
        .await
        .unwrap();
    assert_eq!(late, None);
    assert_eq!(
        store.last_round("here", "dialers").await.unwrap(),
        Some(at(0))
    );
    assert_eq!(store.last_round("here", "other").await.unwrap(), None);
}

#[tokio::test]
async fn whoever_lost_an_answer_may_ask_again_and_nothing_is_written_twice() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let began = store.begin_round("here", "dialers", at(0), at(0)).await;
    assert_eq!(began.unwrap(), Some(round));
    let sample = observation(
        &resolver("quad9", "9.9.9.9:53"),
        "a.example",
        "192.0.2.1",
        60,
        at(1),
    );
    let chunk = [(sample.clone(), opening(&sample))];
    assert!(!store.is_recorded(round, &sample).await.unwrap());
    store.record(round, &chunk).await.unwrap();
    assert!(store.is_recorded(round, &sample).await.unwrap());
    let ledger = Ledger::default();
    for _ in 0..2 {
        let outcome = quiet(&ledger, at(3));
        store.finish_round(round, &outcome).await.unwrap();
    }
    let other = store.finish_round(round, &quiet(&ledger, at(4))).await;
    assert!(matches!(other, Err(StoreError::RoundNotRunning(_))));
    let began = store.begin_round("here", "dialers", at(0), at(0)).await;
    assert_eq!(began.unwrap(), None, "a finished round is not begun again");
}

#[tokio::test]
async fn a_round_that_is_given_up_is_abandoned_alone() {
    let store = fresh_store().await;
    let given_up = begin(&store, at(0)).await;
    let other = begin(&store, at(5)).await;
    for _ in 0..2 {
        let done = store
            .give_up_rounds("here", "dialers", &[at(0)], at(9))
            .await;
        done.unwrap();
    }
    let ledger = Ledger::default();
    let late = store.finish_round(given_up, &quiet(&ledger, at(9))).await;
    assert!(matches!(late, Err(StoreError::RoundNotRunning(_))));
    store
        .finish_round(other, &quiet(&ledger, at(9)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_crash_between_chunks_leaves_a_round_that_is_abandoned_and_never_finished() {
    let url = fresh_database().await;
    let crashed = Store::open(&url).await.unwrap();
    let round = begin(&crashed, at(0)).await;
    let sample = observation(
        &resolver("quad9", "9.9.9.9:53"),
        "a.example",
        "192.0.2.1",
        60,
        at(1),
    );
    crashed
        .record(round, &[(sample.clone(), opening(&sample))])
        .await
        .unwrap();
    drop(crashed);

    let store = Store::open(&url).await.unwrap();
    assert_eq!(store.abandon_rounds("there", at(2)).await.unwrap(), 0);
    assert_eq!(store.abandon_rounds("here", at(2)).await.unwrap(), 1);
    assert_eq!(store.abandon_rounds("here", at(2)).await.unwrap(), 0);
    let ledger = Ledger::default();
    let late = store.finish_round(round, &quiet(&ledger, at(3))).await;
    assert!(
        matches!(late, Err(StoreError::RoundNotRunning(_))),
        "{late:?}"
    );
    assert_eq!(
        store
            .begin_round("here", "dialers", at(0), at(4))
            .await
            .unwrap(),
        None,
        "it is never run again"
    );
    assert_eq!(
        store.restore_spans("here", at(0)).await.unwrap(),
        [opening(&sample).span],
        "what was seen is kept"
    );
}

#[tokio::test]
async fn a_finish_that_fails_leaves_nothing_of_the_round() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let opened = incident(1, "a.example", at(0));
    let ledger = Ledger {
        incidents: vec![opened.clone()],
        ..Ledger::default()
    };
    let transitions = [step(0, TransitionKind::Opened, &opened, at(0))];
    let mut broken = message(1, Some(1), "voip-ops", at(0));
    broken.channel = "not a\0channel".to_owned();
    let outcome = RoundOutcome {
        transitions: &transitions,
        messages: &[broken],
        ..quiet(&ledger, at(0))
    };
    store.finish_round(round, &outcome).await.unwrap_err();
    assert_eq!(
        store
            .load_ledger("here", "dialers")
            .await
            .unwrap()
            .incidents,
        []
    );
    let outcome = RoundOutcome {
        messages: &[message(1, Some(1), "voip-ops", at(0))],
        ..outcome
    };
    store.finish_round(round, &outcome).await.unwrap();
    let other = RoundOutcome {
        now: at(1),
        ..outcome
    };
    let twice = store.finish_round(round, &other).await;
    assert!(
        matches!(twice, Err(StoreError::RoundNotRunning(_))),
        "{twice:?}"
    );
    assert_eq!(
        store
            .load_ledger("here", "dialers")
            .await
            .unwrap()
            .incidents,
        [opened]
    );
}
