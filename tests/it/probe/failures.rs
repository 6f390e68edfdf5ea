//! What comes back when nothing does, or not what was asked for.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use dns_auditor::{
    probe::Ask,
    types::{NoReply, SourceKind, Status, Transport},
};

use super::{ask, authority_with, example, patient, prober, question, shown, source};
use crate::dns::{Fault, closed_address};

#[tokio::test]
async fn silence_costs_every_attempt_and_the_documented_time() {
    let (server, source) = authority_with(example().with(Fault::Silent)).await;
    let start = Instant::now();
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &ask())
        .await;
    assert!(
        start.elapsed() >= ask().timeout * 4,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(seen.answer.status, Status::NoReply(NoReply::Timeout));
    assert_eq!((seen.attempts, seen.transport), (3, Transport::Tcp));
    assert_eq!(
        (seen.rtt, seen.size, &seen.ttls[..]),
        (Duration::ZERO, 0, &[][..])
    );
    let over_tcp: Vec<_> = server.received().iter().map(|query| query.tcp).collect();
    assert_eq!(over_tcp, [false, false, true]);
}

#[tokio::test]
async fn each_attempt_has_its_own_port_and_id() {
    let (server, source) = authority_with(example()).await;
    server.edit(|script| script.fault(Fault::Silent.over_udp()));
    let ask = Ask {
        timeout: Duration::from_millis(50),
        attempts: 5,
        ..ask()
    };
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &ask)
        .await;
    assert_eq!((seen.attempts, seen.transport), (6, Transport::Tcp));
    let received = server.received();
    let ports: HashSet<_> = received.iter().map(|query| query.peer.port()).collect();
    let ids: HashSet<_> = received.iter().map(|query| query.message.id).collect();
    assert_eq!(ports.len(), 6);
    assert!(ids.len() >= 5, "{ids:?}");
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let (server, source) = authority_with(example()).await;
    server.edit(|script| script.fault(Fault::Silent.first(1)));
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &ask())
        .await;
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!((seen.attempts, seen.transport), (2, Transport::Udp));
    assert!(
        seen.rtt < ask().timeout,
        "the time is that of the second attempt"
    );
}

#[tokio::test]
async fn udp_silence_is_no_silence_while_tcp_answers() {
    let (server, source) = authority_with(example()).await;
    server.edit(|script| script.fault(Fault::Silent.over_udp()));
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &ask())
        .await;
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!((seen.attempts, seen.transport), (3, Transport::Tcp));
}

#[tokio::test]
async fn a_late_reply_to_the_first_attempt_counts_with_its_own_time() {
    let (server, source) = authority_with(example()).await;
    // Every later query goes unanswered: only the first one's late reply can come.
    let only_first = std::sync::Arc::new(
        |query: &crate::dns::Query, message: hickory_proto::op::Message| {
            if query.nth == 0 {
                vec![crate::dns::Reply {
                    delay: Duration::from_millis(300),
                    ..crate::dns::Reply::message(&message)
                }]
            } else {
                Vec::new()
            }
        },
    );
    server.edit(|script| script.fault(Fault::Custom(only_first)));
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &ask())
        .await;
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!((seen.attempts, seen.transport), (2, Transport::Udp));
    assert!(seen.rtt >= Duration::from_millis(300), "{:?}", seen.rtt);
}

#[tokio::test]
async fn a_udp_reply_that_comes_during_tcp_counts_too() {
    let (server, source) = authority_with(example()).await;
    server.edit(|script| {
        script.fault(Fault::Silent.over_tcp());
        script.fault(Fault::Delay(Duration::from_millis(500)).over_udp());
    });
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &ask())
        .await;
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!((seen.attempts, seen.transport), (3, Transport::Udp));
}

