//! The files of a private cluster, and how they come to be.
//!
//! ```text
//! DATA_DIR/postgres.lock     held by the process whose server it is
//! DATA_DIR/postgres/         0700, owned by the server's user
//!     data/                  the cluster
//!     run/                   the Unix socket
//!     server.log             of the last start
//! ```
//!
//! Deliberately absent: everything that runs.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{PgError, account::Account, binaries::Binaries};

/// The role that owns everything. Whoever enters the socket's directory may be it.
pub(super) const SUPERUSER: &str = "postgres";

/// Names the socket; nothing listens on TCP.
pub(super) const PORT: u16 = 5432;

/// A data directory and where its parts are.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) data_dir: PathBuf,
    account: Option<Account>,
}

impl Cluster {
    /// The cluster of a data directory, whether or not it exists.
    pub(super) fn at(data_dir: &Path) -> Self {
        Self {
            data_dir: std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned()),
            account: None,
        }
    }

    /// Makes the directories, with the right owner, and checks that the server's user can come to them.
    pub(super) fn prepare(data_dir: &Path) -> Result<Self, PgError> {
        let mut cluster = Self::at(data_dir);
        let home = cluster.home();
        let account = Account::choose(&[&home, &cluster.data_dir])?;
        if !cluster.data_dir.is_dir() {
            fs::create_dir_all(&cluster.data_dir).map_err(PgError::io(&cluster.data_dir))?;
            // Another user must come through it; what is private inside is closed by itself.
            fs::set_permissions(&cluster.data_dir, Permissions::from_mode(0o755))
                .map_err(PgError::io(&cluster.data_dir))?;
        }
        // Links on the way are resolved once, so that it is known later which processes work in here.
        cluster.data_dir = cluster
            .data_dir
            .canonicalize()
            .map_err(PgError::io(&cluster.data_dir))?;
        account.can_enter(&cluster.data_dir)?;
        for dir in [cluster.home(), cluster.run()] {
            private_dir(&dir, account)?;
        }
        cluster.account = Some(account);
        Ok(cluster)
    }

    /// Makes the cluster where there is none. Made aside and renamed, so that a crash leaves none that is half made.
    pub(super) fn create(&self, binaries: &Binaries) -> Result<(), PgError> {
        if self.has_data() {
            return Ok(());
        }
        let aside = self.home().join("data.new");
        match fs::remove_dir_all(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(PgError::io(&aside)(error));
            }
            _ => {}
        }
        let output = self
            .account()?
            .command(binaries.initdb())
            .current_dir(self.home())
            .arg("--pgdata")
            .arg(&aside)
            .args(["--encoding=UTF8", "--locale=C", "--data-checksums"])
            .args(["--auth-local=trust", "--auth-host=reject"])
            .args(["--no-instructions", "--username", SUPERUSER])
            .output()
            .map_err(PgError::io(binaries.initdb()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(PgError::Initdb(last_lines(&said)));
        }
        fs::rename(&aside, self.data()).map_err(PgError::io(self.data()))
    }

    /// The major version that made the cluster, with its directory; `None` where there is none yet.
    pub(super) fn major(&self) -> Result<Option<(u32, PathBuf)>, PgError> {
        let path = self.data().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(version) => {
                let major = version.trim().parse().map_err(|_| {
                    PgError::io(&path)(io::Error::other(format!("not a version: {version}")))
                })?;
                Ok(Some((major, self.data())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(PgError::io(path)(error)),
        }
    }

    pub(super) fn has_data(&self) -> bool {
        self.data().join("PG_VERSION").exists()
    }

    /// The user the server runs as; chosen by [`Cluster::prepare`].
    pub(super) fn account(&self) -> Result<Account, PgError> {
        self.account.ok_or(PgError::NoAccount)
    }

    pub(super) fn home(&self) -> PathBuf {
        self.data_dir.join("postgres")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    pub(super) fn run(&self) -> PathBuf {
        self.home().join("run")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.home().join("server.log")
    }
}

/// Makes a directory that only the account and root may enter; refuses one that belongs to somebody else.
pub(super) fn private_dir(dir: &Path, account: Account) -> Result<(), PgError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => account.own(dir),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(dir).map_err(PgError::io(dir))?;
            match (metadata.is_dir(), metadata.uid()) {
                (true, uid) if uid == account.uid => Ok(()),
                // Made by root, and interrupted before it was given away.
                (true, 0) => account.own(dir),
                (true, uid) => Err(PgError::NotYours {
                    dir: dir.to_owned(),
                    uid,
                }),
                (false, _) => Err(PgError::io(dir)(error)),
            }
        }
        Err(error) => Err(PgError::io(dir)(error)),
    }
}

/// The end of what a program said, on one line.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}
