//! Over TLS, an address that is not where the receiver is does no harm: where nothing listens, or somebody without its
//! certificate, the address where it last showed it stands in.
//!
//! Each test runs itself again as a child that trusts the authority it has made, as in [`super::tls`].

use std::{net::Ipv4Addr, path::PathBuf, sync::atomic::Ordering};

use tokio::net::TcpListener;

use super::{
    pinned::{HOST, Unbound, deliver_to, notifier, said},
    tls::{in_a_process_that_trusts, is_child, serve},
};
use crate::lab::certificates::CertificateAuthority;

/// Where the child finds the receiver's certificate and key: beside the authority that it trusts.
fn directory() -> PathBuf {
    let authority = PathBuf::from(std::env::var_os("SSL_CERT_FILE").unwrap());
    authority.parent().unwrap().to_owned()
}

/// Makes an authority and a certificate of the receiver, and runs the test as a child that trusts it.
fn in_a_child(test: &str) {
    let directory = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::new(directory.path()).unwrap();
    let certificate = authority.certify(HOST, Ipv4Addr::LOCALHOST.into());
    certificate.write(directory.path()).unwrap();
    let test = format!("notify::tls_pinned::{test}");
    in_a_process_that_trusts(authority.file().to_str().unwrap(), &test);
}

/// What the host's certificate and key are; both PEM.
fn identity() -> [Vec<u8>; 2] {
    ["certificate.pem", "key.pem"].map(|file| std::fs::read(directory().join(file)).unwrap())
}

const STANDS_IN: &str = "it cannot be connected to where its name leads now";

#[tokio::test]
async fn where_nothing_listens_the_pinned_address_stands_in_after_a_restart_too() {
    if !is_child() {
        return in_a_child(
            "where_nothing_listens_the_pinned_address_stands_in_after_a_restart_too",
        );
    }
    let [certificate, key] = identity();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://{HOST}:{}/hook",
        listener.local_addr().unwrap().port()
    );
    let served = serve(listener, &certificate, &key);
    let kept = directory().join("pins.json");
    let mut resolver = Unbound::start("127.0.0.1").await;
    let first = notifier(resolver.address, &kept);
    assert_eq!(
        said(deliver_to(&first, &url).await),
        (true, "HTTP 200".to_owned())
    );

    resolver.say("127.0.0.2").await;
    for notifier in [first, notifier(resolver.address, &kept)] {
        let (delivered, why) = said(deliver_to(&notifier, &url).await);
        assert!(!delivered, "{why}");
        let (delivered, answer) = said(deliver_to(&notifier, &url).await);
        assert!(delivered && answer.contains(STANDS_IN), "{answer}");
    }
    assert_eq!(served.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn who_listens_there_without_the_certificate_is_told_nothing_and_the_pinned_address_stands_in()
 {
    if !is_child() {
        return in_a_child(
            "who_listens_there_without_the_certificate_is_told_nothing_and_the_pinned_address_stands_in",
        );
    }
    let [certificate, key] = identity();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = serve(listener, &certificate, &key);
    let other = tempfile::tempdir().unwrap();
    let liar = CertificateAuthority::new(other.path()).unwrap();
    let liar = liar.certify(HOST, Ipv4Addr::new(127, 0, 0, 2).into());
    let at_liar = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let told_liar = serve(at_liar, liar.pem.as_bytes(), liar.key.as_bytes());

    let mut resolver = Unbound::start("127.0.0.1").await;
    let notifier = notifier(resolver.address, &directory().join("pins.json"));
    let url = format!("https://{HOST}:{port}/hook");
    assert!(said(deliver_to(&notifier, &url).await).0);
    resolver.say("127.0.0.2").await;
    let (delivered, why) = said(deliver_to(&notifier, &url).await);
    assert!(!delivered && why.contains("certificate"), "{why}");
    let (delivered, answer) = said(deliver_to(&notifier, &url).await);
    assert!(delivered && answer.contains(STANDS_IN), "{answer}");
    assert_eq!(told_liar.load(Ordering::Relaxed), 0);
    assert_eq!(served.load(Ordering::Relaxed), 2);
}
