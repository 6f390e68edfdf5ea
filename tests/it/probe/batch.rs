//! Many questions without a future for each: order, bounds, and what dropping does.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use dns_auditor::{
    probe::{Ask, Limits, Prober},
    types::{SourceKind, Transport},
};
use futures::FutureExt as _;
use tokio::{net::UdpSocket, task::unconstrained};

use super::{echo::Echo, patient, prober, question, source};

fn name(nth: usize) -> String {
    format!("dialer{nth}.example.com")
}

/// Ten thousand questions at once to a live server, each of which must be answered.
async fn ten_thousand(address: &str) {
    let server = Echo::start(address);
    let source = source(SourceKind::Resolver, server.address());
    let prober = prober();
    let mut batch = prober.batch();
    let ask = Arc::new(patient());
    let mut answered = vec![0; 10_000];
    for nth in 0..answered.len() {
        let question = question(&name(nth), "A");
        batch.push(source.clone(), question, Arc::clone(&ask)).await;
    }
    assert_eq!(batch.under_way(), 10_000);
    while let Some(seen) = batch.next().await {
        assert!(seen.answer.is_reply() && seen.rtt > Duration::ZERO);
        assert_eq!((seen.attempts, seen.transport), (1, Transport::Udp));
        let name = seen.question.name.as_str();
        let nth: usize = name["dialer".len()..]
            .split('.')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        answered[nth] += 1;
        let wire = seen.wire.unwrap();
        assert_eq!(wire.query[..2], wire.reply[..2], "the id that was answered");
    }
    assert!(answered.iter().all(|count| *count == 1));
    let counters = prober.counters();
    assert_eq!((counters.mismatched, counters.retries), (0, 0));
}

#[tokio::test]
async fn ten_thousand_at_once_are_answered_in_one_thread() {
    ten_thousand("127.0.0.1:0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_at_once_are_answered_in_several_threads_and_over_ipv6() {
    ten_thousand("[::1]:0").await;
}

/// A server that answers when nothing more comes, and the most that it ever had to answer at once.
fn slow_server() -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let pause = Duration::from_millis(10);
    socket.set_read_timeout(Some(pause)).unwrap();
    let address = socket.local_addr().unwrap();
    let most = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&most);
    thread::spawn(move || {
        let (mut held, mut query) = (Vec::new(), [0; 512]);
        while Arc::strong_count(&told) > 1 {
            if let Ok((octets, peer)) = socket.recv_from(&mut query) {
                query[2] |= 0x80;
                held.push((query[..octets].to_vec(), peer));
                continue;
            }
            told.fetch_max(held.len(), SeqCst);
            for (reply, peer) in held.drain(..) {
                let _ = socket.send_to(&reply, peer);
            }
        }
    });
    (address, most)
}

#[tokio::test]
async fn ten_thousand_without_a_limit_do_not_overrun_a_server() {
    let (address, most) = slow_server();
    let source = source(SourceKind::Resolver, address);
    let limits = Limits {
        in_flight: 10_000,
        in_flight_per_server: 10_000,
    };
    let prober = Prober::new(limits).unwrap();
    let (mut batch, ask) = (prober.batch(), Arc::new(patient()));
    for nth in 0..10_000 {
        let question = question(&name(nth), "A");
        batch.push(source.clone(), question, Arc::clone(&ask)).await;
    }
    while let Some(seen) = batch.next().await {
        assert!(seen.answer.is_reply());
    }
    let most = most.load(SeqCst);
    assert!(most < 5000, "{most} at once");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_asked_all_the_same() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let source = source(SourceKind::Resolver, silent.local_addr().unwrap());
    let limits = Limits {
        in_flight: 1000,
        in_flight_per_server: 1000,
    };
    let prober = Prober::new(limits).unwrap();
    let (mut batch, ask) = (prober.batch(), Arc::new(patient()));
    for nth in 0..1000 {
        let question = question(&name(nth), "A");
        batch.push(source.clone(), question, Arc::clone(&ask)).await;
    }
    let all = async {
        while prober.counters().in_flight < 1000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(ask.timeout, all).await.unwrap();
}

#[tokio::test]
async fn whoever_asks_faster_than_is_answered_waits_and_loses_nothing() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let source = source(SourceKind::Resolver, silent.local_addr().unwrap());
    let limits = Limits {
        in_flight: 10,
        in_flight_per_server: 10,
    };
    let prober = Prober::new(limits).unwrap();
    let (mut batch, ask) = (prober.batch(), Arc::new(patient()));
    let mut pushed = 0;
    loop {
        let question = question(&name(pushed), "A");
        let push = batch.push(source.clone(), question, Arc::clone(&ask));
        // tokio lets nobody go on for ever; whether there is room is all that counts here.
        if unconstrained(push).now_or_never().is_none() {
            break;
        }
        pushed += 1;
    }
    assert_eq!(pushed, 10 + 4096);
    // The push that waited was dropped, and asked nothing.
    assert_eq!(batch.under_way(), pushed);
    drop(batch);
    let mut batch = prober.batch();
    batch.push(source, question(&name(0), "A"), ask).await;
    assert_eq!(batch.under_way(), 1);
}

