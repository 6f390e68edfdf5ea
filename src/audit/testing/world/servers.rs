//! The authoritative servers: what each holds when, for whom, and whether it answers.
//!
//! Deliberately absent: delegation. A zone's servers are known; who left is asked by nobody but those who are told to.

mod tree;

use std::{cell::Cell, collections::HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::timeline::Timeline;
use crate::{
    audit::testing::{Reply, rrset},
    names::DnsName,
    types::{Question, Rcode, RecordType, Value},
};

/// Aliases followed from one name.
const LONGEST_CHAIN: usize = 12;

/// What an owner holds of one type.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// This, with this TTL. A denial has the zone's own.
    Holds(Value, u32),
    /// Each reply shows the next so many of a pool.
    Rotates(Vec<String>, usize, u32),
}

/// How a server treats questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It answers with authority.
    Well,
    /// It does not answer.
    Silent,
    /// It says REFUSED.
    Lame,
    /// It answers as a cache does, without AA: somebody else stands on the way.
    Intercepted,
    /// It answers with authority, and denies every name that holds nothing itself, whatever lies below.
    DeniesEnts,
}

/// A resolver that asks: who it is, the server it prefers, and whether it asks for the names above first, and believes a
/// denial of them (RFC 9156, RFC 8020).
#[derive(Debug, Clone, Copy)]
pub(super) struct Asks<'a> {
    pub(super) viewer: &'a str,
    pub(super) preferred: Option<&'a String>,
    pub(super) minimises: bool,
}

#[derive(Debug, Clone)]
struct Zone {
    apex: DnsName,
    negative_ttl: Timeline<u32>,
    /// Who is delegated to, by host name.
    servers: Timeline<Vec<String>>,
}

/// A server as one viewer sees it; `None`: as everybody does who has no view of his own.
type View = (String, Option<String>);

/// Every authoritative server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Servers {
    zones: Vec<Zone>,
    lags: HashMap<String, TimeDelta>,
    data: HashMap<View, HashMap<DnsName, HashMap<RecordType, Timeline<Data>>>>,
    manners: HashMap<View, Timeline<Manner>>,
    turns: Cell<usize>,
}

impl Servers {
    /// From `at` on these are the zone's servers.
    pub(crate) fn delegate(&mut self, apex: &DnsName, servers: Vec<String>, at: DateTime<Utc>) {
        self.zone_mut(apex).servers.set(at, servers);
    }

    /// From `at` on the zone's denials may be kept so long, seconds.
    pub(crate) fn deny_for(&mut self, apex: &DnsName, ttl: u32, at: DateTime<Utc>) {
        self.zone_mut(apex).negative_ttl.set(at, ttl);
    }

    fn zone_mut(&mut self, apex: &DnsName) -> &mut Zone {
        let known = self.zones.iter().position(|zone| zone.apex == *apex);
        let at = known.unwrap_or_else(|| {
            self.zones.push(Zone {
                apex: apex.clone(),
                negative_ttl: Timeline::default(),
                servers: Timeline::default(),
            });
            self.zones.len() - 1
        });
        &mut self.zones[at]
    }

    /// Every change reaches the server so much later.
    pub(crate) fn lag(&mut self, server: &str, by: TimeDelta) {
        self.lags.insert(server.to_owned(), by);
    }

    /// What `server` serves of an owner and type from `at` on, to one viewer or to all.
    pub(crate) fn serve(
        &mut self,
        server: &str,
        viewer: Option<&str>,
        (owner, rtype): (&DnsName, RecordType),
        data: Data,
        at: DateTime<Utc>,
    ) {
        let at = at + self.lags.get(server).copied().unwrap_or_default();
        let view = (server.to_owned(), viewer.map(str::to_owned));
        let owners = self.data.entry(view).or_default();
        let types = owners.entry(owner.clone()).or_default();
        types.entry(rtype).or_default().set(at, data);
    }

    /// How `server` treats questions from `at` on.
    pub(crate) fn behave(
        &mut self,
        server: &str,
        viewer: Option<&str>,
        manner: Manner,
        at: DateTime<Utc>,
    ) {
        let view = (server.to_owned(), viewer.map(str::to_owned));
        self.manners.entry(view).or_default().set(at, manner);
    }

    fn zone_of(&self, owner: &DnsName) -> Option<&Zone> {
        let zones = self.zones.iter().filter(|zone| owner.is_within(&zone.apex));
        zones.max_by_key(|zone| zone.apex.labels().count())
    }

    /// Who is delegated to for a name at an instant.
    pub(crate) fn of(&self, owner: &DnsName, at: DateTime<Utc>) -> &[String] {
        let zone = self.zone_of(owner);
        let servers = zone.and_then(|zone| zone.servers.at(at));
        servers.map(Vec::as_slice).unwrap_or_default()
    }

