//! A directory for everything the demonstration writes; removed with it.
//!
//! Deliberately absent: survival of `kill -9`, after which it stays where temporary files are.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use uuid::Uuid;

/// A directory that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    /// Makes one that nobody else can have foreseen.
    pub(super) fn make() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("dns-auditor-demo-{}", Uuid::new_v4()));
        // The database's own user must come through it; what is private inside is closed by itself.
        DirBuilder::new().mode(0o711).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Nobody is left to be told; it lies where temporary files are cleared away.
        let _ = fs::remove_dir_all(&self.0);
    }
}
