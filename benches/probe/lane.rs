//! One transport at a time: our engine and its peers against one server, round by round.
//!
//! Deliberately absent: how a client is run.

use dns_auditor::types::Transport;

use crate::{
    child,
    figures::{self, Figures, median},
    ground::{Ground, NAMES},
    peer::Peer,
    server::{Make, Running},
};

/// Questions outstanding, as `dnsperf -q`.
pub const WINDOW: usize = 100;

/// One transport to measure.
pub struct Lane {
    pub transport: Transport,
    make: Make,
    /// The first is who we are compared with in the last line.
    peers: &'static [Peer],
    /// Questions a round and client.
    questions: usize,
}

/// dnsperf's usual setting, then as many connections as we open at most.
const STREAMS: [&str; 2] = ["-c 64 -T 2", "-c 4 -T 1"];

const fn dnsperf(mode: &'static str) -> [Peer; 2] {
    [
        Peer::Dnsperf(mode, STREAMS[0]),
        Peer::Dnsperf(mode, STREAMS[1]),
    ]
}

pub const LANES: [Lane; 6] = [
    Lane {
        transport: Transport::Udp,
        make: Make::Knot,
        peers: &[
            Peer::Dnsperf("udp", "-c 64 -T 2"),
            Peer::Dnsperf("udp", "-c 8 -T 1"),
            Peer::Dnsperf("udp", "-c 1 -T 1"),
        ],
        questions: 20 * NAMES,
    },
    Lane {
        transport: Transport::Tcp,
        make: Make::Knot,
        peers: &dnsperf("tcp"),
        questions: 10 * NAMES,
    },
    Lane {
        transport: Transport::Tls,
        make: Make::Unbound,
        peers: &dnsperf("dot"),
        questions: 5 * NAMES,
    },
    Lane {
        transport: Transport::Https,
        make: Make::Unbound,
        peers: &dnsperf("doh"),
        questions: 2 * NAMES,
    },
    Lane {
        transport: Transport::Quic,
        make: Make::Hickory,
        peers: &[Peer::Hickory],
        questions: 2 * NAMES,
    },
    Lane {
        transport: Transport::H3,
        make: Make::Hickory,
        peers: &[Peer::Hickory],
        questions: NAMES / 20,
    },
];

/// Ours to a peer's, within the rounds: medians.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    /// CPU a lookup: below 1 is cheaper.
    pub cpu: f64,
    /// Lookups a second: above 1 is faster.
    pub rate: f64,
}

/// Prints the lane's table, and says how we fare beside its first peer.
pub fn compare(ground: &Ground, lane: &Lane, rounds: usize) -> Ratio {
    let server = Running::start(lane.make, lane.transport, ground);
    let ask = || child::rate(ground, lane.transport, server.address, lane.questions);
    let (mut ours, mut theirs) = (Vec::new(), vec![Vec::new(); lane.peers.len()]);
    for round in 0..rounds {
        if round % 2 == 0 {
            ours.push(ask());
        }
        for (peer, figures) in lane.peers.iter().zip(&mut theirs) {
            figures.push(peer.rate(ground, lane.transport, server.address, lane.questions));
        }
        if round % 2 == 1 {
            ours.push(ask());
        }
    }
    println!(
        "\n{}, {}: {} questions a round, {WINDOW} outstanding, {rounds} rounds, medians",
        lane.transport,
        lane.make.name(),
        lane.questions
    );
    figures::head();
    figures::row("dns-auditor", &ours, None);
    let mut ratios = Vec::new();
    for (peer, figures) in lane.peers.iter().zip(&theirs) {
        let ratio = ratio(&ours, figures);
        figures::row(&peer.to_string(), figures, Some(ratio));
        ratios.push(ratio);
    }
    ratios[0]
}

fn ratio(ours: &[Figures], theirs: &[Figures]) -> Ratio {
    let of = |of: fn(&Figures) -> f64| {
        let rounds = ours.iter().zip(theirs);
        median(rounds.map(|(ours, theirs)| of(ours) / of(theirs)))
    };
    Ratio {
        cpu: of(Figures::cpu_us),
        rate: of(Figures::rate),
    }
}
