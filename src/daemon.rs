//! Composition: builds the service from its parts, runs it, and takes it down in order.
//!
//! The only place that knows everything. Deliberately absent: any rule of its own.

mod database;
mod standin;
mod upkeep;
mod watchdog;

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    clock,
    config::Config,
    dispatcher::Dispatcher,
    evaluator::{Evaluator, asking::Asker},
    http,
    metrics::Metrics,
    notify::Notifier,
    probe::{self, Delegations, EndpointError, Limits, Prober},
    scheduler::{Scheduler, deadman::Deadman},
    store::{
        Store, StoreError,
        journal::{Journal, JournalError},
        private_pg::PgError,
    },
    types::Resolver,
};
pub use database::{OpenDatabase, has_history, with_history};

/// What a round under way may still take after a stop was asked for. With the rest it stays within five seconds.
const GRACE: Duration = Duration::from_millis(2_500);

/// What all other parts may take after the rounds have ended.
const LAST_WORDS: Duration = Duration::from_millis(1_200);

/// Why the service, or a command that reads its history, could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The private PostgreSQL: the message says what to install or free.
    #[error(transparent)]
    PrivatePg(#[from] PgError),
    /// The database did not answer, or is not ours.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal that stands in for the database belongs to somebody else.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A signal, while a command was at work.
    #[error("interrupted")]
    Interrupted,
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
    /// No certificate could ever be checked for this resolver.
    #[error("resolver `{resolver}`: {source}")]
    Endpoint {
        /// Its id.
        resolver: String,
        /// What is wrong.
        source: EndpointError,
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

/// The questions' way out, as configured.
pub fn asker(config: &Config) -> Result<Asker, DaemonError> {
    let prober = Prober::new(Limits::default()).map_err(|source| DaemonError::System {
        doing: "opening sockets",
        source,
    })?;
    let delegations = Delegations::new(prober.clone(), config.authority.root_hints.clone());
    let delegations = delegations.with_ipv6(config.ipv6);
    Ok(Asker::new(prober, delegations, config.authority.max_qps))
}

/// Whether every resolver of an encrypted transport can be asked as configured. Reads the files of their authorities.
pub fn check_endpoints(resolvers: &[Arc<Resolver>]) -> Result<(), DaemonError> {
    for resolver in resolvers {
        let Some(endpoint) = &resolver.endpoint else {
            continue;
        };
        probe::check_endpoint(endpoint).map_err(|source| DaemonError::Endpoint {
            resolver: resolver.id.clone(),
            source,
        })?;
    }
    Ok(())
}

/// What a running service can be looked at by.
#[derive(Debug)]
pub struct Running {
    /// Where the HTTP face listens.
    pub address: std::net::SocketAddr,
    /// Its history.
    pub store: Store,
    /// Its counters.
    pub metrics: Arc<Metrics>,
}

/// Runs the service until `shutdown`. `ready` hears when it does.
pub async fn run(
    config: Config,
    shutdown: CancellationToken,
    ready: impl FnOnce(Running),
) -> Result<(), DaemonError> {
    check_endpoints(&config.resolvers)?;
    let config = Arc::new(config);
    let address = config.http.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| DaemonError::Listen { address, source })?;
    // A start that is under way goes on in its own thread; its server is stopped as soon as nobody wants it.
    let opening = shutdown.run_until_cancelled(OpenDatabase::own(&config.database));
    let Some(database) = opening.await else {
        return Ok(());
    };
    let mut database = match database {
        Err(DaemonError::Store(error)) => {
            standin::tell_what_waits(&config, &error).await;
            return Err(error.into());
        }
        opened => opened?,
    };
    let journal = match standin::open(&config).await {
        Ok(journal) => journal,
        Err(error) => {
            database.close().await?;
            return Err(error.into());
        }
    };
    let (store, metrics) = (database.store.clone(), Arc::new(Metrics::new()));
    ready(Running {
        address: listener.local_addr().unwrap_or(address),
        store: store.clone(),
        metrics: metrics.clone(),
    });
    let watchdog = database.private.take().map(|private| {
        let watching = watchdog::keep_alive(private, store.clone(), shutdown.clone());
        tokio::spawn(watching)
    });
    let served = serve(config, &store, journal, metrics, listener, shutdown).await;
    if let Some(watchdog) = watchdog {
        database.private = watchdog.await.ok().flatten();
    }
    let closed = database.close().await;
    served.and(closed)
}

async fn serve(
    config: Arc<Config>,
    store: &Store,
    journal: Journal,
    metrics: Arc<Metrics>,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), DaemonError> {
    let stop_all = shutdown.clone().drop_guard();
    for excess in config.excesses() {
        tracing::warn!("{excess}");
    }
    let asker = asker(&config)?;
    if let Err(error) = journal.reconcile(store).await {
        tracing::warn!(%error, "the journal of an earlier life is not taken over yet");
    }
    if let Err(error) = journal.recall(store).await {
        tracing::warn!(%error, "what an earlier life left in the outbox waits for the database");
    }
    upkeep::at_start(&config, store, clock::now()).await?;
    let evaluator = Evaluator::restore(
        config.clone(),
        asker,
        store.clone(),
        metrics.clone(),
        clock::now(),
    )
    .await?;
    let evaluator = evaluator.with_journal(journal.clone());
    let channels = config.channels.iter().cloned();
    let notifier = Notifier::of(&config);
    let dispatcher = Dispatcher::new(
        store.clone(),
        notifier.clone(),
        channels,
        &config.vantage,
        &config.vantage,
    );
    let dispatcher = dispatcher.counted_by(metrics.clone());
    let dispatcher = dispatcher
        .keeping_quiet(config.clone())
        .with_journal(journal.clone());
    metrics.watch_journal(journal.clone());
    let deadman = Deadman::new(
        config.clone(),
        store.clone(),
        metrics.clone(),
        notifier,
        clock::now(),
    );
    let deadman = deadman.with_journal(journal);
    let app = http::app(http::Context {
        store: store.clone(),
        metrics: metrics.clone(),
        vantage: config.vantage.clone(),
        resolvers: config.resolvers.clone().into(),
        periods: Arc::new(config.periods()),
        maintenance: config.maintenance.clone().into(),
        base_url: config.http.base_url().into(),
    });
    let upkeep = upkeep::keep_house(store.clone(), config.retention, shutdown.clone());
    let parts = [
        (
            "dispatcher",
            spawn_part(dispatcher.run(shutdown.clone()), &shutdown),
        ),
        (
            "http",
            spawn_part(http::serve(listener, app, shutdown.clone()), &shutdown),
        ),
        ("upkeep", spawn_part(upkeep, &shutdown)),
        (
            "deadman",
            spawn_part(deadman.run(shutdown.clone()), &shutdown),
        ),
    ];
    let rounds = Scheduler::new(config, Arc::new(evaluator), store.clone(), metrics);
    let ended = rounds.run(shutdown, GRACE).await;
    drop(stop_all);
    let until = Instant::now() + LAST_WORDS;
    for (name, part) in parts {
        end(name, part, until).await;
    }
    Ok(ended?)
}

/// Waits for a part that was told to stop, and cuts it off when it does not: a client of the HTTP face can hold its
/// connection for ever.
async fn end(name: &'static str, mut part: JoinHandle<()>, until: Instant) {
    match tokio::time::timeout_at(until, &mut part).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(task = name, %error, "a part of the service did not end well");
        }
        Err(_) => {
            tracing::warn!(
                task = name,
                "a part of the service does not end and is cut off"
            );
            part.abort();
        }
    }
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
