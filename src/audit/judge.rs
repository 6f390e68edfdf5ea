//! Gives each question at each resolver address of a round its state, by the table of verdicts: first match wins.
//!
//! The model is one inequality: an answer seen at `t` with TTL `θ` is legal while `t + θ` is not later than the last
//! instant at which an authority may have served it, plus the TTL it served. Deliberately absent: confirmation over
//! several rounds, axes and incidents ([`crate::audit::ledger`]).

mod again;
mod caches;
mod chain;
mod context;
mod dns64;
mod evidence;
mod failure;
mod place;
mod quorum;
mod reason;
#[cfg(test)]
mod tests;
mod unseen;
mod validation;
mod value;
mod zones;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
};

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        declared::Declared,
        evidence::Baseline,
        history::{History, LinkKey, Standing},
        signs::Signs,
        verdict::{Sample, State, Verdict, VerdictFlag},
    },
    types::{
        Observation, Policy, QueryOptions, Question, Resolver, Severity, SourceKind, Status, Target,
    },
};
pub use again::Again;
pub(super) use caches::YOUTH;
use context::Context;
pub(crate) use failure::FAILURE_REMEMBERED;
pub use failure::is_turned_away;
use reason::instant;
pub use zones::{Unplaced, Zones};

/// Everything a round is judged from, besides the history, which has taken in its observations already.
#[derive(Debug, Clone, Copy)]
pub struct RoundInput<'a> {
    /// What the group is judged by.
    pub policy: &'a Policy,
    /// Whose names lie where.
    pub zones: &'a Zones,
    /// The group's resolvers, for operators, traits and what was said to them.
    pub resolvers: &'a [Arc<Resolver>],
    /// What was said beside every question, where a resolver says nothing else.
    pub options: QueryOptions,
    /// What the group asks, of whomever it asks it in this round.
    pub questions: &'a [Question],
    /// Which of them a service record leads to, and which one.
    pub targets: &'a [Target],
    /// The changes that people declared.
    pub declared: &'a Declared,
    /// Every observation of the round, re-asking included, in order of receipt.
    pub observations: &'a [Observation],
    /// The instant of judgement.
    pub now: DateTime<Utc>,
}

impl<'a> RoundInput<'a> {
    /// The group's resolver of this id.
    pub(super) fn resolver(&self, id: &str) -> Option<&'a Resolver> {
        let mut resolvers = self.resolvers.iter();
        resolvers.find(|known| known.id == id).map(AsRef::as_ref)
    }

    /// What was said to a resolver beside a plain question.
    fn options_of(&self, resolver: &str) -> QueryOptions {
        let known = self.resolver(resolver);
        known.map_or(self.options, |known| known.options.over(self.options))
    }

    /// The observations that count: all but asides.
    pub(super) fn samples(&self) -> impl Iterator<Item = &'a Observation> + use<'a> {
        self.observations.iter().filter(|one| !one.is_aside())
    }

    /// Whose service record leads to any of these questions, as the end of a sentence; empty where none does.
    pub(super) fn service_of<'q>(
        &self,
        asked: &(impl Iterator<Item = &'q Question> + Clone),
    ) -> String {
        let targets = self.targets.iter();
        let leading = targets.filter(|target| asked.clone().any(|one| *one == target.question));
        let service = |target: &Target| match target.until {
            Some(until) => format!("{} in caches until {}", target.service, instant(until)),
            None => target.service.to_string(),
        };
        let services: BTreeSet<_> = leading.map(service).collect();
        if services.is_empty() {
            return String::new();
        }
        let services: Vec<_> = services.into_iter().collect();
        format!("; it serves {}", services.join(", "))
    }

    /// Whether only the resolver's cache was asked: RD=0.
    fn peeks(&self, resolver: &str) -> bool {
        self.options_of(resolver).recursion_desired == Some(false)
    }

    /// Whether the resolver is asked in a way that lets it resolve and validate: neither RD=0 nor CD=1.
    fn validates(&self, resolver: &str) -> bool {
        let options = self.options_of(resolver);
        options.recursion_desired != Some(false) && options.checking_disabled != Some(true)
    }

    /// Where a link stands with the authorities of its zone; `None` where none was ever asked.
    pub(super) fn standing<'h>(&self, history: &'h History, key: &LinkKey) -> Option<Standing<'h>> {
        let membership =
            |address, told_for: &_| self.zones.membership(&key.owner, address, told_for);
        let link = history.link(key)?;
        Some(link.standing(membership, self.policy, self.now))
    }
}

/// What one sample comes to.
#[derive(Debug, Clone)]
struct Judged {
    state: State,
    severity: Severity,
    flags: Vec<VerdictFlag>,
    /// The link that decided, by index in the answer; `None` for failures.
    link: Option<usize>,
    baseline: Option<Baseline>,
    deadline: Option<DateTime<Utc>>,
    worst_case_until: Option<DateTime<Utc>>,
    reason: String,
}

