//! The survey of one zone: parent's and child's NS sets, every address, and what was listed until lately.
//!
//! Deliberately absent: judgement. That the sets differ is for `audit` to say.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;

use super::{
    cut::{self, Cut, HostAddress, NsSet},
    known::Known,
    walk::{Walk, question},
};
use crate::{
    names::DnsName,
    types::{AuthorityServer, Flags, Listed, Observation, RecordType, Zone},
};

/// Finds a zone's authority set, or keeps the known one where that fails.
pub(super) async fn survey(walk: &Walk<'_>, cut: &Cut, known: Option<Known>) -> Known {
    let Some(known) = known else {
        let found = Findings::of(walk, cut).await;
        return found.known(found.zone(walk, cut));
    };
    if !cut.is_new(walk.now) {
        return known.kept(walk.now);
    }
    let mut found = Findings::of(walk, cut).await;
    if found.addresses.is_empty() && found.child.is_none() {
        return known.kept(walk.now);
    }
    found.remember(&known.zone);
    let mut zone = found.zone(walk, cut);
    known.bid_farewell(&mut zone, walk.now);
    found.known(zone)
}

/// What a survey has found so far.
#[derive(Default)]
struct Findings {
    parent: BTreeSet<DnsName>,
    /// `None` while no server of the child has said.
    child: Option<BTreeSet<DnsName>>,
    addresses: BTreeMap<DnsName, BTreeSet<IpAddr>>,
    ns_ttls: Vec<u32>,
    glue_ttls: Vec<u32>,
}

impl Findings {
    async fn of(walk: &Walk<'_>, cut: &Cut) -> Self {
        match &cut.delegation {
            Some(delegation) => Self::of_zone(walk, cut, delegation).await,
            None => Self::of_root(walk, cut).await,
        }
    }

    async fn of_zone(walk: &Walk<'_>, cut: &Cut, delegation: &NsSet) -> Self {
        let mut found = Self {
            parent: delegation.hosts.clone(),
            ns_ttls: vec![delegation.ttl],
            ..Self::default()
        };
        found.take(&cut.apex, delegation.glue.clone());
        found.look_up(walk, &cut.apex, &delegation.hosts).await;
        let servers: Vec<_> = found.addresses.values().flatten().copied().collect();
        let servers: Vec<_> = servers
            .into_iter()
            .filter_map(|address| walk.server(address))
            .collect();
        found.ask_child(walk, &cut.apex, &servers).await;
        let child_only: BTreeSet<_> = found
            .child
            .iter()
            .flatten()
            .filter(|host| !found.parent.contains(*host))
            .cloned()
            .collect();
        found.look_up(walk, &cut.apex, &child_only).await;
        found
    }

    /// The root has no parent: its own NS set stands for both, and its servers are the hints.
    async fn of_root(walk: &Walk<'_>, cut: &Cut) -> Self {
        let mut found = Self::default();
        found.ask_child(walk, &cut.apex, &cut.servers).await;
        found.parent = found.child.clone().unwrap_or_default();
        found
    }

    /// Asks every server for the zone's own NS set. Authoritative replies count before others; sets that differ are
    /// joined.
    async fn ask_child(&mut self, walk: &Walk<'_>, apex: &DnsName, servers: &[SocketAddr]) {
        let question = question(apex, RecordType::NS);
        let replies = walk.ask_all(servers, &question).await;
        let authoritative = replies.iter().any(|(seen, _)| is_authoritative_set(seen));
        for (seen, message) in &replies {
            let set = NsSet::read(apex, &message.answers, &message.additionals, apex);
            let Some(set) = set.filter(|_| is_authoritative_set(seen) || !authoritative) else {
                continue;
            };
            self.ns_ttls.push(set.ttl);
            self.child.get_or_insert_default().extend(set.hosts);
            self.take(apex, set.glue);
        }
    }

    async fn look_up(&mut self, walk: &Walk<'_>, apex: &DnsName, hosts: &BTreeSet<DnsName>) {
        let mut looked_up = Vec::new();
        for host in hosts {
            looked_up.push(walk.addresses(host));
        }
        for addresses in join_all(looked_up).await {
            self.take(apex, addresses);
        }
    }

