//! Quiet on purpose: what a silence or maintenance holds back, and what is told when that is over.
//!
//! Real rounds, a real database, a real receiver. Deliberately absent: waiting. The dispatcher is told the time.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::{declared::Via, quiet::Silence},
    config::{Config, Maintenance, Schedule},
    dispatcher::Dispatcher,
    store::{
        incidents::EventKind,
        outbox::{LogFilter, LogRow, MessageState},
    },
};
use uuid::Uuid;

use crate::{
    cli::history::over,
    rounds::Watched,
    sink::{Reply, Sink},
};

const CALM: i64 = 3_600;

/// A silence of an hour from now on.
async fn silence(watched: &Watched, matchers: &[&str]) -> Silence {
    let now = Utc::now();
    let texts: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    let silence = Silence {
        id: Uuid::new_v4(),
        matchers: texts.try_into().unwrap(),
        comment: "moving the dialers".to_owned(),
        made_by: "ann".to_owned(),
        made_at: now,
        via: Via::Cli,
        starts_at: now,
        ends_at: now + TimeDelta::seconds(CALM),
        expired_at: None,
        expired_by: None,
    };
    watched.store.add_silence(&silence).await.unwrap();
    silence
}

/// Who joins an incident is told at once.
async fn talkative() -> Watched {
    let settings = "schedule = \"*/5 * * * * *\"\ngroup_interval = \"0s\"";
    Watched::with(Sink::start([]).await, settings).await
}

/// Two clean rounds, and a wrong address in `beta` found by a third; nothing sent.
pub(crate) async fn with_an_unsent_incident(watched: &Watched) {
    watched.round().await;
    watched.round().await;
    watched.plant("dialer1.example.com", "198.51.100.66");
    let found = watched.round().await;
    assert_eq!(found.transitions.len(), 1, "{found:?}");
}

/// Everything that is due by then; Slack takes one message a second.
pub(crate) async fn deliver(dispatcher: &Dispatcher, at: DateTime<Utc>) {
    for second in 0..10 {
        let at = at + TimeDelta::seconds(second);
        while dispatcher.step(at).await.unwrap() {}
    }
}

async fn log(watched: &Watched) -> Vec<LogRow> {
    let filter = LogFilter::default();
    let mut log = watched
        .store
        .message_log("us-west-2", &filter, 100)
        .await
        .unwrap();
    log.reverse();
    log
}

async fn states(watched: &Watched) -> Vec<MessageState> {
    log(watched).await.iter().map(|row| row.state).collect()
}

/// The one incident and what happened to it.
async fn events(watched: &Watched) -> (Uuid, Vec<EventKind>) {
    let rows = log(watched).await;
    let id = rows[0].incident_id.unwrap();
    let (_, events) = watched.store.incident(id).await.unwrap().unwrap();
    (id, events.iter().map(|event| event.kind).collect())
}

fn texts(sink: &Sink) -> Vec<String> {
    let received = sink.received();
    received.iter().map(|one| one.json().to_string()).collect()
}

fn later() -> DateTime<Utc> {
    Utc::now() + TimeDelta::seconds(CALM + 1)
}

#[tokio::test]
async fn what_a_silence_held_back_is_told_once_when_it_ends_and_the_incident_is_still_open() {
    let watched = Watched::start().await;
    let dispatcher = watched.dispatcher(&watched.config);
    silence(&watched, &["group=dialers", "resolver=beta"]).await;
    with_an_unsent_incident(&watched).await;
    watched.plant("dialer1.example.com", "198.51.100.67");
    watched.round().await;
    deliver(&dispatcher, Utc::now()).await;
    assert_eq!(texts(&watched.sink), Vec::<String>::new());
    let held = log(&watched).await;
    assert!(!held.is_empty());
    for row in &held {
        assert_eq!((row.state, row.attempts), (MessageState::Held, 0));
        let by = row.held_by.as_deref().unwrap();
        assert!(
            by.starts_with("silence ") && by.contains(" by ann until "),
            "{by}"
        );
        assert!(by.ends_with(": moving the dialers"), "{by}");
    }
    let depth = watched.store.outbox_depth("us-west-2").await.unwrap();
    assert_eq!((depth.waiting, depth.held), (0, held.len() as u64));

    deliver(&dispatcher, later()).await;
    deliver(&dispatcher, later()).await;
    let told = texts(&watched.sink);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("not told until now: silence "), "{told:?}");
    assert!(told[0].contains("198.51.100.6"), "{told:?}");
    let after = log(&watched).await;
    let (last, others) = after.split_last().unwrap();
    assert_eq!(
        (last.state, &*last.kind),
        (MessageState::Delivered, "incident.opened")
    );
    assert_eq!(others.len(), held.len());
    assert!(others.iter().all(|row| row.state == MessageState::Silenced));
    let (_, events) = events(&watched).await;
    assert!(
        events.ends_with(&[EventKind::Released, EventKind::Delivered]),
        "{events:?}"
    );
    let depth = watched.store.outbox_depth("us-west-2").await.unwrap();
    assert_eq!((depth.waiting, depth.held), (0, 0));
}

