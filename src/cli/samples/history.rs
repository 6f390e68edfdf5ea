//! History with everything that makes a table wide: long names, sites, addresses, alias chains and distant instants.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    audit::{
        evidence::{Baseline, BaselineKind, Observed},
        exposure::{Exposure, OperatorExposure},
        incident::{Axis, Incident, IncidentKey, News, Status},
        testing,
        verdict::{Family, State, Verdict},
    },
    store::{
        RecordedSpan,
        findings::FindingSpan,
        incidents::{EventKind, IncidentEvent, IncidentRow},
        messages::KeptMessage,
        timeline::{Coverage, Timeline, VerdictSpan},
    },
    types::{
        Answer, Ede, Link, Question, Rcode, RecordType, SeriesKey, Severity, Source, SourceKind,
        Span, Status as AnswerStatus, Transport, Value,
    },
};

const NAME: &str = "a-dialer-with-quite-a-long-name.eu-central-1.voice.customers.example.com";
const SITE: &str = "res860.qfra3.rrdns.pch.net";
const V6: &str = "2001:db8:85a3:8d3:1319:8a2e:370:7348";

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x1111_2222_3333_4444_8555_6666_7777_8880 + n)
}

pub(crate) fn question() -> Question {
    Question {
        name: NAME.parse().unwrap(),
        rtype: RecordType::AAAA,
    }
}

pub(crate) fn source(kind: SourceKind, id: &str, address: &str) -> Source {
    Source {
        kind,
        id: id.to_owned(),
        address: address.parse().unwrap(),
        transport: Transport::Udp,
    }
}

fn adguard() -> [Source; 2] {
    ["[2a10:50c0::1:ff]:53", "94.140.14.140:5353"]
        .map(|address| source(SourceKind::Resolver, "adguard-unfiltered", address))
}

fn authority() -> Source {
    let name = "ns1.customers.example.com";
    source(SourceKind::Authority, name, "192.0.2.53:53")
}

fn answer(value: Value) -> Arc<Answer> {
    let target = "load-balancer-17.eu-central-1.voice.example.net";
    let link = |owner: &str, value| Link {
        owner: owner.parse().unwrap(),
        value,
    };
    Arc::new(Answer {
        status: AnswerStatus::Rcode(Rcode::NOERROR),
        links: vec![
            link(NAME, Value::Cname(target.parse().unwrap())),
            link(target, value),
        ],
    })
}

fn addresses(addresses: &[&str]) -> Value {
    Value::Rrset(addresses.iter().map(ToString::to_string).collect())
}

fn span(
    source: Source,
    site: Option<&str>,
    answer: Arc<Answer>,
    [first, last]: [&str; 2],
) -> RecordedSpan {
    RecordedSpan {
        vantage: "us-west-2".into(),
        span: Span {
            series: SeriesKey {
                question: question(),
                source: source.into(),
            },
            site: site.map(Arc::from),
            answer,
            authoritative: false,
            first_ttls: testing::ttls(&[&[300], &[86_400]]),
            first_seen: at(first),
            last_seen: at(last),
            samples: 9,
            ttl_min: Some(85_900),
            ttl_max: Some(86_400),
            first_expires_at: None,
            cached_until: Some(at("2026-11-23T19:00:00Z")),
            longest_silence_s: Some(61),
        },
    }
}

/// What a day's TTL allows three operators.
pub(crate) fn exposures() -> Vec<Exposure> {
    let operator = |operator: &str, ttl_cap: Option<u32>| OperatorExposure {
        operator: operator.to_owned(),
        resolvers: vec![operator.to_lowercase()],
        ttl_cap,
        seconds: ttl_cap.unwrap_or(86_400),
    };
    vec![Exposure {
        question: question(),
        ttl: 86_400,
        link: question().name,
        operators: vec![
            operator("Google", Some(21_600)),
            operator("AdGuard", None),
            operator("Quad9", Some(43_200)),
        ],
    }]
}

/// A reply over HTTP in which everything is unusual.
pub(crate) fn message() -> KeptMessage {
    let [v6, _] = adguard();
    KeptMessage {
        vantage: "us-west-2".to_owned(),
        group: "dialers".to_owned(),
        due_at: at("2026-11-22T19:05:00Z"),
        question: question(),
        source: Source {
            transport: Transport::Https,
            ..v6
        },
        at: at("2026-11-22T19:05:00.123456Z"),
        kept_for: State::NxdomainMismatch.to_string(),
        transport: Transport::Https,
        attempts: 2,
        rtt_us: 12_345,
        mismatched: 1,
        age: 7,
        irregular: true,
        size: 6,
        reply_sha256: "ab".repeat(32),
        query: b"a query".to_vec(),
        reply: b"reply\x1b".to_vec(),
    }
}

