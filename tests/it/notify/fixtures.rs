//! Incidents as the ledger would leave them, for messages to be made of.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use chrono::{DateTime, Utc};
use dns_auditor::{
    audit::{
        evidence::{Baseline, BaselineKind, Observed},
        finding::FindingKind,
        incident::{Axis, Incident, IncidentKey, News, Status, Transition, TransitionKind},
        verdict::Family,
    },
    names::DnsName,
    notify::{Delivery, GroupFacts, MessageContext},
    types::{
        Ede, QueryOptions, Question, RecordType, Resolver, ResolverTraits, Severity, Source,
        SourceKind, Transport,
    },
};
use uuid::Uuid;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-22T{text}Z").parse().unwrap()
}

pub(super) fn resolver(
    id: &str,
    operator: &str,
    address: &str,
    flush_page: Option<&str>,
) -> Arc<Resolver> {
    Arc::new(Resolver {
        id: id.to_owned(),
        operator: operator.to_owned(),
        addresses: vec![SocketAddr::new(address.parse().unwrap(), 53)],
        transport: Transport::Udp,
        endpoint: None,
        options: QueryOptions::default(),
        max_qps: 100,
        traits: ResolverTraits {
            flush_page: flush_page.map(str::to_owned),
            ..ResolverTraits::default()
        },
    })
}

pub(super) fn resolvers() -> Vec<Arc<Resolver>> {
    vec![
        resolver(
            "google",
            "Google",
            "8.8.8.8",
            Some("https://dns.google/cache"),
        ),
        resolver("quad9", "Quad9", "9.9.9.9", None),
    ]
}

/// The outcome at a receiver that has nothing to say.
pub(super) fn delivered() -> Delivery {
    Delivery::Delivered {
        answer: "HTTP 200".to_owned(),
    }
}

/// The labels of the group.
fn tags() -> &'static BTreeMap<String, String> {
    static TAGS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let tags = [("customer", "acme"), ("carrier", "isp-a")];
        BTreeMap::from(tags.map(|(key, value)| (key.to_owned(), value.to_owned())))
    });
    &TAGS
}

pub(super) fn context(resolvers: &[Arc<Resolver>]) -> MessageContext<'_> {
    MessageContext {
        vantage: "us-west-2",
        base_url: Some("https://auditor.example.com/"),
        is_public: false,
        group: GroupFacts {
            runbook: Some("https://wiki.example.com/dns?page=flush&v=2"),
            tags: Some(tags()),
            names: Some(60),
            max_ttl: Some(300),
        },
        resolvers,
    }
}

pub(super) fn observed(resolver: &Resolver, name: &str) -> Observed {
    Observed {
        resolver: resolver.id.clone(),
        source: resolver.sources().next().unwrap().into(),
        question: Question {
            name: name.parse().unwrap(),
            rtype: RecordType::A,
        },
        records: vec!["198.51.100.66".to_owned()],
        rcode: "NOERROR".to_owned(),
        ttl: Some(86_100),
        site: Some("gpdns-fra".to_owned()),
        ede: Vec::new(),
        at: at("19:05:00"),
        cached_until: Some("2026-11-23T19:00:00Z".parse().unwrap()),
    }
}

fn incident(axis: Axis, subject: &str, family: Family, verdict: &str) -> Incident {
    Incident {
        id: Uuid::from_u128(0x1111_2222_3333_4444_8555_6666_7777_8888),
        key: IncidentKey {
            group: "dialers".to_owned(),
            axis,
            subject: subject.to_owned(),
            family,
        },
        status: Status::Open,
        verdict: verdict.to_owned(),
        severity: Severity::Critical,
        names: BTreeSet::new(),
        types: BTreeSet::from([RecordType::A]),
        resolvers: BTreeSet::new(),
        authorities: BTreeSet::new(),
        vantages: BTreeSet::from(["us-west-2".to_owned()]),
        baseline: Some(Baseline {
            kind: BaselineKind::Authority,
            records: vec!["192.0.2.7".to_owned()],
            rcode: "NOERROR".to_owned(),
            ttl: Some(300),
        }),
        observed: Vec::new(),
        opened_at: at("19:04:00"),
        confirmed_at: at("19:05:00"),
        last_bad_at: at("19:05:00"),
        recovering_at: None,
        resolved_at: None,
        acked_at: None,
        cached_until: Some("2026-11-23T19:00:00Z".parse().unwrap()),
        worst_case_until: Some("2026-11-23T19:05:00Z".parse().unwrap()),
        backends: std::collections::BTreeMap::new(),
        throttled: std::collections::BTreeMap::new(),
        clean_rounds: 0,
        transitions: 1,
        told_at: at("19:05:00"),
        calm: BTreeMap::new(),
        untold: News::default(),
        flapping: None,
        tallies: BTreeMap::new(),
        reason: "google answers 198.51.100.66, which no authoritative server ever served."
            .to_owned(),
    }
}

