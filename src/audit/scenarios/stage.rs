//! The stage of a scenario: the world, the scene that looks at it, and what the auditor itself goes through.
//!
//! Deliberately absent: what the servers hold ([`super::data`]) and how resolvers behave ([`super::resolvers`]).

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    file::Line,
    hours,
    words::{self, Words},
};
use crate::{
    audit::{
        judge::Zones,
        testing::{Scene, World, server, zone},
    },
    names::DnsName,
    types::{Expect, Listed, Mode, Policy, Question, RecordType, Zone},
};

/// What happens to the auditor, or to what it knows beforehand.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// It ends and begins again from what is stored.
    Restart,
    /// It is away, until a restart.
    Stop,
    /// Its configuration changes.
    Policy(Box<Policy>),
    /// A delegation is found to be another.
    Zone(Arc<Zone>),
}

/// Everything that the script has set up.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) scene: Scene,
    pub(super) names: Vec<DnsName>,
    pub(super) types: Vec<RecordType>,
    /// First round, end, period.
    pub(super) rounds: Option<(DateTime<Utc>, DateTime<Utc>, TimeDelta)>,
    pub(super) acts: Vec<(DateTime<Utc>, Act)>,
    /// Every server's address, by host name.
    pub(super) servers: HashMap<String, SocketAddr>,
    /// The TTL that each owner had last.
    pub(super) ttls: HashMap<DnsName, u32>,
    policy: Policy,
    zones: HashMap<DnsName, Arc<Zone>>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let mut scene = Scene::new().with_resolvers(&[]);
        scene.site = None;
        scene.zones = Zones::default();
        Self {
            world: World::default(),
            policy: scene.policy.clone(),
            scene,
            names: Vec::new(),
            types: vec![RecordType::A],
            rounds: None,
            acts: Vec::new(),
            servers: HashMap::new(),
            ttls: HashMap::new(),
            zones: HashMap::new(),
        }
    }

    /// Takes in one line of the script.
    pub(super) fn tell(&mut self, line: &Line) -> Result<(), String> {
        let mut words = Words::of(&line.text);
        match line.at {
            None => self.introduce(&mut words)?,
            Some(at) => self.happen(at, &mut words)?,
        }
        words.end()
    }

    /// The scene, with every question that names and types make.
    pub(super) fn finish(mut self) -> Self {
        let questions = self.names.iter().flat_map(|name| {
            let each = self.types.iter();
            each.map(move |rtype| Question {
                name: name.clone(),
                rtype: *rtype,
            })
        });
        self.scene.questions = questions.collect();
        self.acts.sort_by_key(|(at, _)| *at);
        self
    }

    /// Who takes part: a line without an instant.
    fn introduce(&mut self, words: &mut Words) -> Result<(), String> {
        match words.next()? {
            "names" => self.names.extend(words::names(&words.rest())?),
            "types" => {
                let types = words.rest().into_iter().map(words::read);
                self.types = types.collect::<Result<_, _>>()?;
            }
            "rounds" => {
                let (from, until) = (
                    words.until("to")?.join(" "),
                    words.until("every")?.join(" "),
                );
                let period = words::duration(words.next()?)?;
                self.policy.period = period;
                let delta = TimeDelta::from_std(period).map_err(|error| error.to_string())?;
                self.rounds = Some((hours::parse(&from)?, hours::parse(&until)?, delta));
            }
            "samples" => self.scene.samples = words::read(words.next()?)?,
            "zone" => self.introduce_zone(words)?,
            "lag" => {
                let (server, by) = (words.next()?, words::seconds(words.next()?)?);
                self.world
                    .servers
                    .lag(server, TimeDelta::seconds(by.into()));
            }
            "resolver" => self.introduce_resolver(words)?,
            first => self.set_policy(first, words)?,
        }
        self.scene.policy = self.policy.clone();
        Ok(())
    }

    fn introduce_zone(&mut self, words: &mut Words) -> Result<(), String> {
        let apex: DnsName = words::read(words.next()?)?;
        let always = DateTime::<Utc>::MIN_UTC;
        if let Some(ttl) = words.option("denials") {
            self.world
                .servers
                .deny_for(&apex, words::seconds(ttl)?, always);
        }
        let mut servers = Vec::new();
        for pair in words.rest().chunks(2) {
            let [name, ip] = pair else {
                return Err("a server is a host name and an address".to_owned());
            };
            ip.parse::<IpAddr>()
                .map_err(|_| format!("`{ip}` is no address"))?;
            servers.push(server(name, ip));
        }
        let hosts: Vec<_> = servers.iter().map(|server| server.name.clone()).collect();
        self.servers
            .extend(servers.iter().map(|one| (one.name.clone(), one.address)));
        self.world.servers.delegate(&apex, hosts, always);
        let zone = zone(apex.as_str(), servers);
        self.scene.zones.insert(zone.clone());
        self.zones.insert(apex, zone);
        Ok(())
    }

    fn set_policy(&mut self, key: &str, words: &mut Words) -> Result<(), String> {
        let policy = &mut self.policy;
        match key {
            "max_ttl" => policy.max_ttl = words::seconds(words.next()?)?,
            "max_negative_ttl" => policy.max_negative_ttl = words::seconds(words.next()?)?,
            "mode" => {
                policy.mode = match words.next()? {
                    "exact" => Mode::Exact,
                    "pool" => Mode::Pool,
                    other => return Err(format!("`{other}` is no mode")),
                }
            }
            "expect" => policy.expect = declared(&words.rest()),
            "known_bad" => policy.known_bad = declared(&words.rest()),
            "recovery_window" => policy.recovery_window = words::duration(words.next()?)?,
            "repeat_interval" => policy.repeat_interval = words::duration(words.next()?)?,
            "group_interval" => {
                policy.telling.group_interval = words::duration(words.next()?)?;
            }
            "flap_window" => policy.telling.flap_window = words::duration(words.next()?)?,
            "authority_blind_limit" => {
                policy.authority_blind_limit = words::duration(words.next()?)?;
            }
            "axis_threshold" => policy.axis_threshold = words::read(words.next()?)?,
            other => return Err(format!("`{other}` is not understood here")),
        }
        Ok(())
    }

    /// What happens: a line with an instant.
    fn happen(&mut self, at: DateTime<Utc>, words: &mut Words) -> Result<(), String> {
        let mut ahead = words.clone();
        let first = ahead.next()?;
        if self.world.recursors.borrow().contains_key(first) {
            return self.resolver_does(at, words);
        }
        if self.servers.contains_key(first) {
            return self.server_does(at, words);
        }
        match first {
            "auditor" => {
                *words = ahead;
                let act = match words.next()? {
                    "restarts" | "returns" => Act::Restart,
                    "stops" => Act::Stop,
                    other => return Err(format!("the auditor cannot `{other}`")),
                };
                self.acts.push((at, act));
                Ok(())
            }
            "zone" => {
                *words = ahead;
                self.delegation_changes(at, words)
            }
            "max_ttl" | "max_negative_ttl" | "mode" | "expect" | "known_bad" => {
                *words = ahead;
                self.set_policy(first, words)?;
                self.acts
                    .push((at, Act::Policy(Box::new(self.policy.clone()))));
                Ok(())
            }
            _ => self.data_changes(at, words),
        }
    }

    /// `zone example.com loses ns3 until 11:00`: its caches may hold the old set until then, and nobody asks it after.
    fn delegation_changes(&mut self, at: DateTime<Utc>, words: &mut Words) -> Result<(), String> {
        let apex: DnsName = words::read(words.next()?)?;
        let known = self
            .zones
            .get(&apex)
            .ok_or_else(|| format!("no zone {apex}"))?;
        let mut changed = Zone::clone(known);
        if !words.next_if("loses") {
            return Err("a zone can only lose a server".to_owned());
        }
        let host = words.next()?;
        let until = hours::parse(words.option("until").ok_or("`until` is missing")?)?;
        for server in changed
            .servers
            .iter_mut()
            .filter(|server| server.name == host)
        {
            server.listed = Listed::Removed { until };
        }
        self.acts.push((at, Act::Zone(Arc::new(changed.clone()))));
        changed.servers.retain(|server| server.name != host);
        let hosts = changed.servers.iter().map(|server| server.name.clone());
        self.world.servers.delegate(&apex, hosts.collect(), at);
        self.acts
            .push((until, Act::Zone(Arc::new(changed.clone()))));
        self.zones.insert(apex, Arc::new(changed));
        Ok(())
    }
}

fn declared(values: &[&str]) -> Expect {
    let mut expect = Expect::default();
    for value in values {
        if let Ok(network) = value.parse() {
            expect.networks.push(network);
        } else if let Ok(address) = value.parse::<IpAddr>() {
            expect.networks.push(address.into());
        } else {
            expect.texts.push((*value).to_owned());
        }
    }
    expect
}