    fn take(&mut self, apex: &DnsName, addresses: Vec<HostAddress>) {
        for HostAddress { host, address, ttl } in addresses {
            if host.is_within(apex) {
                self.glue_ttls.push(ttl);
            }
            self.addresses.entry(host).or_default().insert(address);
        }
    }

    /// Fills gaps from the zone as last found: a child that says nothing has not changed its mind, and a host that is
    /// still listed has not lost its addresses because they could not be looked up.
    fn remember(&mut self, zone: &Zone) {
        let child = self.child.get_or_insert_with(|| zone.child_ns.clone());
        for server in &zone.servers {
            let Ok(host) = server.name.parse::<DnsName>() else {
                continue;
            };
            let listed = self.parent.contains(&host) || child.contains(&host);
            let current = matches!(server.listed, Listed::Delegated { .. });
            if listed && current && !self.addresses.contains_key(&host) {
                self.addresses
                    .insert(host, addresses_of(zone, &server.name));
            }
        }
    }

    fn zone(&self, walk: &Walk<'_>, cut: &Cut) -> Zone {
        let child = self.child.clone().unwrap_or_default();
        let hosts: BTreeSet<_> = self.parent.union(&child).cloned().collect();
        let (servers, unresolved_ns) = if cut.delegation.is_some() {
            let lost = hosts.iter().filter(|host| !self.has_server(walk, host));
            (self.servers(walk, &hosts, &child), lost.cloned().collect())
        } else {
            let hints = cut.servers.iter().map(|hint| self.root_server(*hint));
            (hints.collect(), BTreeSet::new())
        };
        let lasts = cut::lasts(self.ns_ttls.iter().min().copied().unwrap_or(0));
        let highest = self.ns_ttls.iter().chain(&self.glue_ttls).max();
        Zone {
            apex: cut.apex.clone(),
            unresolved_ns,
            servers,
            parent_ns: self.parent.clone(),
            child_ns: child,
            delegation_ttl: highest.map(|ttl| Duration::from_secs(u64::from(*ttl))),
            found_at: walk.now,
            refresh_at: walk.now + lasts,
        }
    }

    fn has_server(&self, walk: &Walk<'_>, host: &DnsName) -> bool {
        let addresses = self.addresses.get(host).into_iter().flatten();
        addresses
            .copied()
            .any(|address| walk.server(address).is_some())
    }

    /// One server for each address; where two hosts share one, the first by name gives its own.
    fn servers(
        &self,
        walk: &Walk<'_>,
        hosts: &BTreeSet<DnsName>,
        child: &BTreeSet<DnsName>,
    ) -> Vec<AuthorityServer> {
        let mut servers: Vec<AuthorityServer> = Vec::new();
        for host in hosts {
            let addresses = self.addresses.get(host).into_iter().flatten();
            for address in addresses.filter_map(|address| walk.server(*address)) {
                let (at_parent, at_child) = (self.parent.contains(host), child.contains(host));
                let same = servers.iter_mut().find(|server| server.address == address);
                if let Some(AuthorityServer {
                    listed: Listed::Delegated { parent, child },
                    ..
                }) = same
                {
                    *parent |= at_parent;
                    *child |= at_child;
                    continue;
                }
                let listed = Listed::Delegated {
                    parent: at_parent,
                    child: at_child,
                };
                servers.push(AuthorityServer {
                    name: host.to_string(),
                    address,
                    listed,
                });
            }
        }
        servers
    }

    fn root_server(&self, hint: SocketAddr) -> AuthorityServer {
        let named = self
            .addresses
            .iter()
            .find(|(_, all)| all.contains(&hint.ip()));
        AuthorityServer {
            name: named.map_or_else(|| hint.ip().to_string(), |(host, _)| host.to_string()),
            address: hint,
            listed: Listed::Delegated {
                parent: true,
                child: true,
            },
        }
    }

    fn known(&self, zone: Zone) -> Known {
        Known {
            zone: Arc::new(zone),
            ns_ttl: self.ns_ttls.iter().max().copied().unwrap_or(0),
            retry_at: None,
        }
    }
}

fn is_authoritative_set(seen: &Observation) -> bool {
    seen.flags.has(Flags::AA) && seen.answer.is_data()
}

fn addresses_of(zone: &Zone, host: &str) -> BTreeSet<IpAddr> {
    let servers = zone.servers.iter().filter(|server| server.name == host);
    servers.map(|server| server.address.ip()).collect()
}
