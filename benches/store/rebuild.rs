//! The judge's state out of spans, in a process of its own, so that its memory is its own.
//!
//! Deliberately absent: the service around it.

use std::{env, process::Command, time::Instant};

use dns_auditor::{audit::history::History, store::Store};

use crate::{cost::rss_kib, world::World};

/// The first argument that makes this program such a process.
pub const MARK: &str = "rebuild";

/// Seconds, and KiB of memory before and after.
pub fn measure(url: &str, world: &World) {
    let child = Command::new(env::current_exe().unwrap())
        .args([MARK, url, &world.start.to_rfc3339()])
        .output()
        .unwrap();
    let printed = String::from_utf8(child.stdout).unwrap();
    let figures: Vec<f64> = printed
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    let [spans, seconds, before, after] = figures[..] else {
        panic!("{printed}{}", String::from_utf8_lossy(&child.stderr));
    };
    println!(
        "{:<44} {seconds:.2} s for {spans} spans; memory {:.0} MB, {:.0} MB of it before",
        format!("rebuild of {} series", world.series()),
        after / 1e3,
        before / 1e3
    );
}

/// What the child does.
#[tokio::main]
pub async fn run(url: &str, since: &str) {
    let since = since.parse().unwrap();
    let store = Store::open(url).await.unwrap();
    store.ping().await.unwrap();
    let (before, began) = (rss_kib(), Instant::now());
    let spans = store.restore_spans("here", since).await.unwrap();
    let (count, mut history) = (spans.len(), History::default());
    history.restore(spans, std::time::Duration::from_mins(3));
    let seconds = began.elapsed().as_secs_f64();
    println!("{count} {seconds} {before} {}", rss_kib());
}
