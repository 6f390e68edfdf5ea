//! The journal between a real file, a real database and a real receiver, with a crash after every step.
//!
//! A crash is the file as it stood then, opened by another life. Deliberately absent: the evaluator.

use std::{fs, path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use dns_auditor::{
    audit::{incident::TransitionKind, ledger::Ledger},
    config::{Channel, Receiver},
    dispatcher::Dispatcher,
    notify::Notifier,
    store::{
        NewMessage, Store,
        incidents::EventKind,
        journal::{Carried, Journal, Judged, Outcome, Record, Tried},
        outbox::Fallback,
    },
    types::Severity,
};
use tempfile::TempDir;
use uuid::Uuid;

use super::samples::{at, claim, ended, incident, message, step};
use crate::{
    postgres::fresh_store,
    sink::{Reply, Sink, webhook},
};

/// The journal's file as it stood at some instant, in a directory of its own.
fn as_it_stood(data_dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let (from, to) = (
        Journal::path(data_dir, "here"),
        Journal::path(copy.path(), "here"),
    );
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
    copy
}

fn channels(ops: &Sink, pager: &Sink) -> Vec<Arc<Channel>> {
    let channel = |id: &str, sink: &Sink, fallback: Option<&str>| {
        Arc::new(Channel {
            id: id.to_owned(),
            receiver: Receiver::Webhook(webhook(&sink.url())),
            allow: Vec::new(),
            min_severity: Severity::Warning,
            fallback: fallback.map(str::to_owned),
            route: dns_auditor::config::Route::default(),
        })
    };
    vec![
        channel("ops", ops, Some("pager")),
        channel("pager", pager, None),
    ]
}

fn dispatcher(store: &Store, journal: &Journal, ops: &Sink, pager: &Sink) -> Dispatcher {
    let notifier = Notifier::new(Duration::from_mins(1));
    let channels = channels(ops, pager);
    Dispatcher::new(store.clone(), notifier, channels, "here", "here").with_journal(journal.clone())
}

/// An incident that opens and ends, with a message for each.
fn whole_life() -> Record {
    let opened = incident(1, "a.example", at(0));
    let end = ended(&opened, at(60));
    let resolved = NewMessage {
        kind: "incident.resolved".to_owned(),
        ..message(2, Some(1), "ops", at(60))
    };
    Record::Judged(Judged {
        group: "dialers".to_owned(),
        ledger: Ledger::default(),
        steps: vec![step(0, TransitionKind::Opened, &opened, at(0)), end],
        messages: vec![message(1, Some(1), "ops", at(0)), resolved],
    })
}

async fn write(journal: &Journal, record: Record) {
    journal.enter().await.append(record).await.unwrap();
}

async fn tell_all(dispatcher: &Dispatcher, now: DateTime<Utc>) {
    while dispatcher.step_from_journal(now).await.unwrap() {}
}

/// What the database has of the incident: its status, and everything that happened to it.
async fn recorded(store: &Store) -> Vec<String> {
    let (incident, events) = store.incident(Uuid::from_u128(1)).await.unwrap().unwrap();
    let mut lines = vec![incident.status.as_str().to_owned()];
    lines.extend(events.iter().map(|event| {
        let number = event.step.or(event.attempt).unwrap_or_default();
        format!("{:?} {number}", event.kind)
    }));
    lines
}

fn ids(sink: &Sink) -> Vec<u128> {
    let received = sink.received();
    let id = |id: &str| id.parse::<Uuid>().unwrap().as_u128();
    received
        .iter()
        .map(|one| id(one.header("webhook-id")))
        .collect()
}

#[tokio::test]
async fn whatever_crashes_between_writing_and_emptying_nothing_is_lost_and_the_record_is_the_same()
{
    let directory = tempfile::tempdir().unwrap();
    let (ops, pager) = (Sink::start([]).await, Sink::start([]).await);
    let store = fresh_store().await;
    let journal = Journal::open(directory.path(), "here").unwrap();
    write(&journal, whole_life()).await;
    let mut crashes = vec![("nothing is told", as_it_stood(directory.path()))];
    let telling = dispatcher(&store, &journal, &ops, &pager);
    assert!(telling.step_from_journal(at(61)).await.unwrap());
    crashes.push(("one is told", as_it_stood(directory.path())));
    tell_all(&telling, at(62)).await;
    assert_eq!(ids(&ops), [1, 2], "in order, each once");
    crashes.push(("everything is told", as_it_stood(directory.path())));
    assert_eq!(journal.reconcile(&store).await.unwrap(), 3);
    let expected = [
        "resolved",
        "Opened 0",
        "Resolved 1",
        "Delivered 1",
        "Delivered 1",
    ];
    assert_eq!(recorded(&store).await, expected);
    assert!(!journal.is_pending());

    for (left, (what, crashed)) in [2, 1, 0].into_iter().zip(&crashes) {
        let (ops, store) = (Sink::start([]).await, fresh_store().await);
        let journal = Journal::open(crashed.path(), "here").unwrap();
        // The next life finds the database there again: what is left goes out from the outbox.
        let telling = dispatcher(&store, &journal, &ops, &pager);
        while telling.step(at(120)).await.unwrap() {}
        assert_eq!(ids(&ops), [1, 2][2 - left..], "{what}");
        assert_eq!(recorded(&store).await, expected, "{what}");
        assert!(!telling.step_from_journal(at(120)).await.unwrap());
    }
}

#[tokio::test]
async fn a_crash_between_the_database_and_the_emptying_repeats_it_without_a_trace() {
    let directory = tempfile::tempdir().unwrap();
    let store = fresh_store().await;
    let journal = Journal::open(directory.path(), "here").unwrap();
    write(&journal, whole_life()).await;
    for (id, outcome) in [
        (1, failed(30)),
        (
            1,
            Outcome::Delivered {
                detail: "200".to_owned(),
            },
        ),
        (2, failed(90)),
    ] {
        write(&journal, tried(id, outcome)).await;
    }
    let crashed = as_it_stood(directory.path());
    journal.reconcile(&store).await.unwrap();
    let once = recorded(&store).await;
    assert_eq!(once.last().unwrap(), "DeliveryFailed 1");
    let again = Journal::open(crashed.path(), "here").unwrap();
    assert_eq!(again.reconcile(&store).await.unwrap(), 4);
    assert_eq!(recorded(&store).await, once);
    let depth = store.outbox_depth("here").await.unwrap();
    assert_eq!((depth.waiting, depth.buried), (1, 0));
}

fn failed(seconds: i64) -> Outcome {
    Outcome::Failed {
        again_at: at(seconds),
        tell_fallback: false,
        detail: "503".to_owned(),
    }
}

fn tried(id: u128, outcome: Outcome) -> Record {
    let is_second = matches!(outcome, Outcome::Delivered { .. });
    Record::Tried(Tried {
        message_id: Uuid::from_u128(id),
        attempt: if is_second { 2 } else { 1 },
        at: at(61),
        outcome,
    })
}

#[tokio::test]
async fn what_the_outbox_had_leased_and_could_not_record_is_told_from_the_journal_under_the_same_id()
 {
    let directory = tempfile::tempdir().unwrap();
    let (ops, pager) = (
        Sink::start(vec![Reply::status(500); 4]).await,
        Sink::start([]).await,
    );
    let store = fresh_store().await;
    let journal = Journal::open(directory.path(), "here").unwrap();
    let queued = NewMessage {
        fallback: Some(Fallback {
            channel: "pager".to_owned(),
            body: serde_json::json!({ "number": "at the pager" }),
        }),
        ..message(1, Some(1), "ops", at(0))
    };
    store.enqueue(std::slice::from_ref(&queued)).await.unwrap();
    journal.remember([Carried::new(queued)]);
    // Leased, and then the database is away: nobody records what becomes of it.
    store.lease(&claim("here"), at(0)).await.unwrap().unwrap();
    let telling = dispatcher(&store, &journal, &ops, &pager);
    for seconds in [0, 10, 60, 300, 2_000] {
        tell_all(&telling, at(seconds * 1_000)).await;
    }
    assert_eq!(ids(&ops), [1; 5]);
    assert_eq!(
        pager.received().len(),
        1,
        "its fallback told it once, after the fourth"
    );
    journal.reconcile(&store).await.unwrap();
    let kinds: Vec<_> = store.deliveries_of(Uuid::from_u128(1)).await.unwrap();
    let kinds: Vec<_> = kinds.iter().map(|one| (one.kind, one.attempt)).collect();
    let failed = |attempt| (EventKind::DeliveryFailed, Some(attempt));
    let expected = [
        failed(1),
        failed(2),
        failed(3),
        failed(4),
        (EventKind::Delivered, Some(5)),
    ];
    assert_eq!(kinds, expected);
    let depth = store.outbox_depth("here").await.unwrap();
    assert_eq!((depth.waiting, depth.buried), (0, 0));
    assert!(
        !telling.step(at(9_000_000)).await.unwrap(),
        "nothing is left to tell"
    );
}

#[tokio::test]
async fn a_message_is_told_from_the_journal_only_once_the_outbox_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let (ops, pager) = (Sink::start([]).await, Sink::start([]).await);
    let store = fresh_store().await;
    let journal = Journal::open(directory.path(), "here").unwrap();
    let queued = [message(1, Some(1), "ops", at(0))];
    journal.expect(&queued);
    let telling = dispatcher(&store, &journal, &ops, &pager);
    tell_all(&telling, at(1)).await;
    assert!(ids(&ops).is_empty(), "its step may never be recorded");
    assert_eq!(journal.depth().records, 0);
    journal.confirm(&queued);
    tell_all(&telling, at(2)).await;
    assert_eq!(ids(&ops), [1]);
    journal.expect(&queued);
    journal.forget(&queued);
    journal.confirm(&queued);
    assert!(!journal.remembers_any());
}

