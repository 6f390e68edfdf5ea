//! Observations, verdicts and incidents to store, small and explicit.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::{
        evidence::Observed,
        finding::{Finding, FindingKind, Subject},
        history::SpanChange,
        incident::{Axis, Incident, IncidentKey, News, Status, Transition, TransitionKind},
        ledger::Ledger,
        verdict::{Family, State, Verdict},
    },
    store::{NewMessage, RoundId, RoundOutcome, Store, outbox::Claim},
    types::{
        Answer, Flags, Link, Observation, Question, Rcode, RecordType, SeriesKey, Severity, Source,
        SourceKind, Span, Transport, Value,
    },
};
use uuid::Uuid;

/// 2026-11-22T03:00:00Z and some milliseconds.
pub(crate) fn at(milliseconds: i64) -> DateTime<Utc> {
    "2026-11-22T03:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::milliseconds(milliseconds)
}

pub(crate) fn question(name: &str) -> Question {
    Question {
        name: name.parse().unwrap(),
        rtype: RecordType::A,
    }
}

pub(crate) fn resolver(id: &str, address: &str) -> Source {
    Source {
        kind: SourceKind::Resolver,
        id: id.to_owned(),
        address: address.parse().unwrap(),
        transport: Transport::Udp,
    }
}

pub(crate) fn authority(name: &str, address: &str) -> Source {
    Source {
        kind: SourceKind::Authority,
        ..resolver(name, address)
    }
}

pub(crate) fn answer(name: &str, addresses: &[&str]) -> Arc<Answer> {
    let records = addresses.iter().map(ToString::to_string).collect();
    Arc::new(Answer {
        status: dns_auditor::types::Status::Rcode(Rcode::NOERROR),
        links: vec![Link {
            owner: name.parse().unwrap(),
            value: Value::Rrset(records),
        }],
    })
}

/// One address with one TTL, as it is seen most of the time.
pub(crate) fn observation(
    source: &Source,
    name: &str,
    address: &str,
    ttl: u32,
    when: DateTime<Utc>,
) -> Observation {
    Observation {
        source: source.clone().into(),
        question: question(name),
        at: when,
        answer: answer(name, &[address]),
        ttls: vec![vec![ttl]],
        serial: None,
        flags: Flags::RD.with(Flags::RA, true),
        ede: Vec::new(),
        nsid: None,
        ecs_scope: None,
        edns_size: Some(1232),
        edns_version: None,
        age: 0,
        wire: None,
        rtt: Duration::from_micros(12_345),
        transport: Transport::Udp,
        attempts: 1,
        mismatched: 0,
        size: 64,
    }
}

/// The span that an observation opens by itself.
pub(crate) fn opening(observation: &Observation) -> SpanChange {
    let links = 0..observation.answer.links.len();
    let expiries = links.map(|index| observation.expires_at(index));
    let left = |ttl: &u32| ttl.saturating_sub(observation.age);
    let ttls = observation.ttls.iter();
    SpanChange {
        span: Span {
            series: SeriesKey {
                question: observation.question.clone(),
                source: observation.source.clone(),
            },
            site: observation.site().map(Arc::from),
            answer: Arc::clone(&observation.answer),
            authoritative: dns_auditor::audit::history::is_authoritative(observation),
            first_ttls: ttls.map(|link| link.iter().map(left).collect()).collect(),
            first_seen: observation.at,
            last_seen: observation.at,
            samples: 1,
            ttl_min: observation.ttl(),
            ttl_max: observation.ttl(),
            first_expires_at: expiries.clone().next_back(),
            cached_until: expiries.max(),
            longest_silence_s: Some(0),
        },
        opened: true,
    }
}

/// The span after one more observation of the same answer.
pub(crate) fn going_on(before: &SpanChange, observation: &Observation) -> SpanChange {
    let mut span = before.span.clone();
    let silent = (observation.at - span.last_seen).as_seconds_f64().ceil();
    span.longest_silence_s = span.longest_silence_s.max(Some(silent as u32));
    span.last_seen = observation.at;
    span.samples += 1;
    span.ttl_min = span.ttl_min.min(observation.ttl());
    span.ttl_max = span.ttl_max.max(observation.ttl());
    span.cached_until = span
        .cached_until
        .max(opening(observation).span.cached_until);
    SpanChange {
        span,
        opened: false,
    }
}

