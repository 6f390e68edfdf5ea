//! A bench for stories: short words for verdicts and findings, a clock of one minute a round, a restart between any two.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        declared::Declared,
        evidence::Observed,
        finding::{Finding, FindingKind, Subject},
        incident::{Axis, Incident, Transition, TransitionKind},
        ledger::{AuthorityReach, Judgement, Ledger, advance},
        verdict::{Sample, State, Verdict},
    },
    names::DnsName,
    types::{Policy, Question, RecordType, Severity, Source, SourceKind, Telling, Transport},
};

pub(super) const GROUP: &str = "dialers";

pub(super) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn name(text: &str) -> DnsName {
    text.parse().unwrap()
}

/// `dialer7.example.com A`.
pub(super) fn dialer(number: usize) -> Question {
    Question {
        name: name(&format!("dialer{number}.example.com")),
        rtype: RecordType::A,
    }
}

pub(super) fn source(resolver: &str) -> Source {
    let address = match resolver {
        "google" => "192.0.2.8:53",
        "quad9" => "192.0.2.9:53",
        "cloudflare" => "192.0.2.1:53",
        "office" => "192.0.2.53:53",
        other => panic!("no such resolver: {other}"),
    };
    Source {
        kind: SourceKind::Resolver,
        id: resolver.to_owned(),
        address: address.parse().unwrap(),
        transport: Transport::Udp,
    }
}

pub(super) fn severity_of(state: State) -> Severity {
    match state {
        State::Unknown | State::Consistent | State::Propagating | State::Unexplained => {
            Severity::None
        }
        State::Unreachable
        | State::Refused
        | State::Servfail
        | State::PropagatingLong
        | State::StaleDeclared
        | State::StaleExtended => Severity::Warning,
        _ => Severity::Critical,
    }
}

/// A verdict as the judge gives it: confirmed where re-asking confirms, with one sample, its time set by [`Lab::round`].
pub(super) fn seen(question: &Question, resolver: &str, state: State) -> Verdict {
    let failed = state.row() <= 4;
    Verdict {
        question: question.clone(),
        resolver: resolver.to_owned(),
        operator: resolver.to_owned(),
        state,
        severity: severity_of(state),
        confirmed: state.needs_asking_again(),
        flags: Vec::new(),
        observed: Observed {
            resolver: resolver.to_owned(),
            source: source(resolver).into(),
            question: question.clone(),
            records: match state {
                _ if failed => Vec::new(),
                State::Consistent => vec!["192.0.2.7".to_owned()],
                _ => vec!["198.51.100.66".to_owned()],
            },
            rcode: "NOERROR".to_owned(),
            ttl: (!failed).then_some(300),
            site: None,
            ede: Vec::new(),
            at: DateTime::UNIX_EPOCH,
            cached_until: None,
        },
        link: None,
        baseline: None,
        deadline: None,
        cached_until: None,
        worst_case_until: None,
        samples: vec![Sample {
            site: None,
            state,
            at: DateTime::UNIX_EPOCH,
        }],
        reason: format!("{question} is {state} at {resolver}"),
    }
}

/// Variations on [`seen`].
impl Verdict {
    pub(super) fn unconfirmed(mut self) -> Self {
        self.confirmed = false;
        self
    }

