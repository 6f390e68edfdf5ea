//! The message as Alertmanager knows alerts: what its API takes, and what it sends to its own webhook receivers.
//!
//! An incident is one alert. Its labels say which, and stay the same for its life, but for `severity`, which rises: what
//! carried the old one ends by itself. Deliberately absent: sending it again, which is the dispatcher's.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    inert::plain,
    webhook::{Data, IncidentBody, Message},
};

/// How long an alert stands that is not told again: as long as Prometheus lets its own.
pub const STANDS_FOR: TimeDelta = TimeDelta::minutes(5);
/// How long a test stands.
const TEST_STANDS_FOR: TimeDelta = TimeDelta::minutes(1);
/// What stands where an alert has no end.
const NEVER: &str = "0001-01-01T00:00:00Z";

type Words = BTreeMap<String, String>;

/// An alert of API v2.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    labels: Words,
    annotations: Words,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

/// The body of `POST /api/v2/alerts` at `now`.
pub(super) fn alerts(message: &Message, now: DateTime<Utc>) -> [Alert; 1] {
    let (began, until, url) = match &message.data {
        Data::Message(_) if message.ends.is_some() => (message.timestamp, message.timestamp, None),
        Data::Message(_) => (message.timestamp, now + TEST_STANDS_FOR, None),
        Data::Incident(incident) => (
            incident.opened_at,
            incident.resolved_at.unwrap_or(now + STANDS_FOR),
            incident.url.clone(),
        ),
    };
    [Alert {
        labels: labels(message),
        annotations: annotations(message),
        starts_at: instant(began),
        ends_at: instant(until),
        generator_url: url,
    }]
}

/// The body that Alertmanager itself would send to a webhook receiver called `receiver`.
pub(super) fn webhook(message: &Message, receiver: &str) -> Value {
    let incident = incident(message);
    let test_over = message.ends.map(|_| message.timestamp);
    let resolved = incident
        .and_then(|incident| incident.resolved_at)
        .or(test_over);
    let status = if resolved.is_some() {
        "resolved"
    } else {
        "firing"
    };
    let (labels, annotations) = (labels(message), annotations(message));
    let id = incident.map_or_else(|| "test".to_owned(), |incident| incident.id.to_string());
    let url = incident.and_then(|incident| incident.url.clone());
    let began = incident.map_or(message.timestamp, |incident| incident.opened_at);
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{incident=\"{id}\"}}"),
        "truncatedAlerts": 0,
        "status": status,
        "receiver": receiver,
        "groupLabels": {"incident": id},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": url.clone().unwrap_or_default(),
        "alerts": [{
            "status": status,
            "labels": labels,
            "annotations": annotations,
            "startsAt": instant(began),
            "endsAt": resolved.map_or_else(|| NEVER.to_owned(), instant),
            "generatorURL": url.unwrap_or_default(),
            "fingerprint": id.replace('-', "").chars().take(16).collect::<String>(),
        }],
    })
}

fn incident(message: &Message) -> Option<&IncidentBody> {
    match &message.data {
        Data::Incident(incident) => Some(incident),
        Data::Message(_) => None,
    }
}

fn labels(message: &Message) -> Words {
    let Some(incident) = incident(message) else {
        return words([("alertname", "DnsAuditorTest"), ("severity", "info")]);
    };
    let id = incident.id.to_string();
    let vantage = incident.vantages.join(" ");
    let mut labels = words([
        ("alertname", "DnsAuditorIncident"),
        ("incident", &id),
        ("group", &incident.group),
        ("axis", &incident.axis),
        ("severity", &incident.severity),
        ("vantage", &vantage),
    ]);
    if message.is_sample() {
        labels.insert("alertname".to_owned(), "DnsAuditorTest".to_owned());
    }
    let tags = incident.tags.iter();
    labels.extend(tags.map(|(key, value)| (format!("tag_{}", label_name(key)), value.clone())));
    labels
}

fn annotations(message: &Message) -> Words {
    let summary = message.summary();
    let Some(incident) = incident(message) else {
        return words([("summary", summary.as_str())]);
    };
    let steps: Vec<&str> = incident
        .next_steps
        .iter()
        .map(|step| step.title.as_str())
        .collect();
    let until = incident.worst_case_until.map(instant).unwrap_or_default();
    let names = match incident.names_total - incident.names.len().min(incident.names_total) {
        0 => incident.names.join(" "),
        more => format!("{} +{more} more", incident.names.join(" ")),
    };
    words([
        ("summary", summary.as_str()),
        ("description", &plain(&incident.reason)),
        ("verdict", &incident.verdict),
        ("names", &names),
        ("resolvers", &incident.resolvers.join(" ")),
        ("worst_case_until", &until),
        ("next_steps", &steps.join("\n")),
    ])
}

/// What is empty says nothing and is left out.
fn words<const N: usize>(pairs: [(&str, &str); N]) -> Words {
    let said = pairs.into_iter().filter(|(_, text)| !text.is_empty());
    said.map(|(key, text)| (key.to_owned(), text.to_owned()))
        .collect()
}

/// A label's name holds letters, digits and `_` only.
fn label_name(text: &str) -> String {
    let plain = |here: char| {
        if here.is_ascii_alphanumeric() {
            here
        } else {
            '_'
        }
    };
    text.chars().map(plain).collect()
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
