//! Builders for the tests of judgement: instants, replies, zones and resolvers; [`scene`] puts them together, and [`world`]
//! is an Internet for it to look at.
//!
//! Deliberately absent: sockets and expectations.

mod round;
mod scene;
mod world;

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use uuid::Uuid;

use crate::{
    audit::{
        declared::{Change, Declaration, Declared, Matter, USUAL_WINDOW, Via},
        incident::Incident,
    },
    names::DnsName,
    types::{
        Answer, AuthorityServer, Ede, Flags, Link, Listed, NoReply, Observation, QueryOptions,
        Question, Rcode, RecordType, Resolver, ResolverTraits, Source, SourceKind, Status,
        Transport, Ttls, Value, Zone,
    },
};
pub(crate) use round::Round;
pub(crate) use scene::{Scene, says};
pub(crate) use world::{
    Cache, Conduct, Data, Habits, Manner, Meddling, Recursor, Scope, Stale, World,
};

/// The name most tests ask for.
pub(crate) const NAME: &str = "dialer7.example.com";
/// Where the calls used to go, and belong.
pub(crate) const GOOD: &str = "198.51.100.7";
/// Where they went for a while.
pub(crate) const BAD: &str = "203.0.113.7";
/// An address that no authority ever served.
pub(crate) const ALIEN: &str = "192.0.2.66";

/// `15:10`, `15:10:30` on 30 August 2020; `31T03:10` a day later.
pub(crate) fn at(text: &str) -> DateTime<Utc> {
    let (day, time) = text.split_once('T').unwrap_or(("30", text));
    let seconds = if time.len() == 5 { ":00" } else { "" };
    format!("2020-08-{day}T{time}{seconds}Z").parse().unwrap()
}

pub(crate) fn secs(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

pub(crate) fn name(text: &str) -> DnsName {
    text.parse().unwrap()
}

pub(crate) fn question(owner: &str, rtype: RecordType) -> Question {
    Question {
        name: name(owner),
        rtype,
    }
}

pub(crate) fn rrset(records: &[&str]) -> Value {
    Value::Rrset(records.iter().map(ToString::to_string).collect())
}

/// A reply before it is received.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: Status,
    pub(crate) links: Vec<(Link, Vec<u32>)>,
    pub(crate) ede: Vec<u16>,
    pub(crate) flags: Flags,
    pub(crate) site: Option<String>,
    /// Whether an authority's reply is its own word (AA).
    pub(crate) authoritative: bool,
    /// How much later than it was given it is received.
    pub(crate) late: TimeDelta,
    pub(crate) scope: Option<u8>,
    /// The SOA serial that comes with it.
    pub(crate) serial: Option<u32>,
}

impl Reply {
    fn of(status: Status) -> Self {
        Self {
            status,
            links: Vec::new(),
            ede: Vec::new(),
            flags: Flags::RA.with(Flags::AUTHORITY_SECTION, true),
            site: None,
            authoritative: true,
            late: TimeDelta::zero(),
            scope: None,
            serial: None,
        }
    }

    pub(crate) fn rcode(rcode: Rcode) -> Self {
        Self::of(Status::Rcode(rcode))
    }

    pub(crate) fn silence() -> Self {
        Self::of(Status::NoReply(NoReply::Timeout))
    }

    pub(crate) fn no_route() -> Self {
        Self::of(Status::NoReply(NoReply::NoRoute))
    }

    /// One more link: `owner` holds `value`.
    pub(crate) fn link(mut self, owner: &str, value: Value, ttl: u32) -> Self {
        let ttls = match &value {
            Value::Rrset(set) => vec![ttl; set.len()],
            Value::Cname(_) => vec![ttl],
            Value::Nodata | Value::Nxdomain => vec![ttl, ttl.max(900)],
        };
        let owner = name(owner);
        self.links.push((Link { owner, value }, ttls));
        self
    }

    pub(crate) fn alias(self, owner: &str, target: &str, ttl: u32) -> Self {
        self.link(owner, Value::Cname(name(target)), ttl)
    }

    pub(crate) fn with_ede(mut self, code: u16) -> Self {
        self.ede.push(code);
        self
    }

    pub(crate) fn at_site(mut self, site: &str) -> Self {
        self.site = Some(site.to_owned());
        self
    }

    /// With AD: a resolver vouches for it.
    pub(crate) fn validated(mut self) -> Self {
        self.flags = self.flags.with(Flags::AD, true);
        self
    }

    /// From this version of the zone.
    pub(crate) fn with_serial(mut self, serial: u32) -> Self {
        self.serial = Some(serial);
        self
    }

    /// Made for a client subnet (RFC 7871).
    pub(crate) fn for_scope(mut self, scope: u8) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Quad9's way to say that it blocks: no authority section, RA=0.
    pub(crate) fn signed_as_blocked(mut self) -> Self {
        self.flags = Flags::default();
        for (_, ttls) in &mut self.links {
            ttls.clear();
        }
        self
    }
}

/// A data reply without links yet.
pub(crate) fn data() -> Reply {
    Reply::rcode(Rcode::NOERROR)
}