/// `dialer7` with a wrong address at one of two backends of one resolver.
pub(crate) fn timeline() -> Timeline {
    let [v6, v4] = adguard();
    let right = answer(addresses(&["192.0.2.7", V6]));
    let wrong = answer(addresses(&["198.51.100.66"]));
    let reason =
        "adguard-unfiltered answers 198.51.100.66, which no authoritative server ever served";
    let verdict = |source: &Source, state, severity, until: Option<&str>| VerdictSpan {
        vantage: "us-west-2".to_owned(),
        group: "dialers".to_owned(),
        question: question(),
        resolver: source.id.clone(),
        address: source.address,
        state,
        severity,
        flags: vec!["serve_stale_in_use".to_owned(), "low_confidence".to_owned()],
        since: at("2026-11-22T19:05:00Z"),
        until: until.map(at),
        evidence: serde_json::json!({ "reason": reason }),
    };
    Timeline {
        name: NAME.parse().unwrap(),
        from: None,
        to: None,
        spans: vec![
            span(
                v6.clone(),
                Some(SITE),
                right.clone(),
                ["2026-11-22T18:00:00Z", "2026-11-22T19:30:00Z"],
            ),
            span(
                authority(),
                None,
                right,
                ["2026-11-22T18:00:00Z", "2026-11-22T19:30:00Z"],
            ),
            span(
                v4.clone(),
                Some(SITE),
                wrong,
                ["2026-11-22T19:05:00Z", "2026-11-22T19:30:00Z"],
            ),
        ],
        verdicts: vec![
            verdict(&v6, State::Consistent, Severity::None, None),
            verdict(
                &v4,
                State::NxdomainMismatch,
                Severity::Critical,
                Some("2026-11-22T19:30:00Z"),
            ),
        ],
        findings: vec![FindingSpan {
            vantage: "us-west-2".to_owned(),
            group: "dialers".to_owned(),
            kind: "negative_ttl_above_policy".to_owned(),
            severity: Severity::Warning,
            names: vec![NAME.to_owned()],
            since: at("2026-11-22T18:00:00Z"),
            until: None,
            evidence: serde_json::json!({ "reason": format!("{NAME}: the negative TTL is 86400 s at the authority; the limit is 300 s") }),
        }],
        incidents: vec![row()],
        events: events(),
        declarations: Vec::new(),
        coverage: vec![Coverage {
            vantage: "a-vantage-in-the-far-north-1".to_owned(),
            group: "dialers-of-the-larger-customers".to_owned(),
            finished: 12_960,
            missed: 1,
            abandoned: 2,
            running: 0,
            first_at: Some(at("2026-10-24T18:00:00Z")),
            last_at: Some(at("2026-11-22T19:30:00Z")),
            longest_gap_from: Some(at("2026-10-31T23:00:05Z")),
            longest_gap_to: Some(at("2026-11-02T11:07:10Z")),
        }],
    }
}

/// A row of a list.
pub(crate) fn row() -> IncidentRow {
    IncidentRow {
        id: id(0),
        vantage: "us-west-2".to_owned(),
        group: "dialers".to_owned(),
        axis: Axis::Name,
        subject: question().to_string(),
        status: Status::Recovering,
        verdict: "negative_ttl_above_policy".to_owned(),
        severity: Severity::Critical,
        names: vec![NAME.to_owned()],
        resolvers: ["adguard-unfiltered", "quad9-unfiltered", "opendns"]
            .map(str::to_owned)
            .to_vec(),
        opened_at: at("2026-11-22T19:05:00Z"),
        resolved_at: None,
        acked_at: Some(at("2026-11-22T19:07:00Z")),
        reason: "a sentence".to_owned(),
    }
}

