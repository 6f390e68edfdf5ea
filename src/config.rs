//! The configuration as meant: validated, defaults filled in, every reference resolved.
//!
//! What was typed is the business of `raw`; nothing here is optional that has a default. Deliberately absent: run-time
//! state, and any reading of files or environment outside [`load`](fn@load).

mod address;
mod calibrated;
mod channels;
mod delivery;
mod demand;
mod endpoints;
mod error;
mod groups;
mod heartbeat;
mod identity;
mod load;
mod maintenance;
mod named;
mod options;
pub mod presets;
mod raw;
mod receiver;
mod resolvers;
mod retention;
mod route;
pub mod schedule;
mod secret;
mod section;
mod settings;
mod show;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub use calibrated::calibrated;
pub use delivery::Delivery;
pub use demand::Excess;
pub use endpoints::{path as read_path, server_name as read_server_name};
pub use error::{ConfigError, ConfigErrors};
pub use heartbeat::Heartbeat;
pub use load::{load, load_with};
pub use maintenance::Maintenance;
pub use options::{read_client_subnet, show_client_subnet};
pub use receiver::{
    Broadcast, Email, Exec, Header, PAGERDUTY, Receiver, SLACK, SlackBot, Webhook, WebhookBody,
};
pub use retention::Retention;
pub use route::Route;
pub use schedule::{Schedule, ScheduleError};
pub use secret::{Secret, SecretSource};
pub use settings::LONGEST_FLAP_WINDOW;

use ipnet::IpNet;

use crate::{
    names::DnsName,
    types::{Policy, QueryOptions, Question, RecordType, Resolver, Severity, Target},
};

/// The path that HTTP questions go to unless told otherwise (RFC 8484 section 4.1.1 has it in its examples).
pub const DNS_QUERY: &str = "/dns-query";

/// The highest TTL there is, seconds (RFC 2181 section 8).
const MOST_TTL: i64 = 2_147_483_647;

/// The IANA root servers' IPv4 addresses, a to m.
const ROOT_SERVERS: [Ipv4Addr; 13] = [
    Ipv4Addr::new(198, 41, 0, 4),
    Ipv4Addr::new(170, 247, 170, 2),
    Ipv4Addr::new(192, 33, 4, 12),
    Ipv4Addr::new(199, 7, 91, 13),
    Ipv4Addr::new(192, 203, 230, 10),
    Ipv4Addr::new(192, 5, 5, 241),
    Ipv4Addr::new(192, 112, 36, 4),
    Ipv4Addr::new(198, 97, 190, 53),
    Ipv4Addr::new(192, 36, 148, 17),
    Ipv4Addr::new(192, 58, 128, 30),
    Ipv4Addr::new(193, 0, 14, 129),
    Ipv4Addr::new(199, 7, 83, 42),
    Ipv4Addr::new(202, 12, 27, 33),
];

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where this instance stands; stored with every observation.
    pub vantage: String,
    /// Where history is kept.
    pub database: Database,
    /// What of it is kept for how long.
    pub retention: Retention,
    /// The HTTP face.
    pub http: Http,
    /// How authorities are found.
    pub authority: Authority,
    /// Every resolver that can be named: presets, `[[resolver]]` entries, and the presets over other transports that a
    /// group names.
    pub resolvers: Vec<Arc<Resolver>>,
    /// The groups, in the order of the file.
    pub groups: Vec<Arc<Group>>,
    /// The channels, in the order of the file.
    pub channels: Vec<Arc<Channel>>,
    /// Who hears that rounds run.
    pub heartbeat: Option<Heartbeat>,
    /// How messages find their way.
    pub delivery: Delivery,
    /// Windows in which incidents are not told, in the order of the file.
    pub maintenance: Vec<Maintenance>,
    /// Whether this vantage has IPv6. Without it the presets have lost their IPv6 addresses already.
    pub ipv6: bool,
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
    /// How people reach it, for the links in messages; without its last `/`. `None`: `http://` and `listen`.
    pub url: Option<String>,
}

impl Http {
    /// What links in messages begin with.
    pub fn base_url(&self) -> String {
        let listening = || format!("http://{}", self.listen);
        self.url.clone().unwrap_or_else(listening)
    }
}

/// How authorities are found.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Where the walk from the root begins.
    pub root_hints: Vec<SocketAddr>,
    /// Most questions a second to one address of an authoritative server.
    pub max_qps: u32,
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
    /// What service records among those lead to; nothing, until somebody has asked for them.
    pub targets: Vec<Target>,
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
    /// What is said beside its questions, where a resolver does not say it itself.
    pub options: QueryOptions,
    /// Channel ids, in the order written.
    pub channels: Vec<String>,
    /// A page for whoever is woken.
    pub runbook: Option<String>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

impl Group {
    /// Every (name, type) of the group, and what service records lead to.
    pub fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        let own = self.names.iter().flat_map(|name| {
            self.types.iter().map(|rtype| Question {
                name: name.clone(),
                rtype: *rtype,
            })
        });
        own.chain(self.targets.iter().map(|target| target.question.clone()))
    }

    /// The same group, which asks for `targets` beside its own names.
    #[must_use]
    pub fn following(&self, targets: Vec<Target>) -> Self {
        Self {
            targets,
            ..self.clone()
        }
    }
}

/// Where an incident is told.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Unique id.
    pub id: String,
    /// What speaks there.
    pub receiver: Receiver,
    /// Networks that the receiver's name may lead to although they are not on the public Internet.
    pub allow: Vec<IpNet>,
    /// Incidents below this are not told here.
    pub min_severity: Severity,
    /// What else it is told of, and when.
    pub route: Route,
    /// The id of the channel that tells what this one does not take.
    pub fallback: Option<String>,
}

/// Whether the channels' secrets must be found while loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// A secret that is missing or malformed is an error.
    Required,
    /// A channel whose secret is missing or malformed is left out: for commands that tell nobody anything.
    Optional,
}

impl Config {
    /// The defaults under these variables, without a file: no groups, no channels, the presets.
    pub fn bare(environment: &BTreeMap<String, String>) -> Result<Self, ConfigErrors> {
        load(None, environment)
    }

    /// Refuses a configuration that has nothing to watch. `file` is where a group should have been.
    pub fn require_groups(&self, file: Option<&Path>) -> Result<(), ConfigErrors> {
        if !self.groups.is_empty() {
            return Ok(());
        }
        let place = file.map_or("configuration".into(), Path::to_string_lossy);
        Err(ConfigErrors::one(
            place,
            "there is no [[group]]: nothing would be watched",
        ))
    }

    /// The longest time between two rounds of each group.
    pub fn periods(&self) -> BTreeMap<String, Duration> {
        let groups = self.groups.iter();
        groups
            .map(|group| (group.name.clone(), group.policy.period))
            .collect()
    }

    /// The resolver of this id.
    pub fn resolver(&self, id: &str) -> Option<&Arc<Resolver>> {
        self.resolvers.iter().find(|resolver| resolver.id == id)
    }
}

#[cfg(test)]
mod tests;
