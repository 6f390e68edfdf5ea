//! Builders for the tests of judgement: replies, and a scene that asks, absorbs and judges as the service does.
//!
//! Deliberately absent: sockets and expectations.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        finding::{Finding, FindingKind},
        findings,
        history::History,
        judge::{RoundInput, Zones, judge_round},
        verdict::{State, Verdict},
    },
    names::DnsName,
    types::{
        Answer, AuthorityServer, Ede, Flags, Link, Listed, NoReply, Observation, Policy, Question,
        Rcode, RecordType, Resolver, ResolverTraits, Severity, Source, SourceKind, Span, Status,
        Transport, Value, Zone,
    },
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
}

impl Reply {
    fn of(status: Status) -> Self {
        Self {
            status,
            links: Vec::new(),
            ede: Vec::new(),
            flags: Flags::RA.with(Flags::AUTHORITY_SECTION, true),
            site: None,
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

    pub(crate) fn from_site(mut self, site: &str) -> Self {
        self.site = Some(site.to_owned());
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

/// One reply as received.
pub(crate) fn observe(
    source: &Source,
    question: &Question,
    at: DateTime<Utc>,
    reply: &Reply,
) -> Observation {
    let (links, ttls): (Vec<_>, Vec<_>) = reply.links.iter().cloned().unzip();
    let authority = source.kind == SourceKind::Authority && !links.is_empty();
    Observation {
        source: source.clone(),
        question: question.clone(),
        at,
        answer: Arc::new(Answer {
            status: reply.status,
            links,
        }),
        ttls,
        serial: None,
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
        ecs_scope: None,
        edns_size: None,
        rtt: Duration::from_millis(20),
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
        max_qps: 100,
        traits: ResolverTraits {
            signs_blocks: id == "quad9",
            ttl_cap,
            ..ResolverTraits::default()
        },
    })
}

/// What the world answers: to whom, what, when.
pub(crate) type World<'a> = &'a dyn Fn(&Source, &Question, DateTime<Utc>) -> Reply;

/// A group of names, its resolvers, and everything that was seen of them.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) policy: Policy,
    pub(crate) zones: Zones,
    pub(crate) resolvers: Vec<Arc<Resolver>>,
    pub(crate) questions: Vec<Question>,
    /// Asked of authorities only: what aliases lead to.
    pub(crate) targets: Vec<Question>,
    pub(crate) samples: usize,
    pub(crate) history: History,
    /// Every span as it was handed out last, as the store would hold them.
    pub(crate) spans: Vec<Span>,
    pub(crate) observations: Vec<Observation>,
}

/// What one round came to.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) findings: Vec<Finding>,
}

impl Scene {
    /// `NAME` A in example.com at ns1 and ns2, asked of google (without NSID).
    pub(crate) fn new() -> Self {
        let mut zones = Zones::default();
        let servers = vec![server("ns1", "192.0.2.1"), server("ns2", "192.0.2.2")];
        zones.insert(zone("example.com", servers));
        Self {
            policy: Policy::default(),
            zones,
            resolvers: vec![resolver("google", "8.8.8.8", Some(21_600))],
            questions: vec![question(NAME, RecordType::A)],
            targets: Vec::new(),
            samples: 1,
            history: History::default(),
            spans: Vec::new(),
            observations: Vec::new(),
        }
    }

    pub(crate) fn with_resolvers(mut self, resolvers: &[Arc<Resolver>]) -> Self {
        self.resolvers = resolvers.to_vec();
        self
    }

    pub(crate) fn gap(&self) -> Duration {
        self.policy.period * 3
    }

    /// A whole round at `at`: everything asked at once, what is suspicious asked again a second later.
    pub(crate) fn round(&mut self, at: DateTime<Utc>, world: World) -> Round {
        let mut observations = self.ask_authorities(at, &self.questions, world);
        for one in &self.resolvers {
            for (source, question) in one
                .sources()
                .flat_map(|source| self.questions.iter().map(move |one| (source.clone(), one)))
            {
                for nth in 0..self.samples {
                    let at = at + TimeDelta::milliseconds(5 + 10 * nth as i64);
                    let reply = world(&source, question, at);
                    observations.push(observe(&source, question, at, &reply));
                }
            }
        }
        self.absorb(&observations);
        let verdicts = self.judge(at + secs(1), &observations);
        self.ask_again(at + secs(1), &verdicts, &mut observations, world);
        self.finish(at + secs(2), observations)
    }

    fn finish(&mut self, now: DateTime<Utc>, observations: Vec<Observation>) -> Round {
        let verdicts = self.judge(now, &observations);
        let found = findings::find(&self.history, &self.input(now, &observations), &verdicts);
        self.observations = observations;
        Round {
            verdicts,
            findings: found,
        }
    }

