//! Reads `[[channel]]`: what all kinds have in common, and which stands in for which.
//!
//! Deliberately absent: sending, and looking up the host.

mod address;
mod receiver;
mod secrets;
mod slack_bot;

use ipnet::IpNet;

pub(super) use secrets::Vault;

use super::{
    Channel, Secret,
    error::{Complaint, Origin, Report, suggestion},
    identity,
    raw::Table,
    route,
    section::{Located, Section},
};
use crate::types::Severity;

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
    let receiver = receiver::read(section, vault);
    let min_severity = section.word(
        "min_severity",
        &[
            ("info", Severity::Info),
            ("warning", Severity::Warning),
            ("critical", Severity::Critical),
        ],
    );
    let allow = section.list("allow_cidrs", network);
    let route = route::read(section);
    Some(Channel {
        id: String::new(),
        receiver: receiver?,
        allow: allow
            .unwrap_or_default()
            .into_iter()
            .map(|network| network.value)
            .collect(),
        min_severity: min_severity.map_or(Severity::Warning, |severity| severity.value),
        route,
        fallback: None,
    })
}

/// Exactly one of `url`, `url_env` and `url_file` of an https address that is a secret.
pub(super) fn secret_url(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Secret> {
    address::read(section, vault, address::Form::SECRET, None)
}

fn network(text: &str) -> Result<IpNet, Complaint> {
    text.parse::<IpNet>().map_err(|_| {
        Complaint::new(format!("`{text}` is no network"))
            .hint("write an address and its length, such as 10.0.0.0/8 or 192.0.2.7/32")
    })
}
