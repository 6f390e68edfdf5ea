//! What something cost: CPU of this process and of every process of the server, octets, percentiles.
//!
//! Deliberately absent: anything that is measured.

use std::{
    fs,
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};
use sqlx::{AssertSqlSafe, PgConnection};

/// The processes of the server behind a connection.
pub struct Server {
    postmaster: u32,
}

impl Server {
    pub async fn of(connection: &mut PgConnection) -> Self {
        let directory: String = sqlx::query_scalar("show data_directory")
            .fetch_one(connection)
            .await
            .unwrap();
        let file = fs::read_to_string(format!("{directory}/postmaster.pid")).unwrap();
        Self {
            postmaster: file.lines().next().unwrap().parse().unwrap(),
        }
    }

    /// CPU of all of them so far, of those that have ended, too.
    fn cpu(&self) -> Duration {
        let own = ticks(self.postmaster, [13, 14, 15, 16]);
        let children =
            fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.postmaster)).unwrap();
        let children = children
            .split_whitespace()
            .map(|pid| ticks(pid.parse().unwrap(), [13, 14, 15, 16]));
        // A hundred ticks a second: USER_HZ on every Linux.
        Duration::from_millis((own + children.sum::<u64>()) * 10)
    }
}

/// The sum of some fields of `/proc/PID/stat`, counted from 0; 0 where the process has ended.
fn ticks(pid: u32, fields: [usize; 4]) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold spaces, and ends with the last parenthesis; the field after it is number 2.
    let words: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let field = |number: usize| words.get(number - 2)?.parse::<u64>().ok();
    fields.into_iter().filter_map(field).sum()
}

/// CPU and time since some instant.
pub struct Meter<'a> {
    server: &'a Server,
    began: (Instant, Duration, Duration),
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    pub seconds: f64,
    pub ours: Duration,
    pub server: Duration,
}

impl<'a> Meter<'a> {
    pub fn start(server: &'a Server) -> Self {
        Self {
            server,
            began: (Instant::now(), own_cpu(), server.cpu()),
        }
    }

    pub fn spent(&self) -> Spent {
        let (began, ours, server) = self.began;
        Spent {
            seconds: began.elapsed().as_secs_f64(),
            ours: own_cpu().saturating_sub(ours),
            server: self.server.cpu().saturating_sub(server),
        }
    }
}

impl Spent {
    /// Microseconds of CPU each, ours and the server's.
    pub fn each(&self, count: usize) -> f64 {
        (self.ours + self.server).as_secs_f64() * 1e6 / count as f64
    }

    pub fn and(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            ours: self.ours + other.ours,
            server: self.server + other.server,
        }
    }

    pub fn print(&self, what: &str, count: usize) {
        let us = |cpu: Duration| cpu.as_secs_f64() * 1e6 / count as f64;
        println!(
            "{what:<44} {:>7.1} µs CPU each (ours {:.1}, server {:.1}), {:>9.0} a second",
            self.each(count),
            us(self.ours),
            us(self.server),
            count as f64 / self.seconds
        );
    }
}

pub fn own_cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let spent = usage.user_time() + usage.system_time();
    Duration::from_micros(spent.num_microseconds().cast_unsigned())
}

/// KiB of memory that this process holds.
pub fn rss_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// Octets of some tables, with their partitions, indexes and TOAST.
pub async fn octets(connection: &mut PgConnection, tables: &[&str]) -> u64 {
    let list = tables
        .iter()
        .map(|table| format!("'{table}'"))
        .collect::<Vec<_>>()
        .join(",");
    let size = format!(
        "select coalesce(sum(pg_total_relation_size(relid)), 0)::bigint
        from unnest(array[{list}]::regclass[]) as one,
            lateral (select one as relid union select relid from pg_partition_tree(one)) as parts"
    );
    let size: i64 = sqlx::query_scalar(AssertSqlSafe(size))
        .fetch_one(connection)
        .await
        .unwrap();
    size.cast_unsigned()
}

/// Runs something once, then so many times more: milliseconds of the first, and the median and the 99th percentile of the others.
pub async fn times<T>(runs: usize, mut run: impl AsyncFnMut(usize) -> T) -> [f64; 3] {
    let mut all = Vec::new();
    for nth in 0..=runs {
        let began = Instant::now();
        std::hint::black_box(run(nth).await);
        all.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let first = all.remove(0);
    let [_, median, p99] = percentiles(all);
    [first, median, p99]
}

/// The first, the median and the 99th percentile.
pub fn percentiles(mut all: Vec<f64>) -> [f64; 3] {
    let first = all[0];
    all.sort_by(f64::total_cmp);
    [first, all[all.len() / 2], all[all.len() * 99 / 100]]
}
