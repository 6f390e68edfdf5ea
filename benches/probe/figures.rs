//! What a run cost, and medians.
//!
//! Deliberately absent: anything that runs.

use std::{process::Command, time::Duration};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};

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
    pub fn rate(&self) -> f64 {
        self.lookups as f64 / self.seconds
    }

    pub fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.lookups as f64
    }
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

/// One line of the table.
pub fn row(name: &str, figures: &[Figures]) {
    let median_of = |of: fn(&Figures) -> f64| median(figures.iter().map(of));
    println!(
        "{name:<28} {:>12.0} {:>14.2} {:>12.0} {:>10.1}",
        median_of(Figures::rate),
        median_of(Figures::cpu_us),
        median_of(|figures| figures.unanswered as f64),
        median_of(|figures| figures.rss_kib as f64 / 1024.0),
    );
}
