//! Questions over TCP, TLS and HTTPS to two real servers: unbound, and dnsdist before a scripted server.

mod servers;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use dns_auditor::{
    probe::{Ask, Prober},
    types::{Endpoint, NoReply, Observation, Source, SourceKind, Status, TlsFailure, Transport},
};
use futures::future::join_all;

use self::servers::{NAME, RealServer};
use super::{prober, question, shown};

/// An ask that expects `name` of a server whom the file's authority vouches for.
fn ask(server: &RealServer, name: &str) -> Ask {
    Ask {
        timeout: Duration::from_secs(20),
        attempts: 1,
        endpoint: Some(Arc::new(Endpoint {
            server_name: name.to_owned(),
            path: "/dns-query".to_owned(),
            ca_file: Some(server.ca_file().to_owned()),
        })),
        ..Ask::default()
    }
}

fn source(address: SocketAddr, transport: Transport) -> Source {
    Source {
        kind: SourceKind::Resolver,
        id: "under-test".into(),
        address,
        transport,
    }
}

async fn one(prober: &Prober, source: &Source, ask: &Ask, name: &str, rtype: &str) -> Observation {
    prober.ask(source, &question(name, rtype), ask).await
}

async fn check(server: &RealServer) {
    let prober = prober();
    let usual = ask(server, NAME);
    for (transport, address) in server.addresses() {
        let source = source(address, transport);
        let seen = one(&prober, &source, &usual, "dialer1.example.com", "A").await;
        assert_eq!(
            shown(&seen),
            ["dialer1.example.com 192.0.2.1"],
            "{transport}"
        );
        assert_eq!((seen.transport, seen.attempts), (transport, 1));
        assert!(seen.rtt > Duration::ZERO && seen.rtt < usual.timeout);
        let none = one(&prober, &source, &usual, "nobody.example.com", "A").await;
        assert_eq!(shown(&none), ["nobody.example.com NXDOMAIN"], "{transport}");

        let long = one(&prober, &source, &usual, "long.example.com", "TXT").await;
        assert!(long.size > 40_000, "{transport}: {}", long.size);

        // More than one connection carries, so that some wait.
        let questions = (0..500).map(|_| one(&prober, &source, &usual, "dialer1.example.com", "A"));
        for seen in join_all(questions).await {
            assert_eq!(
                shown(&seen),
                ["dialer1.example.com 192.0.2.1"],
                "{transport}"
            );
        }
        let fresh = Ask {
            fresh: true,
            ..usual.clone()
        };
        let seen = one(&prober, &source, &fresh, "dialer1.example.com", "A").await;
        assert_eq!(
            shown(&seen),
            ["dialer1.example.com 192.0.2.1"],
            "{transport}"
        );
    }
}

#[tokio::test]
async fn unbound_answers_over_every_stream() {
    check(&RealServer::unbound().await).await;
}

#[tokio::test]
async fn dnsdist_answers_over_every_stream() {
    check(&RealServer::dnsdist().await).await;
}

#[tokio::test]
async fn a_real_server_under_another_name_is_refused_and_under_its_address_is_not() {
    let (server, prober) = (RealServer::unbound().await, prober());
    for (transport, address) in server.addresses() {
        if transport == Transport::Tcp {
            continue;
        }
        let source = source(address, transport);
        let wrong = ask(&server, "other.example.net");
        let seen = one(&prober, &source, &wrong, "dialer1.example.com", "A").await;
        let expected = Status::NoReply(NoReply::Tls(TlsFailure::WrongName));
        assert_eq!(seen.answer.status, expected, "{transport}");
        let address = ask(&server, "127.0.0.1");
        let seen = one(&prober, &source, &address, "dialer1.example.com", "A").await;
        assert_eq!(
            shown(&seen),
            ["dialer1.example.com 192.0.2.1"],
            "{transport}"
        );
    }
}

#[tokio::test]
async fn a_server_that_was_restarted_is_asked_over_a_new_connection_at_once() {
    let (mut server, prober) = (RealServer::unbound().await, prober());
    let usual = ask(&server, NAME);
    let sources: Vec<_> = server
        .addresses()
        .into_iter()
        .map(|(transport, address)| source(address, transport))
        .collect();
    for restarts in 0..2 {
        for source in &sources {
            let seen = one(&prober, source, &usual, "dialer1.example.com", "A").await;
            let expected = ["dialer1.example.com 192.0.2.1"];
            assert_eq!(shown(&seen), expected, "{source} {restarts}");
        }
        server.restart().await;
    }
}
