//! Every fault a receiver can have, in one table: what it was sent, what it took, and when everything was told.
//!
//! Each receiver is at fault from the beginning, and well afterwards; the clock is the test's own. The table stands in the
//! README.

use std::{fmt::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use dns_auditor::{
    config::{Channel, Receiver},
    dispatcher::Dispatcher,
    notify::{self, Form, Notifier},
    store::{NewMessage, outbox::Fallback},
};
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

use super::{VANTAGE, after, depth, hook, message};
use crate::{
    postgres::fresh_store,
    sink::{Refusing, Reply, Sink, url_at, webhook},
};

/// How long a receiver may take; ten times as long as one that answers needs on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How many hours of the clock are gone through.
const HOURS: i64 = 4;

enum Fault {
    /// These replies, then 200.
    Replies(Vec<Reply>),
    /// Every connection is reset, for so many minutes.
    Resets(i64),
    /// Nobody listens, for so many minutes.
    Dead(i64),
}

fn faults() -> Vec<(&'static str, Fault)> {
    let status = |status, times| Fault::Replies(vec![Reply::status(status); times]);
    let slow = Reply::status(200).after(Duration::from_millis(200));
    let hanging = Reply::status(200).after(Duration::from_mins(10));
    let busy = Reply::status(429).with("retry-after", "60");
    vec![
        ("none", Fault::Replies(Vec::new())),
        ("slow", Fault::Replies(vec![slow; 4])),
        ("resets for 10 min", Fault::Resets(10)),
        ("429, Retry-After 60 s", Fault::Replies(vec![busy; 2])),
        ("500, five times", status(500, 5)),
        ("301, five times", status(301, 5)),
        ("410, once", status(410, 1)),
        ("hangs, three times", Fault::Replies(vec![hanging; 3])),
        ("dead for an hour", Fault::Dead(60)),
    ]
}

/// A receiver that is not well yet, and keeps its address meanwhile.
struct Unwell {
    address: SocketAddr,
    well_after_minutes: i64,
    state: Illness,
}

enum Illness {
    Refuses(Refusing),
    Resets(Arc<TcpListener>, JoinHandle<()>),
}

impl Unwell {
    fn refuses(minutes: i64) -> Self {
        let refusing = Refusing::start();
        Self {
            address: refusing.address(),
            well_after_minutes: minutes,
            state: Illness::Refuses(refusing),
        }
    }

    async fn resets(minutes: i64) -> Self {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let accepting = Arc::clone(&listener);
        let resetting = tokio::spawn(async move {
            while let Ok((stream, _)) = accepting.accept().await {
                // Closed at once with something unread: the other side sees a reset.
                let _ = stream.readable().await;
                let _ = stream.set_zero_linger();
            }
        });
        Self {
            address: listener.local_addr().unwrap(),
            well_after_minutes: minutes,
            state: Illness::Resets(listener, resetting),
        }
    }

    async fn recover(self) -> Sink {
        let listener = match self.state {
            Illness::Refuses(refusing) => refusing.listen(),
            Illness::Resets(listener, resetting) => {
                resetting.abort();
                let _ = resetting.await;
                Arc::into_inner(listener).unwrap()
            }
        };
        Sink::start_on(listener, [])
    }
}

/// Two messages of one incident and one of another, the last half an hour later. Their ids decide of their jitter.
fn messages() -> Vec<NewMessage> {
    [(1, 1, 0), (2, 1, 60), (3, 2, 1_800)]
        .map(|(id, incident, seconds)| NewMessage {
            id: Uuid::from_u128(id),
            fallback: Some(Fallback {
                channel: "pager".to_owned(),
                body: notify::test_body(Form::Standard, VANTAGE, after(seconds)),
            }),
            ..message("ops", incident, after(seconds))
        })
        .into()
}

/// Ids in the order in which they were first taken, and how many were taken again.
fn taken(sink: &Sink, refused: usize) -> (Vec<u128>, usize) {
    let (mut order, mut doubles) = (Vec::new(), 0);
    for request in sink.received().iter().skip(refused) {
        let id: Uuid = request.header("webhook-id").parse().unwrap();
        if order.contains(&id.as_u128()) {
            doubles += 1;
        } else {
            order.push(id.as_u128());
        }
    }
    (order, doubles)
}

async fn row(name: &str, fault: Fault, has_fallback: bool) -> String {
    let store = fresh_store().await;
    let pager = Sink::start([]).await;
    let (mut sink, mut unwell, mut refused) = (None, None, 0);
    match fault {
        Fault::Replies(replies) => {
            refused = replies.iter().filter(|one| is_refusal(one)).count();
            sink = Some(Sink::start(replies).await);
        }
        Fault::Resets(minutes) => unwell = Some(Unwell::resets(minutes).await),
        Fault::Dead(minutes) => unwell = Some(Unwell::refuses(minutes)),
    }
    let url = match (&sink, &unwell) {
        (Some(sink), _) => sink.url(),
        (None, Some(unwell)) => url_at(unwell.address),
        (None, None) => unreachable!("a receiver is well or not"),
    };
    let ops = Arc::new(Channel {
        receiver: Receiver::Webhook(webhook(&url)),
        fallback: has_fallback.then(|| "pager".to_owned()),
        ..Channel::clone(&hook("ops", &pager))
    });
    let channels = vec![ops, hook("pager", &pager)];
    let notifier = Notifier::new(TIMEOUT);
    let dispatcher = Dispatcher::new(store.clone(), notifier, channels, VANTAGE, "instance");
    let (mut attempts, mut done, mut queued) = (0, None, messages());
    if !has_fallback {
        for one in &mut queued {
            one.fallback = None;
        }
    }
    for minute in 0..HOURS * 60 {
        if unwell
            .as_ref()
            .is_some_and(|one| one.well_after_minutes <= minute)
        {
            sink = Some(unwell.take().unwrap().recover().await);
        }
        let now = after(minute * 60);
        let (due, later) = queued.into_iter().partition(|one| one.created_at <= now);
        queued = later;
        store.enqueue(&due).await.unwrap();
        while dispatcher.step(now).await.unwrap() {
            attempts += 1;
        }
        if done.is_none() && queued.is_empty() && depth(&store).await.0 == 0 {
            done = Some(minute);
        }
    }
    let sink = sink.expect("it was well in the end");
    let (order, doubles) = taken(&sink, refused);
    let elsewhere = pager.received().len();
    let (waiting, buried) = depth(&store).await;
    let done = done.map_or("never".to_owned(), |minute| format!("{minute} min"));
    let name = if has_fallback {
        format!("{name}, with a fallback")
    } else {
        name.to_owned()
    };
    format!(
        "| {name} | {attempts} | {order:?} | {doubles} | {elsewhere} | {waiting} | {buried} | {done} |"
    )
}

/// Whether a receiver that answers so has not taken the message.
fn is_refusal(reply: &Reply) -> bool {
    reply.status != 200 || reply.delay > TIMEOUT
}

#[tokio::test]
async fn whatever_a_receiver_does_everything_is_told_once_and_in_order() {
    let mut table = String::from(
        "| receiver | attempts | taken, in order | twice | by the fallback | waiting | given up | all told after |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (name, fault) in faults() {
        writeln!(table, "{}", row(name, fault, false).await).unwrap();
    }
    for (name, fault) in [
        ("410, once", Fault::Replies(vec![Reply::status(410)])),
        ("dead for an hour", Fault::Dead(60)),
    ] {
        writeln!(table, "{}", row(name, fault, true).await).unwrap();
    }
    insta::assert_snapshot!(table);
}
