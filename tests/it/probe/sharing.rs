//! Sockets: own ones and shared ones, their ports and ids, and what the network reports of one datagram among several.

use std::{collections::HashSet, net::SocketAddr, sync::Arc, time::Instant};

use dns_auditor::{
    probe::{Ask, Batch, Limits, Prober},
    types::{NoReply, Source, SourceKind, Status, Transport},
};
use tokio::net::UdpSocket;

use super::{echo::Echo, patient, prober, question, source};

fn name(nth: usize) -> String {
    format!("dialer{nth}.example.com")
}

async fn push(batch: &mut Batch, source: &Source, nth: usize, ask: &Arc<Ask>) {
    let question = question(&name(nth), "A");
    batch.push(source.clone(), question, Arc::clone(ask)).await;
}

/// The name of a query in which every label is plain.
fn asked(query: &[u8]) -> String {
    let (mut at, mut labels) = (12, Vec::new());
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8(query[at + 1..end].to_vec()).unwrap());
        at = end;
    }
    labels.join(".")
}

/// A query as its own answer: NOERROR, and nothing in it.
fn answered(mut query: Vec<u8>) -> Vec<u8> {
    query[2] |= 0x80;
    query
}

async fn take(server: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut query = [0; 512];
    let (octets, peer) = server.recv_from(&mut query).await.unwrap();
    (query[..octets].to_vec(), peer)
}

#[tokio::test]
async fn the_same_question_to_the_same_address_waits_for_the_first() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let source = source(SourceKind::Resolver, server.local_addr().unwrap());
    let mut batch = prober().batch();
    let ask = Arc::new(patient());
    for nth in [1, 1, 2] {
        push(&mut batch, &source, nth, &ask).await;
    }
    let (first, second) = (take(&server).await, take(&server).await);
    assert_eq!([asked(&first.0), asked(&second.0)], [name(1), name(2)]);
    server.send_to(&answered(first.0), first.1).await.unwrap();
    assert!(batch.next().await.unwrap().answer.is_reply());
    let third = take(&server).await;
    assert_eq!(asked(&third.0), name(1));
    assert_ne!(third.1, first.1, "and has a port of its own");
    for (query, peer) in [second, third] {
        server.send_to(&answered(query), peer).await.unwrap();
        assert!(batch.next().await.unwrap().answer.is_reply());
    }
    assert!(batch.next().await.is_none());
}

#[tokio::test]
async fn icmp_ends_the_question_it_was_made_for_and_no_other_on_the_same_socket() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let source = source(SourceKind::Resolver, address);
    let mut batch = prober().batch();
    let ask = Arc::new(patient());
    let mut queries = Vec::new();
    for nth in 0..12 {
        push(&mut batch, &source, nth, &ask).await;
        queries.push(take(&server).await);
    }
    assert_eq!(queries[10].1, queries[11].1, "many share a socket");
    drop(server);
    let start = Instant::now();
    push(&mut batch, &source, 12, &ask).await;
    let unheard = batch.next().await.unwrap();
    assert_eq!(unheard.question.name.as_str(), name(12));
    assert_eq!(
        unheard.answer.status,
        Status::NoReply(NoReply::PortUnreachable)
    );
    assert!(start.elapsed() < ask.timeout, "at once");
    let server = UdpSocket::bind(address).await.unwrap();
    for (query, peer) in queries {
        server.send_to(&answered(query), peer).await.unwrap();
    }
    for _ in 0..12 {
        let seen = batch.next().await.unwrap();
        assert!(seen.answer.is_reply(), "{}: {}", seen.question, seen.answer);
        assert_eq!((seen.attempts, seen.transport), (1, Transport::Udp));
    }
}

#[tokio::test]
async fn shared_sockets_do_not_last_and_ids_spread_over_their_space() {
    let server = Echo::start("127.0.0.1:0");
    let source = source(SourceKind::Resolver, server.address());
    let mut batch = prober().batch();
    let ask = Arc::new(patient());
    for nth in 0..4000 {
        push(&mut batch, &source, nth, &ask).await;
    }
    while let Some(seen) = batch.next().await {
        assert!(seen.answer.is_reply());
    }
    let heard = server.heard();
    let ports: HashSet<_> = heard.iter().map(|(peer, _)| peer.port()).collect();
    assert!(ports.len() >= 8 + 4, "{} ports", ports.len());
    let ids: HashSet<_> = heard.iter().map(|(_, id)| id >> 10).collect();
    assert_eq!(ids.len(), 64, "every sixty-fourth of the ids was drawn");
}

#[tokio::test]
async fn fresh_means_a_port_of_its_own_among_a_thousand() {
    let server = Echo::start("127.0.0.1:0");
    let source = source(SourceKind::Resolver, server.address());
    let prober = Prober::new(Limits::default()).unwrap();
    let mut batch = prober.batch();
    let ask = Arc::new(Ask {
        fresh: true,
        ..patient()
    });
    for nth in 0..1000 {
        push(&mut batch, &source, nth, &ask).await;
    }
    while batch.next().await.is_some() {}
    // The kernel may draw a port again once it is free.
    let ports: HashSet<_> = server.heard().iter().map(|(peer, _)| peer.port()).collect();
    assert!(ports.len() > 900, "{} ports", ports.len());
}

#[tokio::test]
async fn a_guess_is_counted_for_who_waits_on_its_port_and_told_in_the_counters() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let source = source(SourceKind::Resolver, server.local_addr().unwrap());
    let prober = prober();
    let mut batch = prober.batch();
    let ask = Arc::new(patient());
    let mut queries = Vec::new();
    for nth in 0..10 {
        push(&mut batch, &source, nth, &ask).await;
        queries.push(take(&server).await);
    }
    let [alone, .., one, other] = &queries[..] else {
        panic!("ten queries")
    };
    assert_eq!(one.1, other.1, "two share a socket");
    let other_id = |query: &[u8], taken: &[u8]| {
        let mut guess = answered(query.to_vec());
        // Neither of the ids that are waited for.
        guess[0] = query[0] ^ taken[0] ^ 0x55;
        while guess[..2] == query[..2] || guess[..2] == taken[..2] {
            guess[0] = guess[0].wrapping_add(1);
        }
        guess
    };
    // No id that is waited for: both questions of the socket saw it come.
    let guess = other_id(&one.0, &other.0);
    server.send_to(&guess, one.1).await.unwrap();
    // The id of a question, and another name: that question alone.
    let mut wrong = answered(alone.0.clone());
    wrong[13] ^= 1;
    server.send_to(&wrong, alone.1).await.unwrap();
    for (query, peer) in &queries {
        server
            .send_to(&answered(query.clone()), *peer)
            .await
            .unwrap();
    }
    let mut mismatched = Vec::new();
    while let Some(seen) = batch.next().await {
        assert!(seen.answer.is_reply());
        mismatched.push((seen.question.name.to_string(), seen.mismatched));
    }
    mismatched.retain(|(_, count)| *count > 0);
    mismatched.sort();
    assert_eq!(mismatched, [(name(0), 1), (name(8), 1), (name(9), 1)]);
    assert_eq!(prober.counters().mismatched, 2);
}
