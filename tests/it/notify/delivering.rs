//! Deliveries to a real receiver over real sockets.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use dns_auditor::{
    audit::incident::TransitionKind,
    config::{Channel, Receiver, Secret, Webhook},
    notify::{self, Delivery, Form, Notifier},
    types::Severity,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::fixtures::{at, context, delivered, divergent, resolvers, step};
use crate::sink::{Received, Refusing, Reply, Sink, webhook};

const KEY: &[u8] = b"twenty-four bytes of key";

fn channel(form: Form, url: &str) -> Channel {
    Channel {
        id: "voip-ops".to_owned(),
        receiver: match form {
            Form::Slack => Receiver::Slack {
                url: Secret::new(url),
            },
            Form::SlackBot | Form::Standard => Receiver::Webhook(Webhook {
                signing_keys: vec![Secret::new(KEY)],
                ..webhook(url)
            }),
        },
        allow: Vec::new(),
        min_severity: Severity::Warning,
        route: dns_auditor::config::Route::default(),
        fallback: None,
    }
}

fn body(form: Form) -> Value {
    let resolvers = resolvers();
    let transition = step(TransitionKind::Opened, divergent());
    notify::body(form, &transition, &context(&resolvers))
}

/// One attempt at a receiver that gives this reply.
async fn outcome(form: Form, reply: Reply) -> Delivery {
    let sink = Sink::start([reply]).await;
    deliver(&channel(form, &sink.url()), at("19:05:01")).await
}

async fn deliver(channel: &Channel, now: DateTime<Utc>) -> Delivery {
    Notifier::new(Duration::from_secs(10))
        .deliver(
            channel,
            Uuid::from_u128(7),
            &body(Form::of(&channel.receiver)),
            now,
        )
        .await
}

#[tokio::test]
async fn an_address_in_the_url_is_what_it_stands_for_however_it_is_spelt() {
    let sink = Sink::start([]).await;
    let url = sink.url();
    let spelt = |host: &str| channel(Form::Standard, &url.replace("127.0.0.1", host));
    let own = [
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.01",
        "127.0.0.1.",
    ];
    for host in own {
        assert_eq!(
            deliver(&spelt(host), at("19:05:01")).await,
            delivered(),
            "{host}"
        );
    }
    assert_eq!(sink.received().len(), own.len());
    for host in [
        "0251.0376.0251.0376",
        "2852039166",
        "0xa9fea9fe",
        "169.254.43518",
        "0x0",
    ] {
        let outcome = deliver(&spelt(host), at("19:05:01")).await;
        let refused = matches!(&outcome, Delivery::Dead { why } if why.contains("never a receiver's address"));
        assert!(refused, "{host}: {outcome:?}");
    }
}

fn retry(why: &str) -> Delivery {
    Delivery::Retry {
        after: None,
        why: why.to_owned(),
    }
}

fn gone(why: &str) -> Delivery {
    Delivery::Gone {
        why: why.to_owned(),
    }
}

/// Checks the signature the way a receiver does, with nothing of ours.
fn verify(received: &Received) {
    let mut signed = Vec::new();
    for part in [
        received.header("webhook-id"),
        received.header("webhook-timestamp"),
    ] {
        signed.extend_from_slice(part.as_bytes());
        signed.push(b'.');
    }
    signed.extend_from_slice(&received.body);
    let signature = received
        .header("webhook-signature")
        .strip_prefix("v1,")
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    mac.update(&signed);
    mac.verify_slice(&STANDARD.decode(signature).unwrap())
        .unwrap();
}