/// `NAME` holds these addresses.
pub(crate) fn a(records: &[&str], ttl: u32) -> Reply {
    data().link(NAME, rrset(records), ttl)
}

/// `NAME` does not exist.
pub(crate) fn nxdomain(ttl: u32) -> Reply {
    Reply::rcode(Rcode::NXDOMAIN).link(NAME, Value::Nxdomain, ttl)
}

/// `NAME` has no data of the type.
pub(crate) fn nodata(ttl: u32) -> Reply {
    data().link(NAME, Value::Nodata, ttl)
}

/// `NAME` is to hold these values from an instant on.
pub(crate) fn planned(to: &[&str], from: DateTime<Utc>) -> Change {
    let to: Vec<String> = to.iter().map(ToString::to_string).collect();
    Change {
        names: vec![name(NAME)],
        rtype: None,
        to: to.try_into().unwrap(),
        from: None,
        at: from,
        until: from + USUAL_WINDOW,
        comment: None,
    }
}

/// These matters, each declared at its instant.
pub(crate) fn declared(matters: impl IntoIterator<Item = Matter>) -> Declared {
    let numbered = (1..).map(Uuid::from_u128).zip(matters);
    let declaration = |(id, matter): (Uuid, Matter)| Declaration {
        id,
        declared_at: matter.at(),
        matter,
        declared_by: "anna".to_owned(),
        via: Via::Cli,
        withdrawn_at: None,
        withdrawn_by: None,
    };
    numbered.map(declaration).collect::<Vec<_>>().into()
}

/// TTLs of an answer, link by link.
pub(crate) fn ttls(links: &[&[u32]]) -> Ttls {
    let links = links.iter();
    links.map(|link| link.iter().copied().collect()).collect()
}

/// One reply as received.
pub(crate) fn observe(
    source: &Source,
    question: &Question,
    at: DateTime<Utc>,
    reply: &Reply,
) -> Observation {
    let (links, ttls): (Vec<_>, Vec<_>) = reply.links.iter().cloned().unzip();
    let authority =
        source.kind == SourceKind::Authority && !links.is_empty() && reply.authoritative;
    Observation {
        source: source.clone().into(),
        question: question.clone(),
        at,
        answer: Arc::new(Answer {
            status: reply.status,
            links,
        }),
        ttls,
        serial: reply.serial,
        flags: reply.flags.with(Flags::AA, authority),
        ede: reply
            .ede
            .iter()
            .map(|code| Ede {
                code: *code,
                text: String::new(),
            })
            .collect(),
        nsid: reply.site.clone().map(String::into_bytes),
        ecs_scope: reply.scope,
        edns_size: None,
        edns_version: None,
        age: 0,
        wire: None,
        rtt: Duration::from_millis(20) + reply.late.to_std().unwrap_or_default(),
        transport: Transport::Udp,
        attempts: 1,
        mismatched: 0,
        size: 80,
    }
}

/// A server of a zone: `ns1` of example.com is 192.0.2.1.
pub(crate) fn server(name: &str, ip: &str) -> AuthorityServer {
    AuthorityServer {
        name: name.to_owned(),
        address: SocketAddr::new(ip.parse().unwrap(), 53),
        listed: Listed::Delegated {
            parent: true,
            child: true,
        },
    }
}

pub(crate) fn zone(apex: &str, servers: Vec<AuthorityServer>) -> Arc<Zone> {
    Arc::new(Zone {
        apex: name(apex),
        servers,
        parent_ns: BTreeSet::new(),
        child_ns: BTreeSet::new(),
        unresolved_ns: BTreeSet::new(),
        delegation_ttl: None,
        found_at: at("00:00"),
        refresh_at: at("31T00:00"),
    })
}

pub(crate) fn resolver(id: &str, ip: &str, ttl_cap: Option<u32>) -> Arc<Resolver> {
    Arc::new(Resolver {
        id: id.to_owned(),
        operator: format!("{id} inc"),
        addresses: vec![SocketAddr::new(ip.parse().unwrap(), 53)],
        transport: Transport::Udp,
        endpoint: None,
        options: QueryOptions::default(),
        max_qps: 100,
        traits: ResolverTraits {
            signs_blocks: id == "quad9",
            ttl_cap,
            single_cache: true,
            ..ResolverTraits::default()
        },
    })
}

/// The same with several caches, which nothing tells apart.
pub(crate) fn farm(id: &str, ip: &str, ttl_cap: Option<u32>) -> Arc<Resolver> {
    let mut farm = Resolver::clone(&resolver(id, ip, ttl_cap));
    farm.traits.single_cache = false;
    Arc::new(farm)
}

/// What is opened in the round of 15:00 where google gives an address that no authority ever served.
pub(crate) fn incident() -> Incident {
    let mut scene = Scene::new();
    scene.run("14:50", "15:00", &says(a(&[GOOD], 300), a(&[GOOD], 300)));
    let round = scene.round(at("15:00"), &says(a(&[GOOD], 300), a(&[ALIEN], 300)));
    let [opened] = round.transitions.try_into().unwrap();
    opened.incident
}
