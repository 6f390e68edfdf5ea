//! TLS: what a certificate must be, and sessions that are taken up again.

use std::{net::SocketAddr, sync::Arc};

use rustls::HandshakeKind;
use tokio::{io::AsyncWriteExt as _, sync::mpsc::unbounded_channel};

use super::{
    Asker, PATIENCE,
    certificates::{Authority, Identity},
    peer::{Peer, Server},
    word,
};
use crate::{
    probe::stream::{Target, check_endpoint},
    types::{Endpoint, Transport},
};

const NAME: &str = "dns.example.net";

fn endpoint(name: &str, authority: &Authority) -> Endpoint {
    Endpoint {
        server_name: name.to_owned(),
        path: "/dns-query".to_owned(),
        ca_file: Some(authority.file.path().to_owned()),
    }
}

fn target(address: SocketAddr, name: &str, authority: &Authority) -> Target {
    Target {
        address,
        transport: Transport::Tls,
        endpoint: Some(Arc::new(endpoint(name, authority))),
    }
}

/// One question to a server that shows `identity`, by somebody who trusts `authority` and expects `name`.
async fn check(
    identity: Identity,
    alpn: &[&[u8]],
    authority: &Authority,
    name: &str,
    expected: &str,
) {
    let server = Server::start_tls(identity.server(alpn), |mut peer: Peer| async move {
        peer.serve().await;
    })
    .await;
    let outcome = Asker::new(PATIENCE)
        .ask(&target(server.address, name, authority), "a.example.com")
        .await;
    assert_eq!(word(&outcome), expected, "{name} {alpn:?}");
}

#[tokio::test]
async fn a_certificate_must_be_valid_now_for_this_name_and_by_somebody_trusted() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let good = || ours.identity(NAME);
    check(good(), &[], &ours, NAME, "ok").await;
    check(good(), &[b"dot"], &ours, NAME, "ok").await;
    check(ours.identity("*.example.net"), &[], &ours, NAME, "ok").await;
    check(ours.identity("127.0.0.1"), &[], &ours, "127.0.0.1", "ok").await;
    check(good(), &[b"h2"], &ours, NAME, "TLS: no common protocol").await;
    check(
        good(),
        &[],
        &ours,
        "example.net",
        "TLS: certificate for another name",
    )
    .await;
    check(
        good(),
        &[],
        &ours,
        "127.0.0.1",
        "TLS: certificate for another name",
    )
    .await;
    check(good(), &[], &theirs, NAME, "TLS: unknown issuer").await;
    check(
        Identity::self_signed(NAME),
        &[],
        &ours,
        NAME,
        "TLS: unknown issuer",
    )
    .await;
    let expired = ours.identity_between(NAME, 2000, 2001);
    check(expired, &[], &ours, NAME, "TLS: certificate expired").await;
    let future = ours.identity_between(NAME, 3000, 3001);
    check(future, &[], &ours, NAME, "TLS: certificate not yet valid").await;
}

#[tokio::test]
async fn a_port_that_speaks_no_tls_is_a_failed_handshake() {
    let authority = Authority::new();
    for said in [&b"\0\x0c plain text\r\n"[..], b""] {
        let server = Server::start(move |mut peer: Peer| async move {
            let _ = peer.stream.write_all(said).await;
        })
        .await;
        let outcome = Asker::new(PATIENCE)
            .ask(&target(server.address, NAME, &authority), "a.example.com")
            .await;
        assert_eq!(word(&outcome), "TLS: handshake failed", "{said:?}");
    }
}

#[tokio::test]
async fn the_name_is_sent_an_address_is_not_and_a_session_is_taken_up_again() {
    let authority = Authority::new();
    for (name, sni) in [(NAME, Some(NAME)), ("127.0.0.1", None)] {
        let (report, mut reports) = unbounded_channel();
        let config = authority.identity(name).server(&[b"dot"]);
        // Each connection answers one question.
        let server = Server::start_tls(config, move |mut peer: Peer| {
            let report = report.clone();
            async move {
                let seen = (peer.handshake, peer.sni.clone(), peer.alpn.clone());
                report.send(seen).unwrap();
                let query = peer.query().await.unwrap();
                peer.say(&super::peer::reply(&query)).await;
                peer.stream.shutdown().await.unwrap();
            }
        })
        .await;
        let (mut asker, target) = (
            Asker::new(PATIENCE),
            target(server.address, name, &authority),
        );
        for (fresh, expected) in [
            (false, HandshakeKind::Full),
            (false, HandshakeKind::Resumed),
            (false, HandshakeKind::Resumed),
            (true, HandshakeKind::Full),
        ] {
            asker.send_as(&target, "a.example.com", fresh);
            assert_eq!(word(&asker.outcome().await), "ok", "{name}");
            let (handshake, seen, alpn) = reports.recv().await.unwrap();
            assert_eq!(handshake, Some(expected), "{name}");
            assert_eq!(seen.as_deref(), sni);
            assert_eq!(alpn.as_deref(), Some(&b"dot"[..]));
        }
    }
}

#[test]
fn what_is_wrong_with_an_endpoint_is_said_with_its_place_and_its_mend() {
    let authority = Authority::new();
    let good = endpoint(NAME, &authority);
    check_endpoint(&good).unwrap();
    let check = |endpoint: Endpoint, expected: &[&str]| {
        let error = check_endpoint(&endpoint).unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{error}");
        }
    };
    let named = |name: &str| endpoint(name, &authority);
    check(named("not a name"), &["\"not a name\"", "dns.example.net"]);
    check(named(""), &["\"\""]);
    let empty = Authority::new();
    let place = empty.file.path().display().to_string();
    let behind = || endpoint(NAME, &empty);
    std::fs::write(empty.file.path(), "no PEM at all").unwrap();
    check(behind(), &[&place, "no certificate", "PEM"]);
    std::fs::write(
        empty.file.path(),
        "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    check(behind(), &[&place, "cannot be used"]);
    std::fs::write(empty.file.path(), "-----BEGIN CERTIFICATE-----\n????").unwrap();
    check(behind(), &[&place, "cannot read"]);
    let missing = Endpoint {
        ca_file: Some("/nowhere/ca.pem".into()),
        ..good
    };
    check(missing, &["/nowhere/ca.pem", "cannot read", "ca_file"]);
}
