//! What a lookup costs over each transport, beside other clients: `make bench-probe`, or `cargo bench --bench probe`.
//!
//! A real server with 10,000 names answers on loopback. In every round our engine and its peers put the same questions to
//! it, in alternating order and in processes of their own, so that each one's CPU is its own; what counts are ratios within
//! a round, since absolute numbers swing on a shared machine. Then memory: questions in flight to a server that never
//! answers. Then loss: questions started all at once. The last line is for machines: UDP, beside dnsperf as it usually is
//! run.
//!
//! `PROBE_LANES=udp,tcp` measures these transports alone; `PROBE_ROUNDS=3` makes it shorter.
//!
//! Deliberately absent: the network. What a public resolver takes from one client is far below all of this.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark fails by panicking, and its table is its output"
)]

mod child;
mod figures;
mod ground;
mod lane;
mod peer;
mod server;

/// The harness of the integration tests, where it lies: certificates, and servers that do not outlive us.
#[path = "../../tests/it"]
mod it {
    pub(crate) mod lab;
}

use std::{env, fs, net::UdpSocket};

use dns_auditor::types::Transport;

use ground::{Ground, NAMES};
use lane::{LANES, Ratio};
use server::{Make, Running};

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match *words {
        [child::MARK, ..] => child::run(&words[1..]),
        [server::hickory::MARK, ..] => server::hickory::run(&words[1..]),
        [peer::hickory::MARK, ..] => peer::hickory::run(&words[1..]),
        _ => measure(),
    }
}

fn measure() {
    println!("load average before: {}", load_average());
    let ground = Ground::new();
    let mut udp = None;
    for lane in LANES.iter().filter(|lane| is_wanted(lane.transport)) {
        let ratio = lane::compare(&ground, lane, rounds());
        if lane.transport == Transport::Udp {
            udp = Some(ratio);
        }
    }
    let Some(Ratio { cpu, rate }) = udp else {
        return;
    };
    let bytes = memory();
    loss(&ground);
    println!("\nload average after: {}", load_average());
    println!("cpu_ratio={cpu:.2} rate_ratio={rate:.2} bytes_in_flight={bytes:.0}");
}

fn is_wanted(transport: Transport) -> bool {
    env::var("PROBE_LANES")
        .is_ok_and(|lanes| lanes.split(',').any(|lane| lane == transport.as_str()))
        || env::var_os("PROBE_LANES").is_none()
}

/// Rounds of each lane; the figures are medians over them.
fn rounds() -> usize {
    env::var("PROBE_ROUNDS").map_or(5, |rounds| {
        rounds.parse().expect("PROBE_ROUNDS is a number")
    })
}

fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Octets of memory for each question in flight: the worse of two counts.
fn memory() -> f64 {
    // It takes what fits its buffer and answers nothing.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    println!("\nin flight to a silent server");
    let bytes = [10_000, 100_000].map(|count| {
        let bytes = child::silent(address, count);
        println!("{count:>28} {bytes:>12.0} octets each");
        bytes
    });
    bytes[0].max(bytes[1])
}

fn loss(ground: &Ground) {
    let knot = Running::start(Make::Knot, Transport::Udp, ground);
    println!("\n{NAMES} started all at once, to a live server");
    for (limit, in_flight) in [
        ("as the product does", None),
        ("without a limit", Some(NAMES)),
    ] {
        for _ in 0..3 {
            println!(
                "{limit:>28} {}",
                child::burst(knot.address, NAMES, in_flight)
            );
        }
    }
}