#[tokio::test]
async fn an_incident_that_came_and_went_in_a_silence_is_never_told() {
    let watched = Watched::start().await;
    let dispatcher = watched.dispatcher(&watched.config);
    silence(&watched, &["name=~dialer.*"]).await;
    with_an_unsent_incident(&watched).await;
    deliver(&dispatcher, Utc::now()).await;
    let (id, _) = events(&watched).await;
    let ended = over(&watched, &["incidents", "resolve", &id.to_string()]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    deliver(&dispatcher, Utc::now()).await;
    // Nothing is left to tell as soon as it is over, however long the silence lasts.
    assert_eq!(states(&watched).await, [MessageState::Silenced; 2]);
    deliver(&dispatcher, later()).await;
    assert_eq!(states(&watched).await, [MessageState::Silenced; 2]);
    assert_eq!(watched.sink.received().len(), 0);
}

#[tokio::test]
async fn the_end_of_what_was_told_before_goes_out_in_a_silence() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let dispatcher = watched.dispatcher(&watched.config);
    silence(&watched, &["group=dialers"]).await;
    let (id, _) = events(&watched).await;
    let ended = over(&watched, &["incidents", "resolve", &id.to_string()]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    deliver(&dispatcher, Utc::now() + TimeDelta::seconds(5)).await;
    assert_eq!(states(&watched).await, [MessageState::Delivered; 2]);
    assert!(texts(&watched.sink)[1].contains("resolved by hand"));
}

#[tokio::test]
async fn what_becomes_wider_than_a_silence_goes_out_and_is_not_told_again() {
    let watched = talkative().await;
    let dispatcher = watched.dispatcher(&watched.config);
    let silence = silence(&watched, &["resolver=beta"]).await;
    with_an_unsent_incident(&watched).await;
    deliver(&dispatcher, Utc::now()).await;
    assert_eq!(watched.sink.received().len(), 0);
    let alpha = &watched.servers.alpha;
    alpha.edit(|script| script.plant("dialer1.example.com", "A", 86_400, &["198.51.100.66"]));
    watched.round().await;
    deliver(&dispatcher, Utc::now()).await;
    let told = texts(&watched.sink);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("also at alpha"), "{told:?}");
    let expired = watched
        .store
        .expire_silence(silence.id, "bert", Utc::now())
        .await;
    assert!(expired.unwrap());
    deliver(&dispatcher, Utc::now() + TimeDelta::seconds(20)).await;
    assert_eq!(watched.sink.received().len(), 1);
    assert_eq!(
        states(&watched).await,
        [MessageState::Silenced, MessageState::Delivered]
    );
}

#[tokio::test]
async fn a_silence_holds_for_what_waits_for_its_next_attempt() {
    let sink = Sink::start([Reply::status(500)]).await;
    let watched = Watched::with_sink(sink).await;
    let dispatcher = watched.dispatcher(&watched.config);
    with_an_unsent_incident(&watched).await;
    deliver(&dispatcher, Utc::now() - TimeDelta::seconds(9)).await;
    let waiting = log(&watched).await.remove(0);
    assert_eq!(
        (waiting.state, waiting.attempts),
        (MessageState::Waiting, 1)
    );
    let silence = silence(&watched, &["severity=critical"]).await;
    deliver(&dispatcher, Utc::now() + TimeDelta::seconds(30)).await;
    assert_eq!(states(&watched).await, [MessageState::Held]);
    assert_eq!(watched.sink.received().len(), 1);
    // Ended before its time, by the command.
    let ended = over(
        &watched,
        &["silence", "expire", &silence.id.to_string()[..8]],
    )
    .await;
    assert_eq!(ended.code, 0, "{ended:?}");
    deliver(&dispatcher, Utc::now() + TimeDelta::seconds(60)).await;
    assert_eq!(watched.sink.received().len(), 2);
}

#[tokio::test]
async fn a_window_of_maintenance_is_a_silence_that_the_configuration_makes() {
    let settings = "schedule = \"*/5 * * * * *\"\ntags = { customer = \"acme\" }";
    let watched = Watched::with(Sink::start([]).await, settings).await;
    let with_window = |customer: &str| {
        let mut config = Config::clone(&watched.config);
        config.maintenance.push(Maintenance {
            name: "move".to_owned(),
            matchers: vec![format!("tag.customer={customer}")].try_into().unwrap(),
            schedule: Schedule::parse("* * * * * *").unwrap(),
            duration: Duration::from_secs(90),
            comment: None,
        });
        Arc::new(config)
    };
    with_an_unsent_incident(&watched).await;
    let quiet = watched.dispatcher(&with_window("acme"));
    deliver(&quiet, Utc::now()).await;
    let held = log(&watched).await.remove(0);
    assert_eq!(held.state, MessageState::Held);
    assert!(held.held_by.unwrap().starts_with("maintenance move until "));
    // The window of another customer is none of ours.
    let other = watched.dispatcher(&with_window("other"));
    deliver(&other, Utc::now()).await;
    assert_eq!(texts(&watched.sink).len(), 1);
    assert_eq!(
        states(&watched).await,
        [MessageState::Silenced, MessageState::Delivered]
    );
}

#[tokio::test]
async fn an_acknowledged_incident_that_becomes_worse_is_told() {
    let watched = talkative().await.with_a_wrong_address().await;
    let dispatcher = watched.dispatcher(&watched.config);
    let (id, _) = events(&watched).await;
    let acked = over(&watched, &["incidents", "ack", &id.to_string()]).await;
    assert_eq!(acked.code, 0, "{acked:?}");
    let alpha = &watched.servers.alpha;
    alpha.edit(|script| script.plant("dialer1.example.com", "A", 86_400, &["198.51.100.66"]));
    watched.round().await;
    deliver(&dispatcher, Utc::now() + TimeDelta::seconds(5)).await;
    let told = texts(&watched.sink);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[1].contains("also at alpha") && told[1].contains("Acknowledged"),
        "{told:?}"
    );
}
