//! A server of its own that can be made to forget: stopped, its files put out of memory, and started again.
//!
//! Deliberately absent: what the disk itself, or the host of a virtual machine, keeps in memory; and dropping what other
//! programs have there.

use std::{fs, path::Path, process::Child};

use dns_auditor::store::{Store, private_pg::PrivatePg};
use rustix::fs::{Advice, fadvise};
use tempfile::TempDir;

use crate::{cost::percentiles, it::postgres};

/// How often it is made to forget for one figure.
const TIMES: usize = 7;

/// A server, and the directory that it is the only one on.
pub struct Forgetful {
    server: Option<PrivatePg>,
    dir: TempDir,
    /// Removes what is left if this process is killed.
    _watcher: Child,
}

impl Forgetful {
    pub fn start() -> Self {
        let dir = postgres::open_dir();
        let watcher = postgres::watch(dir.path());
        Self {
            server: Some(started(dir.path())),
            dir,
            _watcher: watcher,
        }
    }

    pub fn url(&self) -> String {
        self.server.as_ref().unwrap().url()
    }

    /// The server is new, and what it asks for comes from the disk.
    fn forget(&mut self) {
        tokio::task::block_in_place(|| {
            self.server.take().unwrap().stop().unwrap();
            put_out_of_memory(self.dir.path());
        });
        self.server = Some(started(self.dir.path()));
    }

    /// Puts a question after each forgetting, over a connection that stands: milliseconds at the median and at worst.
    pub async fn ask<T>(&mut self, what: &str, mut ask: impl AsyncFnMut(&Store) -> T) {
        let mut all = Vec::new();
        for _ in 0..TIMES {
            self.forget();
            let store = Store::open(&self.url()).await.unwrap();
            store.ping().await.unwrap();
            let began = std::time::Instant::now();
            std::hint::black_box(ask(&store).await);
            all.push(began.elapsed().as_secs_f64() * 1e3);
            store.close().await;
        }
        let [_, median, worst] = percentiles(all);
        println!("{what:<44} cold: p50 {median:.1} ms, worst of {TIMES} {worst:.1} ms");
    }
}

fn started(dir: &Path) -> PrivatePg {
    tokio::task::block_in_place(|| PrivatePg::start(dir).unwrap())
}

/// Of files that nobody has open, once they are on the disk.
fn put_out_of_memory(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            put_out_of_memory(&entry.path());
        } else if kind.is_file() {
            let file = fs::File::open(entry.path()).unwrap();
            file.sync_all().unwrap();
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        }
    }
}
