//! Many questions at once, and the bounds that hold then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use dns_auditor::{
    probe::{Ask, Limits, Prober},
    types::{SourceKind, Status},
};
use futures::future::join_all;
use tokio::net::UdpSocket;

use super::{authority_with, example, patient, prober, question, source};
use crate::dns::Fault;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_questions_at_once_all_come_back() {
    let (server, source) = authority_with(example()).await;
    let prober = prober();
    let ask = patient();
    let questions: Vec<_> = (0..1000)
        .map(|host| question(&format!("dialer{host}.example.com"), "A"))
        .collect();
    let all = join_all(
        questions
            .iter()
            .map(|question| prober.ask(&source, question, &ask)),
    )
    .await;
    assert!(
        all.iter()
            .all(|seen| matches!(seen.answer.status, Status::Rcode(_)))
    );
    assert!(
        all.iter()
            .zip(&questions)
            .all(|(seen, asked)| seen.question == *asked)
    );
    assert_eq!(
        server.received().len(),
        1000,
        "no question was lost and asked again"
    );
}

/// A server that answers nothing until as many questions as it will ever see at once have come.
async fn most_in_flight(limits: Limits, servers: usize, questions: usize) -> usize {
    let prober = Prober::new(limits).unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut sources = Vec::new();
    for _ in 0..servers {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        sources.push(source(SourceKind::Resolver, socket.local_addr().unwrap()));
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        tokio::spawn(async move {
            let mut query = [0; 512];
            loop {
                let (octets, peer) = socket.recv_from(&mut query).await.unwrap();
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                let (mut reply, socket, now) = (
                    query[..octets].to_vec(),
                    Arc::clone(&socket),
                    Arc::clone(&now),
                );
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    reply[2] |= 0x80;
                    now.fetch_sub(1, SeqCst);
                    socket.send_to(&reply, peer).await.unwrap();
                });
            }
        });
    }
    let ask = patient();
    let asked: Vec<_> = (0..questions)
        .map(|nth| question(&format!("dialer{nth}.example.com"), "A"))
        .collect();
    let all = asked.iter().enumerate();
    let all = all.map(|(nth, asked)| prober.ask(&sources[nth % servers], asked, &ask));
    let all = join_all(all).await;
    assert!(all.iter().all(|seen| seen.answer.is_reply()));
    most.load(SeqCst)
}

#[tokio::test]
async fn no_more_are_in_flight_than_the_limits_allow() {
    let limits = Limits {
        in_flight: 100,
        in_flight_per_server: 7,
    };
    assert_eq!(most_in_flight(limits, 1, 40).await, 7);
    let limits = Limits {
        in_flight: 10,
        in_flight_per_server: 7,
    };
    assert_eq!(most_in_flight(limits, 3, 60).await, 10);
}

#[tokio::test]
async fn questions_to_one_address_are_paced() {
    let (_server, source) = authority_with(example()).await;
    let prober = prober();
    let asked = question("dialer1.example.com", "A");
    let ask = Ask {
        max_qps: Some(100),
        ..patient()
    };
    let start = Instant::now();
    join_all((0..21).map(|_| prober.ask(&source, &asked, &ask))).await;
    assert!(
        start.elapsed() >= Duration::from_millis(200),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_dropped_question_gives_its_place_back() {
    let (server, source) = authority_with(example().with(Fault::Silent)).await;
    let prober = Prober::new(Limits {
        in_flight: 1,
        in_flight_per_server: 1,
    })
    .unwrap();
    let (asked, ask) = (question("dialer1.example.com", "A"), patient());
    let given_up = tokio::time::timeout(
        Duration::from_millis(100),
        prober.ask(&source, &asked, &ask),
    )
    .await;
    assert!(given_up.is_err());
    server.edit(crate::dns::Script::clear_faults);
    assert!(prober.ask(&source, &asked, &ask).await.answer.is_data());
}
