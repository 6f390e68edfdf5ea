//! Composition: builds the service from its parts, runs it, and takes it down in order.
//!
//! The only place that knows everything. Deliberately absent: any rule of its own.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, Database},
    dispatcher::Dispatcher,
    evaluator::{Evaluator, asking::Asker},
    http,
    metrics::Metrics,
    notify::Notifier,
    probe::{Delegations, Limits, Prober},
    scheduler::Scheduler,
    store::{
        Store, StoreError,
        private_pg::{Access, PgError, PrivatePg},
    },
};

/// What a round under way may still take after a stop was asked for. With the rest it stays within five seconds.
const GRACE: Duration = Duration::from_secs(3);

/// Why the service, or a command that reads its history, could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The private PostgreSQL: the message says what to install or free.
    #[error(transparent)]
    PrivatePg(#[from] PgError),
    /// The database did not answer, or is not ours.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No listener on the configured address.
    #[error(
        "http.listen = {address}: {source}; choose another address with DNS_AUDITOR__HTTP__LISTEN"
    )]
    Listen {
        /// The configured address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something of the machine itself.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A store, and the private PostgreSQL that carries it where there is one.
#[derive(Debug)]
pub struct OpenDatabase {
    /// The store.
    pub store: Store,
    private: Option<PrivatePg>,
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
        let data_dir = database.data_dir.clone();
        Self::over(
            blocking("starting the private PostgreSQL", move || {
                PrivatePg::start(&data_dir)
            })
            .await?,
        )
        .await
    }

    /// For commands that read history: the running service's own server, or a private one for as long as it takes.
    pub async fn borrow(database: &Database) -> Result<Self, DaemonError> {
        if database.url.is_some() {
            return Self::own(database).await;
        }
        let data_dir = database.data_dir.clone();
        match blocking("reaching the private PostgreSQL", move || {
            Access::open(&data_dir)
        })
        .await?
        {
            Access::Running(url) => Ok(Self {
                store: Store::open(&url).await?,
                private: None,
            }),
            Access::Started(private) => Self::over(*private).await,
        }
    }

    async fn over(private: PrivatePg) -> Result<Self, DaemonError> {
        let store = Store::open(&private.url()).await?;
        Ok(Self {
            store,
            private: Some(private),
        })
    }

    /// Closes the pool, then stops the private server.
    pub async fn close(self) -> Result<(), DaemonError> {
        self.store.close().await;
        match self.private {
            Some(private) => {
                blocking("stopping the private PostgreSQL", move || private.stop()).await
            }
            None => Ok(()),
        }
    }
}

/// Runs what blocks apart from everything that must not.
async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, PgError> + Send + 'static,
) -> Result<T, DaemonError> {
    let ended = tokio::task::spawn_blocking(work).await;
    Ok(ended.map_err(|error| DaemonError::System {
        doing,
        source: std::io::Error::other(error),
    })??)
}

/// The questions' way out, as configured.
pub fn asker(config: &Config) -> Result<Asker, DaemonError> {
    let prober = Prober::new(Limits::default()).map_err(|source| DaemonError::System {
        doing: "opening sockets",
        source,
    })?;
    let delegations = Delegations::new(prober.clone(), config.authority.root_hints.clone());
    Ok(Asker::new(prober, delegations.with_ipv6(config.ipv6)))
}

/// Runs the service until `shutdown`. `ready` hears the address the HTTP face listens on.
pub async fn run(
    config: Config,
    shutdown: CancellationToken,
    ready: impl FnOnce(std::net::SocketAddr),
) -> Result<(), DaemonError> {
    let config = Arc::new(config);
    let address = config.http.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| DaemonError::Listen { address, source })?;
    let database = OpenDatabase::own(&config.database).await?;
    ready(listener.local_addr().unwrap_or(address));
    let served = serve(config, &database.store, listener, shutdown).await;
    let closed = database.close().await;
    served.and(closed)
}

async fn serve(
    config: Arc<Config>,
    store: &Store,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), DaemonError> {
    let stop_all = shutdown.clone().drop_guard();
    let metrics = Arc::new(Metrics::new());
    let asker = asker(&config)?;
    let evaluator = Evaluator::restore(
        config.clone(),
        asker,
        store.clone(),
        metrics.clone(),
        Utc::now(),
    )
    .await?;
    let channels = config.channels.iter().cloned();
    let dispatcher = Dispatcher::new(
        store.clone(),
        Notifier::default(),
        channels,
        &config.vantage,
    );
    let app = http::app(http::Context {
        store: store.clone(),
        metrics: metrics.clone(),
        vantage: config.vantage.clone(),
    });
    let dispatching = spawn_part(dispatcher.run(shutdown.clone()), &shutdown);
    let listening = spawn_part(http::serve(listener, app, shutdown.clone()), &shutdown);
    let rounds = Scheduler::new(config, Arc::new(evaluator), store.clone(), metrics);
    let ended = rounds.run(shutdown, GRACE).await;
    drop(stop_all);
    for (task, name) in [(dispatching, "dispatcher"), (listening, "http")] {
        if let Err(error) = task.await {
            tracing::error!(task = name, %error, "a part of the service did not end well");
        }
    }
    Ok(ended?)
}

/// Runs a part of the service. Whatever ends first, by a panic too, ends the rest: half an auditor is a silent one.
fn spawn_part(
    part: impl Future<Output = ()> + Send + 'static,
    shutdown: &CancellationToken,
) -> JoinHandle<()> {
    let stop_all = shutdown.clone().drop_guard();
    tokio::spawn(async move {
        let _stop_all = stop_all;
        part.await;
    })
}
