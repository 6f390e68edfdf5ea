//! What a service meets in these tests: an authority, a caching resolver, a webhook receiver, a directory, a database.
//!
//! The database is one of the test run's own server, or private to the service; either can be asked by SQL.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use dns_auditor::store::{journal::Journal, private_pg::PrivatePg};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tempfile::TempDir;

use super::service::{Service, until};
use crate::{
    dns::{DnsServer, Script, Zone},
    postgres::{fresh_database, open_dir},
    sink::Sink,
};

const ZONE: &str = "
    @       3600 SOA ns1.example.com. host.example.com. 7 7200 900 1209600 300
    @       3600 NS  ns1.example.com.
    ns1     3600 A   127.0.0.1
    dialer1 60   A   192.0.2.1
    dialer2 60   A   192.0.2.2
    dialer3 60   A   192.0.2.3
    dialer4 60   A   192.0.2.4
";

/// An address that nobody serves.
pub(super) const WRONG: &str = "198.51.100.66";

/// The surroundings of one service.
pub(super) struct World {
    pub(super) authority: DnsServer,
    pub(super) resolver: Arc<DnsServer>,
    pub(super) sink: Sink,
    pub(super) dir: TempDir,
    /// The data directory's name below `dir`.
    pub(super) data: String,
    /// `None`: private to the service.
    url: Option<String>,
}

impl World {
    /// Over a database of the test run's own server.
    pub(super) async fn new() -> Self {
        Self::over(Some(fresh_database().await)).await
    }

    /// With a private PostgreSQL below the service's data directory.
    pub(super) async fn private() -> Self {
        Self::over(None).await
    }

    pub(super) async fn over(url: Option<String>) -> Self {
        let zone = Zone::new("example.com", ZONE);
        let authority = DnsServer::start(Script::authority().zone(zone)).await;
        let resolver = Arc::new(DnsServer::start(Script::cache(&authority)).await);
        Self {
            authority,
            resolver,
            sink: Sink::start([]).await,
            dir: open_dir(),
            data: "data".to_owned(),
            url,
        }
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.dir.path().join(&self.data)
    }

    /// What stands in the journal of the vantage `here`.
    pub(super) fn journal(&self) -> String {
        let octets = fs::read(Journal::path(&self.data_dir(), "here")).unwrap_or_default();
        String::from_utf8_lossy(&octets).into_owned()
    }

    /// A configuration with a round of four names each second.
    pub(super) fn config(&self) -> PathBuf {
        self.config_with("here", "", &self.group("dialers", "dialer{1..4}"))
    }

    /// A group of names of the zone.
    pub(super) fn group(&self, name: &str, names: &str) -> String {
        format!(
            "[[group]]\nname = \"{name}\"\nnames = [\"{names}.example.com\"]\nauthorities = [\"{}\"]\n",
            self.authority.address()
        )
    }

