//! From a file and the environment to a validated [`Config`].
//!
//! Deliberately absent: a search for the file, and the meaning of any one key. Nothing is written or connected to.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use super::{
    Authority, Config, ConfigErrors, Database, Group, Http, Secret, SecretSource, Secrets, address,
    channels::{self, Vault},
    delivery,
    error::{Complaint, Origin, Report},
    groups, heartbeat, identity, maintenance,
    raw::{self, Table},
    resolvers, retention,
    section::Section,
    settings::{References, Settings},
};
use crate::{clock, types::Resolver};

/// Reads the configuration at `path` under the variables of `environment`, or the bare defaults where there is no file.
///
/// Precedence: file, then `DATABASE_URL`, then `DNS_AUDITOR__SECTION__KEY`. All errors come back at once. The
/// file may have no group; see [`Config::require_groups`].
pub fn load(
    path: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Config, ConfigErrors> {
    load_with(path, environment, Secrets::Required)
}

/// [`load`], with a say in whether the channels' secrets must be there.
pub fn load_with(
    path: Option<&Path>,
    environment: &BTreeMap<String, String>,
    secrets: Secrets,
) -> Result<Config, ConfigErrors> {
    let text = match path {
        None => String::new(),
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            ConfigErrors::one(
                path.display().to_string(),
                format!("cannot be read: {error}"),
            )
        })?,
    };
    let mut report = Report::default();
    let vault = Vault {
        environment,
        directory: path.and_then(directory_of).unwrap_or_default(),
        secrets,
    };
    match read(&text, &vault, clock::now(), &mut report) {
        Some(config) if report.is_empty() => Ok(config),
        _ => Err(report.into_errors(path, &text)),
    }
}

/// The directory a file stands in, as an absolute path.
fn directory_of(file: &Path) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    file.parent().map(Path::to_path_buf)
}

/// Reads a configuration's text. `None` only after a syntax error, which makes every other error guesswork.
pub(super) fn read(
    text: &str,
    vault: &Vault<'_>,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Option<Config> {
    let mut root = raw::parse(text, report);
    if !report.is_empty() {
        return None;
    }
    raw::overlay(&mut root, vault.environment, report);
    let mut top = Section::new("at the top level", Origin::File(0), &root, report);
    let vantage = top.parsed("vantage", identity::label);
    let [
        database,
        retention,
        http,
        authority,
        defaults,
        heartbeat,
        delivery,
    ] = raw::SINGLE.map(|key| top.table(key));
    let [resolver, group, channel, maintenance] = raw::REPEATED.map(|key| top.tables(key));
    top.finish();

    let (channels, ids) = channels::read(channel, vault, report);
    let empty = Table::new();
    let (at, table) = defaults.unwrap_or((Origin::File(0), &empty));
    let mut section = Section::new("in [defaults]", at, table, report);
    let ipv6 = section.flag("ipv6").unwrap_or(false);
    let resolvers = resolvers::read(resolver, ipv6, &vault.directory, section.report);
    let known = References {
        resolvers: &resolvers,
        channels: &ids,
    };
    let defaults = Settings::read(&mut section, &known);
    section.finish();
    let groups = groups::read(group, &defaults, &known, now, report);
    let resolvers = with_named_by(&groups, resolvers);
    Some(Config {
        vantage: vantage.map_or_else(|| host_name(vault.environment), |vantage| vantage.value),
        database: read_database(database, vault, report),
        retention: retention::read(retention, report),
        http: read_http(http, report),
        authority: read_authority(authority, report),
        ipv6,
        resolvers,
        groups,
        channels: channels.into_iter().map(Arc::new).collect(),
        heartbeat: heartbeat::read(heartbeat, vault, report),
        delivery: delivery::read(delivery, report),
        maintenance: maintenance::read(maintenance, report),
    })
}

/// The resolvers, and the presets over other transports that groups name.
fn with_named_by(groups: &[Arc<Group>], mut resolvers: Vec<Arc<Resolver>>) -> Vec<Arc<Resolver>> {
    for named in groups.iter().flat_map(|group| &group.resolvers) {
        if !resolvers.iter().any(|known| known.id == named.id) {
            resolvers.push(named.clone());
        }
    }
    resolvers
}