impl Judged {
    fn new(state: State, severity: Severity, reason: String) -> Self {
        Self {
            state,
            severity,
            flags: Vec::new(),
            link: None,
            baseline: None,
            deadline: None,
            worst_case_until: None,
            reason,
        }
    }

    /// By severity, then by how much is wrong: what was never served before what was served once. A silent
    /// `propagating` yields to whatever must be asked again.
    fn badness(&self) -> (Severity, u8) {
        let rank = match self.state {
            // That a cache holds nothing is the least that can be said of it.
            State::Unknown => 0,
            State::Consistent => 1,
            State::Propagating => 2,
            _ if self.state.row() == 7 => 20,
            _ => 3 + self.state.row(),
        };
        (self.severity, rank)
    }
}

/// One verdict per question and resolver address that was asked in the round, in the order of both.
pub fn judge_round(history: &History, input: &RoundInput) -> Vec<Verdict> {
    judge_by(history, input, &Signs::of(history, input))
}

/// [`judge_round`] by the signs of the round.
pub(super) fn judge_by(history: &History, input: &RoundInput, signs: &Signs) -> Vec<Verdict> {
    let context = Context::new(history, input, signs);
    let mut asked: BTreeMap<(&Question, &str, SocketAddr), Vec<&Observation>> = BTreeMap::new();
    for observation in input.samples() {
        if observation.source.kind == SourceKind::Resolver {
            let source = &observation.source;
            let key = (&observation.question, &*source.id, source.address);
            asked.entry(key).or_default().push(observation);
        }
    }
    let mut verdicts: Vec<_> = asked
        .values()
        .filter_map(|samples| judge_samples(&context, samples))
        .collect();
    raise_servfail(&mut verdicts);
    if let Some(interception) = &signs.path {
        interception.mute(&mut verdicts);
    }
    verdicts
}

/// The worst of one resolver address's samples of one question.
fn judge_samples(context: &Context, all: &[&Observation]) -> Option<Verdict> {
    let samples = answered_of(all);
    let judged: Vec<(&Observation, Judged)> = samples
        .iter()
        .map(|sample| {
            let mut judged = failure::judge(context, sample)
                .unwrap_or_else(|| chain::judge(context, sample, &samples));
            if validation::is_lost(context, sample) {
                judged.flags.push(VerdictFlag::ValidationLost);
            }
            (*sample, judged)
        })
        .collect();
    let rank = |(sample, judged): &&(&Observation, Judged)| {
        (
            judged.badness(),
            sample.at,
            sample.site(),
            sample.answer.clone(),
        )
    };
    let (worst, decided) = judged.iter().max_by_key(rank)?;
    let seen = judged
        .iter()
        .filter(|(_, other)| other.state == decided.state);
    let resolver = context.resolver(&worst.source.id);
    let observed = evidence::observed(context, worst, decided.link);
    let baseline = decided.baseline.clone();
    Some(Verdict {
        question: worst.question.clone(),
        resolver: worst.source.id.clone(),
        operator: resolver.map_or_else(|| worst.source.id.clone(), |known| known.operator.clone()),
        state: decided.state,
        severity: decided.severity,
        confirmed: seen.count() >= 2,
        flags: decided.flags.clone(),
        link: decided
            .link
            .and_then(|link| worst.answer.links.get(link))
            .map(|link| link.owner.clone()),
        baseline: baseline.or_else(|| context.baseline_of(&worst.question)),
        deadline: decided.deadline,
        cached_until: observed.cached_until,
        worst_case_until: decided.worst_case_until,
        samples: judged
            .iter()
            .map(|(sample, other)| Sample {
                site: sample.site(),
                state: other.state,
                at: sample.at,
            })
            .collect(),
        observed,
        reason: decided.reason.clone()
            + &context.input.service_of(&std::iter::once(&worst.question)),
    })
}

/// What counts of a pair's replies. Loss is not an answer: where any sample was answered, the silent and the broken ones
/// say nothing.
fn answered_of<'a>(all: &[&'a Observation]) -> Vec<&'a Observation> {
    let answered = |sample: &&&Observation| matches!(sample.answer.status, Status::Rcode(_));
    let valid: Vec<_> = all.iter().filter(answered).copied().collect();
    if valid.is_empty() {
        all.to_vec()
    } else {
        valid
    }
}

/// A SERVFAIL at two operators in one round is no longer one operator's trouble.
fn raise_servfail(verdicts: &mut [Verdict]) {
    let is_servfail = |verdict: &&mut Verdict| verdict.state == State::Servfail;
    let mut operators: HashMap<Question, BTreeSet<String>> = HashMap::new();
    for verdict in verdicts.iter_mut().filter(is_servfail) {
        let known = operators.entry(verdict.question.clone()).or_default();
        known.insert(verdict.operator.clone());
    }
    for verdict in verdicts.iter_mut().filter(is_servfail) {
        let others = operators.get(&verdict.question).map_or(0, BTreeSet::len);
        if others >= 2 {
            verdict.severity = Severity::Critical;
            verdict.reason = format!("{}; {others} operators at once", verdict.reason);
        }
    }
}
