//! The measure: dnsperf, as Debian ships it.
//!
//! Deliberately absent: its own notion of latency.

use std::process::Command;

use crate::{
    figures::{Figures, run},
    server::{Knot, NAMES},
};

/// Clients and threads; the first is its usual advice, the others suit two cores.
pub const VARIANTS: [&str; 3] = ["-c 64 -T 2", "-c 8 -T 1", "-c 1 -T 1"];

/// Puts `questions` with at most `window` outstanding, with an OPT record; ours asks for NSID in it, too.
pub fn rate(knot: &Knot, mode: &str, variant: &str, questions: usize, window: usize) -> Figures {
    let mut command = Command::new("dnsperf");
    command
        .args(["-m", mode, "-s", "127.0.0.1", "-e"])
        .args(["-p", &knot.address.port().to_string()])
        .args(["-n", &(questions / NAMES).to_string()])
        .args(["-q", &window.to_string()])
        .args(variant.split(' '))
        .arg("-d")
        .arg(&knot.questions);
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