/// One name, wrong at Google and at Quad9.
pub(super) fn divergent() -> Incident {
    let resolvers = resolvers();
    let name = "dialer7.example.com";
    let mut quad9 = observed(&resolvers[1], name);
    quad9.site = Some("res860.qfra3.rrdns.pch.net".to_owned());
    quad9.ede = vec![Ede {
        code: 22,
        text: "no reachable authority".to_owned(),
    }];
    Incident {
        names: BTreeSet::from([name.parse().unwrap()]),
        resolvers: BTreeSet::from(["google".to_owned(), "quad9".to_owned()]),
        observed: vec![observed(&resolvers[0], name), quad9],
        ..incident(
            Axis::Name,
            "dialer7.example.com A",
            Family::Value,
            "divergent",
        )
    }
}

/// Many names of one zone with a TTL of a day at the authority.
pub(super) fn ttl_above_policy() -> Incident {
    let server = Source {
        kind: SourceKind::Authority,
        id: "ns1.example.com".to_owned(),
        address: "192.0.2.1:5353".parse().unwrap(),
        transport: Transport::Udp,
    };
    let seen = Observed {
        resolver: server.id.clone(),
        source: server.into(),
        records: vec!["192.0.2.1".to_owned()],
        ttl: Some(86_400),
        site: None,
        cached_until: None,
        ..observed(&resolvers()[0], "dialer1.example.com")
    };
    Incident {
        severity: Severity::Warning,
        names: names(40),
        authorities: BTreeSet::from(["ns1.example.com".to_owned()]),
        baseline: Some(Baseline {
            kind: BaselineKind::Authority,
            records: seen.records.clone(),
            rcode: "NOERROR".to_owned(),
            ttl: Some(86_400),
        }),
        observed: vec![seen],
        cached_until: None,
        worst_case_until: None,
        reason:
            "The TTL of dialer1.example.com A at the authority is 86400 s; the policy allows 300 s."
                .to_owned(),
        ..incident(
            Axis::Authority,
            "example.com",
            Family::Finding(FindingKind::TtlAbovePolicy),
            "ttl_above_policy",
        )
    }
}

/// One resolver that serves yesterday's answers for `count` names.
pub(super) fn stale_resolver(count: usize) -> Incident {
    let resolvers = resolvers();
    let names = names(count);
    let observed = names
        .iter()
        .take(100)
        .map(|name| observed(&resolvers[0], name.as_str()))
        .collect();
    Incident {
        names,
        resolvers: BTreeSet::from(["google".to_owned()]),
        observed,
        reason: "198.51.100.66 was replaced at 10:20:00Z; its deadline was 10:25:00Z.".to_owned(),
        ..incident(Axis::Resolver, "google", Family::Value, "stale_overdue")
    }
}

/// The divergent name, four hours later.
pub(super) fn resolved() -> Incident {
    Incident {
        status: Status::Resolved,
        last_bad_at: at("22:50:10"),
        resolved_at: Some(at("23:01:00")),
        ..divergent()
    }
}

pub(super) fn names(count: usize) -> BTreeSet<DnsName> {
    (1..=count)
        .map(|number| format!("dialer{number}.example.com").parse().unwrap())
        .collect()
}

pub(super) fn step(kind: TransitionKind, incident: Incident) -> Transition {
    Transition {
        number: 0,
        kind,
        at: incident.resolved_at.unwrap_or(at("19:05:00")),
        causes: Vec::new(),
        reason: match kind {
            TransitionKind::Opened => incident.reason.clone(),
            TransitionKind::Updated => "quad9 joined.".to_owned(),
            TransitionKind::Reminder => "still open after 4 h.".to_owned(),
            TransitionKind::Resolved => {
                "no bad answer for 10 min, and no cache holds one.".to_owned()
            }
        },
        incident,
    }
}