    /// A configuration of these groups; `defaults` are further lines of that section.
    pub(super) fn config_with(&self, vantage: &str, defaults: &str, groups: &str) -> PathBuf {
        let database = match &self.url {
            Some(url) => format!("url = '{url}'"),
            None => String::new(),
        };
        let data_dir = self.data_dir();
        let data_dir = data_dir.display();
        let text = format!(
            "vantage = '{vantage}'\n\
             [database]\ndata_dir = '{data_dir}'\n{database}\n\
             [http]\nlisten = '127.0.0.1:0'\n\
             [defaults]\nschedule = '* * * * * *'\ntypes = ['A']\nresolvers = ['cache']\nchannels = ['hook']\n\
             recovery_window = '1s'\n{defaults}\n\
             [[resolver]]\nid = 'cache'\naddress = '{resolver}'\nsingle_cache = true\n\
             [[channel]]\nid = 'hook'\nkind = 'webhook'\nurl = '{sink}'\n\
             {groups}",
            resolver = self.resolver.address(),
            sink = self.sink.url(),
        );
        let path = self.dir.path().join(format!("{vantage}.toml"));
        fs::write(&path, text).unwrap();
        // Readable for the server's user, too.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// A started service that has seen what is right: at the resolver after the authority, so from the second round on.
    pub(super) async fn served(&self) -> Service {
        self.served_with(&self.config()).await
    }

    pub(super) async fn served_with(&self, config: &Path) -> Service {
        let before = self.finished().await;
        let service = Service::start(config).await;
        self.rounds_after(before, 2).await;
        service
    }

    /// Puts a wrong address of a name into the resolver's cache.
    pub(super) fn plant(&self, name: &str, ttl: u32) {
        let owner = format!("{name}.example.com");
        self.resolver
            .edit(|script| script.plant(&owner, "A", ttl, &[WRONG]));
    }

    /// The URL of the database, while its server runs.
    pub(super) fn url(&self) -> Option<String> {
        match &self.url {
            Some(url) => Some(url.clone()),
            None => PrivatePg::find_running(&self.data_dir()).unwrap(),
        }
    }

    /// The first column of a query's rows, as text; `None` while the database is away.
    pub(super) async fn try_ask(&self, query: &str) -> Option<Vec<String>> {
        let mut connection = PgConnection::connect(&self.url()?).await.ok()?;
        let query = format!("select one::text from ({query}) as asked (one)");
        let rows = sqlx::query(AssertSqlSafe(query))
            .fetch_all(&mut connection)
            .await
            .ok()?;
        let _ = connection.close().await;
        Some(
            rows.iter()
                .map(|row| row.get::<Option<String>, _>(0).unwrap_or_default())
                .collect(),
        )
    }

    /// The same, once the database is there.
    pub(super) async fn ask(&self, query: &str) -> Vec<String> {
        until(query, || self.try_ask(query)).await
    }

    /// A query that gives one number.
    pub(super) async fn count(&self, query: &str) -> usize {
        self.ask(query).await[0].parse().unwrap()
    }

    /// Finished rounds so far.
    pub(super) async fn finished(&self) -> usize {
        let rounds = "select count(*) from round where status = 'finished'";
        let found = self.try_ask(rounds).await;
        found.map_or(0, |found| found[0].parse().unwrap())
    }

    /// Waits until so many rounds have finished since there were `before`.
    pub(super) async fn rounds_after(&self, before: usize, more: usize) {
        until("rounds finish", async || {
            (self.finished().await >= before + more).then_some(())
        })
        .await;
    }

    /// Waits for rounds from now on.
    pub(super) async fn rounds(&self, more: usize) {
        let before = self.finished().await;
        self.rounds_after(before, more).await;
    }

    /// The types of the messages received, in order, each message once.
    pub(super) fn told(&self) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        self.sink
            .received()
            .iter()
            .filter(|one| seen.insert(one.header("webhook-id").to_owned()))
            .map(|one| one.json()["type"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits until a message of this type has come.
    pub(super) async fn is_told(&self, kind: &str) {
        until(kind, async || {
            self.told().iter().any(|told| told == kind).then_some(())
        })
        .await;
    }

    /// The postgres processes that work in the private cluster.
    pub(super) fn postgres(&self) -> Vec<i32> {
        processes_in(&self.data_dir().join("postgres/data"))
    }

    /// The private server's first process.
    pub(super) fn postmaster(&self) -> Option<i32> {
        let file = self.data_dir().join("postgres/data/postmaster.pid");
        fs::read_to_string(file).ok()?.lines().next()?.parse().ok()
    }

    /// What `pg_controldata` says of the private cluster.
    pub(super) fn cluster_state(&self) -> String {
        let program = fs::read_dir("/usr/lib/postgresql")
            .unwrap()
            .map(|version| version.unwrap().path().join("bin/pg_controldata"))
            .find(|program| program.exists())
            .expect("pg_controldata, which comes with the server");
        let output = std::process::Command::new(program)
            .arg(self.data_dir().join("postgres/data"))
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("Database cluster state:"));
        line.unwrap().trim().to_owned()
    }

    /// The user the private server runs as.
    pub(super) fn owner(&self) -> (u32, u32) {
        let owner = fs::metadata(self.data_dir().join("postgres")).unwrap();
        (owner.uid(), owner.gid())
    }
}

/// Kills every process of the cluster below this data directory at once.
pub(super) fn kill_postgres(data_dir: &Path) {
    for process in processes_in(&data_dir.join("postgres/data")) {
        // It may have ended by itself, now that another one has.
        let _ = kill_process(Pid::from_raw(process).unwrap(), Signal::KILL);
    }
}

/// Kills the first process of the cluster below this data directory; the others see that and end.
pub(super) fn kill_postmaster(data_dir: &Path) {
    let file = data_dir.join("postgres/data/postmaster.pid");
    let first = fs::read_to_string(file).ok();
    let first = first.and_then(|text| text.lines().next()?.parse().ok());
    let lives = |process: &i32| processes_in(&data_dir.join("postgres/data")).contains(process);
    if let Some(process) = first.filter(lives) {
        let _ = kill_process(Pid::from_raw(process).unwrap(), Signal::KILL);
    }
}

/// The processes whose working directory this is, without those that have ended.
fn processes_in(dir: &Path) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap().map(Result::unwrap);
    processes
        .filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == dir))
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .collect()
}
