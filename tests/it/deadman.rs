//! The dead man's switch: beats while rounds run, none when they do not, and an incident then.
//!
//! Real rounds, a real database, real receivers. Deliberately absent: waiting. The switch is told the time.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    config::{Channel, Config, Heartbeat, Receiver, Secret, Webhook, WebhookBody},
    metrics::{RoundReport, Throttled},
    notify::Notifier,
    scheduler::deadman::Deadman,
    store::{
        Store,
        incidents::{EventKind, IncidentFilter, IncidentRow},
        journal::Journal,
    },
    types::Severity,
};
use serde_json::json;

use crate::{
    rounds::Watched,
    sink::{Reply, Sink},
};

/// The rounds' configuration, with a heartbeat to this receiver every two minutes.
fn with_heartbeat(watched: &Watched, sink: &Sink) -> Arc<Config> {
    let mut config = Config::clone(&watched.config);
    config.heartbeat = Some(Heartbeat {
        channel: Channel {
            id: "heartbeat".to_owned(),
            receiver: Receiver::Webhook(Webhook {
                url: Secret::new(sink.url()),
                signing_keys: Vec::new(),
                headers: Vec::new(),
                body: WebhookBody::Standard,
            }),
            allow: Vec::new(),
            min_severity: Severity::Info,
            route: dns_auditor::config::Route::default(),
            fallback: None,
        },
        every: Duration::from_mins(2),
    });
    Arc::new(config)
}

fn switch(watched: &Watched, config: Arc<Config>, now: DateTime<Utc>) -> Deadman {
    let (store, metrics) = (watched.store.clone(), watched.metrics.clone());
    Deadman::new(config, store, metrics, Notifier::default(), now)
}

async fn incidents(watched: &Watched) -> Vec<IncidentRow> {
    let page = watched
        .store
        .incidents(&IncidentFilter::default(), None, 10)
        .await;
    page.unwrap().incidents
}

fn metric(watched: &Watched, name: &str) -> String {
    let text = watched.metrics.encode().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name}: {text}"))
        .trim()
        .to_owned()
}

#[tokio::test]
async fn beats_are_sent_on_time_once_rounds_run_and_tried_again_where_they_are_not_taken() {
    let settings = "schedule = \"0 * * * * *\"";
    let watched = Watched::with(Sink::start([]).await, settings).await;
    let heart = Sink::start([Reply::status(503)]).await;
    let start = Utc::now();
    let mut switch = switch(&watched, with_heartbeat(&watched, &heart), start);
    switch.step(start).await.unwrap();
    assert_eq!(heart.received().len(), 0, "no round has run");
    watched.round().await;
    let now = Utc::now();
    for (seconds, beats) in [(0, 1), (59, 1), (60, 2), (179, 2), (180, 3)] {
        let at = now + TimeDelta::seconds(seconds);
        switch.step(at).await.unwrap();
        assert_eq!(heart.received().len(), beats, "{seconds}");
    }
    for (result, count) in [("failed", "1"), ("delivered", "2")] {
        let name = format!("dns_auditor_heartbeats_total{{result=\"{result}\"}}");
        assert_eq!(metric(&watched, &name), count);
    }
    let beat = heart.received()[0].json();
    assert_eq!(beat["type"], json!("heartbeat"));
    assert_eq!(beat["data"]["vantage"], json!("us-west-2"));
    assert!(beat["data"]["last_rounds"]["dialers"].is_string(), "{beat}");
    assert_eq!(incidents(&watched).await.len(), 0);
}

