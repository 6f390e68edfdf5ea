//! The dispatcher between a real database and real receivers.

mod elsewhere;
mod faults;
mod threads;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    config::{Channel, Receiver, Secret},
    dispatcher::{Dispatcher, backoff},
    notify::{self, Form, Notifier},
    store::{NewMessage, Store, outbox::Claim},
    types::Severity,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    postgres::fresh_store,
    sink::{Reply, Sink, webhook},
};

const VANTAGE: &str = "us-west-2";

fn start() -> DateTime<Utc> {
    "2026-11-22T19:05:00Z".parse().unwrap()
}

fn after(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

fn slack(id: &str, sink: &Sink) -> Arc<Channel> {
    let url = Secret::new(sink.url());
    channel(id, Receiver::Slack { url })
}

fn channel(id: &str, receiver: Receiver) -> Arc<Channel> {
    Arc::new(Channel {
        id: id.to_owned(),
        receiver,
        allow: Vec::new(),
        min_severity: Severity::Warning,
        route: dns_auditor::config::Route::default(),
        fallback: None,
    })
}

fn hook(id: &str, sink: &Sink) -> Arc<Channel> {
    channel(id, Receiver::Webhook(webhook(&sink.url())))
}

fn dispatcher(store: &Store, channels: Vec<Arc<Channel>>) -> Dispatcher {
    let notifier = Notifier::new(Duration::from_mins(1));
    Dispatcher::new(store.clone(), notifier, channels, VANTAGE, "instance")
}

/// Queues a message and gives its id.
async fn enqueue(store: &Store, channel: &str, incident: u128, at: DateTime<Utc>) -> Uuid {
    let message = message(channel, incident, at);
    let id = message.id;
    store.enqueue(&[message]).await.unwrap();
    id
}

fn message(channel: &str, incident: u128, at: DateTime<Utc>) -> NewMessage {
    NewMessage {
        id: Uuid::new_v4(),
        vantage: VANTAGE.to_owned(),
        incident_id: Some(Uuid::from_u128(incident)),
        channel: channel.to_owned(),
        kind: "test".to_owned(),
        severity: Severity::Critical,
        body: notify::test_body(Form::Standard, "us-west-2", at),
        created_at: at,
        expires_at: None,
        fallback: None,
    }
}

/// How many messages wait, and how many are buried.
async fn depth(store: &Store) -> (u64, u64) {
    let depth = store.outbox_depth(VANTAGE).await.unwrap();
    (depth.waiting, depth.buried)
}

fn ids(sink: &Sink) -> Vec<String> {
    let received = sink.received();
    received
        .iter()
        .map(|request| request.header("webhook-id").to_owned())
        .collect()
}

#[tokio::test]
async fn a_message_is_delivered_once_and_then_gone() {
    let (store, sink) = (fresh_store().await, Sink::start([]).await);
    let dispatcher = dispatcher(&store, vec![hook("ops", &sink)]);
    let id = enqueue(&store, "ops", 1, start()).await;
    assert!(dispatcher.step(start()).await.unwrap());
    assert!(!dispatcher.step(after(60)).await.unwrap());
    assert_eq!(ids(&sink), [id.to_string()]);
    assert_eq!(depth(&store).await, (0, 0));
}

#[tokio::test]
async fn a_message_that_was_not_taken_comes_back_under_the_same_id() {
    let (store, sink) = (fresh_store().await, Sink::start([Reply::status(500)]).await);
    let dispatcher = dispatcher(&store, vec![hook("ops", &sink)]);
    let id = enqueue(&store, "ops", 1, start()).await.to_string();
    assert!(dispatcher.step(start()).await.unwrap());
    assert!(!dispatcher.step(after(4)).await.unwrap());
    assert!(dispatcher.step(after(8)).await.unwrap());
    assert_eq!(ids(&sink), [id.clone(), id]);
    assert_eq!(depth(&store).await, (0, 0));
}

#[tokio::test]
async fn a_later_step_of_an_incident_waits_for_the_earlier_and_another_incident_does_not() {
    let (store, sink) = (fresh_store().await, Sink::start([Reply::status(503)]).await);
    let dispatcher = dispatcher(&store, vec![hook("ops", &sink)]);
    let opened = enqueue(&store, "ops", 1, start()).await.to_string();
    let updated = enqueue(&store, "ops", 1, after(1)).await.to_string();
    let other = enqueue(&store, "ops", 2, after(2)).await.to_string();
    for seconds in [2, 3, 10, 11] {
        dispatcher.step(after(seconds)).await.unwrap();
    }
    assert_eq!(ids(&sink), [opened.clone(), other, opened, updated]);
}

#[tokio::test]
async fn a_message_nobody_takes_is_buried_after_the_last_attempt() {
    let attempts = backoff::ATTEMPTS as usize;
    let (store, sink) = (
        fresh_store().await,
        Sink::start(vec![Reply::status(500); attempts + 1]).await,
    );
    let dispatcher = dispatcher(&store, vec![hook("ops", &sink)]);
    enqueue(&store, "ops", 1, start()).await;
    for attempt in 0..attempts {
        assert_eq!(depth(&store).await, (1, 0), "before attempt {attempt}");
        // Three hours are longer than any wait.
        let hours = i64::try_from(attempt).unwrap() * 3;
        assert!(dispatcher.step(after(hours * 3600)).await.unwrap());
    }
    assert_eq!(depth(&store).await, (0, 1));
    assert_eq!(sink.received().len(), attempts);
}

#[tokio::test]
async fn a_message_for_a_channel_that_is_gone_is_buried() {
    let (store, sink) = (fresh_store().await, Sink::start([]).await);
    let dispatcher = dispatcher(&store, vec![hook("ops", &sink)]);
    enqueue(&store, "removed", 1, start()).await;
    assert!(dispatcher.step(start()).await.unwrap());
    assert_eq!(depth(&store).await, (0, 1));
    assert_eq!(sink.received().len(), 0);
}

#[tokio::test]
async fn slack_gets_one_message_a_second() {
    let (store, sink) = (fresh_store().await, Sink::start([]).await);
    let dispatcher = dispatcher(&store, vec![slack("ops", &sink)]);
    enqueue(&store, "ops", 1, start()).await;
    enqueue(&store, "ops", 2, start()).await;
    assert!(dispatcher.step(start()).await.unwrap());
    assert!(
        !dispatcher
            .step(start() + TimeDelta::milliseconds(999))
            .await
            .unwrap()
    );
    assert!(dispatcher.step(after(1)).await.unwrap());
}

#[tokio::test]
async fn a_receiver_that_asks_for_patience_gets_no_other_message_meanwhile() {
    let busy = Reply::status(429).with("retry-after", "60");
    let (store, sink, free) = (
        fresh_store().await,
        Sink::start([busy]).await,
        Sink::start([]).await,
    );
    let dispatcher = dispatcher(&store, vec![hook("ops", &sink), hook("free", &free)]);
    enqueue(&store, "ops", 1, start()).await;
    enqueue(&store, "ops", 2, start()).await;
    assert!(dispatcher.step(start()).await.unwrap());
    enqueue(&store, "free", 3, after(1)).await;
    assert!(dispatcher.step(after(1)).await.unwrap());
    assert!(!dispatcher.step(after(59)).await.unwrap());
    assert!(dispatcher.step(after(62)).await.unwrap());
    assert!(dispatcher.step(after(62)).await.unwrap());
    assert_eq!((sink.received().len(), free.received().len()), (3, 1));
    assert_eq!(depth(&store).await, (0, 0));
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody_else() {
    let hanging = Reply::status(200).after(Duration::from_mins(1));
    let (store, slow, quick) = (
        fresh_store().await,
        Sink::start(vec![hanging; 20]).await,
        Sink::start([]).await,
    );
    let running = Running::of(dispatcher(
        &store,
        vec![hook("slow", &slow), hook("quick", &quick)],
    ));
    let now = Utc::now();
    for incident in 0..20 {
        enqueue(&store, "slow", incident, now).await;
    }
    for incident in 0..20 {
        enqueue(&store, "quick", incident, now).await;
    }
    quick.wait_for(20).await;
    assert_eq!(slow.wait_for(4).await.len(), 4);
    running.stop().await;
}

#[tokio::test]
async fn a_shutdown_returns_what_is_under_way_and_a_restart_sends_it() {
    let hanging = Reply::status(200).after(Duration::from_mins(1));
    let (store, sink) = (fresh_store().await, Sink::start([hanging]).await);
    let running = Running::of(dispatcher(&store, vec![hook("ops", &sink)]));
    let id = enqueue(&store, "ops", 1, Utc::now()).await.to_string();
    sink.wait_for(1).await;
    running.stop().await;
    assert_eq!(depth(&store).await, (1, 0));

    let running = Running::of(dispatcher(&store, vec![hook("ops", &sink)]));
    sink.wait_for(2).await;
    running.stop().await;
    assert_eq!(ids(&sink), [id.clone(), id]);
    assert_eq!(depth(&store).await, (0, 0));
}

#[tokio::test]
async fn a_lease_left_by_a_crash_is_taken_up_at_the_next_start() {
    let (store, sink) = (fresh_store().await, Sink::start([]).await);
    let id = enqueue(&store, "ops", 1, Utc::now()).await;
    let claim = Claim {
        instance: "instance",
        vantage: VANTAGE,
        lease_for: Duration::from_hours(1),
        except: &[],
        probe: &[],
        only: None,
    };
    let crashed = store.lease(&claim, Utc::now()).await.unwrap();
    assert_eq!(crashed.map(|message| message.id), Some(id));
    let running = Running::of(dispatcher(&store, vec![hook("ops", &sink)]));
    sink.wait_for(1).await;
    running.stop().await;
    assert_eq!(depth(&store).await, (0, 0));
}

/// A dispatcher that runs until it is stopped.
struct Running {
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn of(dispatcher: Dispatcher) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(dispatcher.run(shutdown.clone()));
        Self { shutdown, task }
    }

    /// # Panics
    /// When it has not ended a little after the five seconds it may take.
    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(8), self.task)
            .await
            .unwrap()
            .unwrap();
    }
}
