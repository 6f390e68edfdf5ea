//! Debian's own Alertmanager as the receiver: one alert an incident, one group, told again while it stands, gone when it is over.

use std::{process::Stdio, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::incident::TransitionKind as Kind,
    config::{Channel, Receiver, Secret, Webhook, WebhookBody},
    dispatcher::Dispatcher,
    notify::{self, Delivery, Form, Notifier, STANDS_FOR},
    store::NewMessage,
    types::Severity,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use uuid::Uuid;

use super::fixtures::{context, divergent, resolved, resolvers, step};
use crate::{
    rounds::Watched,
    sink::{Received, Sink, webhook},
};

const CONFIG: &str = "
route:
  receiver: nobody
  group_by: [group]
receivers:
  - name: nobody
";

/// A running Alertmanager.
struct Alertmanager {
    url: String,
    _child: Child,
    _directory: TempDir,
}

impl Alertmanager {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("alertmanager.yml");
        std::fs::write(&file, CONFIG).unwrap();
        let mut child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", directory.path().display()))
            .args([
                "--web.listen-address=127.0.0.1:0",
                "--cluster.listen-address=",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("prometheus-alertmanager is missing: run packaging/install-deps test");
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = said.next_line().await.unwrap().expect("it has ended");
            let listening = line.split_once("address=127.0.0.1:");
            if let Some((_, port)) = listening.filter(|_| line.contains("Listening on")) {
                break port.split_whitespace().next().unwrap().to_owned();
            }
        };
        // It stops where nobody reads what it says.
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        Self {
            url: format!("http://127.0.0.1:{address}"),
            _child: child,
            _directory: directory,
        }
    }

    fn channel(&self) -> Channel {
        Channel {
            id: "alertmanager".to_owned(),
            receiver: Receiver::Alertmanager {
                url: Secret::new(self.url.as_str()),
            },
            allow: Vec::new(),
            min_severity: Severity::Warning,
            route: dns_auditor::config::Route::default(),
            fallback: None,
        }
    }

    async fn get(&self, path: &str) -> Vec<Value> {
        let reply = reqwest::get(format!("{}/api/v2/{path}", self.url)).await;
        reply.unwrap().json().await.unwrap()
    }

    /// What is firing.
    async fn alerts(&self) -> Vec<Value> {
        self.get("alerts").await
    }
}

fn end(alert: &Value) -> DateTime<Utc> {
    alert["endsAt"].as_str().unwrap().parse().unwrap()
}

async fn tell(channel: &Channel, body: &Value, now: DateTime<Utc>) -> Delivery {
    let notifier = Notifier::new(Duration::from_secs(10));
    notifier
        .deliver(channel, Uuid::from_u128(7), body, now)
        .await
}

fn taken() -> Delivery {
    Delivery::Delivered {
        answer: "HTTP 200".to_owned(),
    }
}

#[tokio::test]
async fn an_incident_is_one_alert_from_its_beginning_to_its_end() {
    let alertmanager = Alertmanager::start().await;
    let (channel, resolvers, now) = (alertmanager.channel(), resolvers(), Utc::now());
    let body =
        |kind, incident| notify::body(Form::Standard, &step(kind, incident), &context(&resolvers));
    for kind in [Kind::Opened, Kind::Updated, Kind::Reminder] {
        let told = tell(&channel, &body(kind, divergent()), now).await;
        assert_eq!(told, taken());
        let [alert] = &alertmanager.alerts().await[..] else {
            panic!("not one alert");
        };
        assert_eq!(
            alert["labels"],
            json!({
                "alertname": "DnsAuditorIncident",
                "incident": divergent().id,
                "group": "dialers",
                "axis": "name",
                "severity": "critical",
                "vantage": "us-west-2",
                "tag_carrier": "isp-a",
                "tag_customer": "acme",
            })
        );
        assert!(
            alert["annotations"]["summary"]
                .as_str()
                .unwrap()
                .contains("dialer7.example.com A: wrong answer at google and quad9")
        );
    }
    let groups = alertmanager.get("alerts/groups").await;
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0]["labels"], json!({"group": "dialers"}));
    assert_eq!(groups[0]["alerts"].as_array().unwrap().len(), 1);

    let told = tell(&channel, &body(Kind::Resolved, resolved()), now).await;
    assert_eq!(told, taken());
    assert_eq!(alertmanager.alerts().await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_stands_is_told_again_and_nothing_else() {
    let alertmanager = Alertmanager::start().await;
    let world = Watched::with_sink(Sink::start([]).await).await;
    world.round().await;
    world.round().await;
    world.plant("dialer1.example.com", "198.51.100.66");
    let found = world.round().await;
    let (transition, now) = (&found.transitions[0], Utc::now());
    let channel = alertmanager.channel();
    let dispatcher = Dispatcher::new(
        world.store.clone(),
        Notifier::default(),
        [std::sync::Arc::new(channel.clone())],
        &world.config.vantage,
        "tests",
    );
    assert_eq!(dispatcher.refresh(now).await.unwrap(), 0);

    let resolvers = resolvers();
    let message = NewMessage {
        id: Uuid::new_v4(),
        vantage: world.config.vantage.clone(),
        incident_id: Some(transition.incident.id),
        channel: channel.id.clone(),
        kind: "incident.opened".to_owned(),
        severity: Severity::Critical,
        body: notify::body(Form::Standard, transition, &context(&resolvers)),
        created_at: now,
        expires_at: None,
        fallback: None,
    };
    world
        .store
        .enqueue(std::slice::from_ref(&message))
        .await
        .unwrap();
    // What was not taken yet is not told past the outbox.
    assert_eq!(dispatcher.refresh(now).await.unwrap(), 0);
    assert!(dispatcher.step_for(message.id, now).await.unwrap());
    let first = end(&alertmanager.alerts().await[0]);
    assert!(first <= now + STANDS_FOR);

    let later = now + TimeDelta::minutes(2);
    assert_eq!(dispatcher.refresh(later).await.unwrap(), 1);
    let [alert] = &alertmanager.alerts().await[..] else {
        panic!("not one alert");
    };
    assert!(end(alert) > first, "{alert}");
}

#[tokio::test]
async fn a_test_ends_by_itself() {
    let alertmanager = Alertmanager::start().await;
    let now = Utc::now();
    let body = notify::test_body(Form::Standard, "us-west-2", now);
    assert_eq!(tell(&alertmanager.channel(), &body, now).await, taken());
    let [alert] = &alertmanager.alerts().await[..] else {
        panic!("not one alert");
    };
    assert_eq!(alert["labels"]["alertname"], "DnsAuditorTest");
    assert!(end(alert) <= now + TimeDelta::minutes(1));
}

#[tokio::test]
async fn its_receivers_are_spoken_to_as_it_speaks_itself() {
    let sink = Sink::start([]).await;
    let channel = Channel {
        receiver: Receiver::Webhook(Webhook {
            body: WebhookBody::Alertmanager,
            ..webhook(&sink.url())
        }),
        ..Channel {
            id: "receiver".to_owned(),
            receiver: Receiver::Webhook(webhook(&sink.url())),
            allow: Vec::new(),
            min_severity: Severity::Warning,
            route: dns_auditor::config::Route::default(),
            fallback: None,
        }
    };
    let (resolvers, now) = (resolvers(), Utc::now());
    for (kind, incident) in [(Kind::Opened, divergent()), (Kind::Resolved, resolved())] {
        let transition = step(kind, incident);
        let body = notify::body(Form::Standard, &transition, &context(&resolvers));
        assert_eq!(tell(&channel, &body, now).await, taken());
    }
    let bodies: Vec<Value> = sink.received().iter().map(Received::json).collect();
    insta::assert_json_snapshot!("alertmanager_webhook", bodies);
}

#[tokio::test]
async fn a_test_is_ended_by_its_id() {
    let alertmanager = Alertmanager::start().await;
    let channel = alertmanager.channel();
    let now = Utc::now();
    let test = notify::test_body(Form::Standard, "us-west-2", now);
    assert!(matches!(
        tell(&channel, &test, now).await,
        Delivery::Delivered { .. }
    ));
    assert_eq!(alertmanager.alerts().await.len(), 1);
    // An end that has not come yet would be none to it.
    let later = Utc::now();
    let over = notify::test_end_body(Form::Standard, "us-west-2", Uuid::from_u128(7), later);
    let told = tell(&channel, &over, later).await;
    assert!(matches!(told, Delivery::Delivered { .. }), "{told:?}");
    let alerts = alertmanager.alerts().await;
    assert!(alerts.iter().all(|alert| end(alert) <= later), "{alerts:?}");
}