#[tokio::test]
async fn a_group_whose_rounds_stop_is_told_once_and_its_rounds_end_that() {
    let settings = "schedule = \"*/5 * * * * *\"\nrecovery_window = \"0s\"";
    let watched = Watched::with(Sink::start([]).await, settings).await;
    let heart = Sink::start([]).await;
    watched.round().await;
    let last = Utc::now();
    let mut switch = switch(&watched, with_heartbeat(&watched, &heart), last);
    // Three pauses of five seconds and half a minute.
    switch.step(last + TimeDelta::seconds(44)).await.unwrap();
    assert_eq!(
        (heart.received().len(), incidents(&watched).await.len()),
        (1, 0)
    );
    for seconds in [46, 47, 600] {
        switch
            .step(last + TimeDelta::seconds(seconds))
            .await
            .unwrap();
    }
    assert_eq!(
        heart.received().len(),
        1,
        "no beat while nothing is watched"
    );
    assert_eq!(metric(&watched, "dns_auditor_unwatched_groups"), "1");
    let open = incidents(&watched).await;
    assert_eq!(open.len(), 1);
    assert_eq!(
        (&*open[0].verdict, open[0].severity),
        ("unwatched", Severity::Critical)
    );
    let dispatcher = watched.dispatcher(&watched.config);
    let sent = dispatcher.step(last + TimeDelta::seconds(601)).await;
    assert!(sent.unwrap());
    let told = watched.sink.received();
    assert_eq!(told.len(), 1);
    let text = told[0].json().to_string();
    assert!(text.contains("no round of dialers was finished"), "{text}");

    // Rounds that run again end it, as they end `blind`: three of them. The instants of the test lie ahead of the clock.
    let (incident, _) = watched.store.incident(open[0].id).await.unwrap().unwrap();
    assert_eq!(incident.last_bad_at, last + TimeDelta::seconds(600));
    watched.store.still_bad(incident.id, last).await.unwrap();
    let mut steps = Vec::new();
    for _ in 0..3 {
        let round = watched.round().await;
        steps.extend(
            round
                .transitions
                .into_iter()
                .map(|step| step.incident.resolved_at.is_some()),
        );
    }
    assert_eq!(steps, [true]);
    switch.step(Utc::now()).await.unwrap();
    assert_eq!(metric(&watched, "dns_auditor_unwatched_groups"), "0");
}

#[tokio::test]
async fn no_beat_is_sent_while_the_vantage_is_blind() {
    let settings = "schedule = \"0 * * * * *\"";
    let watched = Watched::with(Sink::start([]).await, settings).await;
    let heart = Sink::start([]).await;
    watched.round().await;
    let start = Utc::now();
    let mut switch = switch(&watched, with_heartbeat(&watched, &heart), start);
    let blind = |is_blind| RoundReport {
        verdicts: Vec::new(),
        findings: Vec::new(),
        transitions: Vec::new(),
        observations: 0,
        throttled: Throttled::default(),
        unrecorded: None,
        is_blind,
    };
    let mut beats = Vec::new();
    for (minutes, is_blind) in [(0, false), (2, true), (3, false)] {
        let now = start + TimeDelta::minutes(minutes);
        watched
            .metrics
            .round_finished("dialers", TimeDelta::zero(), &blind(is_blind));
        switch.step(now).await.unwrap();
        beats.push(heart.received().len());
    }
    assert_eq!(beats, [1, 1, 2]);
}

#[tokio::test]
async fn an_unwatched_group_is_told_and_reminded_of_while_the_database_is_away_and_recorded_afterwards()
 {
    let settings = "schedule = \"*/5 * * * * *\"\nrepeat_interval = \"1h\"";
    let watched = Watched::with(Sink::start([]).await, settings).await;
    watched.round().await;
    let last = Utc::now();
    let (directory, vantage) = (tempfile::tempdir().unwrap(), &watched.config.vantage);
    let journal = Journal::open(directory.path(), vantage).unwrap();
    // Nobody listens there.
    let away = Store::unopened("postgres://nobody@127.0.0.1:1/none").unwrap();
    let (config, metrics) = (watched.config.clone(), watched.metrics.clone());
    let mut switch = Deadman::new(config, away, metrics, Notifier::default(), last)
        .with_journal(journal.clone());
    let dispatcher = watched
        .dispatcher(&watched.config)
        .with_journal(journal.clone());
    for seconds in [40, 60, 70, 3_700] {
        let now = last + TimeDelta::seconds(seconds);
        switch.step(now).await.unwrap();
        while dispatcher.step_from_journal(now).await.unwrap() {}
    }
    let told = watched.sink.received();
    let texts: Vec<_> = told.iter().map(|one| one.json().to_string()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("no round of dialers was finished"));
    assert!(texts[1].contains("still open"), "{}", texts[1]);

    journal.reconcile(&watched.store).await.unwrap();
    let open = incidents(&watched).await;
    assert_eq!(open.len(), 1);
    let (incident, events) = watched.store.incident(open[0].id).await.unwrap().unwrap();
    assert_eq!(incident.verdict, "unwatched");
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    let (opened, reminder, delivered) =
        (EventKind::Opened, EventKind::Reminder, EventKind::Delivered);
    assert_eq!(kinds, [opened, delivered, reminder, delivered]);
    // With the database there it is reminded of as well, and no sooner.
    let config = watched.config.clone();
    let mut switch = Deadman::new(
        config,
        watched.store.clone(),
        watched.metrics.clone(),
        Notifier::default(),
        last,
    );
    for seconds in [3_710, 7_310, 7_320] {
        switch
            .step(last + TimeDelta::seconds(seconds))
            .await
            .unwrap();
    }
    let (incident, _) = watched.store.incident(open[0].id).await.unwrap().unwrap();
    assert_eq!(incident.transitions, 3);
}
