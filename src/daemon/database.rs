//! The database a command works on: a configured server, or the private one, owned or borrowed.
//!
//! Deliberately absent: keeping the private server alive, which is [`super::watchdog`]'s work.

use std::{path::Path, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::DaemonError;
use crate::{
    config::Database,
    store::{
        Store,
        private_pg::{Access, PgError, PrivatePg},
    },
};

/// How long the service waits for a data directory that another process holds: a command that reads history needs its
/// private server for a moment only.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long queries that still run when everything ends may take.
const LAST_QUERIES: Duration = Duration::from_millis(500);

/// A store, and the private PostgreSQL that carries it where there is one.
#[derive(Debug)]
pub struct OpenDatabase {
    /// The store.
    pub store: Store,
    pub(super) private: Option<PrivatePg>,
}

impl OpenDatabase {
    /// For the service: the configured server, or a private one that is started here and owned.
    pub async fn own(database: &Database) -> Result<Self, DaemonError> {
        if let Some(url) = &database.url {
            return Ok(Self {
                store: Store::open(&url.expose_str()).await?,
                private: None,
            });
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match start(&database.data_dir).await {
                Err(DaemonError::PrivatePg(PgError::InUse { .. })) if Instant::now() < until => {
                    sleep(Duration::from_millis(100)).await;
                }
                started => return Self::over(started?).await,
            }
        }
    }

    /// For commands that read history: the running service's own server, or a private one for as long as it takes.
    async fn borrow(database: &Database) -> Result<Self, DaemonError> {
        if database.url.is_some() {
            return Self::own(database).await;
        }
        let data_dir = database.data_dir.clone();
        match blocking("reaching the private PostgreSQL", move || {
            Access::open(&data_dir)
        })
        .await??
        {
            Access::Running(url) => Ok(Self {
                store: Store::open(&url).await?,
                private: None,
            }),
            Access::Started(private) => Self::over(*private).await,
        }
    }

    async fn over(private: PrivatePg) -> Result<Self, DaemonError> {
        match Store::open(&private.url()).await {
            Ok(store) => Ok(Self {
                store,
                private: Some(private),
            }),
            Err(error) => {
                stop(private).await?;
                Err(error.into())
            }
        }
    }

    /// Closes the pool, then stops the private server.
    pub async fn close(self) -> Result<(), DaemonError> {
        // What does not end in time is cut off by the server's stop, or by the end of this process.
        let _ = tokio::time::timeout(LAST_QUERIES, self.store.close()).await;
        match self.private {
            Some(private) => stop(private).await,
            None => Ok(()),
        }
    }
}

/// Whether there is any history: a configured server, or a private one that was made before.
pub fn has_history(database: &Database) -> bool {
    database.url.is_some() || PrivatePg::exists(&database.data_dir)
}

/// Does something with the history. Whether it ends by itself or because of `stop`, a private server that was started
/// for it is stopped.
pub async fn with_history<T>(
    database: &Database,
    stop: &CancellationToken,
    work: impl AsyncFnOnce(&Store) -> T,
) -> Result<T, DaemonError> {
    // A start that is under way goes on in its own thread; its server is stopped as soon as nobody wants it.
    let opened = stop.run_until_cancelled(OpenDatabase::borrow(database));
    let database = opened.await.ok_or(DaemonError::Interrupted)??;
    let done = stop.run_until_cancelled(work(&database.store)).await;
    database.close().await?;
    done.ok_or(DaemonError::Interrupted)
}

async fn start(data_dir: &Path) -> Result<PrivatePg, DaemonError> {
    let data_dir = data_dir.to_owned();
    let starting = blocking("starting the private PostgreSQL", move || {
        PrivatePg::start(&data_dir)
    });
    Ok(starting.await??)
}

async fn stop(private: PrivatePg) -> Result<(), DaemonError> {
    Ok(blocking("stopping the private PostgreSQL", move || private.stop()).await??)
}

/// Runs what blocks apart from everything that must not.
pub(super) async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DaemonError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| DaemonError::System {
        doing,
        source: std::io::Error::other(error),
    })
}