    fn ask_again(
        &mut self,
        at: DateTime<Utc>,
        verdicts: &[Verdict],
        observations: &mut Vec<Observation>,
        world: World,
    ) {
        let suspicious: Vec<_> = verdicts
            .iter()
            .filter(|verdict| is_suspicious(verdict))
            .collect();
        let questions: BTreeSet<_> = suspicious.iter().map(|one| one.question.clone()).collect();
        let mut more = self.ask_authorities(at, &Vec::from_iter(questions), world);
        for verdict in suspicious {
            for nth in 0..2 {
                let at = at + TimeDelta::milliseconds(5 + 10 * nth);
                let (source, question) = (&verdict.observed.source, &verdict.question);
                let reply = world(source, question, at);
                more.push(observe(source, question, at, &reply));
            }
        }
        self.absorb(&more);
        observations.extend(more);
    }

    fn ask_authorities(
        &self,
        at: DateTime<Utc>,
        questions: &[Question],
        world: World,
    ) -> Vec<Observation> {
        let targets = self.targets.iter().filter(|_| !questions.is_empty());
        let mut observations = Vec::new();
        for question in questions.iter().chain(targets) {
            let zone = self.zones.zone_of(&question.name).unwrap();
            for source in zone.servers.iter().map(AuthorityServer::source) {
                let reply = world(&source, question, at);
                observations.push(observe(&source, question, at, &reply));
            }
        }
        observations
    }

    pub(crate) fn absorb(&mut self, observations: &[Observation]) {
        for observation in observations {
            let change = self.history.absorb(observation, self.gap());
            if !change.opened {
                let is_it = |known: &Span| {
                    known.series == change.span.series
                        && known.site == change.span.site
                        && known.first_seen == change.span.first_seen
                };
                if let Some(last) = self.spans.iter_mut().rev().find(|known| is_it(known)) {
                    *last = change.span;
                    continue;
                }
            }
            self.spans.push(change.span);
        }
    }

    pub(crate) fn input<'a>(
        &'a self,
        now: DateTime<Utc>,
        observations: &'a [Observation],
    ) -> RoundInput<'a> {
        RoundInput {
            policy: &self.policy,
            zones: &self.zones,
            resolvers: &self.resolvers,
            observations,
            now,
        }
    }

    pub(crate) fn judge(&self, now: DateTime<Utc>, observations: &[Observation]) -> Vec<Verdict> {
        judge_round(&self.history, &self.input(now, observations))
    }

    /// Rounds every minute from `from` up to and without `until`; the last one's judgement.
    pub(crate) fn run(&mut self, from: &str, until: &str, world: World) -> Option<Round> {
        let (mut now, until, mut last) = (at(from), at(until), None);
        while now < until {
            last = Some(self.round(now, world));
            now += TimeDelta::from_std(self.policy.period).unwrap();
        }
        last
    }

    /// The same after a restart: what the spans alone bring back.
    pub(crate) fn restarted(&self) -> Self {
        let mut restarted = self.clone();
        restarted.history = History::default();
        restarted
            .history
            .restore(self.spans.iter().rev().cloned(), self.gap());
        restarted
    }
}

fn is_suspicious(verdict: &Verdict) -> bool {
    verdict.state.needs_asking_again()
        && (verdict.state != State::Propagating || verdict.severity > Severity::None)
}

impl Round {
    /// The verdict at a resolver, of the only question or the first.
    pub(crate) fn at(&self, resolver: &str) -> &Verdict {
        let mut verdicts = self.verdicts.iter();
        verdicts
            .find(|verdict| verdict.resolver == resolver)
            .unwrap()
    }

    pub(crate) fn state(&self, resolver: &str) -> State {
        self.at(resolver).state
    }

    pub(crate) fn kinds(&self) -> Vec<FindingKind> {
        self.findings.iter().map(|finding| finding.kind).collect()
    }

    pub(crate) fn finding(&self, kind: FindingKind) -> &Finding {
        let found: Vec<_> = self
            .findings
            .iter()
            .filter(|one| one.kind == kind)
            .collect();
        assert_eq!(found.len(), 1, "{kind}: {:?}", self.findings);
        found[0]
    }
}

/// A value from each source kind: authorities say the first, resolvers the second.
pub(crate) fn says(
    authority: Reply,
    resolver: Reply,
) -> impl Fn(&Source, &Question, DateTime<Utc>) -> Reply {
    move |source, _, _| match source.kind {
        SourceKind::Authority => authority.clone(),
        SourceKind::Resolver => resolver.clone(),
    }
}
