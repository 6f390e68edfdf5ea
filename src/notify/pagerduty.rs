//! The message as an event of `PagerDuty`'s Events API v2: an incident here is an incident there, by its id.
//!
//! Deliberately absent: acknowledgements, which are told at neither end of the other's.

use serde::Serialize;

use super::{
    inert::clip,
    webhook::{Data, IncidentBody, Message},
};

/// Most characters of a summary.
const SUMMARY: usize = 1024;

/// An event.
#[derive(Debug, Serialize)]
pub(super) struct Event<'a> {
    routing_key: &'a str,
    #[serde(rename = "event_action")]
    action: &'static str,
    dedup_key: String,
    client: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_url: Option<&'a str>,
    payload: Payload<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link<'a>>,
}

#[derive(Debug, Serialize)]
struct Payload<'a> {
    summary: String,
    source: String,
    severity: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_details: Option<&'a IncidentBody>,
}

#[derive(Debug, Serialize)]
struct Link<'a> {
    href: &'a str,
    text: &'a str,
}

/// The event that tells `message`; `id` is the message's own, for a test that is about no incident. What ends a test
/// resolves it there.
pub(super) fn event<'a>(message: &'a Message, routing_key: &'a str, id: &str) -> Event<'a> {
    let timestamp = message.timestamp.to_rfc3339();
    match &message.data {
        Data::Message(text) => Event {
            routing_key,
            action: if message.ends.is_some() {
                "resolve"
            } else {
                "trigger"
            },
            dedup_key: match message.ends {
                Some(ended) => format!("dns-auditor-test-{ended}"),
                None => format!("dns-auditor-test-{id}"),
            },
            client: "dns-auditor",
            client_url: None,
            payload: Payload {
                summary: clip(text, SUMMARY),
                source: "dns-auditor".to_owned(),
                severity: "info",
                timestamp,
                component: None,
                group: None,
                class: None,
                custom_details: None,
            },
            links: Vec::new(),
        },
        Data::Incident(incident) => Event {
            routing_key,
            action: action(incident),
            dedup_key: incident.id.to_string(),
            client: "dns-auditor",
            client_url: incident.url.as_deref(),
            payload: payload(incident, message, timestamp),
            links: links(incident),
        },
    }
}

fn action(incident: &IncidentBody) -> &'static str {
    if incident.status == "resolved" {
        "resolve"
    } else {
        "trigger"
    }
}

fn payload<'a>(incident: &'a IncidentBody, message: &Message, timestamp: String) -> Payload<'a> {
    Payload {
        summary: clip(&message.summary(), SUMMARY),
        source: incident.vantages.join(", "),
        severity: severity(&incident.severity),
        timestamp,
        component: incident.names.first().map(String::as_str),
        group: Some(&incident.group),
        class: Some(&incident.verdict),
        custom_details: Some(incident),
    }
}

/// The word for it among `critical`, `error`, `warning` and `info`.
fn severity(ours: &str) -> &'static str {
    match ours {
        "critical" => "critical",
        "info" => "info",
        _ => "warning",
    }
}

fn links(incident: &IncidentBody) -> Vec<Link<'_>> {
    let steps = incident.next_steps.iter().filter_map(|step| {
        let href = step.url.as_deref()?;
        Some(Link {
            href,
            text: &step.title,
        })
    });
    steps.collect()
}
