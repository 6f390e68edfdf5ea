//! Who is told what, and who waits: matchers and `group_wait` of channels.
//!
//! Real rounds or real steps, a real database, a real receiver. Deliberately absent: waiting. The dispatcher is told the time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::incident::{Incident, TransitionKind},
    config::{self, Config},
    evaluator::messages::{ToldBefore, for_transitions, told_before},
    store::outbox::{LogFilter, LogRow, MessageState},
    types::Severity,
};

use crate::{
    cli::history::over,
    postgres::fresh_store,
    quiet::{deliver, with_an_unsent_incident},
    rounds::Watched,
    store::samples::{at, incident, step},
};

/// The same configuration, its channel waiting for an hour.
fn waiting(watched: &Watched) -> Arc<Config> {
    let mut config = Config::clone(&watched.config);
    Arc::make_mut(&mut config.channels[0]).route.group_wait = Duration::from_hours(1);
    Arc::new(config)
}

async fn log(watched: &Watched) -> Vec<LogRow> {
    let filter = LogFilter::default();
    let log = watched.store.message_log("us-west-2", &filter, 100).await;
    log.unwrap()
}

fn later() -> DateTime<Utc> {
    Utc::now() + TimeDelta::minutes(61)
}

#[tokio::test]
async fn what_is_over_before_a_channel_has_waited_is_told_nobody_and_the_log_says_so() {
    let watched = Watched::start().await;
    let dispatcher = watched.dispatcher(&waiting(&watched));
    with_an_unsent_incident(&watched).await;
    deliver(&dispatcher, Utc::now()).await;
    let held = log(&watched).await;
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].state, MessageState::Held);
    assert_eq!(held[0].held_by.as_deref(), Some("group_wait of 1h"));

    let id = held[0].incident_id.unwrap().to_string();
    let ended = over(&watched, &["incidents", "resolve", &id]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    deliver(&dispatcher, Utc::now() + TimeDelta::seconds(20)).await;
    deliver(&dispatcher, later()).await;
    let states: Vec<_> = log(&watched).await.iter().map(|row| row.state).collect();
    assert_eq!(states, [MessageState::Silenced; 2]);
    assert_eq!(watched.sink.received().len(), 0);
}

#[tokio::test]
async fn what_lasts_longer_is_told_once_with_all_that_came_meanwhile_and_then_at_once() {
    let watched = Watched::start().await;
    let dispatcher = watched.dispatcher(&waiting(&watched));
    with_an_unsent_incident(&watched).await;
    deliver(&dispatcher, Utc::now()).await;
    assert_eq!(watched.sink.received().len(), 0);
    deliver(&dispatcher, later()).await;
    deliver(&dispatcher, later()).await;
    let told = watched.sink.received();
    assert_eq!(told.len(), 1);
    assert!(told[0].json().to_string().contains("group_wait of 1h"));
    let rows = log(&watched).await;
    assert_eq!(
        (rows[0].state, &*rows[0].kind),
        (MessageState::Delivered, "incident.opened")
    );
    let id = rows[0].incident_id.unwrap().to_string();
    assert_eq!(over(&watched, &["incidents", "resolve", &id]).await.code, 0);
    deliver(&dispatcher, later()).await;
    assert_eq!(watched.sink.received().len(), 2, "its end is told at once");
}