/// What happened to [`row`].
pub(crate) fn events() -> Vec<IncidentEvent> {
    let event = |n: i64, kind, channel: Option<&str>, attempt, detail: &str| IncidentEvent {
        id: n,
        incident_id: Some(id(0)),
        at: at("2026-11-22T19:05:02Z"),
        kind,
        step: None,
        channel: channel.map(str::to_owned),
        message_id: None,
        attempt,
        detail: detail.to_owned(),
    };
    let refusal = "HTTP 503: upstream connect error or disconnect/reset before headers. reset reason: connection failure";
    vec![
        event(
            1,
            EventKind::Opened,
            None,
            None,
            "198.51.100.66 was never served by any authority",
        ),
        event(
            2,
            EventKind::DeliveryFailed,
            Some("voip-ops"),
            Some(1),
            refusal,
        ),
        event(
            3,
            EventKind::Delivered,
            Some("voip-ops"),
            Some(2),
            "HTTP 200",
        ),
        event(4, EventKind::Acked, None, None, "ann"),
    ]
}

/// A bad reply.
pub(crate) fn observed(source: &Source) -> Observed {
    Observed {
        resolver: source.id.clone(),
        source: source.clone().into(),
        question: question(),
        records: vec!["198.51.100.66".to_owned(), V6.to_owned()],
        rcode: "NOERROR".to_owned(),
        ttl: Some(86_100),
        site: Some(SITE.to_owned()),
        ede: vec![Ede {
            code: 22,
            text: "no reachable authority at delegation customers.example.com".to_owned(),
        }],
        at: at("2026-11-22T19:05:00Z"),
        cached_until: Some(at("2026-11-23T19:00:00Z")),
    }
}

/// A verdict on [`observed`], at each address of one resolver.
pub(crate) fn verdicts() -> Vec<Verdict> {
    let verdict = |source: Source| {
        Verdict {
        question: question(),
        resolver: source.id.clone(),
        operator: "AdGuard".to_owned(),
        state: State::PropagatingLong,
        severity: Severity::Warning,
        confirmed: true,
        flags: Vec::new(),
        observed: observed(&source),
        link: None,
        baseline: Some(baseline()),
        deadline: None,
        cached_until: Some(at("2026-11-23T19:00:00Z")),
        worst_case_until: None,
        samples: Vec::new(),
        reason: "an authority served this until 2026-11-22T18:00:00Z with a TTL of 86400 s; it is legal until 2026-11-23T18:00:00Z".to_owned(),
    }
    };
    adguard().map(verdict).to_vec()
}

fn baseline() -> Baseline {
    Baseline {
        kind: BaselineKind::Authority,
        records: vec!["192.0.2.7".to_owned(), V6.to_owned()],
        rcode: "NOERROR".to_owned(),
        ttl: Some(86_400),
    }
}

/// An incident about many names.
pub(crate) fn incident() -> Incident {
    let names = (1..=40).map(|n| format!("dialer{n}.example.com").parse().unwrap());
    let other = Question {
        name: "bücher.example".parse().unwrap(),
        rtype: RecordType::A,
    };
    let [v6, v4] = adguard();
    Incident {
        id: id(0),
        key: IncidentKey {
            group: "dialers".to_owned(),
            axis: Axis::Resolver,
            subject: "adguard-unfiltered".to_owned(),
            family: Family::Value,
        },
        status: Status::Open,
        verdict: "divergent".to_owned(),
        severity: Severity::Critical,
        names: names.collect(),
        types: [RecordType::A, RecordType::AAAA].into(),
        resolvers: ["adguard-unfiltered".to_owned()].into(),
        authorities: std::collections::BTreeSet::new(),
        vantages: ["us-west-2".to_owned()].into(),
        baseline: Some(baseline()),
        observed: vec![
            observed(&v6),
            Observed {
                question: other,
                ..observed(&v4)
            },
        ],
        opened_at: at("2026-11-22T19:04:00Z"),
        confirmed_at: at("2026-11-22T19:05:00Z"),
        last_bad_at: at("2026-11-22T19:30:00Z"),
        recovering_at: None,
        resolved_at: None,
        acked_at: None,
        cached_until: Some(at("2026-11-23T19:00:00Z")),
        worst_case_until: Some(at("2026-11-23T19:05:00Z")),
        backends: std::collections::BTreeMap::new(),
        throttled: std::collections::BTreeMap::new(),
        clean_rounds: 0,
        transitions: 1,
        told_at: at("2026-11-22T19:05:00Z"),
        calm: BTreeMap::new(),
        untold: News::default(),
        flapping: None,
        tallies: BTreeMap::new(),
        reason: "40 of 40 names of dialers are bad at adguard-unfiltered, the worst is dialer1.example.com A".to_owned(),
    }
}