pub(crate) fn verdict(observation: &Observation, state: State, severity: Severity) -> Verdict {
    Verdict {
        question: observation.question.clone(),
        resolver: observation.source.id.clone(),
        operator: "Example".to_owned(),
        state,
        severity,
        confirmed: true,
        flags: Vec::new(),
        observed: observed(observation),
        link: None,
        baseline: None,
        deadline: None,
        cached_until: None,
        worst_case_until: None,
        samples: Vec::new(),
        reason: format!("it is {state}"),
    }
}

pub(crate) fn observed(observation: &Observation) -> Observed {
    Observed {
        resolver: observation.source.id.clone(),
        source: observation.source.clone(),
        question: observation.question.clone(),
        records: Vec::new(),
        rcode: "NOERROR".to_owned(),
        ttl: observation.ttl(),
        site: observation.site(),
        ede: observation.ede.clone(),
        at: observation.at,
        cached_until: None,
    }
}

pub(crate) fn finding(name: &str, when: DateTime<Utc>) -> Finding {
    Finding {
        kind: FindingKind::TtlAbovePolicy,
        severity: Severity::Warning,
        subject: Subject::Question(question(name)),
        zone: Some("example.com".parse().unwrap()),
        questions: vec![question(name)],
        resolvers: Vec::new(),
        authorities: vec!["ns1.example.com".to_owned()],
        baseline: None,
        observed: Vec::new(),
        at: when,
        reason: "the TTL is 86400, the limit is 300".to_owned(),
    }
}

pub(crate) fn incident(number: u128, name: &str, opened_at: DateTime<Utc>) -> Incident {
    Incident {
        id: Uuid::from_u128(number),
        key: IncidentKey {
            group: "dialers".to_owned(),
            axis: Axis::Name,
            subject: format!("{name} A"),
            family: Family::Value,
        },
        status: Status::Open,
        verdict: "divergent".to_owned(),
        severity: Severity::Critical,
        names: [name.parse().unwrap()].into(),
        types: [RecordType::A].into(),
        resolvers: ["google".to_owned()].into(),
        authorities: [].into(),
        vantages: ["here".to_owned()].into(),
        baseline: None,
        observed: Vec::new(),
        opened_at,
        confirmed_at: opened_at,
        last_bad_at: opened_at,
        recovering_at: None,
        resolved_at: None,
        acked_at: None,
        cached_until: None,
        worst_case_until: None,
        backends: [].into(),
        throttled: [].into(),
        clean_rounds: 0,
        transitions: 1,
        told_at: opened_at,
        calm: [].into(),
        untold: News::default(),
        flapping: None,
        tallies: [].into(),
        reason: "nobody ever served that".to_owned(),
    }
}

pub(crate) fn step(
    number: u32,
    kind: TransitionKind,
    incident: &Incident,
    when: DateTime<Utc>,
) -> Transition {
    Transition {
        number,
        kind,
        at: when,
        causes: Vec::new(),
        reason: format!("step {number}"),
        incident: incident.clone(),
    }
}

/// The step that ends an incident, as the ledger makes it.
pub(crate) fn ended(incident: &Incident, when: DateTime<Utc>) -> Transition {
    let mut after = incident.clone();
    after.status = Status::Resolved;
    after.resolved_at = Some(when);
    after.transitions += 1;
    step(incident.transitions, TransitionKind::Resolved, &after, when)
}

pub(crate) fn message(
    number: u128,
    incident_id: Option<u128>,
    channel: &str,
    when: DateTime<Utc>,
) -> NewMessage {
    NewMessage {
        vantage: "here".to_owned(),
        id: Uuid::from_u128(number),
        incident_id: incident_id.map(Uuid::from_u128),
        channel: channel.to_owned(),
        kind: "incident.opened".to_owned(),
        severity: Severity::Critical,
        body: serde_json::json!({ "number": number.to_string() }),
        created_at: when,
        expires_at: None,
        fallback: None,
    }
}

/// Begins the round of the group `dialers` at the vantage `here`.
pub(crate) async fn begin(store: &Store, due_at: DateTime<Utc>) -> RoundId {
    let begun = store.begin_round("here", "dialers", due_at, due_at).await;
    begun.unwrap().unwrap()
}

/// An outcome in which nothing happened.
pub(crate) fn quiet(ledger: &Ledger, now: DateTime<Utc>) -> RoundOutcome<'_> {
    RoundOutcome {
        verdicts: &[],
        findings: &[],
        ledger,
        transitions: &[],
        messages: &[],
        caps: &[],
        now,
    }
}

/// A claim to any message of the vantage `here`, for half a minute.
pub(super) fn claim(instance: &str) -> Claim<'_> {
    Claim {
        instance,
        vantage: "here",
        lease_for: Duration::from_secs(30),
        except: &[],
        probe: &[],
        only: None,
    }
}
