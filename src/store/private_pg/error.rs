//! Why the private server does not run, each with what mends it.
//!
//! Deliberately absent: anything a user cannot act on.

use std::{io, path::PathBuf};

/// Why the private server does not run.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    /// No server programs on this machine.
    #[error(
        "no PostgreSQL server (15 or later) was found on this machine; install it with `{install}`, or set database.url to a server elsewhere, or DNS_AUDITOR_PG_BINDIR to the directory of initdb and postgres"
    )]
    NoServer {
        /// The command that installs one here.
        install: String,
    },
    /// The cluster was made by another major version than those installed.
    #[error(
        "{data} was made by PostgreSQL {wanted}, which is not installed (found: {found}); install that version, or move the data with its pg_dump"
    )]
    OtherMajor {
        /// The cluster.
        data: PathBuf,
        /// What made it.
        wanted: u32,
        /// What is there, as text.
        found: String,
    },
    /// Another process holds the data directory.
    #[error(
        "{data_dir} is in use by another process ({holder}): two cannot share one private database"
    )]
    InUse {
        /// The data directory.
        data_dir: PathBuf,
        /// Who, as far as it is known.
        holder: String,
    },
    /// The cluster belongs to another user.
    #[error("{dir} belongs to another user (uid {uid}): run this as that user or as root")]
    NotYours {
        /// The directory.
        dir: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// The user that the server must run as cannot enter the directory.
    #[error(
        "the database server must run as uid {uid}, which cannot enter {dir}: choose a data_dir below directories that every user may enter, such as /var/lib/dns-auditor"
    )]
    Closed {
        /// The first directory that is closed.
        dir: PathBuf,
        /// Who cannot enter.
        uid: u32,
    },
    /// Running as root, and no user to run the server as.
    #[error(
        "the database server refuses to run as root, and there is no user `postgres` or `nobody`"
    )]
    NoAccount,
    /// `initdb` failed.
    #[error("the cluster could not be made: {0}")]
    Initdb(String),
    /// The server ended, or did not become ready.
    #[error("the database server did not start: {why} (its log is {log})")]
    DidNotStart {
        /// The end of its log.
        why: String,
        /// The log.
        log: PathBuf,
    },
    /// A server left behind by a killed process does not stop.
    #[error(
        "the database server that was left behind (process {0}) does not stop: end it, then try again"
    )]
    Orphan(i32),
    /// A file or directory could not be used.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl PgError {
    /// Names the file in an I/O error.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