    fn manner(&self, server: &str, viewer: &str, at: DateTime<Utc>) -> Manner {
        let of = |viewer: Option<String>| {
            let timeline = self.manners.get(&(server.to_owned(), viewer))?;
            timeline.at(at).copied()
        };
        let own = of(Some(viewer.to_owned())).or_else(|| of(None));
        own.unwrap_or(Manner::Well)
    }

    /// What a server says of one owner: its own data, or what follows of those above and below ([`tree`]).
    pub(crate) fn said(
        &self,
        server: &str,
        viewer: &str,
        (owner, rtype): (&DnsName, RecordType),
        at: DateTime<Utc>,
    ) -> (Value, u32) {
        let seen = self.seen(server, viewer, at);
        match seen.data(owner, rtype) {
            Some(data) => self.shown(owner, data, at),
            None => self.shown(owner, &Data::Holds(seen.denial(owner), 0), at),
        }
    }

    fn shown(&self, owner: &DnsName, data: &Data, at: DateTime<Utc>) -> (Value, u32) {
        match data {
            Data::Holds(value, ttl) if !value.is_negative() => (value.clone(), *ttl),
            Data::Holds(value, _) => {
                let zone = self.zone_of(owner);
                let ttl = zone.and_then(|zone| zone.negative_ttl.at(at)).copied();
                (value.clone(), ttl.unwrap_or(300))
            }
            Data::Rotates(records, shown, ttl) => {
                let turn = self.turns.replace(self.turns.get() + 1);
                let window = (0..*shown).map(|nth| &*records[(turn * shown + nth) % records.len()]);
                (rrset(&window.collect::<Vec<_>>()), *ttl)
            }
        }
    }

    /// The server's reply to the auditor: as far as its own zone reaches.
    pub(super) fn reply(&self, server: &str, question: &Question, at: DateTime<Utc>) -> Reply {
        let manner = self.manner(server, "vantage", at);
        match manner {
            Manner::Silent => return Reply::silence(),
            Manner::Lame => return Reply::rcode(Rcode::REFUSED),
            Manner::Well | Manner::Intercepted | Manner::DeniesEnts => {}
        }
        let home = self.zone_of(&question.name).map(|zone| &zone.apex);
        let reply = chain(&question.name, |owner| {
            let zone = self.zone_of(owner).map(|zone| &zone.apex);
            (zone == home).then(|| self.said(server, "vantage", (owner, question.rtype), at))
        });
        Reply {
            authoritative: manner != Manner::Intercepted,
            ..reply
        }
    }

    /// What a resolver gets for one owner, from the server it prefers or from each in its turn; `None` where none answers.
    pub(super) fn fetch(
        &self,
        asks: Asks,
        (owner, rtype): (&DnsName, RecordType),
        at: DateTime<Utc>,
        turn: usize,
    ) -> Option<(Value, u32)> {
        let listed = self.of(owner, at);
        let mut order: Vec<_> = (0..listed.len())
            .map(|nth| &listed[(turn + nth) % listed.len()])
            .collect();
        if let Some(preferred) = asks.preferred {
            order.insert(0, preferred);
        }
        let answers = |server: &&&String| {
            let manner = self.manner(server, asks.viewer, at);
            matches!(manner, Manner::Well | Manner::DeniesEnts)
        };
        let server = order.iter().find(answers)?;
        let said = |owner: &_, rtype| self.said(server, asks.viewer, (owner, rtype), at);
        let zone = self.zone_of(owner).filter(|_| asks.minimises);
        let above = zone.into_iter().flat_map(|zone| owner.between(&zone.apex));
        let mut denials = above.map(|above| said(&above, RecordType::A));
        let denial = denials.find(|(value, _)| *value == Value::Nxdomain);
        Some(denial.unwrap_or_else(|| said(owner, rtype)))
    }
}

/// An answer, alias by alias, as far as `look` knows.
pub(super) fn chain(
    asked: &DnsName,
    mut look: impl FnMut(&DnsName) -> Option<(Value, u32)>,
) -> Reply {
    let mut reply = Reply::rcode(Rcode::NOERROR);
    let mut owner = asked.clone();
    for _ in 0..LONGEST_CHAIN {
        let Some((value, ttl)) = look(&owner) else {
            break;
        };
        if value == Value::Nxdomain {
            reply.status = Reply::rcode(Rcode::NXDOMAIN).status;
        }
        reply = reply.link(owner.as_str(), value.clone(), ttl);
        match value {
            Value::Cname(target) => owner = target,
            _ => break,
        }
    }
    reply
}
