//! A private `PostgreSQL` below the data directory, for those who do not want to run one.
//!
//! One cluster a data directory, reached over a Unix socket that only its owner and root can enter; no TCP; durable.
//! The server programs are those installed on the machine. As root the server runs as the owner of the data, else as
//! `postgres`, else as `nobody`: it refuses to run as root.
//!
//! Everything here blocks (a first start takes a second or two): call it from `spawn_blocking`.
//!
//! Deliberately absent: downloading, upgrading a cluster to another major version, Windows.

mod account;
mod binaries;
mod cluster;
mod error;
mod lockfile;
mod server;

use std::{
    fs::File,
    path::Path,
    time::{Duration, Instant},
};

pub use error::PgError;

use cluster::Cluster;
use lockfile::Postmaster;
use server::Server;

/// How long [`Access::open`] waits for another process that is just starting or stopping the server.
const PATIENCE: Duration = Duration::from_secs(30);

/// A private server that this process has started. Stopped when dropped; [`PrivatePg::stop`] says whether that went well.
#[derive(Debug)]
pub struct PrivatePg {
    cluster: Cluster,
    server: Server,
    /// Held as long as the server is ours.
    _lock: File,
}

impl PrivatePg {
    /// Starts the private server of a data directory, making the cluster where there is none.
    ///
    /// A server that a killed process left behind is stopped first. Another living process on the same directory is
    /// [`PgError::InUse`].
    pub fn start(data_dir: &Path) -> Result<Self, PgError> {
        let cluster = Cluster::prepare(data_dir)?;
        let lock = lockfile::lock(&cluster)?;
        lockfile::settle(&cluster)?;
        let binaries = binaries::find(cluster.major()?)?;
        cluster.create(&binaries)?;
        let server = Server::start(&cluster, &binaries)?;
        Ok(Self {
            cluster,
            server,
            _lock: lock,
        })
    }

    /// The URL to connect with. Holds no secret: the socket's directory is the protection.
    pub fn url(&self) -> String {
        url(self.server.socket_dir())
    }

    /// Whether the server's process still runs. Does not block.
    pub fn is_running(&mut self) -> bool {
        self.server.is_running()
    }

    /// Starts the server again if it died. Returns whether it had. Connections that were open are lost; ask
    /// for the URL again, it may have changed.
    pub fn revive(&mut self) -> Result<bool, PgError> {
        if self.server.is_running() {
            return Ok(false);
        }
        lockfile::settle(&self.cluster)?;
        let binaries = binaries::find(self.cluster.major()?)?;
        self.server = Server::start(&self.cluster, &binaries)?;
        Ok(true)
    }

    /// Stops the server cleanly: open transactions are rolled back, everything committed is on disk. Close pools first.
    pub fn stop(mut self) -> Result<(), PgError> {
        self.server.stop()
    }

    /// Whether a cluster was ever made below this data directory.
    pub fn exists(data_dir: &Path) -> bool {
        Cluster::at(data_dir).has_data()
    }

    /// The URL of the server that runs on this data directory now, whoever started it; `None` where none does.
    ///
    /// For its owner and for root; others get [`PgError::NotYours`].
    pub fn find_running(data_dir: &Path) -> Result<Option<String>, PgError> {
        let cluster = Cluster::at(data_dir);
        let running = Postmaster::read(&cluster)?.filter(Postmaster::answers);
        Ok(running.map(|postmaster| url(&postmaster.socket_dir)))
    }
}

/// A way into the private database: the server that runs already, or one started for as long as this is held.
#[derive(Debug)]
pub enum Access {
    /// Somebody else's server, `serve`'s most likely.
    Running(String),
    /// Our own.
    Started(Box<PrivatePg>),
}

impl Access {
    /// Finds the running server of a data directory, or starts it. Waits a while for another process that is between
    /// the two.
    pub fn open(data_dir: &Path) -> Result<Self, PgError> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(url) = PrivatePg::find_running(data_dir)? {
                return Ok(Self::Running(url));
            }
            match PrivatePg::start(data_dir) {
                Err(PgError::InUse { .. }) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                started => return Ok(Self::Started(Box::new(started?))),
            }
        }
    }

    /// The URL to connect with.
    pub fn url(&self) -> String {
        match self {
            Self::Running(url) => url.clone(),
            Self::Started(server) => server.url(),
        }
    }
}

/// Everything is said, so that no `PG…` variable of the environment changes where it leads.
fn url(socket_dir: &Path) -> String {
    let host: String =
        url::form_urlencoded::byte_serialize(socket_dir.as_os_str().as_encoded_bytes()).collect();
    format!(
        "postgres://{user}@localhost:{port}/postgres?host={host}&sslmode=disable",
        user = cluster::SUPERUSER,
        port = cluster::PORT
    )
}
