//! What speaks at a channel: one variant a kind, with what that kind needs and nothing else.
//!
//! Deliberately absent: how each is spoken to, which is `notify`'s.

use std::{fmt, path::PathBuf};

use super::Secret;

/// Where `PagerDuty` takes events, unless told otherwise.
pub const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// Where Slack's Web API is, unless told otherwise. (`GovSlack` has one of its own, `https://slack-gov.com/api`.)
pub const SLACK: &str = "https://slack.com/api";

/// What speaks at a channel.
#[derive(Debug, Clone)]
pub enum Receiver {
    /// A Slack incoming webhook.
    Slack {
        /// The address; a bearer secret.
        url: Secret,
    },
    /// A Slack app, which keeps each incident in a thread of its own.
    SlackBot(SlackBot),
    /// Standard Webhooks.
    Webhook(Webhook),
    /// `PagerDuty`'s Events API v2.
    PagerDuty {
        /// Where events are taken.
        url: Secret,
        /// The integration's key.
        routing_key: Secret,
    },
    /// Prometheus' Alertmanager, API v2.
    Alertmanager {
        /// Its own address, without `/api/v2`.
        url: Secret,
    },
    /// Mail over SMTP.
    Email(Email),
    /// A program of this machine.
    Exec(Exec),
}

/// A Slack app.
#[derive(Debug, Clone)]
pub struct SlackBot {
    /// Where the Web API is, without its methods.
    pub url: Secret,
    /// The bot's token.
    pub token: Secret,
    /// The ID of the conversation that it writes to.
    pub channel: String,
    /// What of a thread is shown to the whole conversation, too.
    pub broadcast: Vec<Broadcast>,
}

/// A reply that is worth the whole conversation's attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broadcast {
    /// The severity has risen.
    Worse,
    /// It is over.
    Resolved,
}

impl fmt::Display for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Worse => "worse",
            Self::Resolved => "resolved",
        })
    }
}

/// A webhook.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The address.
    pub url: Secret,
    /// The signing keys' bytes, the current one first; while a key is replaced, the one before as well.
    pub signing_keys: Vec<Secret>,
    /// Further headers, in the order of their names.
    pub headers: Vec<Header>,
    /// The shape of what is sent.
    pub body: WebhookBody,
}

/// A header of a webhook's requests.
#[derive(Debug, Clone)]
pub struct Header {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// The shape of a webhook's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookBody {
    /// Standard Webhooks' envelope.
    Standard,
    /// The same inside a `CloudEvents` 1.0 event, structured mode.
    CloudEvents,
    /// What Alertmanager sends to its own webhook receivers, version 4.
    Alertmanager,
}

/// Mail.
#[derive(Debug, Clone)]
pub struct Email {
    /// The server: `smtps://user:password@host`, or `smtp://` with STARTTLS.
    pub url: Secret,
    /// The sender.
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
    /// Whether mail may travel unencrypted.
    pub plaintext: bool,
}

/// A program that is given each message on its standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The program; a path from the root.
    pub program: PathBuf,
    /// Its arguments. No shell sees them.
    pub arguments: Vec<String>,
}

impl Receiver {
    /// Its kind as written in the configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::SlackBot(_) => "slack_bot",
            Self::Webhook(_) => "webhook",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Alertmanager { .. } => "alertmanager",
            Self::Email(_) => "email",
            Self::Exec(_) => "exec",
        }
    }

    /// The address that is spoken to; `None` where it is no address.
    pub fn url(&self) -> Option<&Secret> {
        match self {
            Self::Slack { url } | Self::PagerDuty { url, .. } | Self::Alertmanager { url } => {
                Some(url)
            }
            Self::SlackBot(bot) => Some(&bot.url),
            Self::Webhook(hook) => Some(&hook.url),
            Self::Email(email) => Some(&email.url),
            Self::Exec(_) => None,
        }
    }
}
