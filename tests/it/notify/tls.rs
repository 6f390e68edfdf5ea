//! HTTPS: the system's certificate authorities are trusted, and nobody else.
//!
//! Which authorities the system has is read from the environment when a process starts (`SSL_CERT_FILE`), and a test
//! may not change its own environment: the test runs itself again as a child. The certificates beside this file are for
//! these tests only.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dns_auditor::{
    config::{Channel, Receiver},
    notify::{Delivery, Notifier},
    types::Severity,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use super::fixtures::delivered;
use crate::sink::webhook;

const AUTHORITY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/notify/tls/authority.pem"
);
const SERVER: &[u8] = include_bytes!("tls/localhost.pem");
const KEY: &[u8] = include_bytes!("tls/localhost.key.pem");
/// Set in the child.
const CHILD: &str = "DNS_AUDITOR_TEST_CHILD";

/// An HTTPS receiver on `localhost` that says 200 to everything; its port.
async fn receiver() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    serve(listener, SERVER, KEY);
    port
}

/// Says 200 to everything with this certificate, a connection each; how often it did.
pub(super) fn serve(listener: TcpListener, certificate: &[u8], key: &[u8]) -> Arc<AtomicUsize> {
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(
        vec![CertificateDer::from_pem_slice(certificate).unwrap()],
        PrivateKeyDer::from_pem_slice(key).unwrap(),
    )
    .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let answered = Arc::new(AtomicUsize::new(0));
    let count = answered.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust us breaks off here.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            count.fetch_add(1, Ordering::Relaxed);
            let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(reply).await;
            let _ = stream.shutdown().await;
        }
    });
    answered
}

async fn deliver(url: String) -> Delivery {
    let channel = Channel {
        id: "hook".to_owned(),
        receiver: Receiver::Webhook(webhook(&url)),
        allow: Vec::new(),
        min_severity: Severity::Warning,
        route: dns_auditor::config::Route::default(),
        fallback: None,
    };
    Notifier::new(Duration::from_secs(10))
        .deliver(&channel, Uuid::nil(), &json!({}), chrono::Utc::now())
        .await
}

/// Runs the test of this name in a process that trusts exactly the authorities of `file`.
pub(super) fn in_a_process_that_trusts(file: &str, test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", test])
        .env(CHILD, "1")
        .env("SSL_CERT_FILE", file)
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{complained}"
    );
}

pub(super) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

#[tokio::test]
async fn a_receiver_vouched_for_by_the_system_is_trusted() {
    if is_child() {
        let url = format!("https://localhost:{}/hook", receiver().await);
        assert_eq!(deliver(url).await, delivered());
    } else {
        in_a_process_that_trusts(
            AUTHORITY,
            "notify::tls::a_receiver_vouched_for_by_the_system_is_trusted",
        );
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    if is_child() {
        let url = format!("https://127.0.0.1:{}/hook", receiver().await);
        let outcome = deliver(url).await;
        assert!(
            matches!(&outcome, Delivery::Retry { why, .. } if why.contains("certificate")),
            "{outcome:?}"
        );
    } else {
        in_a_process_that_trusts(
            AUTHORITY,
            "notify::tls::a_certificate_for_another_name_is_refused",
        );
    }
}

#[tokio::test]
async fn without_any_authority_https_is_refused_and_plain_http_to_loopback_still_works() {
    if is_child() {
        let url = format!("https://localhost:{}/hook", receiver().await);
        let outcome = deliver(url).await;
        assert!(
            matches!(&outcome, Delivery::Retry { why, .. } if why.contains("certificate")),
            "{outcome:?}"
        );
        let sink = crate::sink::Sink::start([]).await;
        assert_eq!(deliver(sink.url()).await, delivered());
    } else {
        in_a_process_that_trusts(
            "/nonexistent/no-authorities.pem",
            "notify::tls::without_any_authority_https_is_refused_and_plain_http_to_loopback_still_works",
        );
    }
}