fn config() -> Config {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auditor.toml");
    let channel = |id: &str, matchers: &str| {
        format!(
            "[[channel]]\nid = '{id}'\nkind = 'webhook'\nurl = 'http://127.0.0.1:9/'\nmatchers = [{matchers}]\n"
        )
    };
    let text = format!(
        "[[group]]\nname = 'dialers'\nnames = ['a.example', 'b.example']\ntags = {{ customer = 'acme' }}\n\
         channels = ['all', 'a', 'quad9', 'wide', 'warnings', 'acme']\n{}{}{}{}{}{}",
        channel("all", ""),
        channel("a", r"'name=~a\..*'"),
        channel("quad9", "'resolver=quad9'"),
        channel("wide", "'axis=resolver'"),
        channel("warnings", "'severity=warning'"),
        channel("acme", "'tag.customer=acme', 'group=dialers'"),
    );
    std::fs::write(&file, text).unwrap();
    config::load(Some(&file), &BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The channels, of two that hear of everything, that a step of this age is told at: `slow` is reminded each twelve hours.
fn reminded(kind: TransitionKind, hours_since_last: i64) -> Vec<String> {
    let mut config = config();
    config
        .channels
        .retain(|channel| channel.id == "all" || channel.id == "wide");
    let slow = Arc::make_mut(&mut config.channels[1]);
    slow.route = config::Route {
        repeat_interval: Some(Duration::from_hours(12)),
        ..config::Route::default()
    };
    let incident = incident(1, "a.example", at(0));
    let last = |channel: &str| (channel.to_owned(), at(0));
    let before = BTreeMap::from([(incident.id, ["all", "wide"].map(last).into())]);
    let now = at(0) + TimeDelta::hours(hours_since_last);
    let step = step(3, kind, &incident, now);
    let messages = for_transitions(&config, &config.groups[0], &[step], &before);
    messages.into_iter().map(|one| one.channel).collect()
}

#[test]
fn a_channel_is_reminded_at_its_own_pace_and_told_everything_else_at_once() {
    let (all, both) = (vec!["all"], vec!["all", "wide"]);
    assert_eq!(reminded(TransitionKind::Reminder, 4), all);
    assert_eq!(reminded(TransitionKind::Reminder, 11), all);
    assert_eq!(reminded(TransitionKind::Reminder, 12), both);
    assert_eq!(reminded(TransitionKind::Updated, 1), both);
    assert_eq!(reminded(TransitionKind::Resolved, 1), both);
}

fn told(config: &Config, number: u32, incident: &Incident, before: &ToldBefore) -> Vec<String> {
    let kind = if number == 0 {
        TransitionKind::Opened
    } else {
        TransitionKind::Updated
    };
    let step = step(number, kind, incident, at(0));
    let messages = for_transitions(config, &config.groups[0], &[step], before);
    messages
        .into_iter()
        .map(|message| message.channel)
        .collect()
}

#[test]
fn a_channel_hears_of_what_is_its_business() {
    let (config, nobody) = (config(), ToldBefore::new());
    let mut of_b = incident(1, "b.example", at(0));
    assert_eq!(told(&config, 0, &of_b, &nobody), ["all", "acme"]);
    of_b.names.insert("a.example".parse().unwrap());
    of_b.resolvers.insert("quad9".to_owned());
    of_b.severity = Severity::Warning;
    let expected = ["all", "a", "quad9", "warnings", "acme"];
    assert_eq!(told(&config, 0, &of_b, &nobody), expected);
    of_b.key.axis = dns_auditor::audit::incident::Axis::Resolver;
    assert!(told(&config, 0, &of_b, &nobody).contains(&"wide".to_owned()));
}

#[tokio::test]
async fn who_was_told_of_an_incident_hears_of_its_end_though_it_is_no_longer_its_business() {
    let (config, store) = (config(), fresh_store().await);
    let mut incident = incident(1, "b.example", at(0));
    incident.severity = Severity::Warning;
    let opened = step(0, TransitionKind::Opened, &incident, at(0));
    let opened = std::slice::from_ref(&opened);
    let before = told_before(&config, &store, opened).await.unwrap();
    assert!(before.is_empty());
    let messages = for_transitions(&config, &config.groups[0], opened, &before);
    store
        .open_incident(&config.vantage, &opened[0], &messages)
        .await
        .unwrap();

    incident.severity = Severity::Critical;
    let worse = step(1, TransitionKind::Updated, &incident, at(1));
    let before = told_before(&config, &store, &[worse]).await.unwrap();
    assert_eq!(
        told(&config, 1, &incident, &before),
        ["all", "warnings", "acme"]
    );
    assert_eq!(
        told(&config, 1, &incident, &ToldBefore::new()),
        ["all", "acme"]
    );
}
