//! Reads `[[channel]]`, and fetches its secrets from the environment or from files.
//!
//! Deliberately absent: sending, and looking up the host. No message here ever holds a secret's value.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use url::{Host, Url};

use super::{
    Channel, ChannelKind, Secret, SecretSource, Secrets,
    error::{Complaint, Origin, Report, suggestion},
    identity,
    raw::Table,
    section::{Located, Section},
};
use crate::types::Severity;

/// Where secrets are looked for.
pub(super) struct Vault<'a> {
    pub(super) environment: &'a BTreeMap<String, String>,
    /// Relative paths of files start here.
    pub(super) directory: PathBuf,
    pub(super) secrets: Secrets,
}

/// The channels of the file, and the ids of all, those whose secrets were not found included.
pub(super) fn read(
    tables: Vec<(Origin, &Table)>,
    vault: &Vault<'_>,
    report: &mut Report,
) -> (Vec<Channel>, Vec<String>) {
    let (mut channels, mut ids) = (Vec::new(), Vec::<String>::new());
    let mut fallbacks = Vec::new();
    for (at, table) in tables {
        let mut section = Section::new("in [[channel]]", at, table, report);
        let id = identity::id(&mut section, |id| {
            let taken = ids.iter().any(|known| known == id);
            taken.then(|| Complaint::new(format!("there is already a channel `{id}`")))
        });
        let rest = channel(&mut section, vault);
        let fallback = section.text("fallback");
        section.finish();
        let other = fallback.as_ref().map(|written| written.value.clone());
        fallbacks.extend(fallback.map(|written| (id.clone(), written)));
        if let Some(id) = id {
            ids.push(id.clone());
            channels.extend(rest.map(|channel| Channel {
                id,
                fallback: other,
                ..channel
            }));
        }
    }
    for (id, fallback) in fallbacks {
        check_fallback(id.as_deref(), &fallback, &ids, report);
    }
    (channels, ids)
}

/// Refuses a fallback that is no other channel.
fn check_fallback(
    id: Option<&str>,
    fallback: &Located<String>,
    ids: &[String],
    report: &mut Report,
) {
    let other = &fallback.value;
    let complaint = if id == Some(other) {
        Complaint::new("a channel cannot be its own fallback")
    } else if ids.contains(other) {
        return;
    } else {
        let known: Vec<_> = ids.iter().map(String::as_str).collect();
        Complaint::new(format!("there is no channel `{other}`")).hint(suggestion(other, &known))
    };
    report.add(&fallback.at, complaint);
}

