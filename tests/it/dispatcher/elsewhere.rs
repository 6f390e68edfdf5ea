//! Messages that their channel does not take: told by another, told late, told again.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::ledger::fallback_id,
    config::{Channel, Receiver},
    dispatcher::backoff,
    notify::{self, Form},
    store::{
        NewMessage, Store,
        incidents::EventKind,
        outbox::{Fallback, LogFilter, MessageState},
    },
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{VANTAGE, after, depth, dispatcher, enqueue, hook, ids, message, slack, start};
use crate::{
    postgres::fresh_store,
    sink::{Refusing, Reply, Sink, url_at, webhook},
};

/// A webhook whose messages another one tells where it does not take them.
fn with_fallback(id: &str, sink: &Sink, other: &str) -> Arc<Channel> {
    let channel = Channel::clone(&hook(id, sink));
    Arc::new(Channel {
        fallback: Some(other.to_owned()),
        ..channel
    })
}

/// Queues a message for `ops` that `pager`, a Slack channel, tells where `ops` does not.
async fn enqueue_for_two(store: &Store, incident: u128, at: DateTime<Utc>) -> Uuid {
    let message = NewMessage {
        fallback: Some(Fallback {
            channel: "pager".to_owned(),
            body: notify::test_body(Form::Slack, VANTAGE, at),
        }),
        ..message("ops", incident, at)
    };
    store.enqueue(std::slice::from_ref(&message)).await.unwrap();
    message.id
}

async fn kinds(store: &Store, message: Uuid) -> Vec<EventKind> {
    let events = store.deliveries_of(message).await.unwrap();
    events.iter().map(|event| event.kind).collect()
}

