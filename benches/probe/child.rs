//! Our side, in a process of its own: this program again, with other arguments.
//!
//! Deliberately absent: a second thread. The engine and who uses it share one.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use dns_auditor::{
    probe::{Ask, Batch, Limits, Prober},
    types::{Endpoint, Question, RecordType, Source, SourceKind, Transport},
};

use crate::{
    figures::{Figures, again, rss_kib},
    ground::{Ground, NAMES, ZONE, name},
    lane::WINDOW,
};

/// The first argument that makes this program a child.
pub const MARK: &str = "our-side";

/// Puts so many questions.
pub fn rate(
    ground: &Ground,
    transport: Transport,
    address: SocketAddr,
    questions: usize,
) -> Figures {
    Figures::of(&[
        MARK,
        "rate",
        &address.to_string(),
        &questions.to_string(),
        transport.as_str(),
        ground.ca_file(),
    ])
}

/// Octets of memory for each of `count` questions in flight to a server that says nothing.
pub fn silent(address: SocketAddr, count: usize) -> f64 {
    let (printed, _) = again(&[MARK, "silent", &address.to_string(), &count.to_string()]);
    printed.trim().parse().unwrap()
}

/// How `count` questions fare that are handed over all at once: within the product's limits, or with so many in flight.
pub fn burst(address: SocketAddr, count: usize, in_flight: Option<usize>) -> String {
    let in_flight = in_flight.unwrap_or_default().to_string();
    let (printed, _) = again(&[
        MARK,
        "burst",
        &address.to_string(),
        &count.to_string(),
        &in_flight,
    ]);
    printed.trim().to_owned()
}

/// What the child does.
#[tokio::main(flavor = "current_thread")]
pub async fn run(arguments: &[&str]) {
    let [what, address, count, ref others @ ..] = *arguments else {
        panic!("{arguments:?}");
    };
    let (address, count) = (address.parse().unwrap(), count.parse().unwrap());
    match (what, others) {
        ("rate", [transport, ca_file]) => ask_all(address, transport, count, ca_file).await,
        ("silent", []) => ask_nobody(address, count).await,
        ("burst", [in_flight]) => {
            let limits = match in_flight.parse().unwrap() {
                0 => Limits::default(),
                in_flight => all_at(in_flight),
            };
            ask_at_once(address, count, limits).await;
        }
        _ => panic!("{arguments:?}"),
    }
}

async fn ask_all(address: SocketAddr, transport: &str, count: usize, ca_file: &str) {
    let transport = Transport::ALL
        .into_iter()
        .find(|known| known.as_str() == transport);
    let (mut batch, questions, source) = prepare(address, transport.unwrap(), all_at(WINDOW));
    let ask = Arc::new(Ask {
        endpoint: Some(Arc::new(endpoint(ca_file))),
        ..Ask::default()
    });
    let (mut put, mut unanswered, start) = (0, 0, Instant::now());
    for _ in 0..count {
        while put < count && batch.under_way() < WINDOW {
            let question = questions[put % NAMES].clone();
            batch.push(source.clone(), question, Arc::clone(&ask)).await;
            put += 1;
        }
        let seen = batch.next().await.unwrap();
        unanswered += usize::from(!seen.answer.is_data());
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{count} {unanswered} {seconds} {}", rss_kib("VmHWM:"));
}

async fn ask_nobody(address: SocketAddr, count: usize) {
    let prober = Prober::new(all_at(count)).unwrap();
    let mut batch = prober.batch();
    let source = source(address, Transport::Udp);
    let ask = Arc::new(Ask {
        timeout: Duration::from_mins(5),
        ..Ask::default()
    });
    let before = rss_kib("VmRSS:");
    for nth in 0..count {
        batch
            .push(source.clone(), question(nth), Arc::clone(&ask))
            .await;
    }
    while prober.counters().in_flight < count as u64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let grown = rss_kib("VmRSS:") - before;
    println!("{}", grown as f64 * 1024.0 / count as f64);
}

async fn ask_at_once(address: SocketAddr, count: usize, limits: Limits) {
    let (mut batch, questions, source) = prepare(address, Transport::Udp, limits);
    let ask = Arc::new(Ask::default());
    let start = Instant::now();
    for question in questions.into_iter().take(count) {
        batch.push(source.clone(), question, Arc::clone(&ask)).await;
    }
    let (mut lost, mut by_attempts) = (0, [0; 4]);
    while let Some(seen) = batch.next().await {
        lost += usize::from(!seen.answer.is_data());
        by_attempts[usize::from(seen.attempts).min(3)] += 1;
    }
    println!(
        "{lost} lost; {} answered at the first attempt, {} at the second, {} later; {:.2} s",
        by_attempts[1],
        by_attempts[2],
        by_attempts[3],
        start.elapsed().as_secs_f64()
    );
}

fn prepare(
    address: SocketAddr,
    transport: Transport,
    limits: Limits,
) -> (Batch, Vec<Question>, Source) {
    let prober = Prober::new(limits).unwrap();
    let questions = (0..NAMES).map(question).collect();
    (prober.batch(), questions, source(address, transport))
}

/// So many in flight, to one server as overall.
pub fn all_at(in_flight: usize) -> Limits {
    Limits {
        in_flight,
        in_flight_per_server: in_flight,
    }
}

pub fn question(nth: usize) -> Question {
    Question {
        name: name(nth).parse().unwrap(),
        rtype: RecordType::A,
    }
}

pub fn source(address: SocketAddr, transport: Transport) -> Source {
    Source {
        kind: SourceKind::Resolver,
        id: "asked".to_owned(),
        address,
        transport,
    }
}

/// Whom an encrypted transport must find.
pub fn endpoint(ca_file: &str) -> Endpoint {
    Endpoint {
        server_name: ZONE.to_owned(),
        path: "/dns-query".to_owned(),
        ca_file: Some(ca_file.into()),
    }
}
