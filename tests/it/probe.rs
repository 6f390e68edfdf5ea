//! The probe against scripted servers: real packets over the loopback network.

mod answers;
mod batch;
mod cookies;
mod delegation;
mod echo;
mod failures;
mod load;
mod malformed;
mod quic;
mod sharing;
mod streams;
mod transports;

use std::{net::SocketAddr, time::Duration};

use dns_auditor::{
    probe::{Ask, Limits, Prober},
    types::{Observation, Question, Source, SourceKind, Transport},
};

use crate::dns::{DnsServer, Script, Zone};

/// A zone with one of everything.
const EXAMPLE: &str = "
    @       3600 SOA   ns1.example.com. host.example.com. 7 7200 900 1209600 300
    @       3600 NS    ns1.example.com.
    ns1     3600 A     127.0.0.1
    dialer1 300  A     192.0.2.1
    pool    60   A     192.0.2.20
    pool    60   A     192.0.2.3
    web     120  CNAME dialer1.example.com.
    away    120  CNAME lb.example.net.
";

fn example() -> Script {
    Script::authority().zone(Zone::new("example.com", EXAMPLE))
}

async fn authority_with(script: Script) -> (DnsServer, Source) {
    let server = DnsServer::start(script).await;
    let source = source(SourceKind::Authority, server.address());
    (server, source)
}

fn source(kind: SourceKind, address: SocketAddr) -> Source {
    Source {
        kind,
        id: "under-test".into(),
        address,
        transport: Transport::Udp,
    }
}

fn question(name: &str, rtype: &str) -> Question {
    Question {
        name: name.parse().unwrap(),
        rtype: rtype.parse().unwrap(),
    }
}

fn prober() -> Prober {
    Prober::new(Limits::default()).unwrap()
}

/// Impatient, for tests in which waiting is part of what is tested.
fn ask() -> Ask {
    Ask {
        timeout: Duration::from_millis(200),
        ..Ask::default()
    }
}

/// Patient, for tests in which every reply comes at once and a slow machine must not matter.
fn patient() -> Ask {
    Ask {
        timeout: Duration::from_secs(10),
        ..Ask::default()
    }
}

/// `Ok` links as `owner value`, else the answer as it is shown.
fn shown(observation: &Observation) -> Vec<String> {
    let links = &observation.answer.links;
    if links.is_empty() {
        return vec![observation.answer.to_string()];
    }
    links
        .iter()
        .map(|link| format!("{} {}", link.owner, link.value))
        .collect()
}
