//! Where `initdb` and `postgres` are on this machine.
//!
//! Deliberately absent: client programs. None is needed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::PgError;

/// The oldest major version that will do.
const OLDEST: u32 = 15;

/// The server programs of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    dir: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// What is in this directory; `None` where a program is missing or does not say its version.
    fn in_dir(dir: &Path) -> Option<Self> {
        if !dir.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(dir.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self {
            dir: dir.to_owned(),
            major,
        })
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split(") ").nth(1)?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// The programs that fit: of the cluster's own major version where it has one.
///
/// `DNS_AUDITOR_PG_BINDIR`, when set, is the only place looked at; else the `PATH`, then where distributions put them,
/// newest first.
pub(super) fn find(wanted: Option<(u32, PathBuf)>) -> Result<Binaries, PgError> {
    let places = match env::var_os("DNS_AUDITOR_PG_BINDIR") {
        Some(dir) if !dir.is_empty() => vec![PathBuf::from(dir)],
        _ => usual_places(),
    };
    choose(
        places.iter().filter_map(|dir| Binaries::in_dir(dir)),
        wanted,
    )
}

fn choose(
    installed: impl Iterator<Item = Binaries>,
    wanted: Option<(u32, PathBuf)>,
) -> Result<Binaries, PgError> {
    let fits = |one: &Binaries| match &wanted {
        Some((major, _)) => one.major == *major,
        None => one.major >= OLDEST,
    };
    let mut found = Vec::new();
    for one in installed {
        if fits(&one) {
            return Ok(one);
        }
        found.push(one.major.to_string());
    }
    match wanted {
        Some((wanted, data)) if !found.is_empty() => Err(PgError::OtherMajor {
            data,
            wanted,
            found: found.join(", "),
        }),
        _ => Err(PgError::NoServer {
            install: install_command(&fs::read_to_string("/etc/os-release").unwrap_or_default()),
        }),
    }
}

fn usual_places() -> Vec<PathBuf> {
    let mut places: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    for (parent, prefix, rest) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
        ("/opt/local/lib", "postgresql", "bin"),
    ] {
        places.extend(
            newest_first(parent, prefix)
                .into_iter()
                .map(|dir| dir.join(rest)),
        );
    }
    places
}

/// The directories in `parent` whose names are `prefix` and a version, newest first.
fn newest_first(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.trim_start_matches('@');
            Some((version.parse().ok()?, entry.path()))
        })
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, path)| path).collect()
}

/// The command that installs a server here, by what `/etc/os-release` says.
fn install_command(os_release: &str) -> String {
    if cfg!(target_os = "macos") {
        return "brew install postgresql@18".to_owned();
    }
    let ids: Vec<_> = os_release
        .lines()
        .filter_map(|line| {
            line.strip_prefix("ID=")
                .or_else(|| line.strip_prefix("ID_LIKE="))
        })
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .collect();
    let is = |names: &[&str]| ids.iter().any(|id| names.contains(id));
    let command = if is(&["fedora", "rhel", "centos"]) {
        "sudo dnf install postgresql-server"
    } else if is(&["alpine"]) {
        "sudo apk add postgresql"
    } else if is(&["arch"]) {
        "sudo pacman -S postgresql"
    } else if is(&["suse", "opensuse"]) {
        "sudo zypper install postgresql-server"
    } else {
        "sudo apt-get install postgresql"
    };
    command.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(majors: &[u32]) -> impl Iterator<Item = Binaries> {
        majors.iter().map(|major| Binaries {
            dir: PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")),
            major: *major,
        })
    }

    #[test]
    fn versions_are_read_as_servers_say_them() {
        assert_eq!(
            major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_of("something else"), None);
    }

    #[test]
    fn a_cluster_is_only_opened_by_its_own_major_version() {
        let data = || PathBuf::from("/d");
        assert_eq!(
            choose(installed(&[18, 15]), Some((15, data())))
                .unwrap()
                .major,
            15
        );
        assert_eq!(choose(installed(&[14, 17, 15]), None).unwrap().major, 17);
        let error = choose(installed(&[18, 17]), Some((15, data()))).unwrap_err();
        assert!(
            matches!(&error, PgError::OtherMajor { wanted: 15, found, .. } if found == "18, 17")
        );
    }

    #[test]
    fn a_machine_without_a_server_is_told_the_one_command_that_helps() {
        let error = choose(installed(&[]), None).unwrap_err();
        assert!(matches!(error, PgError::NoServer { .. }));
        let error = choose(installed(&[14]), None).unwrap_err();
        assert!(
            matches!(error, PgError::NoServer { .. }),
            "too old: {error}"
        );
        let install = |os: &str| install_command(os);
        assert_eq!(
            install("NAME=x\nID=ubuntu\nID_LIKE=debian\n"),
            "sudo apt-get install postgresql"
        );
        assert_eq!(
            install("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"),
            "sudo dnf install postgresql-server"
        );
    }
}
