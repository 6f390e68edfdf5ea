//! The configuration as meant: validated, defaults filled in, every reference resolved.
//!
//! What was typed is [`raw`]'s business; nothing here is optional that has a default. Deliberately absent: run-time
//! state, and any reading of files or environment outside [`load`](fn@load).

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    names::DnsName,
    types::{Policy, Question, RecordType, Resolver, Severity},
};

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where this instance stands; stored with every observation.
    pub vantage: String,
    /// Where history is kept.
    pub database: Database,
    /// The HTTP face.
    pub http: Http,
    /// How authorities are found.
    pub authority: Authority,
    /// Every resolver that can be named: presets and `[[resolver]]` entries.
    pub resolvers: Vec<Arc<Resolver>>,
    /// The groups, in the order of the file.
    pub groups: Vec<Arc<Group>>,
    /// The channels, in the order of the file.
    pub channels: Vec<Arc<Channel>>,
}

/// Where history is kept.
#[derive(Debug, Clone)]
pub struct Database {
    /// A `PostgreSQL` server; `None`: a private one below `data_dir`.
    pub url: Option<Secret>,
    /// The private server's directory, and that of everything else kept in files.
    pub data_dir: PathBuf,
}

/// The HTTP face.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where it listens.
    pub listen: SocketAddr,
}

/// How authorities are found.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Where the walk from the root begins.
    pub root_hints: Vec<SocketAddr>,
}

/// Names that share schedule, types, resolvers, policy and channels.
#[derive(Debug, Clone)]
pub struct Group {
    /// Unique name.
    pub name: String,
    /// The names, brace ranges expanded, in the order written, each once.
    pub names: Vec<DnsName>,
    /// The types asked for each name.
    pub types: Vec<RecordType>,
    /// When a round is due.
    pub schedule: Schedule,
    /// Whom it asks.
    pub resolvers: Vec<Arc<Resolver>>,
    /// The authority set, where it is configured instead of found by walking the delegation.
    pub authorities: Vec<SocketAddr>,
    /// What it is judged by.
    pub policy: Policy,
    /// Samples of each question at each resolver address in a calm round.
    pub samples: u8,
    /// Time one UDP attempt may take; TCP may take twice that.
    pub timeout: Duration,
    /// UDP attempts before TCP is tried.
    pub attempts: u8,
    /// Channel ids, in the order written.
    pub channels: Vec<String>,
    /// A page for whoever is woken.
    pub runbook: Option<String>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

impl Group {
    /// Every (name, type) of the group.
    pub fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        self.names.iter().flat_map(|name| {
            self.types.iter().map(|rtype| Question {
                name: name.clone(),
                rtype: *rtype,
            })
        })
    }
}

/// Where an incident is told.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Unique id.
    pub id: String,
    /// What speaks there.
    pub kind: ChannelKind,
    /// The address; a bearer secret with Slack.
    pub url: Secret,
    /// The signing key's bytes (webhook only).
    pub signing_key: Option<Secret>,
    /// Incidents below this are not told here.
    pub min_severity: Severity,
}

/// What speaks at a channel's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// A Slack incoming webhook.
    Slack,
    /// Standard Webhooks.
    Webhook,
}

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Wraps a secret's bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one place that uses them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret as text, for the one place that uses it; lossy where it is not UTF-8.
    pub fn expose_str(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A cron schedule in UTC.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
}
