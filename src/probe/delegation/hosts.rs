//! The addresses of server hosts, found by the same walk.
//!
//! No lock is held here and nothing waits for another walk, so that zones whose servers live in each other cannot
//! wait for each other for ever. Deliberately absent: aliases. An NS host must not be one (RFC 2181 section 10.3).

use std::net::{IpAddr, SocketAddr};

use futures::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};

use super::{
    cut::{HostAddress, NsSet},
    said::{Said, said},
    walk::{Walk, question},
};
use crate::{
    names::DnsName,
    probe::message::Sections,
    types::{Observation, RecordType, Value},
};

/// How many hosts may wait for each other's addresses.
const DEPTH: usize = 5;
/// How many referrals one host may be followed through.
const REFERRALS: usize = 16;

enum Step {
    Found(Vec<HostAddress>),
    Nothing,
    Referred(NsSet),
}

impl Walk<'_> {
    /// The addresses of a host at its own authority: A, and AAAA where IPv6 counts. Empty where it has none, or none can
    /// be found.
    pub(super) async fn addresses(&self, host: &DnsName) -> Vec<HostAddress> {
        self.addresses_below(host, &[]).await
    }

    /// Where the servers of a delegation can be asked: by glue, else by looking their hosts up.
    pub(super) async fn servers_of(&self, set: &NsSet) -> Vec<SocketAddr> {
        self.servers_below(set, &[]).await
    }

    /// The address with the port servers below the root are asked on; `None` where its family does not count.
    pub(super) fn server(&self, address: IpAddr) -> Option<SocketAddr> {
        let counts = address.is_ipv4() || self.settings.ipv6;
        counts.then(|| SocketAddr::new(address, self.settings.port))
    }

    /// `trail` holds the hosts whose addresses wait for this one's.
    fn addresses_below<'a>(
        &'a self,
        host: &'a DnsName,
        trail: &'a [&'a DnsName],
    ) -> BoxFuture<'a, Vec<HostAddress>> {
        async move {
            if trail.len() >= DEPTH || trail.contains(&host) {
                return Vec::new();
            }
            let trail = [trail, &[host]].concat();
            let start = self.nearest(host);
            let (mut zone, mut servers) = (start.apex.clone(), start.servers.clone());
            for _ in 0..REFERRALS {
                match self.step(&zone, &servers, host, RecordType::A).await {
                    Step::Referred(set) => {
                        servers = self.servers_below(&set, &trail).await;
                        zone = set.owner;
                    }
                    Step::Found(found) => {
                        return self.with_ipv6(found, &zone, &servers, host).await;
                    }
                    Step::Nothing => {
                        return self.with_ipv6(Vec::new(), &zone, &servers, host).await;
                    }
                }
            }
            Vec::new()
        }
        .boxed()
    }

    async fn with_ipv6(
        &self,
        mut found: Vec<HostAddress>,
        zone: &DnsName,
        servers: &[SocketAddr],
        host: &DnsName,
    ) -> Vec<HostAddress> {
        if self.settings.ipv6
            && let Step::Found(more) = self.step(zone, servers, host, RecordType::AAAA).await
        {
            found.extend(more);
        }
        found
    }

    async fn servers_below(&self, set: &NsSet, trail: &[&DnsName]) -> Vec<SocketAddr> {
        let servers = self.servers_at(&set.glue);
        if !servers.is_empty() {
            return servers;
        }
        let mut hosts = Vec::new();
        for host in &set.hosts {
            hosts.push(self.addresses_below(host, trail));
        }
        self.servers_at(&join_all(hosts).await.concat())
    }

    fn servers_at(&self, addresses: &[HostAddress]) -> Vec<SocketAddr> {
        let servers = addresses
            .iter()
            .filter_map(|found| self.server(found.address));
        servers.collect()
    }

    async fn step(
        &self,
        zone: &DnsName,
        servers: &[SocketAddr],
        host: &DnsName,
        rtype: RecordType,
    ) -> Step {
        let question = question(host, rtype);
        let step = self.first(zone, servers, &question, read_step).await;
        step.unwrap_or(Step::Nothing)
    }
}

fn read_step(
    zone: &DnsName,
    host: &DnsName,
    seen: &Observation,
    message: &Sections,
) -> Option<Step> {
    let found = addresses_in(seen, host);
    if !found.is_empty() {
        return Some(Step::Found(found));
    }
    match said(zone, host, seen, message)? {
        Said::Referred(set) => Some(Step::Referred(set)),
        Said::Inside | Said::Deeper(_) => Some(Step::Nothing),
    }
}

fn addresses_in(seen: &Observation, host: &DnsName) -> Vec<HostAddress> {
    let ([link], [ttls]) = (&seen.answer.links[..], &seen.ttls[..]) else {
        return Vec::new();
    };
    let Value::Rrset(records) = &link.value else {
        return Vec::new();
    };
    let addresses = records.iter().zip(ttls).filter_map(|(text, ttl)| {
        Some(HostAddress {
            host: host.clone(),
            address: text.parse().ok()?,
            ttl: *ttl,
        })
    });
    addresses.collect()
}