#[tokio::test]
async fn what_an_earlier_life_left_in_the_outbox_is_told_before_what_follows_it_in_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let (ops, pager) = (Sink::start([]).await, Sink::start([]).await);
    let store = fresh_store().await;
    let left = NewMessage {
        fallback: Some(Fallback {
            channel: "pager".to_owned(),
            body: serde_json::json!({ "number": "at the pager" }),
        }),
        ..message(7, Some(1), "ops", at(-60))
    };
    store.enqueue(std::slice::from_ref(&left)).await.unwrap();
    store.lease(&claim("here"), at(-60)).await.unwrap().unwrap();
    let journal = Journal::open(directory.path(), "here").unwrap();
    journal.recall(&store).await.unwrap();
    let known = store.waiting_messages("here", 10).await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((&known[0].message, known[0].attempts), (&left, 1));
    assert!(
        store
            .waiting_messages("there", 10)
            .await
            .unwrap()
            .is_empty()
    );
    // From now on the database is away.
    write(&journal, whole_life()).await;
    tell_all(&dispatcher(&store, &journal, &ops, &pager), at(61)).await;
    assert_eq!(ids(&ops), [7, 1, 2]);
    journal.reconcile(&store).await.unwrap();
    let depth = store.outbox_depth("here").await.unwrap();
    assert_eq!((depth.waiting, depth.buried), (0, 0));
}

