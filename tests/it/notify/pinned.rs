//! A receiver's host and what its resolvers say of it: a real resolver that is right, is down, and lies.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use chrono::Utc;
use dns_auditor::{
    config::{Channel, Receiver},
    notify::{Delivery, Notifier, resolve::WebhookResolver},
    types::Severity,
};
use hickory_proto::rr::RecordType;
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    dns::free_port,
    lab::{dig, process::Server},
    sink::{Sink, webhook},
};

pub(super) const HOST: &str = "hooks.example.test";

/// An unbound that knows one name.
pub(super) struct Unbound {
    directory: TempDir,
    pub(super) address: SocketAddr,
    server: Server,
}

impl Unbound {
    /// One that answers, by its own word for the name.
    pub(super) async fn start(says: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = (Ipv4Addr::LOCALHOST, free_port(&["127.0.0.1"]).await).into();
        let file = directory.path().join("unbound.conf");
        let server = Server::new(
            "unbound",
            directory.path(),
            "unbound",
            vec!["-d".into(), "-c".into(), file.into()],
        )
        .out_of_confinement();
        let mut unbound = Self {
            directory,
            address,
            server,
        };
        unbound.say(says).await;
        unbound
    }

    /// From now on the name has this address.
    pub(super) async fn say(&mut self, address: &str) {
        self.stop();
        let at = self.address;
        let text = format!(
            "server:\n  interface: {}\n  port: {}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  directory: \"{}\"\n  \
             pidfile: \"\"\n  use-syslog: no\n  module-config: \"iterator\"\n  local-zone: \"example.test.\" static\n  \
             local-data: \"{HOST}. 0 IN A {address}\"\n",
            at.ip(),
            at.port(),
            self.directory.path().display()
        );
        fs::write(self.directory.path().join("unbound.conf"), text).unwrap();
        self.server.start();
        let answers = async || {
            dig::ask(at, &format!("{HOST}."), RecordType::A)
                .await
                .is_ok()
        };
        self.server.until("answered", answers).await;
    }

    fn stop(&mut self) {
        self.server.stop();
    }
}

/// A notifier as it is after a start: it asks this resolver, and remembers what stands in the file.
pub(super) fn notifier(resolver: SocketAddr, file: &Path) -> Notifier {
    let resolver = WebhookResolver::asking(&[resolver]).remembering_in(file.to_owned());
    Notifier::over(Duration::from_secs(10), resolver)
}

async fn deliver(notifier: &Notifier, sink: &Sink) -> Delivery {
    let port = url::Url::parse(&sink.url()).unwrap().port().unwrap();
    deliver_to(notifier, &format!("http://{HOST}:{port}/hook")).await
}

/// One attempt at a webhook, which may lead to loopback.
pub(super) async fn deliver_to(notifier: &Notifier, url: &str) -> Delivery {
    let channel = Channel {
        route: dns_auditor::config::Route::default(),
        id: "hook".to_owned(),
        receiver: Receiver::Webhook(webhook(url)),
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        min_severity: Severity::Warning,
        fallback: None,
    };
    notifier
        .deliver(&channel, Uuid::nil(), &json!({}), Utc::now())
        .await
}

pub(super) fn said(delivery: Delivery) -> (bool, String) {
    match delivery {
        Delivery::Delivered { answer } => (true, answer),
        Delivery::Retry { why, .. } | Delivery::Dead { why } | Delivery::Gone { why } => {
            (false, why)
        }
    }
}

#[tokio::test]
async fn a_resolver_that_is_down_is_stood_in_for_after_a_restart_too_and_the_log_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("data/receivers.json");
    let mut resolver = Unbound::start("127.0.0.1").await;
    let first = notifier(resolver.address, &file);
    let sink = Sink::start([]).await;
    let outcome = said(deliver(&first, &sink).await);
    assert_eq!(outcome, (true, "HTTP 200".to_owned()));

    resolver.stop();
    // Another port: no connection is left over.
    for (of, sink) in [
        (first, Sink::start([]).await),
        (notifier(resolver.address, &file), Sink::start([]).await),
    ] {
        let (delivered, answer) = said(deliver(&of, &sink).await);
        assert!(delivered, "{answer}");
        let remark = "HTTP 200; sent to the address of ";
        assert!(answer.starts_with(remark), "{answer}");
        assert!(
            answer.contains("`hooks.example.test` cannot be resolved"),
            "{answer}"
        );
        assert_eq!(sink.received().len(), 1);
    }
    let nothing_known = notifier(resolver.address, &directory.path().join("other.json"));
    let (delivered, why) = said(deliver(&nothing_known, &sink).await);
    assert!(!delivered && why.contains("cannot be resolved"), "{why}");
}

#[tokio::test]
async fn a_resolver_that_lies_is_refused_whatever_was_good_before() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("receivers.json");
    let mut resolver = Unbound::start("127.0.0.1").await;
    let notifier = notifier(resolver.address, &file);
    let sink = Sink::start([]).await;
    assert!(said(deliver(&notifier, &sink).await).0);
    for lie in [
        "10.0.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "224.0.0.1",
        "0.0.0.0",
    ] {
        resolver.say(lie).await;
        let sink = Sink::start([]).await;
        let (delivered, why) = said(deliver(&notifier, &sink).await);
        let refused = format!("resolves to {lie}, which is not a public address");
        assert!(!delivered && why.contains(&refused), "{lie}: {why}");
        assert!(sink.received().is_empty(), "{lie}");
    }
    resolver.say("127.0.0.1").await;
    let sink = Sink::start([]).await;
    assert_eq!(
        said(deliver(&notifier, &sink).await),
        (true, "HTTP 200".to_owned())
    );
}
