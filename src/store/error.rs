//! Why the store could not do as it was told, sorted by what the caller can do about it.
//!
//! Deliberately absent: retrying, and any text that could hold a password (the URL is never shown).

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::migrate::MigrateError;

/// Why the store could not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The server is away, starting, stopping or full, or two transactions got in each other's way: try again later.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The server gave no answer in time: it is away, or overloaded.
    #[error("the database gave no answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// The connection URL cannot be read. The URL itself is not shown: it may hold a password.
    #[error(
        "the database URL is not valid: write postgres://USER:PASSWORD@HOST:PORT/DATABASE ({0})"
    )]
    Url(String),
    /// `PostgreSQL` before 15.
    #[error("the server runs PostgreSQL {0}; dns-auditor needs PostgreSQL 15 or later")]
    ServerTooOld(String),
    /// A newer dns-auditor has migrated this database.
    #[error(
        "the database has schema version {applied}, this program knows versions up to {known}: run the newer dns-auditor that migrated it"
    )]
    NewerSchema {
        /// The version that this program does not have.
        applied: i64,
        /// The newest version this program has.
        known: i64,
    },
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date: {0}")]
    Migration(#[source] MigrateError),
    /// The round is not running: it was finished or abandoned, or never began.
    #[error("round {0} is not running: it was finished, abandoned, or never began")]
    RoundNotRunning(i64),
    /// A stored value does not read back: another program wrote here, or the program is older than the row.
    #[error("a stored {what} does not read back: {why}")]
    Unreadable {
        /// What it should have been.
        what: &'static str,
        /// Why it is not.
        why: String,
    },
    /// The database refuses what the journal holds, so that it lacks what was told: as good as away. Why stands in the log.
    #[error("the database does not take over the journal")]
    Behind,
    /// Nothing goes that is old only by a clock that this history does not know.
    #[error(
        "nothing is let go: the clock says {}, and no round is known of the week before that is a day old{}. If it is right: \
         `dns-auditor db prune --trust-clock`, or wait until rounds have run for a day",
        .now.format("%Y-%m-%d %H:%MZ"), newest_round(*.newest)
    )]
    ClockNotKnown {
        /// What it says.
        now: DateTime<Utc>,
        /// When the newest round that was finished was due.
        newest: Option<DateTime<Utc>>,
    },
    /// The database refused a statement: a defect here, missing rights, or a full disk.
    #[error("the database refused: {0}")]
    Refused(#[source] sqlx::Error),
}

fn newest_round(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| {
        format!(" (the newest is of {})", at.format("%Y-%m-%d %H:%MZ"))
    })
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Silent(_) | Self::Behind)
    }

    pub(super) fn unreadable(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Unreadable {
            what,
            why: format!("{why}"),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let transient = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| {
                // Connection lost, resources short, server going or coming, transaction rolled back by another, a standby.
                ["08", "53", "57P", "40", "25006"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }),
            _ => false,
        };
        if transient {
            Self::Unavailable(error)
        } else {
            Self::Refused(error)
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => error.into(),
            other => Self::Migration(other),
        }
    }
}
