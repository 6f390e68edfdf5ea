//! What a run cost, and medians.
//!
//! Deliberately absent: anything that runs.

use std::{env, fs, process::Command, time::Duration};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};

use crate::lane::Ratio;

/// What one run of one client cost.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub lookups: usize,
    pub unanswered: usize,
    pub seconds: f64,
    pub cpu: Duration,
    pub rss_kib: u64,
}

impl Figures {
    /// Runs a client of this program's, which prints lookups, unanswered, seconds and KiB.
    pub fn of(arguments: &[&str]) -> Self {
        let (printed, cpu) = again(arguments);
        let figures: Vec<f64> = printed
            .split_whitespace()
            .map(|word| word.parse().unwrap())
            .collect();
        let [lookups, unanswered, seconds, rss_kib] = figures[..] else {
            panic!("{printed}");
        };
        Self {
            lookups: lookups as usize,
            unanswered: unanswered as usize,
            seconds,
            cpu,
            rss_kib: rss_kib as u64,
        }
    }

    /// Lookups a second.
    pub fn rate(&self) -> f64 {
        self.lookups as f64 / self.seconds
    }

    /// Microseconds of CPU a lookup, user and system.
    pub fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.lookups as f64
    }
}

/// Runs this program again, with these arguments.
pub fn again(arguments: &[&str]) -> (String, Duration) {
    run(Command::new(env::current_exe().unwrap()).args(arguments))
}

/// Runs a command to its end: what it printed, and the CPU time it took, system included.
pub fn run(command: &mut Command) -> (String, Duration) {
    let before = cpu_of_children();
    let output = command.output().expect("the command starts");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let cpu = cpu_of_children().saturating_sub(before);
    (String::from_utf8_lossy(&output.stdout).into_owned(), cpu)
}

/// A figure of `/proc/self/status`, in KiB.
pub fn rss_kib(label: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(label)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn cpu_of_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let both = usage.user_time() + usage.system_time();
    Duration::from_micros(both.num_microseconds() as u64)
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The head of a table.
pub fn head() {
    println!(
        "{:<22} {:>10} {:>9} {:>11} {:>9} {:>11} {:>12}",
        "", "lookups/s", "CPU µs", "unanswered", "RSS MiB", "ours: CPU ×", "and rate ×"
    );
}

/// One line of it: a client, and how we fare beside it. dnsperf says nothing of its memory.
pub fn row(name: &str, figures: &[Figures], ours: Option<Ratio>) {
    let median_of = |of: fn(&Figures) -> f64| median(figures.iter().map(of));
    let mib = match median_of(|figures| figures.rss_kib as f64 / 1024.0) {
        0.0 => "-".to_owned(),
        mib => format!("{mib:.1}"),
    };
    let ours = ours.map_or_else(String::new, |ours| {
        format!(" {:>11.2} {:>12.2}", ours.cpu, ours.rate)
    });
    println!(
        "{name:<22} {:>10.0} {:>9.2} {:>11.0} {mib:>9}{ours}",
        median_of(Figures::rate),
        median_of(Figures::cpu_us),
        median_of(|figures| figures.unanswered as f64),
    );
}
