//! Each message is told once, in order within its incident and channel.

use std::time::Duration;

use dns_auditor::{
    audit::{incident::TransitionKind, ledger::Ledger},
    store::{
        RoundOutcome, Store,
        incidents::EventKind,
        outbox::{Again, Claim},
    },
};
use uuid::Uuid;

use super::samples::{at, begin, claim, incident, message, quiet, step};
use crate::postgres::{fresh_database, fresh_store};

/// To be tried again from then on, by nobody else.
fn again(seconds: i64) -> Again {
    Again {
        at: at(seconds),
        tell_fallback: false,
    }
}

async fn leased(store: &Store, now: i64) -> Option<u128> {
    let message = store.lease(&claim("one"), at(now)).await.unwrap()?;
    Some(message.id.as_u128())
}

#[tokio::test]
async fn two_workers_get_each_message_once_and_in_order() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    // Message n tells of incident n % 5, at one of two channels.
    let all: Vec<_> = (0..60)
        .map(|n| {
            message(
                n,
                Some(n % 5),
                ["slack", "hook"][(n / 5 % 2) as usize],
                at(0),
            )
        })
        .collect();
    store.enqueue(&all).await.unwrap();
    store.enqueue(&all[..10]).await.unwrap();
    let told = tokio::sync::Mutex::new(Vec::new());
    let work = |store: Store, instance: &'static str| {
        let told = &told;
        async move {
            // At times the other worker holds all that may be told now; 60 messages are done within this many turns.
            for _ in 0..2_000 {
                let Some(message) = store.lease(&claim(instance), at(1)).await.unwrap() else {
                    if told.lock().await.len() == 60 {
                        break;
                    }
                    continue;
                };
                told.lock()
                    .await
                    .push((message.incident_id, message.channel, message.id));
                store.delivered(message.id, at(2), "200").await.unwrap();
            }
        }
    };
    let other = Store::open(&url).await.unwrap();
    tokio::join!(work(store, "one"), work(other, "two"));
    let told = told.into_inner();
    assert_eq!(told.len(), 60, "each once");
    for incident in 0..5 {
        for channel in ["slack", "hook"] {
            let order: Vec<_> = told
                .iter()
                .filter(|one| one.0 == Some(Uuid::from_u128(incident)) && one.1 == channel)
                .map(|one| one.2)
                .collect();
            assert!(
                order.is_sorted() && order.len() == 6,
                "{incident} {channel} {order:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_message_that_waits_holds_back_the_younger_ones_and_a_buried_one_does_not() {
    let store = fresh_store().await;
    let of = |n, incident| message(n, incident, "slack", at(0));
    store
        .enqueue(&[
            of(1, Some(1)),
            of(2, Some(1)),
            of(3, Some(2)),
            of(4, None),
            of(5, None),
        ])
        .await
        .unwrap();
    assert_eq!(leased(&store, 0).await, Some(1));
    assert_eq!(leased(&store, 0).await, Some(3));
    assert_eq!(
        leased(&store, 0).await,
        Some(4),
        "of no incident: waits for nobody"
    );
    assert_eq!(leased(&store, 0).await, Some(5));
    assert_eq!(leased(&store, 0).await, None);
    let first = Uuid::from_u128(1);
    store
        .retry(first, again(5_000), at(100), "503")
        .await
        .unwrap();
    assert_eq!(leased(&store, 4_999).await, None);
    let second = store
        .lease(&claim("one"), at(5_000))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((second.id, second.attempt), (first, 2));
    store.bury(first, at(5_100), "410 Gone\0").await.unwrap();
    assert_eq!(leased(&store, 5_100).await, Some(2));
    let depth = store.outbox_depth("here").await.unwrap();
    assert_eq!((depth.waiting, depth.buried), (4, 1));
    store
        .retry(first, again(0), at(5_200), "late")
        .await
        .unwrap();
    assert_eq!(
        store.outbox_depth("here").await.unwrap().buried,
        1,
        "what is buried stays so"
    );
}

#[tokio::test]
async fn a_lease_ends_by_time_or_at_the_next_start_of_its_instance() {
    let store = fresh_store().await;
    store
        .enqueue(&[message(1, Some(1), "slack", at(0))])
        .await
        .unwrap();
    assert_eq!(leased(&store, -1).await, None, "not before it was written");
    assert_eq!(leased(&store, 0).await, Some(1));
    assert_eq!(leased(&store, 29_999).await, None);
    assert_eq!(leased(&store, 30_000).await, Some(1));
    assert_eq!(store.release_leases("two").await.unwrap(), 0);
    assert_eq!(store.release_leases("one").await.unwrap(), 1);
    let third = store
        .lease(&claim("two"), at(30_001))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(third.attempt, 3, "attempts that were cut off count");
    assert_eq!(third.body, serde_json::json!({ "number": "1" }));
}

#[tokio::test]
async fn each_vantage_leases_its_own_messages_and_a_claim_can_be_for_one_alone() {
    let store = fresh_store().await;
    let mut elsewhere = message(1, None, "slack", at(0));
    elsewhere.vantage = "there".to_owned();
    let (two, three) = (
        message(2, None, "slack", at(0)),
        message(3, None, "slack", at(0)),
    );
    store.enqueue(&[elsewhere, two, three]).await.unwrap();
    let only = Claim {
        only: Some(Uuid::from_u128(3)),
        ..claim("one")
    };
    let leased = store.lease(&only, at(1)).await.unwrap().unwrap();
    assert_eq!(leased.id, Uuid::from_u128(3));
    assert_eq!(store.lease(&only, at(1)).await.unwrap(), None);
    let there = Claim {
        vantage: "there",
        ..claim("two")
    };
    let leased = store.lease(&there, at(1)).await.unwrap().unwrap();
    assert_eq!(leased.id, Uuid::from_u128(1));
    assert_eq!(store.lease(&there, at(1)).await.unwrap(), None);
    assert_eq!(store.outbox_depth("here").await.unwrap().waiting, 2);
    assert_eq!(store.outbox_depth("there").await.unwrap().waiting, 1);
}

#[tokio::test]
async fn what_a_channel_takes_wakes_what_waits_for_it_and_a_probe_uses_up_no_attempt() {
    let store = fresh_store().await;
    let messages = [(1, "slack"), (2, "slack"), (3, "hook")]
        .map(|(n, channel)| message(n, Some(n), channel, at(0)));
    store.enqueue(&messages).await.unwrap();
    for n in 1..=3 {
        assert_eq!(leased(&store, 0).await, Some(n));
        let id = Uuid::from_u128(n);
        store.retry(id, again(7_200), at(1), "503").await.unwrap();
    }
    assert_eq!(leased(&store, 600).await, None);
    let slack = ["slack".to_owned()];
    let probe = Claim {
        probe: &slack,
        ..claim("one")
    };
    // The oldest of the channel, and no other.
    let oldest = store.lease(&probe, at(600)).await.unwrap().unwrap();
    assert_eq!(oldest.id, Uuid::from_u128(1));
    assert_eq!((oldest.attempt, oldest.used_up()), (2, 1));
    assert_eq!(oldest.ahead_of, Some(at(7_200)));
    assert_eq!(store.lease(&probe, at(600)).await.unwrap(), None);
    store.delivered(oldest.id, at(601), "200").await.unwrap();
    // What waits for the same channel is due now; what waits for another is not.
    let woken = store.lease(&claim("one"), at(601)).await.unwrap().unwrap();
    assert_eq!((woken.id, woken.used_up()), (Uuid::from_u128(2), 1));
    store
        .retry(woken.id, again(7_200), at(602), "503")
        .await
        .unwrap();
    assert_eq!(leased(&store, 603).await, None);
    assert_eq!(leased(&store, 7_200).await, Some(2));
}

#[tokio::test]
async fn what_became_of_every_attempt_stands_with_the_incident() {
    let store = fresh_store().await;
    let opened = incident(1, "a.example", at(0));
    let ledger = Ledger {
        incidents: vec![opened.clone()],
        ..Ledger::default()
    };
    let transitions = [step(0, TransitionKind::Opened, &opened, at(0))];
    let outcome = RoundOutcome {
        transitions: &transitions,
        messages: &[message(7, Some(1), "slack", at(0))],
        ..quiet(&ledger, at(0))
    };
    let round = begin(&store, at(0)).await;
    store.finish_round(round, &outcome).await.unwrap();
    let id = store.lease(&claim("one"), at(1)).await.unwrap().unwrap().id;
    store.retry(id, again(10), at(2), "503").await.unwrap();
    store.lease(&claim("one"), at(10)).await.unwrap().unwrap();
    store.delivered(id, at(11), "200").await.unwrap();
    store.delivered(id, at(12), "200").await.unwrap();
    let (_, events) = store.incident(opened.id).await.unwrap().unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.kind, event.at, event.attempt, &*event.detail))
        .collect();
    assert_eq!(
        told,
        [
            (EventKind::Opened, at(0), None, "step 0"),
            (EventKind::DeliveryFailed, at(2), Some(1), "503"),
            (EventKind::Delivered, at(11), Some(2), "200"),
        ]
    );
}

#[tokio::test]
async fn a_listener_hears_of_messages_from_another_process() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let mut listener = store.outbox_listener().await.unwrap();
    let other = Store::open(&url).await.unwrap();
    other
        .enqueue(&[message(1, None, "slack", at(0))])
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(20), listener.changed())
        .await
        .unwrap()
        .unwrap();
}
