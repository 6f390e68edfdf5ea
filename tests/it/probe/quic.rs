//! Questions over QUIC and HTTP/3: hickory's server in this process where all is well, a scripted one where not.

mod server;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use dns_auditor::{
    probe::{Ask, Prober},
    types::{Endpoint, NoReply, Observation, Source, SourceKind, Status, TlsFailure, Transport},
};
use futures::future::join_all;
use rcgen::{CertificateParams, date_time_ymd};
use tempfile::TempDir;
use tokio::{net::UdpSocket, time::Instant};

use self::server::{Does, QuicServer};
use super::{prober, question, shown};
use crate::{
    dns::{DnsServer, Script, Zone},
    lab::{Certificate, CertificateAuthority, front::Front},
};

const NAME: &str = "dns.example.net";
const BOTH: [(Transport, &str); 2] = [(Transport::Quic, "doq"), (Transport::H3, "h3")];

/// Who is trusted.
struct Trust {
    authority: CertificateAuthority,
    _dir: TempDir,
}

impl Trust {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        Self {
            authority: CertificateAuthority::new(dir.path()).unwrap(),
            _dir: dir,
        }
    }

    fn certificate(&self) -> Certificate {
        self.authority.certify(NAME, [127, 0, 0, 1].into())
    }

    fn ask(&self, timeout: Duration) -> Ask {
        Ask {
            timeout,
            attempts: 1,
            endpoint: Some(Arc::new(Endpoint {
                server_name: NAME.to_owned(),
                path: "/dns-query".to_owned(),
                ca_file: Some(self.authority.file().to_owned()),
            })),
            ..Ask::default()
        }
    }

    fn patient(&self) -> Ask {
        self.ask(Duration::from_secs(20))
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

async fn one(prober: &Prober, server: SocketAddr, transport: Transport, ask: &Ask) -> Observation {
    let question = question("dialer1.example.com", "A");
    prober.ask(&source(server, transport), &question, ask).await
}

fn no_reply(seen: &Observation) -> Option<NoReply> {
    match seen.answer.status {
        Status::NoReply(why) => Some(why),
        _ => None,
    }
}

/// hickory before a scripted server; its address for each transport.
async fn hickory(
    script: Script,
    trust: &Trust,
) -> (DnsServer, Front, [(Transport, SocketAddr); 2]) {
    let behind = DnsServer::start(script).await;
    let quic = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let h3 = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addresses = [
        (Transport::Quic, quic.local_addr().unwrap()),
        (Transport::H3, h3.local_addr().unwrap()),
    ];
    let front = Front::over(behind.address(), quic, h3, &trust.certificate());
    (behind, front, addresses)
}

fn zone(extra: &str) -> Script {
    let text = format!("{}\n{extra}", super::EXAMPLE);
    Script::authority().zone(Zone::new("example.com", &text))
}

#[tokio::test]
async fn an_independent_server_answers_over_both() {
    let trust = Trust::new();
    let (_behind, _front, addresses) = hickory(zone(""), &trust).await;
    let prober = prober();
    for (transport, address) in addresses {
        let seen = one(&prober, address, transport, &trust.patient()).await;
        assert_eq!(
            shown(&seen),
            ["dialer1.example.com 192.0.2.1"],
            "{transport}"
        );
        assert_eq!(
            (seen.transport, seen.mismatched, seen.age),
            (transport, 0, 0)
        );
        assert!(seen.rtt > Duration::ZERO && seen.size > 0, "{seen:?}");
        let nobody = question("nobody.example.com", "A");
        let seen = prober
            .ask(&source(address, transport), &nobody, &trust.patient())
            .await;
        assert_eq!(shown(&seen), ["nobody.example.com NXDOMAIN"], "{transport}");
    }
}

#[tokio::test]
async fn an_answer_of_64_kibibytes_arrives_whole() {
    let text = "x".repeat(250);
    // hickory compresses nothing: 235 records fill the 65,535 octets that there are.
    let records = (0..235).fold(String::new(), |zone, n| {
        zone + &format!("big 60 TXT \"{n}-{text}\"\n")
    });
    let trust = Trust::new();
    let (_behind, _front, addresses) = hickory(zone(&records), &trust).await;
    let prober = prober();
    for (transport, address) in addresses {
        let big = question("big.example.com", "TXT");
        let seen = prober
            .ask(&source(address, transport), &big, &trust.patient())
            .await;
        assert!(seen.size > 64_000, "{transport}: {seen:?}");
        let records = seen.answer.links[0].value.records();
        assert_eq!(records.len(), 235, "{transport}");
    }
}

#[tokio::test]
async fn a_thousand_at_once_are_all_answered_over_few_connections() {
    let trust = Trust::new();
    for (transport, protocol) in BOTH {
        let server = QuicServer::start(protocol, &trust.certificate(), Does::Answer);
        let (prober, ask) = (prober(), trust.patient());
        let asked = (0..1000).map(|_| one(&prober, server.address(), transport, &ask));
        for seen in join_all(asked).await {
            assert_eq!(
                shown(&seen),
                ["dialer1.example.com 192.0.2.1"],
                "{transport}"
            );
        }
        assert_eq!(server.questions(), 1000, "{transport}");
        assert!(
            server.connections() <= 8,
            "{transport}: {}",
            server.connections()
        );
    }
}

#[tokio::test]
async fn a_server_that_ends_each_connection_after_a_hundred_answers_loses_none() {
    let trust = Trust::new();
    let (_behind, _front, addresses) = hickory(zone(""), &trust).await;
    let (prober, ask) = (prober(), trust.patient());
    // Another name each: the same would be asked one after another, with nothing under way when a connection ends.
    let questions: Vec<_> = (0..400)
        .map(|host| question(&format!("dialer{host}.example.com"), "A"))
        .collect();
    for (transport, address) in addresses {
        let source = source(address, transport);
        let asked = questions
            .iter()
            .map(|question| prober.ask(&source, question, &ask));
        let seen = join_all(asked).await;
        let lost: Vec<_> = seen.iter().filter_map(no_reply).collect();
        assert_eq!(lost, [], "{transport}");
    }
}

#[tokio::test]
async fn each_fault_of_a_certificate_is_told_as_what_it_is() {
    let trust = Trust::new();
    let stranger = Trust::new();
    let local = || CertificateParams::new([NAME.to_owned()]).unwrap();
    let mut expired = local();
    expired.not_after = date_time_ymd(2020, 1, 1);
    let mut early = local();
    early.not_before = date_time_ymd(4000, 1, 1);
    let other = CertificateParams::new(["other.example.net".to_owned()]).unwrap();
    let sign = |params| trust.authority.sign(&params);
    for (what, certificate, expected) in [
        ("expired", sign(expired), TlsFailure::Expired),
        ("not yet valid", sign(early), TlsFailure::NotYetValid),
        ("another name", sign(other), TlsFailure::WrongName),
        (
            "another authority",
            stranger.certificate(),
            TlsFailure::UnknownIssuer,
        ),
        (
            "self-signed",
            self_signed(&local()),
            TlsFailure::UnknownIssuer,
        ),
    ] {
        for (transport, protocol) in BOTH {
            let server = QuicServer::start(protocol, &certificate, Does::Answer);
            let seen = one(&prober(), server.address(), transport, &trust.patient()).await;
            assert_eq!(
                no_reply(&seen),
                Some(NoReply::Tls(expected)),
                "{what}, {transport}"
            );
            assert_eq!(server.questions(), 0, "{what}, {transport}");
        }
    }
}

fn self_signed(params: &CertificateParams) -> Certificate {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Certificate {
        pem: certificate.pem(),
        key: key.serialize_pem(),
    }
}

#[tokio::test]
async fn a_server_of_another_protocol_is_told_as_such() {
    let trust = Trust::new();
    for (transport, other) in [(Transport::Quic, "h3"), (Transport::H3, "doq")] {
        let server = QuicServer::start(other, &trust.certificate(), Does::Answer);
        let seen = one(&prober(), server.address(), transport, &trust.patient()).await;
        let expected = NoReply::Tls(TlsFailure::NoCommonProtocol);
        assert_eq!(no_reply(&seen), Some(expected), "{transport}");
    }
}

#[tokio::test]
async fn what_breaks_the_rules_is_no_answer() {
    let trust = Trust::new();
    for (does, over_quic, over_h3) in [
        (Does::WrongId, NoReply::Protocol, NoReply::Protocol),
        (
            Does::OtherQuestion,
            NoReply::WrongQuestion,
            NoReply::WrongQuestion,
        ),
        (Does::Nothing, NoReply::Protocol, NoReply::Protocol),
        (Does::Reset, NoReply::Protocol, NoReply::Protocol),
        (Does::Close, NoReply::Protocol, NoReply::Protocol),
    ] {
        for ((transport, protocol), expected) in BOTH.into_iter().zip([over_quic, over_h3]) {
            check(&trust, transport, protocol, does, expected).await;
        }
    }
    for does in [Does::TwoMessages, Does::Half] {
        check(&trust, Transport::Quic, "doq", does, NoReply::Protocol).await;
    }
    check(
        &trust,
        Transport::H3,
        "h3",
        Does::Endless,
        NoReply::Protocol,
    )
    .await;
    for status in [404, 503, 301] {
        let expected = NoReply::Http(status);
        check(&trust, Transport::H3, "h3", Does::Status(status), expected).await;
    }
}

async fn check(
    trust: &Trust,
    transport: Transport,
    protocol: &'static str,
    does: Does,
    expected: NoReply,
) {
    let server = QuicServer::start(protocol, &trust.certificate(), does);
    let start = Instant::now();
    let seen = one(&prober(), server.address(), transport, &trust.patient()).await;
    assert_eq!(no_reply(&seen), Some(expected), "{does:?} over {transport}");
    assert!(
        start.elapsed() < trust.patient().timeout,
        "{does:?} over {transport}"
    );
}

#[tokio::test]
async fn the_age_of_a_cached_answer_is_kept() {
    let trust = Trust::new();
    for (header, age) in [("17", 17), ("0", 0), ("soon", 0), ("99999999999", u32::MAX)] {
        let server = QuicServer::start("h3", &trust.certificate(), Does::Aged(header));
        let seen = one(&prober(), server.address(), Transport::H3, &trust.patient()).await;
        assert_eq!((no_reply(&seen), seen.age), (None, age), "{header}");
    }
}

#[tokio::test]
async fn silence_lasts_until_the_deadline_and_no_longer() {
    let trust = Trust::new();
    let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for (transport, protocol) in BOTH {
        let mute = QuicServer::start(protocol, &trust.certificate(), Does::Silence);
        for server in [mute.address(), nobody.local_addr().unwrap()] {
            let start = Instant::now();
            let seen = one(
                &prober(),
                server,
                transport,
                &trust.ask(Duration::from_millis(300)),
            )
            .await;
            assert_eq!(no_reply(&seen), Some(NoReply::Timeout), "{transport}");
            let took = start.elapsed();
            assert!(took >= Duration::from_millis(300), "{transport}: {took:?}");
            assert!(took < Duration::from_secs(3), "{transport}: {took:?}");
        }
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_at_once() {
    let trust = Trust::new();
    for (transport, protocol) in BOTH {
        let server = QuicServer::start(protocol, &trust.certificate(), Does::Answer);
        let address = server.address();
        server.kill().await;
        let start = Instant::now();
        let seen = one(&prober(), address, transport, &trust.patient()).await;
        assert_eq!(
            no_reply(&seen),
            Some(NoReply::PortUnreachable),
            "{transport}"
        );
        assert!(start.elapsed() < Duration::from_secs(5), "{transport}");
    }
}

#[tokio::test]
async fn a_server_that_goes_in_mid_flight_is_told_before_the_deadline() {
    let trust = Trust::new();
    for (transport, protocol) in BOTH {
        let server = QuicServer::start(protocol, &trust.certificate(), Does::Answer);
        let (address, prober, ask) = (server.address(), prober(), trust.patient());
        let seen = one(&prober, address, transport, &ask).await;
        assert_eq!(no_reply(&seen), None, "{transport}");
        server.kill().await;
        let start = Instant::now();
        let seen = one(&prober, address, transport, &ask).await;
        assert_eq!(
            no_reply(&seen),
            Some(NoReply::PortUnreachable),
            "{transport}"
        );
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{transport}: {:?}",
            start.elapsed()
        );
    }
}

#[tokio::test]
async fn a_connection_to_a_server_that_was_restarted_is_replaced_within_the_deadline() {
    let trust = Trust::new();
    for (transport, protocol) in BOTH {
        let certificate = trust.certificate();
        let server = QuicServer::start(protocol, &certificate, Does::Answer);
        let (address, prober, ask) = (server.address(), prober(), trust.patient());
        let seen = one(&prober, address, transport, &ask).await;
        assert_eq!(no_reply(&seen), None, "{transport}");
        server.kill().await;
        let server = QuicServer::start_at(address, protocol, &certificate, Does::Answer);
        let start = Instant::now();
        let seen = one(&prober, address, transport, &ask).await;
        assert_eq!(no_reply(&seen), None, "{transport}");
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{transport}: {:?}",
            start.elapsed()
        );
        assert_eq!(server.questions(), 1, "{transport}");
    }
}

#[tokio::test]
async fn fresh_questions_have_a_connection_each_and_others_share_one() {
    let trust = Trust::new();
    for (transport, protocol) in BOTH {
        let server = QuicServer::start(protocol, &trust.certificate(), Does::Answer);
        let prober = prober();
        for (fresh, connections) in [(false, 1), (false, 1), (true, 2), (true, 3), (false, 3)] {
            let ask = Ask {
                fresh,
                ..trust.patient()
            };
            let seen = one(&prober, server.address(), transport, &ask).await;
            assert_eq!(no_reply(&seen), None, "{transport}");
            assert_eq!(server.connections(), connections, "{transport}");
        }
    }
}