    pub(super) fn severe(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(super) fn ttl(mut self, seconds: u32) -> Self {
        self.observed.ttl = Some(seconds);
        self
    }

    pub(super) fn records(mut self, rdata: &str) -> Self {
        self.observed.records = vec![rdata.to_owned()];
        self
    }

    pub(super) fn sites(mut self, sites: &[(&str, State)]) -> Self {
        self.samples = sites
            .iter()
            .map(|(site, state)| Sample {
                site: Some((*site).to_owned()),
                state: *state,
                at: DateTime::UNIX_EPOCH,
            })
            .collect();
        let worst = self.samples.iter().find(|one| one.state == self.state);
        self.observed.site = worst.and_then(|one| one.site.clone());
        self
    }
}

/// A finding on one question of `example.com`.
pub(super) fn found(kind: FindingKind, question: &Question) -> Finding {
    Finding {
        kind,
        severity: Severity::Warning,
        subject: Subject::Question(question.clone()),
        zone: Some(name("example.com")),
        questions: vec![question.clone()],
        resolvers: Vec::new(),
        authorities: vec!["ns1.example.com".to_owned()],
        baseline: None,
        observed: Vec::new(),
        at: DateTime::UNIX_EPOCH,
        reason: format!("{question}: {kind}"),
    }
}

/// A finding on one server of `example.com`, which concerns the first `names` dialers.
pub(super) fn found_at_server(kind: FindingKind, server: u8, names: usize) -> Finding {
    let host = format!("ns{server}.example.com");
    Finding {
        subject: Subject::Server {
            name: host.clone(),
            address: format!("198.51.100.{server}"),
        },
        questions: (1..=names).map(dialer).collect(),
        authorities: vec![host],
        ..found(kind, &dialer(1))
    }
}

/// The same state for the first `names` dialers at one resolver.
pub(super) fn all(names: usize, resolver: &str, state: State) -> Vec<Verdict> {
    (1..=names)
        .map(|number| seen(&dialer(number), resolver, state))
        .collect()
}

/// The first `bad` of `names` dialers in a state, the others consistent.
pub(super) fn some(bad: usize, names: usize, resolver: &str, state: State) -> Vec<Verdict> {
    let mut verdicts = all(bad, resolver, state);
    let others = bad + 1..=names;
    verdicts.extend(others.map(|number| seen(&dialer(number), resolver, State::Consistent)));
    verdicts
}

/// One group's ledger and its clock.
pub(super) struct Lab {
    pub(super) ledger: Ledger,
    pub(super) policy: Policy,
    pub(super) authorities: AuthorityReach,
    /// What people declared.
    pub(super) declared: Declared,
    /// Resolvers that are asked one question only.
    pub(super) held_back: BTreeSet<Source>,
    /// What the group asks, beside what the verdicts speak of.
    pub(super) questions: Vec<Question>,
    pub(super) now: DateTime<Utc>,
    pub(super) told: Vec<Transition>,
}

impl Lab {
    pub(super) fn new() -> Self {
        Self {
            ledger: Ledger::default(),
            // Who joins is told at once, so that a story needs no waiting.
            policy: Policy {
                telling: Telling {
                    group_interval: Duration::ZERO,
                    update_threshold: 0.0,
                    ..Telling::default()
                },
                ..Policy::default()
            },
            authorities: AuthorityReach {
                asked: 2,
                answered: 2,
                lame: 0,
            },
            declared: Declared::default(),
            held_back: BTreeSet::new(),
            questions: Vec::new(),
            now: instant("2026-11-22T19:00:00Z"),
            told: Vec::new(),
        }
    }

    /// Plays one round a minute after the last, replies received a second before it is judged; gives its steps.
    pub(super) fn round(&mut self, verdicts: Vec<Verdict>) -> Vec<Transition> {
        self.round_with(verdicts, Vec::new())
    }

    pub(super) fn round_with(
        &mut self,
        mut verdicts: Vec<Verdict>,
        mut findings: Vec<Finding>,
    ) -> Vec<Transition> {
        self.now += TimeDelta::minutes(1);
        let at = self.now - TimeDelta::seconds(1);
        for verdict in &mut verdicts {
            verdict.observed.at = at;
            for sample in &mut verdict.samples {
                sample.at = at;
            }
            let ttl = verdict.observed.ttl;
            verdict.cached_until = ttl.map(|ttl| at + TimeDelta::seconds(i64::from(ttl)));
            verdict.observed.cached_until = verdict.cached_until;
        }
        for finding in &mut findings {
            finding.at = at;
        }
        self.restart();
        let told = advance(
            &mut self.ledger,
            &Judgement {
                vantage: "us-west-2",
                group: GROUP,
                policy: &self.policy,
                verdicts: &verdicts,
                findings: &findings,
                declared: &self.declared,
                questions: &self.questions,
                held_back: &self.held_back,
                authorities: self.authorities,
                now: self.now,
            },
        );
        self.told.extend(told.clone());
        told
    }

    /// Plays the same round over and over; gives the steps of all of them.
    pub(super) fn rounds(&mut self, times: usize, verdicts: &[Verdict]) -> Vec<Transition> {
        let each = (0..times).flat_map(|_| self.round(verdicts.to_vec()));
        each.collect()
    }

    fn restart(&mut self) {
        let kept = serde_json::to_string(&self.ledger).unwrap();
        let back: Ledger = serde_json::from_str(&kept).unwrap();
        assert_eq!(back, self.ledger, "a ledger reads back as it was written");
        self.ledger = back;
    }

    /// The only incident there is.
    pub(super) fn only(&self) -> &Incident {
        assert_eq!(
            self.ledger.incidents.len(),
            1,
            "{:#?}",
            self.ledger.incidents
        );
        &self.ledger.incidents[0]
    }

    pub(super) fn axes(&self) -> Vec<(Axis, &str)> {
        let incidents = self.ledger.incidents.iter();
        incidents
            .map(|one| (one.key.axis, one.key.subject.as_str()))
            .collect()
    }
}

pub(super) fn kinds(told: &[Transition]) -> Vec<TransitionKind> {
    told.iter().map(|one| one.kind).collect()
}

pub(super) fn words(set: &BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}