fn read_database(
    written: Option<(Origin, &Table)>,
    vault: &Vault<'_>,
    report: &mut Report,
) -> Database {
    let empty = Table::new();
    let (at, table) = written.unwrap_or((Origin::File(0), &empty));
    let mut section = Section::new("in [database]", at, table, report);
    let url = section.parsed("url", |text| {
        let scheme = url::Url::parse(text).map(|url| url.scheme().to_owned());
        if matches!(scheme.as_deref(), Ok("postgres" | "postgresql")) {
            return Ok(text.to_owned());
        }
        // The text itself may hold a password.
        Err(
            Complaint::new("the database's `url` is not a PostgreSQL address")
                .hint("write it as postgres://user@host/database"),
        )
    });
    let data_dir = section.parsed("data_dir", |text| match text {
        "" => Err(Complaint::new("`data_dir` must not be empty")),
        text => Ok(PathBuf::from(text)),
    });
    section.finish();
    Database {
        url: url.map(|url| match url.at {
            Origin::File(_) => Secret::new(url.value),
            Origin::Variable(name) => Secret::new(url.value).found_at(SecretSource::Variable(name)),
        }),
        data_dir: match data_dir {
            // A path in a file is meant from where the file stands, one in a variable from where the command runs.
            Some(path) if matches!(path.at, Origin::File(_)) => vault.directory.join(path.value),
            Some(path) => path.value,
            None => default_data_dir(vault.environment, rustix::process::geteuid().is_root()),
        },
    }
}

fn read_http(written: Option<(Origin, &Table)>, report: &mut Report) -> Http {
    let empty = Table::new();
    let (at, table) = written.unwrap_or((Origin::File(0), &empty));
    let mut section = Section::new("in [http]", at, table, report);
    let listen = section.parsed("listen", address::listen);
    let url = section.parsed("url", identity::page);
    section.finish();
    Http {
        url: url.map(|url| url.value.trim_end_matches('/').to_owned()),
        listen: listen.map_or_else(|| ([127, 0, 0, 1], 8053).into(), |listen| listen.value),
    }
}

fn read_authority(written: Option<(Origin, &Table)>, report: &mut Report) -> Authority {
    let empty = Table::new();
    let (at, table) = written.unwrap_or((Origin::File(0), &empty));
    let mut section = Section::new("in [authority]", at, table, report);
    let hints = section.list("root_hints", |text| address::server(text, 53));
    let hints = hints.map(|list| section.distinct("root_hints", list));
    let max_qps = section.integer("max_qps", 1..=10_000);
    section.finish();
    Authority {
        max_qps: max_qps.map_or(100, |qps| qps as u32),
        root_hints: hints.unwrap_or_else(|| {
            let iana = super::ROOT_SERVERS.into_iter();
            iana.map(|address| (address, 53).into()).collect()
        }),
    }
}

/// Where a service keeps its data: root's in `/var/lib`, a user's below that user's data directory.
fn default_data_dir(environment: &BTreeMap<String, String>, is_root: bool) -> PathBuf {
    let set = |name: &str| {
        let path = PathBuf::from(environment.get(name)?);
        path.is_absolute().then_some(path)
    };
    let home = || set("HOME").map(|home| home.join(".local/share"));
    match set("XDG_DATA_HOME").or_else(home) {
        Some(data) if !is_root => data.join("dns-auditor"),
        _ => PathBuf::from("/var/lib/dns-auditor"),
    }
}

fn host_name(environment: &BTreeMap<String, String>) -> String {
    std::fs::read_to_string("/etc/hostname")
        .ok()
        .or_else(|| environment.get("HOSTNAME").cloned())
        .and_then(|name| identity::label(name.trim()).ok())
        .unwrap_or_else(|| "local".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_goes_where_the_user_may_write() {
        let environment = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            pairs.collect::<BTreeMap<_, _>>()
        };
        let home = ("HOME", "/home/ann");
        for (pairs, is_root, expected) in [
            (vec![home], false, "/home/ann/.local/share/dns-auditor"),
            (
                vec![home, ("XDG_DATA_HOME", "/data")],
                false,
                "/data/dns-auditor",
            ),
            (
                vec![home, ("XDG_DATA_HOME", "data")],
                false,
                "/home/ann/.local/share/dns-auditor",
            ),
            (vec![home], true, "/var/lib/dns-auditor"),
            (vec![], false, "/var/lib/dns-auditor"),
        ] {
            let found = default_data_dir(&environment(&pairs), is_root);
            assert_eq!(found, PathBuf::from(expected));
        }
    }
}
