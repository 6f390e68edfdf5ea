//! Reads what a channel's kind asks for. A key of another kind is unknown.
//!
//! Deliberately absent: what all kinds have in common.

use std::{collections::BTreeMap, path::PathBuf};

use url::Url;

use super::{
    address::{self, Form, is_loopback},
    secrets::{Vault, at_most_one, key_bytes, required},
    slack_bot::slack_bot,
};
use crate::config::{
    Email, Exec, Header, PAGERDUTY, Receiver, Secret, Secrets, Webhook, WebhookBody,
    error::{Complaint, nearest, suggestion},
    section::Section,
};

const KINDS: [&str; 7] = [
    "slack",
    "slack_bot",
    "webhook",
    "pagerduty",
    "alertmanager",
    "email",
    "exec",
];
/// Every key of every kind, for channels whose kind nobody can guess: any of them may be meant.
const KEYS: [&str; 21] = [
    "url",
    "url_env",
    "url_file",
    "secret_env",
    "secret_file",
    "previous_secret_env",
    "previous_secret_file",
    "headers",
    "headers_env",
    "body",
    "routing_key_env",
    "routing_key_file",
    "from",
    "to",
    "command",
    "allow_exec",
    "allow_plaintext",
    "token_env",
    "token_file",
    "slack_channel",
    "broadcast",
];
/// Headers that are the requests' own.
const OURS: [&str; 8] = [
    "content-type",
    "content-length",
    "host",
    "transfer-encoding",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

/// The receiver; `None` where something is wrong with it, or a secret is missing that need not be there.
pub(super) fn read(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Receiver> {
    if section.node("kind").is_none() {
        let hint = format!("known: {}", KINDS.join(", "));
        section.complain_here(Complaint::new("`kind` is missing").hint(hint));
    }
    let written = section.text("kind");
    let kind = written.as_ref().map(|kind| kind.value.as_str());
    if let Some(kind) = kind.filter(|kind| KINDS.contains(kind)) {
        return of_kind(kind, section, vault);
    }
    if let Some(written) = &written {
        let complaint = Complaint::new(format!("`{}` is no kind", written.value));
        section.complain(
            &written.at,
            complaint.hint(suggestion(&written.value, &KINDS)),
        );
    }
    // The rest is judged by the kind that is meant, so that one run tells everything.
    match kind.and_then(|kind| nearest(kind, KINDS)) {
        Some(meant) => {
            of_kind(meant, section, vault);
        }
        None => {
            for key in KEYS {
                section.node(key);
            }
        }
    }
    None
}

fn of_kind(kind: &str, section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Receiver> {
    match kind {
        "slack_bot" => slack_bot(section, vault),
        "webhook" => webhook(section, vault),
        "pagerduty" => pagerduty(section, vault),
        "alertmanager" => alertmanager(section, vault),
        "email" => email(section, vault),
        "exec" => exec(section),
        _ => slack(section, vault),
    }
}

fn slack(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Receiver> {
    let url = address::read(section, vault, Form::SECRET, None);
    for key in ["secret_env", "secret_file"] {
        if let Some(node) = section.node(key) {
            let complaint =
                Complaint::new("a Slack webhook takes no signing key: it is for kind webhook");
            section.complain(&node.at, complaint);
        }
    }
    Some(Receiver::Slack { url: url? })
}

fn webhook(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Receiver> {
    let plaintext = section.flag("allow_plaintext").unwrap_or(false);
    let form = Form {
        plaintext,
        ..Form::SECRET
    };
    let url = address::read(section, vault, form, None);
    let key = at_most_one(section, ["secret_env", "secret_file"], vault, key_bytes);
    let previous = ["previous_secret_env", "previous_secret_file"];
    let previous = at_most_one(section, previous, vault, key_bytes);
    if let (Some(written), None) = (&previous, &key) {
        let complaint =
            Complaint::new("there is no current key: give `secret_env` or `secret_file`");
        section.complain(&written.at, complaint);
    }
    let headers = headers(section, vault);
    let body = section.word(
        "body",
        &[
            ("standard", WebhookBody::Standard),
            ("cloudevents", WebhookBody::CloudEvents),
            ("alertmanager", WebhookBody::Alertmanager),
        ],
    );
    // A key that was asked for and not found is not the same as no key.
    let keys = [key, previous].into_iter().flatten();
    let signing_keys = keys.map(|key| key.value).collect::<Option<Vec<Secret>>>();
    Some(Receiver::Webhook(Webhook {
        url: url?,
        signing_keys: signing_keys?,
        headers: headers?,
        body: body.map_or(WebhookBody::Standard, |body| body.value),
    }))
}

/// `headers`, as they are, and `headers_env`, each in a variable.
fn headers(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Vec<Header>> {
    let mut found = BTreeMap::new();
    let mut complete = true;
    for key in ["headers", "headers_env"] {
        let Some(node) = section.node(key) else {
            continue;
        };
        for (name, text) in section.texts_by_key(key).unwrap_or_default() {
            let value = if key == "headers" {
                open(&name, text)
            } else {
                let stored = vault.variable(&text, "headers_env");
                stored.map(|(text, source)| Secret::new(text).found_at(source))
            };
            match header(&name, value) {
                Ok(header) => {
                    found.insert(header.name.clone(), header);
                }
                Err(_) if key == "headers_env" && vault.secrets == Secrets::Optional => {
                    complete = false;
                }
                Err(complaint) => section.complain(&node.at, complaint),
            }
        }
    }
    complete.then(|| found.into_values().collect())
}

/// A header's value that may stand in the file.
fn open(name: &str, text: String) -> Result<Secret, Complaint> {
    let name = name.to_ascii_lowercase();
    let telling = [
        "authorization",
        "cookie",
        "token",
        "secret",
        "key",
        "password",
    ];
    if telling.iter().any(|word| name.contains(word)) {
        return Err(
            Complaint::new(format!("the header `{name}` holds a secret, by its name"))
                .hint("give it in `headers_env`, as the name of a variable"),
        );
    }
    Ok(Secret::new(text))
}

fn header(name: &str, value: Result<Secret, Complaint>) -> Result<Header, Complaint> {
    let name = name.to_ascii_lowercase();
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(Complaint::new(format!("`{name}` is no header's name")));
    }
    if OURS.contains(&name.as_str()) {
        return Err(Complaint::new(format!(
            "the header `{name}` is the message's own"
        )));
    }
    let value = value?;
    if http::HeaderValue::from_bytes(value.expose()).is_err() {
        return Err(Complaint::new(format!(
            "the value of the header `{name}` must be one line of plain text"
        )));
    }
    Ok(Header { name, value })
}

fn pagerduty(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Receiver> {
    let form = Form {
        secret: false,
        ..Form::SECRET
    };
    let url = address::read(section, vault, form, Some(PAGERDUTY));
    let keys = ["routing_key_env", "routing_key_file"];
    let routing_key = required(section, keys, vault, |text, origin| {
        let key = text.len() == 32 && text.chars().all(|here| here.is_ascii_alphanumeric());
        let bad = || Complaint::new(format!("{origin} must hold 32 letters and digits"));
        key.then(|| text.as_bytes().to_vec()).ok_or_else(bad)
    });
    Some(Receiver::PagerDuty {
        url: url?,
        routing_key: routing_key?,
    })
}

fn alertmanager(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Receiver> {
    let form = Form {
        secret: false,
        plaintext: section.flag("allow_plaintext").unwrap_or(false),
        ..Form::SECRET
    };
    let url = address::read(section, vault, form, None);
    Some(Receiver::Alertmanager { url: url? })
}

fn email(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Receiver> {
    let form = Form {
        schemes: ["smtps", "smtp"],
        secret: false,
        plaintext: section.flag("allow_plaintext").unwrap_or(false),
    };
    let url = address::read(section, vault, form, None);
    let from = section.parsed("from", mailbox);
    if section.node("from").is_none() {
        section.complain_here(Complaint::new("`from` is missing: who mail comes from"));
    }
    let to = section.list("to", mailbox);
    if to.is_none() {
        section.complain_here(Complaint::new("`to` is missing: a list of addresses"));
    }
    let to = section.distinct("to", to.unwrap_or_default());
    let url = url?;
    let local = Url::parse(&url.expose_str()).is_ok_and(|url| is_loopback(&url));
    Some(Receiver::Email(Email {
        url,
        from: from?.value,
        to,
        plaintext: form.plaintext || local,
    }))
}

/// `ann@example.com`, or `Ann <ann@example.com>`.
fn mailbox(text: &str) -> Result<String, Complaint> {
    let address = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or(""),
        None => text,
    };
    let (user, host) = address.split_once('@').unwrap_or_default();
    let plain = |part: &str| !part.is_empty() && part.chars().all(|here| here.is_ascii_graphic());
    if plain(user) && plain(host) && !text.contains(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(format!("{text:?} is no mail address")).hint("write ann@example.com"))
}

fn exec(section: &mut Section<'_, '_>) -> Option<Receiver> {
    let command = section.list("command", |text| Ok(text.to_owned()));
    if section.flag("allow_exec") != Some(true) {
        section.complain_here(
            Complaint::new("running programs is off: a configuration file would run anything")
                .hint("set `allow_exec = true` in this channel where you mean it"),
        );
        return None;
    }
    let mut words = command
        .unwrap_or_default()
        .into_iter()
        .map(|word| word.value);
    let program = words.next().map(PathBuf::from);
    let Some(program) = program.filter(|program| program.is_absolute()) else {
        section.complain_here(
            Complaint::new("`command` is missing: a list, the program's path from the root first")
                .hint("command = [\"/usr/local/bin/page\", \"--urgent\"]"),
        );
        return None;
    };
    Some(Receiver::Exec(Exec {
        program,
        arguments: words.collect(),
    }))
}
