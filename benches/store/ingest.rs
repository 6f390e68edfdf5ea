//! Rounds on their way into the history and the database, as the service takes them there.
//!
//! Deliberately absent: judging. A verdict is written when it changes, so that here, where all is well, each pair has one.

use std::time::{Duration, Instant};

use dns_auditor::{
    audit::{
        evidence::{Baseline, BaselineKind, Observed},
        history::{History, SpanChange},
        ledger::Ledger,
        verdict::{Sample, State, Verdict},
    },
    store::{RoundOutcome, Store},
    types::{Observation, Severity, SourceKind},
};

use crate::{
    cost::{Meter, Server, Spent, own_cpu},
    world::World,
};

/// Observations of a transaction, as in the service.
pub const CHUNK: usize = 2_000;

/// The service's side of a database.
pub struct Service<'a> {
    pub store: &'a Store,
    pub world: &'a World,
    history: History,
    /// Whether rounds are finished.
    judges: bool,
}

impl<'a> Service<'a> {
    pub fn new(store: &'a Store, world: &'a World) -> Self {
        Self {
            store,
            world,
            history: History::default(),
            judges: false,
        }
    }

    /// The same, where each round is finished, too.
    pub fn judging(store: &'a Store, world: &'a World) -> Self {
        Self {
            judges: true,
            ..Self::new(store, world)
        }
    }

    /// Takes in and records what a round heard.
    pub async fn round(&mut self, nth: usize, heard: Vec<Observation>) {
        let (due, gap) = (self.world.due(nth), self.world.period * 3);
        let round = self
            .store
            .begin_round("here", "dialers", due, due)
            .await
            .unwrap()
            .unwrap();
        let verdicts = self.judges.then(|| verdicts(&heard));
        let recorded: Vec<(Observation, SpanChange)> = heard
            .into_iter()
            .map(|one| {
                let change = self.history.absorb(&one, gap);
                (one, change)
            })
            .collect();
        for chunk in recorded.chunks(CHUNK) {
            self.store.record(round, chunk).await.unwrap();
        }
        if let Some(verdicts) = verdicts {
            let outcome = RoundOutcome {
                verdicts: &verdicts,
                findings: &[],
                ledger: &Ledger::default(),
                transitions: &[],
                messages: &[],
                caps: &[],
                now: due,
            };
            self.store.finish_round(round, &outcome).await.unwrap();
        }
    }

    /// Records rounds: what that cost, without making up what they hear.
    pub async fn rounds(&mut self, server: &Server, rounds: std::ops::Range<usize>) -> Spent {
        let meter = Meter::start(server);
        let (mut made_up, mut idle) = (Duration::ZERO, 0.0);
        for nth in rounds {
            let (began, cpu) = (Instant::now(), own_cpu());
            let heard = self.world.round(nth);
            made_up += own_cpu().saturating_sub(cpu);
            idle += began.elapsed().as_secs_f64();
            self.round(nth, heard).await;
        }
        let spent = meter.spent();
        Spent {
            seconds: spent.seconds - idle,
            ours: spent.ours.saturating_sub(made_up),
            ..spent
        }
    }
}

/// One for each reply of a resolver: it is what the authority serves.
fn verdicts(heard: &[Observation]) -> Vec<Verdict> {
    let resolvers = heard
        .iter()
        .filter(|one| one.source.kind == SourceKind::Resolver);
    resolvers.map(verdict).collect()
}

fn verdict(sample: &Observation) -> Verdict {
    let link = sample.answer.links.last();
    let records = link.map(|link| link.value.records()).unwrap_or_default();
    Verdict {
        question: sample.question.clone(),
        resolver: sample.source.id.clone(),
        operator: sample.source.id.clone(),
        state: State::Consistent,
        severity: Severity::None,
        confirmed: false,
        flags: Vec::new(),
        observed: Observed {
            resolver: sample.source.id.clone(),
            source: sample.source.clone(),
            question: sample.question.clone(),
            records: records.clone(),
            rcode: sample.answer.rcode_text(),
            ttl: sample.ttl(),
            site: sample.site(),
            ede: Vec::new(),
            at: sample.at,
            cached_until: Some(sample.expires_at(0)).filter(|_| link.is_some()),
        },
        link: None,
        baseline: Some(Baseline {
            kind: BaselineKind::Authority,
            records,
            rcode: "NOERROR".to_owned(),
            ttl: Some(300),
        }),
        deadline: None,
        cached_until: None,
        worst_case_until: None,
        samples: vec![Sample {
            site: sample.site(),
            state: State::Consistent,
            at: sample.at,
        }],
        reason: "what the authoritative servers serve".to_owned(),
    }
}
