//! Receivers of other kinds: `PagerDuty`'s events, programs, and what a webhook may be told to send.

use std::{path::PathBuf, time::Duration};

use chrono::Utc;
use dns_auditor::{
    audit::incident::TransitionKind as Kind,
    config::{Channel, Exec, Header, Receiver, Secret, Webhook, WebhookBody},
    notify::{self, Delivery, Form, Notifier, webhook::Message},
    types::Severity,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    fixtures::{at, context, delivered, divergent, resolved, resolvers, stale_resolver, step},
    outside,
};
use crate::sink::{Received, Reply, Sink, webhook};

const KEY: &str = "0123456789abcdef0123456789ABCDEF";

fn channel(receiver: Receiver) -> Channel {
    Channel {
        id: "voip-ops".to_owned(),
        receiver,
        allow: Vec::new(),
        min_severity: Severity::Warning,
        route: dns_auditor::config::Route::default(),
        fallback: None,
    }
}

fn body(kind: Kind, incident: dns_auditor::audit::incident::Incident) -> Value {
    let resolvers = resolvers();
    notify::body(Form::Standard, &step(kind, incident), &context(&resolvers))
}

async fn tell(receiver: Receiver, body: &Value) -> Delivery {
    Notifier::new(Duration::from_secs(10))
        .deliver(&channel(receiver), Uuid::from_u128(7), body, at("19:05:01"))
        .await
}

fn pagerduty(sink: &Sink) -> Receiver {
    Receiver::PagerDuty {
        url: Secret::new(sink.url()),
        routing_key: Secret::new(KEY),
    }
}

#[tokio::test]
async fn an_incident_is_one_of_pagerduty_from_trigger_to_resolve() {
    let accepted = || Reply::status(202).saying(r#"{"status":"success"}"#);
    let sink = Sink::start([accepted(), accepted(), accepted()]).await;
    for body in [
        body(Kind::Opened, divergent()),
        body(Kind::Resolved, resolved()),
        notify::test_body(Form::Standard, "us-west-2", at("19:05:00")),
    ] {
        let answer = r#"HTTP 202: {"status":"success"}"#.to_owned();
        assert_eq!(
            tell(pagerduty(&sink), &body).await,
            Delivery::Delivered { answer }
        );
    }
    let mut events: Vec<Value> = sink.received().iter().map(Received::json).collect();
    for event in &mut events {
        assert_eq!(event["routing_key"], KEY);
        assert!(
            event["payload"]["summary"]
                .as_str()
                .unwrap()
                .chars()
                .count()
                <= 1024
        );
        // The whole incident stands there; its own snapshot is another's.
        if !event["payload"]["custom_details"].is_null() {
            event["payload"]["custom_details"] = json!("…");
        }
    }
    assert_eq!(events[0]["dedup_key"], events[1]["dedup_key"]);
    insta::assert_json_snapshot!("pagerduty_events", events);
}

#[tokio::test]
async fn a_test_is_ended_at_pagerduty_by_its_id() {
    let sink = Sink::start([]).await;
    let test = notify::test_body(Form::Standard, "us-west-2", at("19:05:00"));
    let notifier = Notifier::new(Duration::from_secs(10));
    let (first, second) = (Uuid::from_u128(7), Uuid::from_u128(8));
    let end = notify::test_end_body(Form::Standard, "us-west-2", first, at("19:06:00"));
    for (id, body) in [(first, &test), (second, &test), (second, &end)] {
        let told = notifier
            .deliver(&channel(pagerduty(&sink)), id, body, at("19:06:01"))
            .await;
        assert!(matches!(told, Delivery::Delivered { .. }), "{told:?}");
    }
    let said: Vec<_> = sink
        .received()
        .iter()
        .map(Received::json)
        .map(|event| [event["event_action"].clone(), event["dedup_key"].clone()])
        .collect();
    let key = |id: Uuid| Value::from(format!("dns-auditor-test-{id}"));
    assert_eq!(said[0], ["trigger".into(), key(first)]);
    assert_eq!(said[1], ["trigger".into(), key(second)]);
    assert_eq!(
        said[2],
        ["resolve".into(), key(first)],
        "the first alone is over"
    );
}

#[tokio::test]
async fn the_largest_incident_fits_an_event_and_what_pagerduty_refuses_is_said() {
    let refusal = r#"{"status":"invalid event","errors":["'routing_key' is invalid"]}"#;
    let sink = Sink::start([Reply::status(400).saying(refusal), Reply::status(429)]).await;
    let body = body(Kind::Opened, stale_resolver(10_000));
    let Delivery::Dead { why } = tell(pagerduty(&sink), &body).await else {
        panic!("a refused event");
    };
    assert!(why.contains("invalid event") && !why.contains(KEY), "{why}");
    assert!(sink.received()[0].body.len() < 512 * 1024);
    assert!(matches!(
        tell(pagerduty(&sink), &body).await,
        Delivery::Retry { .. }
    ));
}

fn shell(script: &str) -> Receiver {
    Receiver::Exec(Exec {
        program: PathBuf::from("/bin/sh"),
        arguments: ["-c", script].map(str::to_owned).to_vec(),
    })
}

#[tokio::test]
async fn a_program_gets_the_message_on_its_input_and_nothing_of_our_environment() {
    let directory = tempfile::tempdir().unwrap();
    let (message, environment) = (directory.path().join("in"), directory.path().join("env"));
    let script = format!("cat >{}; env >{}", message.display(), environment.display());
    let sent = body(Kind::Opened, divergent());
    let answer = "exit status: 0".to_owned();
    assert_eq!(
        tell(shell(&script), &sent).await,
        Delivery::Delivered { answer }
    );
    let read: Message = serde_json::from_slice(&std::fs::read(message).unwrap()).unwrap();
    assert_eq!(read.to_value(), sent);
    let environment = std::fs::read_to_string(environment).unwrap();
    let names: Vec<&str> = environment
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        // What a shell sets by itself.
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name))
        .collect();
    for name in &names {
        assert!(
            ["PATH", "DNS_AUDITOR_MESSAGE_ID"].contains(name),
            "{names:?}"
        );
    }
    assert!(environment.contains(&format!("DNS_AUDITOR_MESSAGE_ID={}", Uuid::from_u128(7))));
}