#[tokio::test]
async fn what_people_did_meanwhile_stays() {
    let directory = tempfile::tempdir().unwrap();
    let store = fresh_store().await;
    let journal = Journal::open(directory.path(), "here").unwrap();
    let opened = incident(1, "a.example", at(0));
    let open = |number, transitions| {
        let mut incident = opened.clone();
        incident.transitions = transitions;
        Judged {
            group: "dialers".to_owned(),
            ledger: Ledger {
                incidents: vec![incident.clone()],
                ..Ledger::default()
            },
            steps: vec![step(number, TransitionKind::Updated, &incident, at(60))],
            messages: Vec::new(),
        }
    };
    write(&journal, Record::Judged(open(0, 1))).await;
    journal.reconcile(&store).await.unwrap();
    assert!(store.ack_incident(opened.id, "ann", at(30)).await.unwrap());
    write(&journal, Record::Judged(open(1, 2))).await;
    journal.reconcile(&store).await.unwrap();
    let ledger = store.load_ledger("here", "dialers").await.unwrap();
    assert_eq!(ledger.incidents.len(), 1);
    assert_eq!(ledger.incidents[0].acked_at, Some(at(30)));
    assert_eq!(ledger.incidents[0].transitions, 2);
}

#[tokio::test]
async fn a_step_of_a_person_and_one_of_a_service_that_was_cut_off_are_both_told() {
    let directory = tempfile::tempdir().unwrap();
    let (ops, pager) = (Sink::start([]).await, Sink::start([]).await);
    let store = fresh_store().await;
    let journal = Journal::open(directory.path(), "here").unwrap();
    // A person resolves it in the database: its step 1, whose message waits there.
    let by_hand = NewMessage {
        kind: "incident.resolved".to_owned(),
        ..message(2, Some(1), "ops", at(30))
    };
    store.enqueue(&[by_hand]).await.unwrap();
    write(&journal, whole_life()).await;
    let telling = dispatcher(&store, &journal, &ops, &pager);
    tell_all(&telling, at(61)).await;
    while telling.step(at(62)).await.unwrap() {}
    let told = ids(&ops);
    assert_eq!((told.len(), &told[..2]), (3, &[1, 2][..]));
    assert!(!told[..2].contains(&told[2]), "under an id of its own");
    let depth = store.outbox_depth("here").await.unwrap();
    assert_eq!((depth.waiting, depth.buried), (0, 0));
}
