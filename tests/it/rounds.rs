//! Four dialers at scripted servers on loopback, and real rounds over a fresh database: history to be read.
//!
//! Deliberately absent: the scheduler. A test runs round after round, each at once.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    config::{self, Config},
    daemon,
    dispatcher::Dispatcher,
    evaluator::Evaluator,
    metrics::{Metrics, RoundReport},
    notify::Notifier,
    store::Store,
};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{
    dns::{DnsServer, Script, Zone},
    postgres::fresh_database,
    sink::Sink,
};

/// What the authority serves.
const ZONE: &str = "
    @       3600 SOA ns1.example.com. host.example.com. 7 7200 300 1209600 300
    @       3600 NS  ns1.example.com.
    ns1     3600 A   127.0.7.1
    dialer1 300  A   192.0.2.1
    dialer2 300  A   192.0.2.2
    dialer3 300  A   192.0.2.3
    dialer4 300  A   192.0.2.4
    shop    300  CNAME lb.example.com.
    lb      300  A   192.0.2.80
    long    86400 A  192.0.2.86
    _sip._udp 300 SRV 10 0 5060 dialer1.example.com.
    _sip._udp 300 SRV 20 0 5060 shop.example.com.
    xn--bcher-kva 300 A 192.0.2.99
";

/// The servers: one authority, and two resolvers that cache what it says.
pub(crate) struct Servers {
    pub(crate) authority: DnsServer,
    /// `alpha`, which names its site.
    pub(crate) alpha: DnsServer,
    /// `beta`, which does not.
    pub(crate) beta: DnsServer,
}

impl Servers {
    pub(crate) async fn start() -> Self {
        let zone = Script::authority().zone(Zone::new("example.com", ZONE));
        let authority = DnsServer::start_at("127.0.7.1:0", zone).await;
        let alpha = Script::cache(&authority).nsid(b"fra3");
        let beta = Script::cache(&authority);
        Self {
            alpha: DnsServer::start_at("127.0.7.10:0", alpha).await,
            beta: DnsServer::start_at("127.0.7.11:0", beta).await,
            authority,
        }
    }
}

/// A group of four dialers, its servers, its history, and what ran it.
pub(crate) struct Watched {
    pub(crate) servers: Servers,
    pub(crate) sink: Sink,
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) metrics: Arc<Metrics>,
    evaluator: Evaluator,
    due_at: Mutex<DateTime<Utc>>,
    turn: Mutex<()>,
    directory: TempDir,
}

impl Watched {
    /// Everything started, nothing asked yet.
    pub(crate) async fn start() -> Self {
        Self::with_sink(Sink::start([]).await).await
    }

    /// [`Watched::start`] with a receiver that was told how to answer.
    pub(crate) async fn with_sink(sink: Sink) -> Self {
        Self::with(sink, "schedule = \"*/5 * * * * *\"").await
    }

    /// [`Watched::with_sink`] with these keys of the group, its schedule among them.
    pub(crate) async fn with(sink: Sink, settings: &str) -> Self {
        let servers = Servers::start().await;
        let directory = tempfile::tempdir().unwrap();
        let text = config_text(&servers, &sink, &fresh_database().await, settings);
        let file = directory.path().join("auditor.toml");
        std::fs::write(&file, text).unwrap();
        let config = config::load(Some(&file), &BTreeMap::new());
        let config = Arc::new(config.unwrap_or_else(|errors| panic!("{errors}")));
        let url = config.database.url.as_ref().unwrap().expose_str();
        let store = Store::open(&url).await.unwrap();
        let metrics = Arc::new(Metrics::new());
        let now = Utc::now();
        Self {
            servers,
            sink,
            evaluator: evaluator(&config, &store, &metrics).await,
            config,
            store,
            metrics,
            due_at: Mutex::new(now - TimeDelta::minutes(5)),
            turn: Mutex::default(),
            directory,
        }
    }

    /// What a stop and a start leave of it: the history in the database.
    pub(crate) async fn restart(&mut self) {
        self.evaluator = evaluator(&self.config, &self.store, &self.metrics).await;
    }

    /// The configuration's file.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("auditor.toml")
    }

    /// One round.
    pub(crate) async fn round(&self) -> RoundReport {
        let mut due_at = self.due_at.lock().await;
        *due_at += TimeDelta::seconds(5);
        let group = self.config.groups.first().unwrap();
        let round = self.evaluator.run_round(group, &self.turn, *due_at).await;
        round.unwrap().expect("the round has run before")
    }

    /// Two clean rounds, then a wrong address in `beta` for a day, found, and told.
    pub(crate) async fn with_a_wrong_address(self) -> Self {
        self.round().await;
        self.round().await;
        self.plant("dialer1.example.com", "198.51.100.66");
        let found = self.round().await;
        assert_eq!(found.transitions.len(), 1, "{found:?}");
        self.deliver().await;
        self
    }

    /// Puts an address into `beta`, for a day.
    pub(crate) fn plant(&self, name: &str, address: &str) {
        let beta = &self.servers.beta;
        beta.edit(|script| script.plant(name, "A", 86_400, &[address]));
    }

    /// Sends what is due.
    pub(crate) async fn deliver(&self) {
        let dispatcher = self.dispatcher(&self.config);
        while dispatcher.step(Utc::now()).await.unwrap() {}
    }

    /// What sends, under this configuration.
    pub(crate) fn dispatcher(&self, config: &Arc<Config>) -> Dispatcher {
        let channels = config.channels.iter().cloned();
        let dispatcher = Dispatcher::new(
            self.store.clone(),
            Notifier::default(),
            channels,
            &config.vantage,
            "tests",
        );
        dispatcher.keeping_quiet(config.clone())
    }
}

async fn evaluator(config: &Arc<Config>, store: &Store, metrics: &Arc<Metrics>) -> Evaluator {
    let (asker, now) = (daemon::asker(config).unwrap(), Utc::now());
    let restored = Evaluator::restore(config.clone(), asker, store.clone(), metrics.clone(), now);
    restored.await.unwrap()
}

fn config_text(servers: &Servers, sink: &Sink, database: &str, settings: &str) -> String {
    format!(
        r#"
vantage = "us-west-2"
[database]
url = "{database}"
[http]
listen = "127.0.0.1:0"
url = "https://auditor.example.com"
[[resolver]]
id = "alpha"
operator = "Alpha Inc."
single_cache = true
address = "{}"
[[resolver]]
id = "beta"
operator = "Beta Ltd."
single_cache = true
address = "{}"
[[group]]
name = "dialers"
names = ["dialer{{1..4}}.example.com"]
types = ["A"]
resolvers = ["alpha", "beta"]
authorities = ["{}"]
{settings}
channels = ["voip-ops"]
[[channel]]
id = "voip-ops"
kind = "slack"
url = "{}"
"#,
        servers.alpha.address(),
        servers.beta.address(),
        servers.authority.address(),
        sink.url(),
    )
}