#[tokio::test]
async fn a_dropped_batch_frees_its_places_at_once() {
    let (silent, server) = (
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        Echo::start("127.0.0.1:0"),
    );
    let [silent, live] = [silent.local_addr().unwrap(), server.address()]
        .map(|address| source(SourceKind::Resolver, address));
    let limits = Limits {
        in_flight: 3,
        in_flight_per_server: 3,
    };
    let prober = Prober::new(limits).unwrap();
    let ask = Arc::new(patient());
    let mut given_up = prober.batch();
    for nth in 0..50 {
        let question = question(&name(nth), "A");
        given_up
            .push(silent.clone(), question, Arc::clone(&ask))
            .await;
    }
    let asked = question(&name(0), "A");
    assert!(prober.ask(&live, &asked, &ask).now_or_never().is_none());
    drop(given_up);
    let waited = tokio::time::timeout(ask.timeout / 2, prober.ask(&live, &asked, &ask));
    assert!(waited.await.unwrap().answer.is_reply());
    // The same question is free to be asked again as well.
    let again = tokio::time::timeout(Duration::from_millis(1), prober.ask(&silent, &asked, &ask));
    assert!(again.await.is_err());
    prober.ask(&live, &asked, &ask).await;
    assert_eq!(prober.counters().queued, 0);
}

#[tokio::test]
async fn loss_narrows_the_window_and_costs_attempts_but_no_answer() {
    let server = Echo::except("127.0.0.1:0", |nth| nth < 640 && nth % 8 == 0);
    let source = source(SourceKind::Resolver, server.address());
    let prober = prober();
    let mut batch = prober.batch();
    let ask = Arc::new(Ask {
        timeout: Duration::from_millis(200),
        attempts: 5,
        ..Ask::default()
    });
    for nth in 0..2000 {
        let question = question(&name(nth), "A");
        batch.push(source.clone(), question, Arc::clone(&ask)).await;
    }
    let mut attempts = 0;
    while let Some(seen) = batch.next().await {
        assert!(seen.answer.is_reply());
        attempts += usize::from(seen.attempts);
    }
    let counters = prober.counters();
    assert_eq!(attempts, server.heard().len(), "every attempt is recorded");
    assert_eq!(counters.retries as usize, attempts - 2000);
    assert!(counters.retries >= 80, "{counters:?}");
    assert!(counters.throttled > 0, "{counters:?}");
}

#[tokio::test]
async fn an_address_has_a_budget_as_a_resolver_and_another_as_an_authority() {
    let server = Echo::start("127.0.0.1:0");
    let prober = prober();
    let mut batch = prober.batch();
    // A second question within one budget would wait for a second.
    let ask = Arc::new(Ask {
        max_qps: Some(1),
        ..patient()
    });
    for kind in [SourceKind::Resolver, SourceKind::Authority] {
        let source = source(kind, server.address());
        let question = question(&name(0), "A");
        batch.push(source, question, Arc::clone(&ask)).await;
    }
    let start = std::time::Instant::now();
    while batch.next().await.is_some() {}
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "neither waited for the other"
    );
    assert_eq!(prober.counters().throttled, 0);
}
