//! A scene asks, absorbs and judges as the service does: rounds with re-asking, and restarts from stored spans.
//!
//! Deliberately absent: incidents.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{NAME, Reply, at, observe, question, resolver, secs, server, zone};
use crate::{
    audit::{
        declared::Declared,
        finding::{Finding, FindingKind},
        findings,
        history::History,
        judge::{RoundInput, Zones, judge_round},
        verdict::{State, Verdict},
    },
    types::{
        AuthorityServer, Observation, Policy, QueryOptions, Question, RecordType, Resolver, Source,
        SourceKind, Span,
    },
};

/// What the world answers: to whom, what, when.
pub(crate) type World<'a> = &'a dyn Fn(&Source, &Question, DateTime<Utc>) -> Reply;

/// A group of names, its resolvers, and everything that was seen of them.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) policy: Policy,
    pub(crate) zones: Zones,
    pub(crate) resolvers: Vec<Arc<Resolver>>,
    pub(crate) options: QueryOptions,
    pub(crate) questions: Vec<Question>,
    /// What people declared.
    pub(crate) declared: Declared,
    /// Asked of authorities only: what aliases lead to.
    pub(crate) targets: Vec<Question>,
    pub(crate) samples: i64,
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
            options: QueryOptions::default(),
            questions: vec![question(NAME, RecordType::A)],
            declared: Declared::default(),
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
                    let at = at + TimeDelta::milliseconds(5 + 10 * nth);
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
            .filter(|verdict| verdict.is_suspicious())
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
            let zone = self.zones.zone_of(&question.name);
            for source in zone
                .into_iter()
                .flat_map(|zone| &zone.servers)
                .map(AuthorityServer::source)
            {
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
            options: self.options,
            questions: &self.questions,
            declared: &self.declared,
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