/// The small print of a Slack message that was told in another's stead.
fn small_print(body: &Value) -> String {
    body["blocks"][1]["elements"][0]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn what_a_receiver_that_is_gone_does_not_take_its_fallback_tells() {
    let (store, ops, pager) = (
        fresh_store().await,
        Sink::start([Reply::status(410)]).await,
        Sink::start([]).await,
    );
    let channels = vec![with_fallback("ops", &ops, "pager"), slack("pager", &pager)];
    let dispatcher = dispatcher(&store, channels);
    let first = enqueue_for_two(&store, 1, start()).await;
    let second = enqueue_for_two(&store, 2, after(1)).await;
    for seconds in [1, 2, 3, 4, 5] {
        dispatcher.step(after(seconds)).await.unwrap();
    }
    // The channel is disabled by the first; the second is not even sent there.
    assert_eq!(ids(&ops), [first.to_string()]);
    let told = pager.received();
    assert_eq!(told.len(), 2);
    for request in &told {
        let said = small_print(&request.json());
        assert_eq!(
            said,
            "Told here because the channel `ops` does not take it."
        );
    }
    assert_eq!(depth(&store).await, (0, 2));
    assert_eq!(kinds(&store, second).await, [EventKind::DeliveryBuried]);
    assert_eq!(
        kinds(&store, fallback_id(second)).await,
        [EventKind::Delivered]
    );
    let disabled = store.disabled_channels(VANTAGE, after(60)).await.unwrap();
    assert_eq!(disabled.len(), 1);
    assert_eq!(
        (disabled[0].channel.as_str(), disabled[0].reason.as_str()),
        ("ops", "HTTP 410")
    );
}

#[tokio::test]
async fn a_disabled_channel_gets_another_chance_after_an_hour_and_is_enabled_by_what_it_takes() {
    let (store, ops, pager) = (
        fresh_store().await,
        Sink::start([Reply::status(404)]).await,
        Sink::start([]).await,
    );
    let channels = vec![with_fallback("ops", &ops, "pager"), hook("pager", &pager)];
    let dispatcher = dispatcher(&store, channels);
    enqueue_for_two(&store, 1, start()).await;
    assert!(dispatcher.step(start()).await.unwrap());
    assert!(dispatcher.step(after(1)).await.unwrap());
    let later = enqueue_for_two(&store, 2, after(3601)).await;
    assert!(dispatcher.step(after(3601)).await.unwrap());
    assert_eq!((ops.received().len(), pager.received().len()), (2, 1));
    assert_eq!(kinds(&store, later).await, [EventKind::Delivered]);
    assert!(
        store
            .disabled_channels(VANTAGE, start())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn messages_nobody_else_tells_wait_for_a_disabled_channel() {
    let (store, ops) = (fresh_store().await, Sink::start([Reply::status(404)]).await);
    let dispatcher = dispatcher(&store, vec![hook("ops", &ops)]);
    let met_it = enqueue(&store, "ops", 1, start()).await;
    assert!(dispatcher.step(start()).await.unwrap());
    let later = enqueue(&store, "ops", 2, after(1)).await;
    assert!(!dispatcher.step(after(3599)).await.unwrap());
    assert_eq!(depth(&store).await, (2, 0));
    while dispatcher.step(after(3601)).await.unwrap() {}
    assert_eq!(depth(&store).await, (0, 0));
    let expected = [EventKind::DeliveryFailed, EventKind::Delivered];
    assert_eq!(kinds(&store, met_it).await, expected);
    assert_eq!(kinds(&store, later).await, [EventKind::Delivered]);
}

#[tokio::test]
async fn a_message_whose_receiver_stays_gone_is_given_up_in_the_end() {
    let gone = vec![Reply::status(404); 100];
    let (store, ops) = (fresh_store().await, Sink::start(gone).await);
    let dispatcher = dispatcher(&store, vec![hook("ops", &ops)]);
    enqueue(&store, "ops", 1, start()).await;
    for hours in 0..60 {
        dispatcher.step(after(hours * 3601)).await.unwrap();
    }
    assert_eq!(depth(&store).await, (0, 1));
    // Beside those of its own schedule it was probed.
    assert!(ops.received().len() > backoff::ATTEMPTS as usize);
}

#[tokio::test]
async fn a_test_goes_to_a_disabled_channel_all_the_same_and_enables_it() {
    let (store, ops) = (fresh_store().await, Sink::start([Reply::status(404)]).await);
    let dispatcher = dispatcher(&store, vec![hook("ops", &ops)]);
    enqueue(&store, "ops", 1, start()).await;
    assert!(dispatcher.step(start()).await.unwrap());
    let test = NewMessage {
        incident_id: None,
        ..message("ops", 0, after(1))
    };
    store.enqueue(std::slice::from_ref(&test)).await.unwrap();
    assert!(dispatcher.step_for(test.id, after(1)).await.unwrap());
    assert_eq!(kinds(&store, test.id).await, [EventKind::Delivered]);
    assert!(
        store
            .disabled_channels(VANTAGE, after(1))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn after_minutes_of_trying_in_vain_the_fallback_tells_it_once_and_the_channel_still_gets_it()
{
    let (store, ops, pager) = (
        fresh_store().await,
        Sink::start(vec![Reply::status(500); 5]).await,
        Sink::start([]).await,
    );
    let channels = vec![with_fallback("ops", &ops, "pager"), hook("pager", &pager)];
    let dispatcher = dispatcher(&store, channels);
    let id = enqueue_for_two(&store, 1, start()).await;
    let mut told = Vec::new();
    for minutes in [0, 1, 2, 5, 16, 17, 50, 51] {
        dispatcher.step(after(minutes * 60)).await.unwrap();
        dispatcher.step(after(minutes * 60 + 1)).await.unwrap();
        told.push(pager.received().len());
    }
    assert_eq!(told, [0, 0, 0, 1, 1, 1, 1, 1]);
    assert_eq!(ids(&ops), vec![id.to_string(); 6]);
    assert_eq!(depth(&store).await, (0, 0));
}

#[tokio::test]
async fn a_receiver_that_is_dead_for_an_hour_gets_everything_once_in_order_and_as_what_it_is() {
    let dead = Refusing::start();
    let store = fresh_store().await;
    let elsewhere = Sink::start([]).await;
    let ops = Arc::new(Channel {
        receiver: Receiver::Webhook(webhook(&dead.url())),
        ..Channel::clone(&hook("ops", &elsewhere))
    });
    let dispatcher = dispatcher(&store, vec![ops]);
    let expiring = |incident, seconds| NewMessage {
        expires_at: Some(after(seconds + 1800)),
        ..message("ops", incident, after(seconds))
    };
    let messages = [expiring(1, 0), expiring(1, 60), expiring(2, 3000)];
    store.enqueue(&messages).await.unwrap();
    for minutes in 0..60 {
        while dispatcher.step(after(minutes * 60)).await.unwrap() {}
    }
    assert_eq!(depth(&store).await, (3, 0));
    let sink = Sink::start_on(dead.listen(), []);
    for minutes in 60..200 {
        while dispatcher.step(after(minutes * 60)).await.unwrap() {}
    }
    assert_eq!(depth(&store).await, (0, 0));
    let received = sink.received();
    let told: Vec<_> = received
        .iter()
        .map(|one| {
            (
                one.header("webhook-id").to_owned(),
                one.json()["delivery"].clone(),
            )
        })
        .collect();
    let history = json!({"history": true, "instead_of": null});
    let of_first: Vec<_> = told
        .iter()
        .filter(|one| one.0 != messages[2].id.to_string())
        .cloned()
        .collect();
    let expected = [&messages[0], &messages[1]].map(|one| (one.id.to_string(), history.clone()));
    assert_eq!(of_first, expected);
    // Written ten minutes before the receiver came back, this one is tried again soon enough to be news.
    assert!(told.contains(&(messages[2].id.to_string(), Value::Null)));
    assert_eq!(told.len(), 3);
    let last = store.deliveries_of(messages[1].id).await.unwrap();
    assert_eq!(last.last().unwrap().detail, "HTTP 200, as history");
}

#[tokio::test]
async fn what_was_given_up_is_listed_and_can_be_sent_again() {
    let (store, ops, pager) = (
        fresh_store().await,
        Sink::start([Reply::status(410)]).await,
        Sink::start([]).await,
    );
    let channels = vec![with_fallback("ops", &ops, "pager"), hook("pager", &pager)];
    let dispatcher = dispatcher(&store, channels);
    let id = enqueue(&store, "ops", 1, start()).await;
    assert!(dispatcher.step(start()).await.unwrap());
    let buried = LogFilter {
        state: Some(MessageState::Buried),
        ..LogFilter::default()
    };
    let log = store.message_log(VANTAGE, &buried, 10).await.unwrap();
    assert_eq!(log.len(), 1);
    assert_eq!(
        (log[0].id, log[0].last_error.as_deref()),
        (id, Some("HTTP 410"))
    );

    let now = start() + TimeDelta::minutes(5);
    let replayed = store
        .replay_messages(VANTAGE, &[id, Uuid::nil()], "ann", now)
        .await;
    assert_eq!(replayed.unwrap(), [id]);
    assert!(dispatcher.step(now).await.unwrap());
    assert_eq!(ids(&ops), [id.to_string(), id.to_string()]);
    let expected = [
        EventKind::DeliveryBuried,
        EventKind::Replayed,
        EventKind::Delivered,
    ];
    assert_eq!(kinds(&store, id).await, expected);
    let again = store.replay_messages(VANTAGE, &[id], "ann", now).await;
    assert!(
        again.unwrap().is_empty(),
        "what was delivered is not sent again"
    );
}

#[tokio::test]
async fn a_connection_that_is_reset_and_one_that_hangs_are_tried_again_under_the_same_id() {
    let hanging = Reply::status(200).after(Duration::from_mins(1));
    let (store, ops) = (fresh_store().await, Sink::start([hanging]).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rude = Arc::new(Channel {
        receiver: Receiver::Webhook(webhook(&url_at(listener.local_addr().unwrap()))),
        ..Channel::clone(&hook("rude", &ops))
    });
    let resetting = tokio::spawn(async move {
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            // Closed at once with something unread: the other side sees a reset.
            stream.readable().await.unwrap();
            stream.set_zero_linger().unwrap();
        }
    });
    let notifier = notify::Notifier::new(Duration::from_millis(300));
    let channels = vec![hook("ops", &ops), rude];
    let dispatcher = dns_auditor::dispatcher::Dispatcher::new(
        store.clone(),
        notifier,
        channels,
        VANTAGE,
        "instance",
    );
    let id = enqueue(&store, "ops", 1, start()).await;
    let reset = enqueue(&store, "rude", 2, start()).await;
    for seconds in [0, 1, 10, 11] {
        dispatcher.step(after(seconds)).await.unwrap();
    }
    resetting.await.unwrap();
    assert_eq!(ids(&ops), [id.to_string(), id.to_string()]);
    assert_eq!(
        kinds(&store, id).await,
        [EventKind::DeliveryFailed, EventKind::Delivered]
    );
    assert_eq!(kinds(&store, reset).await, [EventKind::DeliveryFailed; 2]);
}
