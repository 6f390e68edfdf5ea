//! Rounds of real packets under a clock that runs ahead: what minutes bring about, without waiting for them.
//!
//! Only the instants of receipt are moved, by the same amount for all of a round. Deliberately absent: incidents and the
//! store.

use std::{path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::{
        context,
        declared::Declared,
        finding::Finding,
        history::History,
        judge::{Again, RoundInput, judge_round},
        round::judge_and_find,
        verdict::Verdict,
    },
    config::{Config, Group, load},
    daemon,
    evaluator::asking::{Asked, Asker},
    types::Observation,
};

/// The first group of a configuration, audited over and over.
pub(crate) struct Clocked {
    asker: Asker,
    group: Arc<Group>,
    history: History,
    declared: Declared,
    ahead: TimeDelta,
    /// How many asides were replied to.
    pub(crate) asides: usize,
}

/// What one round came to.
pub(crate) struct Judged {
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) findings: Vec<Finding>,
}

impl Clocked {
    /// The group of this configuration text, with an empty history.
    pub(crate) fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auditor.toml");
        std::fs::write(&file, text).unwrap();
        Self::of(&file)
    }

    fn of(file: &Path) -> Self {
        let config = load(Some(file), &std::collections::BTreeMap::new());
        let config: Config = config.unwrap_or_else(|errors| panic!("{errors}"));
        Self {
            asker: daemon::asker(&config).unwrap(),
            group: config.groups[0].clone(),
            history: History::default(),
            declared: Declared::default(),
            ahead: TimeDelta::zero(),
            asides: 0,
        }
    }

    /// Lets the clock run ahead.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.ahead += TimeDelta::from_std(by).unwrap();
    }

    fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.ahead
    }

    /// One round, as the service makes it.
    pub(crate) async fn round(&mut self) -> Judged {
        let group = self.group.clone();
        let mut asked = self.asker.ask(&group, |_, _| group.samples, |_| None).await;
        self.take(&mut asked.observations);
        let doubtful = Again::of(&self.input(&asked), &self.judge(&asked));
        if !doubtful.is_empty() {
            let zones = &mut asked.zones;
            let mut more = self.asker.ask_again(&group, &doubtful, zones).await;
            self.take(&mut more);
            asked.observations.extend(more);
        }
        let (verdicts, findings) = judge_and_find(&self.history, &self.input(&asked));
        self.asides += asked
            .observations
            .iter()
            .filter(|one| one.is_aside())
            .count();
        Judged { verdicts, findings }
    }

    fn take(&mut self, observations: &mut [Observation]) {
        for observation in observations.iter_mut() {
            observation.at += self.ahead;
        }
        let gap = self.gap();
        context::absorb(&mut self.history, gap, observations);
    }

    fn gap(&self) -> Duration {
        self.group.policy.period * 3
    }

    fn judge(&self, asked: &Asked) -> Vec<Verdict> {
        judge_round(&self.history, &self.input(asked))
    }

    fn input<'a>(&'a self, asked: &'a Asked) -> RoundInput<'a> {
        RoundInput {
            policy: &self.group.policy,
            zones: &asked.zones,
            resolvers: &self.group.resolvers,
            options: self.group.options,
            questions: &[],
            targets: &[],
            declared: &self.declared,
            observations: &asked.observations,
            now: self.now(),
        }
    }
}
