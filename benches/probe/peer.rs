//! Who is measured beside us: dnsperf, as Debian ships it, and hickory's client, where dnsperf does not speak the transport.
//!
//! Deliberately absent: their own notions of latency.

pub mod hickory;

use std::{fmt, net::SocketAddr, process::Command};

use dns_auditor::types::Transport;

use crate::{
    figures::{Figures, run},
    ground::{Ground, NAMES},
    lane::WINDOW,
};

/// A client.
#[derive(Debug, Clone, Copy)]
pub enum Peer {
    /// dnsperf in this mode, with so many connections and threads.
    Dnsperf(&'static str, &'static str),
    Hickory,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dnsperf(_, setting) => write!(f, "dnsperf {setting}"),
            Self::Hickory => f.write_str("hickory-net"),
        }
    }
}

impl Peer {
    /// Puts so many questions.
    pub fn rate(
        self,
        ground: &Ground,
        transport: Transport,
        server: SocketAddr,
        questions: usize,
    ) -> Figures {
        match self {
            Self::Dnsperf(mode, setting) => dnsperf(ground, mode, setting, server, questions),
            Self::Hickory => hickory::rate(ground, transport, server, questions),
        }
    }
}

/// With an OPT record; ours asks for NSID in it, too. It checks no certificate; ours does.
fn dnsperf(
    ground: &Ground,
    mode: &str,
    setting: &str,
    server: SocketAddr,
    questions: usize,
) -> Figures {
    let mut command = Command::new("dnsperf");
    command
        .args(["-m", mode, "-e"])
        .args(["-s", &server.ip().to_string()])
        .args(["-p", &server.port().to_string()])
        .args(["-n", &(questions / NAMES).to_string()])
        .args(["-q", &WINDOW.to_string()])
        .args(["-O", &format!("doh-uri=https://{server}/dns-query")])
        .args(["-O", "doh-method=POST"])
        .args(setting.split(' '))
        .arg("-d")
        .arg(&ground.questions);
    let (printed, cpu) = run(&mut command);
    let figure = |label: &str| -> f64 {
        let line = printed.lines().find(|line| line.trim().starts_with(label));
        let words = line
            .unwrap_or_else(|| panic!("no `{label}` in {printed}"))
            .split_whitespace();
        let mut numbers = words.filter_map(|word| word.parse().ok());
        numbers.next().unwrap()
    };
    Figures {
        lookups: figure("Queries completed:") as usize,
        unanswered: figure("Queries lost:") as usize,
        seconds: figure("Run time (s):"),
        cpu,
        rss_kib: 0,
    }
}
