//! What is recorded as it is sent: the bytes for one receiver, made anew for every attempt.
//!
//! Slack's forms are recorded, and the webhook's; every other kind's body is made of the latter. Deliberately absent:
//! secrets in what is shown, and the way there.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    alertmanager,
    mail::mail,
    pagerduty,
    slack_bot::{self, Letter},
    webhook::{Data, Message, wire_bytes},
};
use crate::config::{Channel, Receiver, WebhookBody};

/// In which form a message is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Slack's blocks.
    Slack,
    /// The same with a colour, for an app.
    SlackBot,
    /// The webhook's envelope.
    Standard,
}

impl Form {
    /// The form for this receiver.
    pub fn of(receiver: &Receiver) -> Self {
        match receiver {
            Receiver::Slack { .. } => Self::Slack,
            Receiver::SlackBot(_) => Self::SlackBot,
            _ => Self::Standard,
        }
    }
}

/// A body and its media type.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// The body for `channel` of what was recorded, at the attempt's instant.
///
/// # Errors
///
/// What was recorded cannot be told there: another version wrote it.
pub(super) fn wire(
    channel: &Channel,
    body: &Value,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Wire, String> {
    let json = |bytes| Wire {
        media_type: "application/json",
        bytes,
    };
    Ok(match &channel.receiver {
        Receiver::Slack { .. } => json(body.to_string().into_bytes()),
        Receiver::SlackBot(bot) => json(bytes(&slack_bot::first(&bot.channel, letter(body, id)))),
        Receiver::Webhook(hook) => match hook.body {
            WebhookBody::Standard => json(wire_bytes(body)),
            WebhookBody::CloudEvents => Wire {
                media_type: "application/cloudevents+json",
                bytes: cloud_event(&message(body)?, id).to_string().into_bytes(),
            },
            WebhookBody::Alertmanager => json(
                alertmanager::webhook(&message(body)?, &channel.id)
                    .to_string()
                    .into_bytes(),
            ),
        },
        Receiver::PagerDuty { routing_key, .. } => {
            let key = routing_key.expose_str();
            json(bytes(&pagerduty::event(
                &message(body)?,
                &key,
                &id.to_string(),
            )))
        }
        Receiver::Alertmanager { .. } => json(bytes(&alertmanager::alerts(&message(body)?, now))),
        Receiver::Email(_) | Receiver::Exec(_) => json(wire_bytes(body)),
    })
}

/// The recorded webhook message.
pub(super) fn message(body: &Value) -> Result<Message, String> {
    Message::deserialize(body)
        .map_err(|error| format!("the message is of another version: {error}"))
}

/// A body as people read it; no secret is in it.
pub fn shown(channel: &Channel, body: &Value, id: Uuid, now: DateTime<Utc>) -> String {
    let mut channel = channel.clone();
    if let Receiver::PagerDuty { routing_key, .. } = &mut channel.receiver {
        *routing_key = crate::config::Secret::new("[redacted]");
    }
    if let (Receiver::Email(_), Ok(message)) = (&channel.receiver, message(body)) {
        let mail = mail(&message);
        return format!("Subject: {}\n\n{}", mail.subject, mail.text);
    }
    if let Receiver::SlackBot(bot) = &channel.receiver {
        let calls = slack_bot::shown(&bot.channel, letter(body, id));
        return serde_json::to_string_pretty(&calls).unwrap_or_default();
    }
    let sent = match wire(&channel, body, id, now) {
        Ok(wire) => wire.bytes,
        Err(why) => return why,
    };
    // The contract's order of keys is kept where there is one.
    let pretty = match serde_json::from_slice::<Message>(&sent) {
        Ok(message) => serde_json::to_string_pretty(&message),
        Err(_) => serde_json::from_slice::<Value>(&sent)
            .and_then(|value| serde_json::to_string_pretty(&value)),
    };
    pretty.unwrap_or_default()
}

/// A message of no incident, for an app.
fn letter(body: &Value, id: Uuid) -> Letter<'_> {
    Letter {
        id,
        incident: None,
        body,
    }
}

/// The message as a `CloudEvents` 1.0 event, structured mode.
fn cloud_event(message: &Message, id: Uuid) -> Value {
    let subject = match &message.data {
        Data::Incident(incident) => incident.id.to_string(),
        Data::Message(_) => "test".to_owned(),
    };
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "dns-auditor",
        "type": format!("dns-auditor.{}", message.kind),
        "subject": subject,
        "time": message.timestamp,
        "datacontenttype": "application/json",
        "data": message,
    })
}

fn bytes(body: &impl Serialize) -> Vec<u8> {
    // Strings, numbers and lists: nothing that JSON cannot say.
    serde_json::to_vec(body).unwrap_or_default()
}
