//! The server's process: started, waited for, stopped.
//!
//! Deliberately absent: settings in files. What matters is said on the command line, which nothing overrides.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};

use super::{
    PgError,
    binaries::Binaries,
    cluster::{Cluster, PORT, last_lines, private_dir},
    lockfile::{self, Postmaster},
};

/// How long a start may take: after a crash the log is replayed first.
const START_LIMIT: Duration = Duration::from_mins(10);

/// How long the backends of a killed server may hold its shared memory.
const LINGER: Duration = Duration::from_secs(15);

/// How long a clean stop may take.
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// Octets of a socket's path, the shortest limit of the systems there are (macOS; Linux allows 107).
const SOCKET_PATH_LIMIT: usize = 103;

/// A running server of our own.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    socket_dir: PathBuf,
}

impl Server {
    /// Starts the server and waits until it is ready.
    pub(super) fn start(cluster: &Cluster, binaries: &Binaries) -> Result<Self, PgError> {
        let until = Instant::now() + LINGER;
        loop {
            match Self::start_once(cluster, binaries) {
                // Backends of a killed server see that it is gone within moments, and then let go of its memory.
                Err(PgError::DidNotStart { why, .. })
                    if why.contains("still in use") && Instant::now() < until =>
                {
                    std::thread::sleep(Duration::from_millis(100));
                }
                started => return started,
            }
        }
    }

    fn start_once(cluster: &Cluster, binaries: &Binaries) -> Result<Self, PgError> {
        let socket_dir = socket_dir(cluster)?;
        let log = log_file(&cluster.log())?;
        cluster.account()?.own(&cluster.log())?;
        let errors = log.try_clone().map_err(PgError::io(cluster.log()))?;
        let child = cluster
            .account()?
            .command(binaries.postgres())
            // An unreadable working directory is refused; and by this one an orphan is known again.
            .current_dir(cluster.data())
            .arg("-D")
            .arg(cluster.data())
            .args(
                settings(&socket_dir)
                    .into_iter()
                    .flat_map(|setting| ["-c".to_owned(), setting]),
            )
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(PgError::io(binaries.postgres()))?;
        let mut server = Self { child, socket_dir };
        server.wait_until_ready(cluster)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, cluster: &Cluster) -> Result<(), PgError> {
        let until = Instant::now() + START_LIMIT;
        loop {
            if !self.is_running() {
                let said = std::fs::read_to_string(cluster.log()).unwrap_or_default();
                return Err(did_not_start(cluster, last_lines(&said)));
            }
            let ours = |postmaster: &Postmaster| {
                postmaster.ready && u32::try_from(postmaster.pid) == Ok(self.child.id())
            };
            if Postmaster::read(cluster)?.as_ref().is_some_and(ours) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(did_not_start(cluster, "it is not ready yet".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Where its socket is.
    pub(super) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Whether the process still runs.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Stops it: cleanly, and if that takes too long at once (nothing committed is lost either way).
    pub(super) fn stop(&mut self) -> Result<(), PgError> {
        for (signal, limit) in [
            (Signal::INT, STOP_LIMIT),
            (Signal::QUIT, STOP_LIMIT),
            (Signal::KILL, STOP_LIMIT),
        ] {
            if self.signal_and_wait(signal, limit)? {
                break;
            }
        }
        if lockfile::is_makeshift(&self.socket_dir) {
            lockfile::remove_sockets(&self.socket_dir)?;
            let _ = std::fs::remove_dir(&self.socket_dir);
        }
        Ok(())
    }

    /// Whether it ended within the limit.
    fn signal_and_wait(&mut self, signal: Signal, limit: Duration) -> Result<bool, PgError> {
        let until = Instant::now() + limit;
        if self.is_running() {
            rustix::process::kill_process(Pid::from_child(&self.child), signal)
                .map_err(|error| PgError::io("postgres")(error.into()))?;
        }
        while self.is_running() {
            if Instant::now() > until {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(true)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure; the next start settles it.
        let _ = self.stop();
    }
}

fn did_not_start(cluster: &Cluster, why: String) -> PgError {
    PgError::DidNotStart {
        why,
        log: cluster.log(),
    }
}

/// The log of this start alone. Not through a link: its directory belongs to a user with fewer rights than ours.
fn log_file(path: &Path) -> Result<File, PgError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(PgError::io(path))
}

/// The cluster's own directory, or where its path is too long for a socket a fresh private one with a short path.
fn socket_dir(cluster: &Cluster) -> Result<PathBuf, PgError> {
    let usual = cluster.run();
    if lockfile::socket(&usual).as_os_str().len() <= SOCKET_PATH_LIMIT {
        return Ok(usual);
    }
    let account = cluster.account()?;
    let parent = lockfile::runtime_dir()
        .filter(|dir| account.can_enter(dir).is_ok() && dir.as_os_str().len() < 40)
        .unwrap_or_else(|| PathBuf::from("/tmp"));
    let dir = parent.join(format!("dns-auditor-{}", uuid::Uuid::new_v4().simple()));
    private_dir(&dir, account)?;
    Ok(dir)
}

/// What the product relies on, whatever the cluster's files say.
fn settings(socket_dir: &Path) -> Vec<String> {
    let socket_dir = socket_dir.to_string_lossy().replace('"', "\"\"");
    vec![
        "listen_addresses=".to_owned(),
        format!("port={PORT}"),
        // Quoted: the setting is a list.
        format!("unix_socket_directories=\"{socket_dir}\""),
        "unix_socket_permissions=0700".to_owned(),
        "max_connections=100".to_owned(),
        "fsync=on".to_owned(),
        "full_page_writes=on".to_owned(),
        "synchronous_commit=on".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        // One log file that is never rotated must not fill a disk.
        "logging_collector=off".to_owned(),
        "log_checkpoints=off".to_owned(),
        // Short queries: compiling them costs more than it saves, and shared memory in containers is small.
        "jit=off".to_owned(),
        "max_parallel_workers_per_gather=0".to_owned(),
        "cluster_name=dns-auditor".to_owned(),
    ]
}