#[tokio::test]
async fn replies_that_do_not_fit_are_counted_and_waiting_goes_on() {
    for fault in [Fault::WrongId, Fault::WrongQuestion, Fault::Garbage] {
        let (server, source) = authority_with(example()).await;
        server.edit(|script| script.fault(fault.clone().over_udp()));
        let seen = prober()
            .ask(&source, &question("dialer1.example.com", "A"), &ask())
            .await;
        assert_eq!(
            shown(&seen),
            ["dialer1.example.com 192.0.2.1"],
            "TCP answers well"
        );
        assert_eq!((seen.mismatched, seen.transport), (2, Transport::Tcp));
    }
    let (_server, source) = authority_with(example().with(Fault::NoiseFirst)).await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let source = dns_auditor::types::Source {
            transport,
            ..source.clone()
        };
        let seen = prober()
            .ask(&source, &question("dialer1.example.com", "A"), &patient())
            .await;
        assert!(seen.answer.is_data());
        assert_eq!((seen.attempts, seen.transport), (1, transport));
        // Each datagram is sent by a task of its own, so that over UDP the noise may come second.
        assert!(seen.mismatched <= 1 && (transport == Transport::Udp || seen.mismatched == 1));
    }
}

#[tokio::test]
async fn a_closed_port_is_known_by_icmp_at_once() {
    let source = source(SourceKind::Resolver, closed_address().await);
    let start = Instant::now();
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &patient())
        .await;
    assert!(
        start.elapsed() < patient().timeout,
        "no attempt was waited out"
    );
    assert_eq!(
        seen.answer.status,
        Status::NoReply(NoReply::PortUnreachable)
    );
    assert_eq!((seen.attempts, seen.transport), (3, Transport::Tcp));
}

#[tokio::test]
async fn a_closed_tcp_port_after_udp_silence_is_refused() {
    let silent = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let source = source(SourceKind::Resolver, silent.local_addr().unwrap());
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &ask())
        .await;
    assert_eq!(seen.answer.status, Status::NoReply(NoReply::Refused));
    assert_eq!(seen.attempts, 3);
}

#[tokio::test]
async fn a_tcp_peer_that_hangs_up_gives_no_reply_without_waiting() {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let mut source = source(SourceKind::Resolver, listener.local_addr().unwrap());
    source.transport = Transport::Tcp;
    let hang_up = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The query is read first: closing with unread data would be a reset.
        let mut query = [0; 512];
        tokio::io::AsyncReadExt::read(&mut stream, &mut query)
            .await
            .unwrap();
    });
    let start = Instant::now();
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &patient())
        .await;
    hang_up.await.unwrap();
    assert!(start.elapsed() < patient().timeout);
    assert_eq!(seen.answer.status, Status::NoReply(NoReply::Protocol));
}

#[tokio::test]
async fn an_address_no_packet_can_leave_for_is_no_route() {
    // Class E and an unusable scope: refused by the kernel itself, whatever the machine's routes are.
    for address in ["255.255.255.255:53", "[fe80::1]:53"] {
        let address: SocketAddr = address.parse().unwrap();
        let source = source(SourceKind::Resolver, address);
        let seen = prober()
            .ask(&source, &question("dialer1.example.com", "A"), &ask())
            .await;
        assert_eq!(
            seen.answer.status,
            Status::NoReply(NoReply::NoRoute),
            "{address}"
        );
    }
}

#[tokio::test]
async fn no_answer_is_ever_served_from_memory() {
    let (server, source) = authority_with(example()).await;
    let prober = prober();
    let asked = question("dialer1.example.com", "A");
    let ask = patient();
    let all = (0..20).map(|_| prober.ask(&source, &asked, &ask));
    let all = futures::future::join_all(all).await;
    assert!(all.iter().all(|seen| seen.answer.is_data()));
    let ports: HashSet<_> = server
        .received()
        .iter()
        .map(|query| query.peer.port())
        .collect();
    assert_eq!(server.received().len(), 20);
    // One after another, so that chance may give a port twice.
    assert!(ports.len() > 15, "{ports:?}");
}
