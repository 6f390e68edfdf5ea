//! A real mail server as the receiver: what it keeps, and what its answers are taken for.

use std::time::Duration;

use dns_auditor::{
    audit::incident::{Incident, TransitionKind as Kind},
    config::{Channel, Email, Receiver, Secret},
    notify::{self, Delivery, Form, Notifier},
    types::Severity,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    fixtures::{at, context, divergent, resolved, resolvers, step, ttl_above_policy},
    outside::Running,
};

struct Server {
    running: Running,
    port: String,
}

impl Server {
    async fn start(arguments: &[&str]) -> Self {
        let mut running = Running::start("smtp.py", arguments);
        let port = running.line().await;
        Self { running, port }
    }

    async fn kept(&mut self) -> Value {
        serde_json::from_str(&self.running.line().await).unwrap()
    }

    /// One attempt with this `user:password@`, or nothing.
    async fn tell(&self, scheme: &str, user: &str, plaintext: bool, body: &Value) -> Delivery {
        let channel = Channel {
            id: "mail".to_owned(),
            receiver: Receiver::Email(Email {
                url: Secret::new(format!("{scheme}://{user}127.0.0.1:{}", self.port)),
                from: "dns-auditor <auditor@example.com>".to_owned(),
                to: vec![
                    "noc@example.com".to_owned(),
                    "Ann <ann@example.com>".to_owned(),
                ],
                plaintext,
            }),
            allow: Vec::new(),
            min_severity: Severity::Warning,
            route: dns_auditor::config::Route::default(),
            fallback: None,
        };
        Notifier::new(Duration::from_secs(10))
            .deliver(&channel, Uuid::from_u128(7), body, at("19:05:01"))
            .await
    }
}

fn body(kind: Kind, incident: Incident) -> Value {
    let resolvers = resolvers();
    notify::body(Form::Standard, &step(kind, incident), &context(&resolvers))
}

#[tokio::test]
async fn mail_is_taken_with_everything_that_a_reader_needs() {
    let mut server = Server::start(&["-", "open"]).await;
    for (name, kind, incident) in [
        ("opened", Kind::Opened, divergent()),
        ("many_names", Kind::Opened, ttl_above_policy()),
        ("resolved", Kind::Resolved, resolved()),
    ] {
        let told = server.tell("smtp", "", true, &body(kind, incident)).await;
        let answer = "250 2.0.0 kept".to_owned();
        assert_eq!(told, Delivery::Delivered { answer });
        let mail = server.kept().await;
        assert_eq!(mail["from"], "auditor@example.com");
        assert_eq!(mail["to"].as_array().unwrap().len(), 2);
        assert_eq!(
            mail["message_id"],
            format!("<{}@dns-auditor.invalid>", Uuid::from_u128(7))
        );
        assert_eq!(
            mail["references"],
            format!("<{}@dns-auditor.invalid>", divergent().id)
        );
        let shown = format!(
            "{}\n\n{}",
            mail["subject"].as_str().unwrap(),
            mail["text"].as_str().unwrap()
        );
        insta::assert_snapshot!(format!("mail_{name}"), shown.replace('\r', ""));
    }
}

#[tokio::test]
async fn who_must_log_in_does_and_a_wrong_password_is_tried_again() {
    let mut server = Server::start(&["-", "login"]).await;
    let body = body(Kind::Opened, divergent());
    let told = server.tell("smtp", "ann:p%40ss@", true, &body).await;
    assert!(matches!(told, Delivery::Delivered { .. }), "{told:?}");
    server.kept().await;
    let Delivery::Retry { why, .. } = server.tell("smtp", "ann:wrong@", true, &body).await else {
        panic!("a wrong password");
    };
    assert!(why.contains("535") && !why.contains("wrong"), "{why}");
}

#[tokio::test]
async fn what_a_mail_server_refuses_for_good_is_dead_and_for_now_is_not() {
    let body = body(Kind::Opened, divergent());
    let full = Server::start(&["-", "full"]).await;
    let Delivery::Dead { why } = full.tell("smtp", "", true, &body).await else {
        panic!("a full mailbox");
    };
    assert!(why.contains("mailbox full"), "{why}");
    let busy = Server::start(&["-", "busy"]).await;
    let Delivery::Retry { why, .. } = busy.tell("smtp", "", true, &body).await else {
        panic!("a busy server");
    };
    assert!(why.contains("try again later"), "{why}");
}

#[tokio::test]
async fn mail_never_travels_in_the_clear_or_to_a_stranger_unless_that_is_said() {
    let body = body(Kind::Opened, divergent());
    let plain = Server::start(&["-", "open"]).await;
    let told = plain.tell("smtp", "", false, &body).await;
    assert!(matches!(told, Delivery::Retry { .. }), "{told:?}");
    let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/notify/tls/");
    let (certificate, key) = (
        format!("{tls}localhost.pem"),
        format!("{tls}localhost.key.pem"),
    );
    let stranger = Server::start(&[&certificate, &key]).await;
    let Delivery::Retry { why, .. } = stranger.tell("smtp", "", false, &body).await else {
        panic!("a certificate that nobody vouches for");
    };
    assert!(why.to_lowercase().contains("certificate"), "{why}");
}
