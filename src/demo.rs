//! The demonstration: the incident of 2020, offline, in a minute.
//!
//! It is the service itself, as `serve` runs it: scheduler, prober, judge, store and dispatcher, with a private
//! `PostgreSQL` in a directory of its own. Only the world is simulated: two name servers, four caching resolvers and a
//! Slack receiver on loopback, which speak real DNS and HTTP. The process's clock reads 30 August 2020 and jumps from
//! round to round; within a round it runs at its true speed, so that TTLs are those of 2020. Deliberately absent:
//! what is shown of it, which is `cli`'s, and any judgement of its own.

mod cache;
mod configuration;
mod directory;
mod server;
mod sink;
pub mod story;
mod wire;
mod world;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    clock,
    config::{self, Config, ConfigErrors},
    daemon::{self, DaemonError, Running},
    store::{Store, StoreError},
};
use directory::Directory;
use server::Server;
use sink::Sink;
use story::Story;

/// The group that is watched.
pub const GROUP: &str = "dialers";

/// The vantage it is watched from.
pub const VANTAGE: &str = "demo";

/// The file that is written for the service, in the demonstration's directory.
const CONFIG_FILE: &str = "dns-auditor.toml";

/// A caching resolver of the demonstration.
#[derive(Debug, Clone, Copy)]
pub struct Resolver {
    /// Its id in the configuration.
    pub id: &'static str,
    /// Whom it behaves like, for people.
    pub like: &'static str,
    /// Nothing is held for longer, seconds; `None`: everything for as long as its TTL says.
    pub cap: Option<u32>,
}

/// The resolvers. Their caps are those that were measured at public resolvers in 2023.
pub const RESOLVERS: [Resolver; 4] = [
    Resolver {
        id: "cap-1h",
        like: "OpenDNS",
        cap: Some(3_600),
    },
    Resolver {
        id: "cap-6h",
        like: "Google",
        cap: Some(21_600),
    },
    Resolver {
        id: "cap-12h",
        like: "Quad9",
        cap: Some(43_200),
    },
    Resolver {
        id: "isp-a",
        like: "a resolver without a cap",
        cap: None,
    },
];

/// How long anything of a round may take in real time before something is wrong.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often it is looked whether the service is done with a round.
const PAUSE: Duration = Duration::from_millis(1);

/// Slack takes a message a second; the clock moves on by so much until it has all of a round.
const BETWEEN_MESSAGES: Duration = Duration::from_secs(1);

/// Looks at the outbox before the clock moves on: a delivery under way takes a moment of real time.
const LOOKS: u32 = 20;

/// Why the demonstration could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No server on loopback, or no directory for its files.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The configuration that was written for it is refused.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The service, or its private PostgreSQL.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// Its database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A round did not end, or the service did.
    #[error("{0}")]
    Stuck(&'static str),
}

impl DemoError {
    fn system(doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { doing, source }
    }
}

/// A round that is over, with everything it led to.
#[derive(Debug)]
pub struct Round {
    /// When it was due.
    pub at: DateTime<Utc>,
    /// What Slack was sent, in order.
    pub messages: Vec<Json>,
}

/// The service at work in its world.
#[derive(Debug)]
pub struct Stage {
    story: Story,
    config: Config,
    service: JoinHandle<Result<(), DaemonError>>,
    running: Running,
    stop: CancellationToken,
    sink: Sink,
    due: Option<DateTime<Utc>>,
    _servers: Vec<Server>,
    directory: Directory,
}

impl Stage {
    /// Sets the clock, starts the world, and the service with a round every `period` minutes. To be called
    /// within a [`tokio::task::LocalSet`], on which the service's own loop runs.
    pub async fn open(story: Story, period: u32) -> Result<Self, DemoError> {
        clock::set(story.begins());
        let servers = world::start(story)
            .await
            .map_err(DemoError::system("starting servers on loopback"))?;
        let sink = Sink::start()
            .await
            .map_err(DemoError::system("starting a receiver on loopback"))?;
        let directory = Directory::make().map_err(DemoError::system("making a directory"))?;
        let addresses: Vec<_> = servers.iter().map(Server::address).collect();
        let text = configuration::text(&addresses, sink.address(), &directory, period);
        let file = directory.path().join(CONFIG_FILE);
        std::fs::write(&file, text).map_err(DemoError::system("writing the configuration"))?;
        let config = config::load(Some(&file), &BTreeMap::new())?;
        let (stop, (is_running, running)) = (CancellationToken::new(), oneshot::channel());
        let begins = story.begins();
        let service =
            tokio::task::spawn_local(daemon::run(config.clone(), stop.clone(), move |running| {
                // The start has taken a moment; the first round is to be on time.
                clock::set(begins);
                // Nobody waits any more only where the demonstration has ended.
                let _ = is_running.send(running);
            }));
        let Ok(running) = running.await else {
            return Err(ended(service).await);
        };
        Ok(Self {
            due: Some(story.begins()),
            story,
            config,
            service,
            running,
            stop,
            sink,
            _servers: servers,
            directory,
        })
    }

    /// The file that the service was configured with.
    pub fn config_file(&self) -> PathBuf {
        self.directory.path().join(CONFIG_FILE)
    }

    /// The service's history.
    pub fn store(&self) -> &Store {
        &self.running.store
    }

    /// The resolvers that it asks.
    pub fn resolvers(&self) -> &[Arc<crate::types::Resolver>] {
        &self.config.resolvers
    }

    /// Lets the clock jump to the next round and waits until that is recorded and told; `None` after the last.
    pub async fn advance(&mut self) -> Result<Option<Round>, DemoError> {
        let Some(due) = self.due.filter(|due| *due <= self.story.ends()) else {
            return Ok(None);
        };
        if due > self.story.begins() {
            clock::set(due);
        }
        let settled = timeout(PATIENCE, self.settle(due)).await;
        settled.map_err(|_| DemoError::Stuck("a round does not end"))??;
        let group = self.config.groups.first();
        self.due = group.and_then(|group| group.schedule.next_after(due));
        Ok(Some(Round {
            at: due,
            messages: self.sink.take(),
        }))
    }

    /// Waits until the round that was due is recorded, and everything it led to is delivered.
    async fn settle(&self, due: DateTime<Utc>) -> Result<(), DemoError> {
        while !self.is_recorded(due)? {
            tokio::time::sleep(PAUSE).await;
        }
        let mut looks = 0;
        while self.store().outbox_depth(VANTAGE).await?.waiting > 0 {
            looks += 1;
            if looks % LOOKS == 0 {
                clock::set(clock::now() + BETWEEN_MESSAGES);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    fn is_recorded(&self, due: DateTime<Utc>) -> Result<bool, DemoError> {
        if self.service.is_finished() {
            return Err(DemoError::Stuck("the service ended by itself"));
        }
        let schedule = self.running.metrics.schedule();
        let group = schedule.get(GROUP).copied().unwrap_or_default();
        if group.failed > 0 {
            return Err(DemoError::Stuck("a round could not be recorded"));
        }
        Ok(group.finished.is_some_and(|finished| finished >= due))
    }

    /// Ends the service and its database, and removes its files.
    pub async fn close(self) -> Result<(), DemoError> {
        self.stop.cancel();
        match self.service.await {
            Ok(ended) => Ok(ended?),
            Err(_) => Err(DemoError::Stuck("the service broke off")),
        }
    }
}

/// Why the service ended before it ran.
async fn ended(service: JoinHandle<Result<(), DaemonError>>) -> DemoError {
    match service.await {
        Ok(Err(error)) => error.into(),
        _ => DemoError::Stuck("the service did not start"),
    }
}
