//! What a lookup costs, beside dnsperf: `make bench-probe`, or `cargo bench --bench probe`.
//!
//! A knot with 10,000 names answers on loopback. In every round our engine and dnsperf put the same questions to it, in
//! alternating order and in processes of their own, so that each one's CPU is its own; what counts are ratios within a
//! round, since absolute numbers swing on a shared machine. Then memory: questions in flight to a server that never
//! answers. Then loss: questions started all at once. The last line is for machines.
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
mod dnsperf;
mod figures;
mod server;

use std::{env, net::UdpSocket};

use dns_auditor::types::Transport;

use figures::{Figures, median};
use server::{Knot, NAMES};

/// Rounds; the figures are medians over them.
const ROUNDS: usize = 7;
/// Questions outstanding, as `dnsperf -q`.
const WINDOW: usize = 100;

/// One transport to measure, and how dnsperf calls it.
struct Lane {
    transport: Transport,
    dnsperf_mode: &'static str,
    /// Questions a round and client.
    questions: usize,
}

/// Further transports are further lines, with servers that speak them.
const LANES: [Lane; 1] = [Lane {
    transport: Transport::Udp,
    dnsperf_mode: "udp",
    questions: 20 * NAMES,
}];

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == child::MARK) {
        child::run(&arguments[1..]);
        return;
    }
    let knot = Knot::start();
    let mut ratios = None;
    for lane in &LANES {
        let (cpu, rate) = compare(&knot, lane);
        ratios.get_or_insert((cpu, rate));
    }
    let bytes = memory();
    loss(&knot);
    let (cpu, rate) = ratios.expect("there is a lane");
    println!("cpu_ratio={cpu:.2} rate_ratio={rate:.2} bytes_in_flight={bytes:.0}");
}

/// Our engine against the better of several dnsperfs, in the same rounds: CPU a lookup, and lookups a second.
fn compare(knot: &Knot, lane: &Lane) -> (f64, f64) {
    let (mut ours, mut theirs) = (Vec::new(), vec![Vec::new(); dnsperf::VARIANTS.len()]);
    for round in 0..ROUNDS {
        let mut our_turn = || {
            ours.push(child::rate(
                knot.address,
                lane.transport,
                lane.questions,
                WINDOW,
            ));
        };
        if round % 2 == 0 {
            our_turn();
        }
        for (variant, figures) in dnsperf::VARIANTS.iter().zip(&mut theirs) {
            figures.push(dnsperf::rate(
                knot,
                lane.dnsperf_mode,
                variant,
                lane.questions,
                WINDOW,
            ));
        }
        if round % 2 == 1 {
            our_turn();
        }
    }
    println!(
        "\n{}: {} questions a round, {WINDOW} outstanding, {ROUNDS} rounds, medians",
        lane.transport, lane.questions
    );
    println!(
        "{:<28} {:>12} {:>14} {:>12} {:>10}",
        "", "lookups/s", "CPU µs/lookup", "unanswered", "RSS MiB"
    );
    figures::row("dns-auditor", &ours);
    for (variant, figures) in dnsperf::VARIANTS.iter().zip(&theirs) {
        figures::row(&format!("dnsperf {variant}"), figures);
    }
    let best = |round: usize, of: fn(&Figures) -> f64, pick: fn(f64, f64) -> f64| {
        theirs
            .iter()
            .map(|figures| of(&figures[round]))
            .reduce(pick)
            .unwrap()
    };
    let ratio = |of: fn(&Figures) -> f64, pick: fn(f64, f64) -> f64| {
        median((0..ROUNDS).map(|round| of(&ours[round]) / best(round, of, pick)))
    };
    let cpu = ratio(Figures::cpu_us, f64::min);
    let rate = ratio(Figures::rate, f64::max);
    println!("within the round, to the better dnsperf: CPU {cpu:.2} ×, rate {rate:.2} ×");
    (cpu, rate)
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

fn loss(knot: &Knot) {
    println!("\nstarted all at once, to the live server");
    for (limit, in_flight) in [
        ("as the product does", None),
        ("all in flight", Some(NAMES)),
    ] {
        for _ in 0..3 {
            println!(
                "{limit:>28} {}",
                child::burst(knot.address, NAMES, in_flight)
            );
        }
    }
}