#[tokio::test]
async fn a_program_that_fails_hangs_or_is_not_there_is_tried_again() {
    let sent = body(Kind::Opened, divergent());
    let retry = |why: &str| Delivery::Retry {
        after: None,
        why: why.to_owned(),
    };
    assert_eq!(
        tell(shell("echo no pager >&2; exit 3"), &sent).await,
        retry("exit status: 3: no pager")
    );
    let missing = Receiver::Exec(Exec {
        program: PathBuf::from("/nowhere/page"),
        arguments: Vec::new(),
    });
    assert_eq!(
        tell(missing, &sent).await,
        retry("the program cannot be run: No such file or directory (os error 2)")
    );
    let hanging = channel(shell("exec sleep 600"));
    let told = Notifier::new(Duration::from_millis(200))
        .deliver(&hanging, Uuid::from_u128(7), &sent, at("19:05:01"))
        .await;
    assert_eq!(told, retry("the program did not end within 200ms"));
}

#[tokio::test]
async fn a_cloud_event_holds_the_message_and_its_stable_id() {
    let sink = Sink::start([]).await;
    let hook = Receiver::Webhook(Webhook {
        body: WebhookBody::CloudEvents,
        ..webhook(&sink.url())
    });
    let sent = body(Kind::Opened, divergent());
    assert_eq!(tell(hook, &sent).await, delivered());
    let received = &sink.received()[0];
    assert_eq!(
        received.header("content-type"),
        "application/cloudevents+json"
    );
    let event = received.json();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["id"], Uuid::from_u128(7).to_string());
    assert_eq!(event["id"], received.header("webhook-id"));
    assert_eq!(event["source"], "dns-auditor");
    assert_eq!(event["type"], "dns-auditor.incident.opened");
    assert_eq!(event["subject"], divergent().id.to_string());
    assert_eq!(event["data"], sent);
}

#[tokio::test]
async fn a_webhook_carries_the_headers_that_it_was_given() {
    let sink = Sink::start([]).await;
    let header = |name: &str, value: &str| Header {
        name: name.to_owned(),
        value: Secret::new(value),
    };
    let hook = Receiver::Webhook(Webhook {
        headers: vec![
            header("x-team", "voip"),
            header("authorization", "Bearer x"),
        ],
        ..webhook(&sink.url())
    });
    assert_eq!(
        tell(hook, &body(Kind::Opened, divergent())).await,
        delivered()
    );
    let received = &sink.received()[0];
    assert_eq!(received.header("x-team"), "voip");
    assert_eq!(received.header("authorization"), "Bearer x");
    assert_eq!(received.header("content-type"), "application/json");
}

/// The reference library of Standard Webhooks is the receiver: before, while and after the key is replaced.
#[tokio::test]
async fn signatures_are_good_by_the_reference_library_while_a_key_is_replaced() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let (old, new) = ([1_u8; 24], [2_u8; 32]);
    let verify = async |keys: &[&[u8]], known: &[u8]| {
        let sink = Sink::start([]).await;
        let hook = Receiver::Webhook(Webhook {
            signing_keys: keys.iter().map(|key| Secret::new(*key)).collect(),
            ..webhook(&sink.url())
        });
        let sent = body(Kind::Opened, divergent());
        let told = Notifier::new(Duration::from_secs(10))
            .deliver(&channel(hook), Uuid::new_v4(), &sent, Utc::now())
            .await;
        assert_eq!(told, delivered());
        let received = &sink.received()[0];
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers = names.map(|name| (name, received.header(name)));
        let given = json!({
            "secret": format!("whsec_{}", STANDARD.encode(known)),
            "headers": std::collections::BTreeMap::from(headers),
            "body": String::from_utf8(received.body.to_vec()).unwrap(),
        });
        outside::run("verify.py", &given.to_string()).await
    };
    let good = Ok("incident.opened".to_owned());
    assert_eq!(verify(&[&old], &old).await, good);
    assert_eq!(verify(&[&new, &old], &old).await, good);
    assert_eq!(verify(&[&new, &old], &new).await, good);
    assert_eq!(verify(&[&new], &new).await, good);
    let refused = verify(&[&new], &old).await.unwrap_err();
    assert!(refused.contains("No matching signature found"), "{refused}");
}
