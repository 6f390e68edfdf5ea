//! The user the server runs as.
//!
//! Deliberately absent: making users, and `su`. A child's uid and gid are set before it starts.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use super::PgError;

/// The user the server runs as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether we are root and must become it.
    switch: bool,
}

impl Account {
    /// Ourselves; as root the owner of the first of these directories that is not root's, else `postgres`, else `nobody`.
    pub(super) fn choose(directories: &[&Path]) -> Result<Self, PgError> {
        let uid = rustix::process::geteuid().as_raw();
        if uid != 0 {
            return Ok(Self {
                uid,
                gid: rustix::process::getegid().as_raw(),
                switch: false,
            });
        }
        let owner = directories
            .iter()
            .filter_map(|directory| fs::metadata(directory).ok())
            .map(|metadata| (metadata.uid(), metadata.gid()))
            .find(|(uid, _)| *uid != 0);
        let (uid, gid) = owner
            .or_else(|| look_up("postgres"))
            .or_else(|| look_up("nobody"))
            .ok_or(PgError::NoAccount)?;
        Ok(Self {
            uid,
            gid,
            switch: true,
        })
    }

    /// A command that runs as this user, away from the terminal's signals.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).process_group(0);
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives a file or directory to this user.
    pub(super) fn own(&self, path: &Path) -> Result<(), PgError> {
        if self.switch {
            std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))
                .map_err(PgError::io(path))?;
        }
        Ok(())
    }

    /// Whether this user can come as far as this directory; the first closed one on the way otherwise.
    pub(super) fn can_enter(&self, directory: &Path) -> Result<(), PgError> {
        if !self.switch {
            return Ok(());
        }
        let mut way: Vec<_> = directory.ancestors().collect();
        way.reverse();
        for dir in way {
            let mut test = self.command("test");
            let entered = test.arg("-x").arg(dir).current_dir("/").status();
            if !entered.map_err(PgError::io("test"))?.success() {
                return Err(PgError::Closed {
                    dir: dir.to_owned(),
                    uid: self.uid,
                });
            }
        }
        Ok(())
    }
}

/// Uid and gid of a user, from whatever source the machine keeps its users in.
fn look_up(user: &str) -> Option<(u32, u32)> {
    let ask = |flag: &str| {
        let output = Command::new("id").arg(flag).arg(user).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    Some((ask("-u")?, ask("-g")?))
}
