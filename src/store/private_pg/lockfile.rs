//! Who holds a data directory: our lock, the server's own lock files, and what a killed process left behind.
//!
//! With our lock held, a server that still runs on the cluster is nobody's: it is stopped. A `postmaster.pid` whose
//! process is gone, a zombie, or by now something else (after a restart of a container) is removed.
//!
//! Deliberately absent: the server that this process starts itself.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    os::unix::{fs::MetadataExt, net::UnixStream},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    PgError,
    cluster::{Cluster, PORT},
};
use crate::store::own_file;

/// How long an orphan may take to write everything out before it is told to stop at once.
const POLITE: Duration = Duration::from_secs(30);

/// Takes the lock of a data directory. It is the kernel's, so it ends with the process, however that ends.
pub(super) fn lock(cluster: &Cluster) -> Result<File, PgError> {
    let path = cluster.data_dir.join("postgres.lock");
    let mut file = own_file::open(&path).map_err(PgError::io(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the message.
            let _ = file.read_to_string(&mut holder);
            return Err(PgError::InUse {
                data_dir: cluster.data_dir.clone(),
                holder: format!("process {}", holder.trim()),
            });
        }
        Err(TryLockError::Error(error)) => return Err(PgError::io(path)(error)),
    }
    cluster.account()?.own(&path)?;
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(PgError::io(path))?;
    Ok(file)
}

/// Stops what a killed process left running, and removes what it left lying. Call with the lock held.
pub(super) fn settle(cluster: &Cluster) -> Result<(), PgError> {
    let pid_file = cluster.data().join("postmaster.pid");
    let Some(left) = Postmaster::read(cluster)? else {
        // Cut off before a number was in it; the server would refuse to start beside it.
        return remove(&pid_file);
    };
    let asked = Instant::now();
    let mut signal = "INT";
    while left.works_in(cluster) {
        if signal == "INT" {
            left.signal(cluster, signal)?;
            signal = "QUIT";
        } else if asked.elapsed() > POLITE {
            left.signal(cluster, signal)?;
        }
        if asked.elapsed() > 2 * POLITE {
            return Err(PgError::Orphan(left.pid));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    remove(&pid_file)?;
    remove_sockets(&cluster.run())?;
    if is_makeshift(&left.socket_dir) {
        remove_sockets(&left.socket_dir)?;
        // Left where somebody put something else into it.
        let _ = fs::remove_dir(&left.socket_dir);
    }
    Ok(())
}

/// The socket's directory, where the usual one has too long a path.
pub(super) fn is_makeshift(dir: &Path) -> bool {
    let named = dir.file_name().and_then(|name| name.to_str());
    named.is_some_and(|name| name.starts_with("dns-auditor-"))
        && [Some(PathBuf::from("/tmp")), runtime_dir()]
            .iter()
            .flatten()
            .any(|parent| dir.parent() == Some(parent))
}

/// `$XDG_RUNTIME_DIR`.
pub(super) fn runtime_dir() -> Option<PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute() && dir.is_dir())
}

/// Removes the socket and its lock file.
pub(super) fn remove_sockets(dir: &Path) -> Result<(), PgError> {
    remove(&socket(dir))?;
    remove(&dir.join(format!(".s.PGSQL.{PORT}.lock")))
}

/// The socket's path.
pub(super) fn socket(dir: &Path) -> PathBuf {
    dir.join(format!(".s.PGSQL.{PORT}"))
}

fn remove(path: &Path) -> Result<(), PgError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PgError::io(path)(error)),
        _ => Ok(()),
    }
}

/// What `postmaster.pid` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub(super) pid: i32,
    pub(super) socket_dir: PathBuf,
    pub(super) ready: bool,
}

impl Postmaster {
    /// Reads it; `None` where there is no server, or one that has hardly begun.
    pub(super) fn read(cluster: &Cluster) -> Result<Option<Self>, PgError> {
        let path = cluster.data().join("postmaster.pid");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let dir = cluster.home();
                let uid = fs::metadata(&dir).map_or(0, |metadata| metadata.uid());
                Err(PgError::NotYours { dir, uid })
            }
            Err(error) => Err(PgError::io(path)(error)),
        }
    }

    /// Lines: pid, data directory, start, port, socket directory, address, shared memory, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().collect();
        Some(Self {
            pid: lines.first()?.trim().parse().ok()?,
            socket_dir: PathBuf::from(lines.get(4).copied().unwrap_or_default()),
            ready: lines.get(7).is_some_and(|line| line.trim() == "ready"),
        })
    }

    /// Whether it says that it is ready, and its socket is answered.
    pub(super) fn answers(&self) -> bool {
        self.ready && UnixStream::connect(socket(&self.socket_dir)).is_ok()
    }

    /// Whether the process lives, is no zombie, and is a server of this cluster rather than a later owner of its number.
    fn works_in(&self, cluster: &Cluster) -> bool {
        let process = PathBuf::from(format!("/proc/{}", self.pid));
        if !Path::new("/proc/self").exists() {
            return UnixStream::connect(socket(&self.socket_dir)).is_ok();
        }
        let zombie = fs::read_to_string(process.join("stat")).is_ok_and(|stat| {
            let state = stat.rsplit(") ").next();
            state.is_some_and(|rest| rest.starts_with('Z'))
        });
        let here = fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == cluster.data());
        here && !zombie
    }

    /// Sent as the server's own user, who can reach nobody else's processes.
    fn signal(&self, cluster: &Cluster, signal: &str) -> Result<(), PgError> {
        let (signal, pid) = (format!("-{signal}"), self.pid.to_string());
        cluster
            .account()?
            .command("sh")
            .current_dir("/")
            .args(["-c", r#"kill "$0" "$1" 2>/dev/null"#, &signal, &pid])
            .status()
            .map_err(PgError::io("sh"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_read_at_every_stage_of_its_life() {
        let whole = "12992\n/d\n1795380432\n5432\n/d/run\n\n 10010756         4\nready   \n";
        let read = Postmaster::parse(whole).unwrap();
        assert_eq!((read.pid, read.ready), (12992, true));
        assert_eq!(read.socket_dir, Path::new("/d/run"));
        let begun = Postmaster::parse("12992\n/d\n").unwrap();
        assert_eq!((begun.pid, begun.ready), (12992, false));
        assert_eq!(Postmaster::parse(""), None);
    }

    #[test]
    fn only_our_own_makeshift_directories_are_removed() {
        assert!(is_makeshift(Path::new("/tmp/dns-auditor-1")));
        assert!(!is_makeshift(Path::new("/tmp/other")));
        assert!(!is_makeshift(Path::new("/etc/dns-auditor-1")));
        assert!(!is_makeshift(Path::new("")));
    }
}