#[tokio::test]
async fn a_webhook_arrives_signed_over_the_bytes_that_were_sent() {
    let sink = Sink::start([]).await;
    let hook = channel(Form::Standard, &sink.url());
    assert_eq!(deliver(&hook, at("19:05:01")).await, delivered());
    let received = &sink.received()[0];
    verify(received);
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(
        received.header("webhook-id"),
        Uuid::from_u128(7).to_string()
    );
    assert_eq!(
        received.header("webhook-timestamp"),
        at("19:05:01").timestamp().to_string()
    );
    assert_eq!(received.json(), body(Form::Standard));
    assert!(received.body.starts_with(br#"{"type":"incident.opened","timestamp":"2026-11-22T19:05:00Z","data":{"incident":{"id":"#));
}

#[tokio::test]
async fn a_slack_message_arrives_without_webhook_headers() {
    let sink = Sink::start([Reply::status(200).saying("ok")]).await;
    let slack = channel(Form::Slack, &sink.url());
    let answer = "HTTP 200: ok".to_owned();
    assert_eq!(
        deliver(&slack, at("19:05:01")).await,
        Delivery::Delivered { answer }
    );
    let received = &sink.received()[0];
    assert_eq!(received.header("webhook-signature"), "");
    assert_eq!(received.json(), body(Form::Slack));
}

#[tokio::test]
async fn a_failed_attempt_and_the_next_carry_one_id_and_their_own_instants() {
    let sink = Sink::start([Reply::status(500).saying("rollup_error")]).await;
    let hook = channel(Form::Standard, &sink.url());
    assert_eq!(
        deliver(&hook, at("19:05:01")).await,
        retry("HTTP 500: rollup_error")
    );
    assert_eq!(deliver(&hook, at("19:05:06")).await, delivered());
    let received = sink.received();
    assert_eq!(
        received[0].header("webhook-id"),
        received[1].header("webhook-id")
    );
    assert_ne!(
        received[0].header("webhook-timestamp"),
        received[1].header("webhook-timestamp")
    );
    assert_eq!(received[0].body, received[1].body);
    received.iter().for_each(verify);
}

#[tokio::test]
async fn a_receiver_that_asks_for_patience_is_heard() {
    let busy = || Reply::status(429).with("retry-after", "42");
    let expected = Delivery::Retry {
        after: Some(Duration::from_secs(42)),
        why: "HTTP 429".to_owned(),
    };
    assert_eq!(outcome(Form::Slack, busy()).await, expected);
    assert_eq!(outcome(Form::Standard, busy()).await, expected);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let elsewhere = Sink::start([]).await;
    let reply = Reply::status(302).with("location", elsewhere.url());
    assert_eq!(
        outcome(Form::Standard, reply).await,
        retry("HTTP 302: redirects are not followed")
    );
    assert_eq!(elsewhere.received().len(), 0);
}

#[tokio::test]
async fn an_archived_channel_is_gone() {
    let reply = Reply::status(410).saying("channel_is_archived");
    assert_eq!(
        outcome(Form::Slack, reply).await,
        gone("HTTP 410: channel_is_archived")
    );
}

#[tokio::test]
async fn a_receiver_that_does_not_reply_in_time_is_tried_again() {
    let sink = Sink::start([Reply::status(200).after(Duration::from_mins(1))]).await;
    let hook = channel(Form::Standard, &sink.url());
    let outcome = Notifier::new(Duration::from_millis(300))
        .deliver(&hook, Uuid::nil(), &json!({}), at("19:05:01"))
        .await;
    assert_eq!(outcome, retry("no reply within 300ms"));
    assert_eq!(sink.received().len(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_and_tells_no_secret() {
    let dead = Refusing::start();
    let url = format!("http://{}/services/T0000/verysecret", dead.address());
    let outcome = deliver(&channel(Form::Slack, &url), at("19:05:01")).await;
    let Delivery::Retry { after: None, why } = outcome else {
        panic!("{outcome:?}");
    };
    assert!(why.contains("refused"), "{why}");
    assert!(
        !why.contains("verysecret") && !why.contains("T0000"),
        "{why}"
    );
}

#[tokio::test]
async fn a_reply_that_repeats_the_path_tells_no_secret_either() {
    let page = "404 Not Found: /services/T0000/B0000/verysecret";
    let outcome = outcome(Form::Standard, Reply::status(404).saying(page)).await;
    assert_eq!(outcome, gone("HTTP 404: 404 Not Found: /…/…/…/…"));
}

#[tokio::test]
async fn a_reply_without_end_is_read_no_further_than_needed() {
    let reply = Reply::status(503).saying(&"x".repeat(10_000_000));
    let Delivery::Retry { why, .. } = outcome(Form::Standard, reply).await else {
        panic!("not a retry");
    };
    assert!(why.chars().count() < 200, "{why}");
}