fn channel(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Channel> {
    if section.node("kind").is_none() {
        section.complain_here(Complaint::new("`kind` is missing").hint("known: slack, webhook"));
    }
    let kind = section.parsed("kind", kind);
    let min_severity = section.word(
        "min_severity",
        &[
            ("info", Severity::Info),
            ("warning", Severity::Warning),
            ("critical", Severity::Critical),
        ],
    );
    let url = url(section, vault);
    let key = signing_key(section, vault);
    let kind = kind?.value;
    if let (ChannelKind::Slack, Some(written)) = (kind, &key) {
        let complaint =
            Complaint::new("a Slack webhook takes no signing key: it is for kind webhook");
        section.complain(&written.at, complaint);
    }
    Some(Channel {
        id: String::new(),
        kind,
        url: url?,
        // A key that was asked for and not found is not the same as no key.
        signing_key: match key {
            Some(key) => Some(key.value?),
            None => None,
        },
        min_severity: min_severity.map_or(Severity::Warning, |severity| severity.value),
        fallback: None,
    })
}

fn kind(text: &str) -> Result<ChannelKind, Complaint> {
    match text {
        "slack" => Ok(ChannelKind::Slack),
        "webhook" => Ok(ChannelKind::Webhook),
        "pagerduty" | "alertmanager" => Err(Complaint::new(format!(
            "the kind `{text}` is not available in this version: use slack or webhook"
        ))),
        _ => Err(Complaint::new(format!("`{text}` is no kind"))
            .hint(suggestion(text, &["slack", "webhook"]))),
    }
}

/// Exactly one of `url`, `url_env` and `url_file`.
fn url(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Secret> {
    let given = ["url", "url_env", "url_file"].map(|key| section.node(key).is_some());
    let literal = section.parsed("url", |text| {
        let url = checked_url(text, "`url`")?;
        if is_loopback(&url) {
            return Ok(Secret::new(text));
        }
        Err(Complaint::new(
            "a literal `url` is allowed for loopback addresses only: it is a secret",
        )
        .hint("give `url_env`, the name of a variable, or `url_file`, the path of a file"))
    });
    let stored = stored(section, ["url_env", "url_file"], vault, |text, origin| {
        checked_url(text, origin).map(|_| text.as_bytes().to_vec())
    });
    match given.iter().filter(|given| **given).count() {
        1 => {}
        0 => section.complain_here(
            Complaint::new("this channel has no address").hint("give `url_env` or `url_file`"),
        ),
        _ => section.complain_here(Complaint::new(
            "give exactly one of `url`, `url_env` and `url_file`",
        )),
    }
    literal.map(|url| url.value).or_else(|| stored?.value)
}

/// At most one of `secret_env` and `secret_file`. The inner value is `None` where the secret was not found.
fn signing_key(
    section: &mut Section<'_, '_>,
    vault: &Vault<'_>,
) -> Option<Located<Option<Secret>>> {
    if section.node("secret_env").is_some() && section.node("secret_file").is_some() {
        let complaint = Complaint::new("give either `secret_env` or `secret_file`, not both");
        section.complain_here(complaint);
    }
    stored(section, ["secret_env", "secret_file"], vault, key_bytes)
}

/// A secret in a variable or a file, made sense of by `parse`, which is told what to call it.
fn stored(
    section: &mut Section<'_, '_>,
    [in_variable, in_file]: [&'static str; 2],
    vault: &Vault<'_>,
    parse: impl Fn(&str, &str) -> Result<Vec<u8>, Complaint>,
) -> Option<Located<Option<Secret>>> {
    let variable = section.text(in_variable).map(|name| Located {
        value: vault.variable(&name.value, in_variable),
        at: name.at,
    });
    let file = section.text(in_file).map(|path| Located {
        value: vault.file(&path.value, in_file),
        at: path.at,
    });
    let Located { at, value: found } = variable.or(file)?;
    let read = found.and_then(|(text, source)| {
        let origin = match &source {
            SecretSource::Variable(name) => format!("the variable `{name}`"),
            SecretSource::File(path) => format!("the file `{}`", path.display()),
            SecretSource::Given => "it".to_owned(),
        };
        Ok(Secret::new(parse(&text, &origin)?).found_at(source))
    });
    let value = match read {
        Ok(secret) => Some(secret),
        Err(complaint) => {
            if vault.secrets == Secrets::Required {
                section.complain(&at, complaint);
            }
            None
        }
    };
    Some(Located { at, value })
}

impl Vault<'_> {
    fn variable(&self, name: &str, key: &str) -> Result<(String, SecretSource), Complaint> {
        match self.environment.get(name).map(|text| text.trim()) {
            Some("") => Err(Complaint::new(format!("the variable `{name}` is empty"))),
            Some(text) => Ok((text.to_owned(), SecretSource::Variable(name.to_owned()))),
            None => Err(Complaint::new(format!(
                "the variable `{name}`, named by `{key}`, is not set"
            ))),
        }
    }

    fn file(&self, path: &str, key: &str) -> Result<(String, SecretSource), Complaint> {
        let path = self.directory.join(path);
        let shown = path.display();
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => {
                Err(Complaint::new(format!("the file `{shown}` is empty")))
            }
            Ok(text) => Ok((text.trim().to_owned(), SecretSource::File(path))),
            Err(error) => Err(Complaint::new(format!(
                "cannot read the file `{shown}`, named by `{key}`: {error}"
            ))),
        }
    }
}

/// An https address, or http to this machine itself.
fn checked_url(text: &str, origin: &str) -> Result<Url, Complaint> {
    let bad = |what: &str| Complaint::new(format!("{origin} {what}"));
    let url =
        Url::parse(text).map_err(|_| bad("does not hold an address such as https://host/path"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(bad(
            "must hold an https address: http is allowed for loopback only",
        )),
        _ => Err(bad("must hold an https address")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// The key of Standard Webhooks: `whsec_` and 24 to 64 bytes in base64.
fn key_bytes(text: &str, origin: &str) -> Result<Vec<u8>, Complaint> {
    let bytes = text
        .strip_prefix("whsec_")
        .and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
    match bytes {
        Some(bytes) if (24..=64).contains(&bytes.len()) => Ok(bytes),
        _ => Err(Complaint::new(format!(
            "{origin} must hold `whsec_` and 24 to 64 bytes in base64"
        ))
        .hint("make one: echo whsec_$(openssl rand -base64 32)")),
    }
}
