//! Gives each question at each resolver address of a round its state, by the table of verdicts: first match wins.
//!
//! The model is one inequality: an answer seen at `t` with TTL `θ` is legal while `t + θ` is not later than the last
//! instant at which an authority may have served it, plus the TTL it served. Deliberately absent: confirmation over
//! several rounds, axes and incidents ([`crate::audit::ledger`]).

mod failure;
mod quorum;
mod reason;
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
        history::{History, LinkKey, Standing},
        verdict::{Baseline, BaselineKind, Observed, Sample, State, Verdict, VerdictFlag},
    },
    names::DnsName,
    types::{
        Observation, Policy, Question, RecordType, Resolver, SeriesKey, Severity, SourceKind, Value,
    },
};
pub use zones::Zones;

/// Everything a round is judged from, besides the history, which has taken in its observations already.
#[derive(Debug, Clone, Copy)]
pub struct RoundInput<'a> {
    /// What the group is judged by.
    pub policy: &'a Policy,
    /// Whose names lie where.
    pub zones: &'a Zones,
    /// The group's resolvers, for operators and traits.
    pub resolvers: &'a [Arc<Resolver>],
    /// Every observation of the round, re-asking included, in order of receipt.
    pub observations: &'a [Observation],
    /// The instant of judgement.
    pub now: DateTime<Utc>,
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
}

/// What the judgement of one sample may look at.
struct Context<'a> {
    history: &'a History,
    input: &'a RoundInput<'a>,
    standings: HashMap<LinkKey, Standing>,
    quorums: HashMap<Question, Option<Value>>,
}

impl<'a> Context<'a> {
    /// Standings and quorums are worked out once for all samples of the round.
    fn new(history: &'a History, input: &'a RoundInput<'a>) -> Self {
        let mut context = Self {
            history,
            input,
            standings: HashMap::new(),
            quorums: HashMap::new(),
        };
        for observation in input.observations {
            let rtype = observation.question.rtype;
            context.prepare(&observation.question.name, rtype);
            for link in &observation.answer.links {
                context.prepare(&link.owner, rtype);
                if let Value::Cname(target) = &link.value {
                    context.prepare(target, rtype);
                }
            }
        }
        context.quorums = quorum::of_round(input);
        context
    }

    fn prepare(&mut self, owner: &DnsName, rtype: RecordType) {
        let key = LinkKey {
            owner: owner.clone(),
            rtype,
        };
        if self.standings.contains_key(&key) {
            return;
        }
        let Some(link) = self.history.link(&key) else {
            return;
        };
        let zone = self.input.zones.zone_of(owner);
        let standing = link.standing(zone, self.input.policy, self.input.now);
        self.standings.insert(key, standing);
    }

    fn standing(&self, owner: &DnsName, rtype: RecordType) -> Option<&Standing> {
        self.standings.get(&LinkKey {
            owner: owner.clone(),
            rtype,
        })
    }

    fn resolver(&self, id: &str) -> Option<&'a Resolver> {
        self.input
            .resolvers
            .iter()
            .find(|resolver| resolver.id == id)
            .map(Arc::as_ref)
    }

    /// What is right at the end of a question's chain, as its authorities serve it now.
    fn baseline_of(&self, question: &Question) -> Option<Baseline> {
        let mut owner = question.name.clone();
        let mut seen = BTreeSet::new();
        let mut found = None;
        while seen.insert(owner.clone()) {
            let Some(standing) = self.standing(&owner, question.rtype) else {
                break;
            };
            found = authority_baseline(standing).or(found);
            match standing.current.first().map(|current| &current.value) {
                Some(Value::Cname(target)) if question.rtype != RecordType::CNAME => {
                    owner = target.clone();
                }
                _ => break,
            }
        }
        found
    }
}

/// One verdict per question and resolver address that was asked in the round, in the order of both.
pub fn judge_round(history: &History, input: &RoundInput) -> Vec<Verdict> {
    let context = Context::new(history, input);
    let mut asked: BTreeMap<(&Question, &str, SocketAddr), Vec<&Observation>> = BTreeMap::new();
    for observation in input.observations {
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
    verdicts
}

/// The worst of one resolver address's samples of one question.
fn judge_samples(context: &Context, samples: &[&Observation]) -> Option<Verdict> {
    let first_at = samples.iter().map(|sample| sample.at).min()?;
    let judged: Vec<(&Observation, Judged)> = answered_if_any(samples)
        .into_iter()
        .map(|sample| (sample, judge_sample(context, sample, first_at)))
        .collect();
    let rank = |(sample, judged): &&(&Observation, Judged)| {
        (
            judged.severity,
            judged.state.row() != 8,
            judged.state.row(),
            sample.at,
        )
    };
    let (worst, decided) = judged.iter().max_by_key(rank)?;
    let seen_again = judged
        .iter()
        .filter(|(sample, other)| other.state == decided.state && sample.answer == worst.answer)
        .count();
    let resolver = context.resolver(&worst.source.id);
    let observed = observed(context, worst, decided.link);
    Some(Verdict {
        question: worst.question.clone(),
        resolver: worst.source.id.clone(),
        operator: resolver.map_or_else(|| worst.source.id.clone(), |known| known.operator.clone()),
        state: decided.state,
        severity: decided.severity,
        confirmed: seen_again >= 2,
        flags: decided.flags.clone(),
        link: decided
            .link
            .and_then(|link| worst.answer.links.get(link))
            .map(|link| link.owner.clone()),
        baseline: decided
            .baseline
            .clone()
            .or_else(|| context.baseline_of(&worst.question)),
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
        reason: decided.reason.clone(),
    })
}

/// Loss is not an answer: where any sample was answered, the silent ones say nothing.
fn answered_if_any<'a>(samples: &[&'a Observation]) -> Vec<&'a Observation> {
    let answered: Vec<_> = samples
        .iter()
        .copied()
        .filter(|sample| sample.answer.is_reply())
        .collect();
    if answered.is_empty() {
        samples.to_vec()
    } else {
        answered
    }
}

/// `first_at`: when the first sample of this pair came; authorities asked again have answered after it.
fn judge_sample(context: &Context, sample: &Observation, first_at: DateTime<Utc>) -> Judged {
    failure::judge(context, sample).unwrap_or_else(|| value::judge_chain(context, sample, first_at))
}

/// A SERVFAIL at two operators in one round is no longer one operator's trouble.
fn raise_servfail(verdicts: &mut [Verdict]) {
    let mut operators: HashMap<Question, BTreeSet<String>> = HashMap::new();
    for verdict in verdicts
        .iter()
        .filter(|verdict| verdict.state == State::Servfail)
    {
        operators
            .entry(verdict.question.clone())
            .or_default()
            .insert(verdict.operator.clone());
    }
    for verdict in verdicts
        .iter_mut()
        .filter(|verdict| verdict.state == State::Servfail)
    {
        let others = operators.get(&verdict.question).map_or(0, BTreeSet::len);
        if others >= 2 {
            verdict.severity = Severity::Critical;
            verdict.reason += &format!("; {others} operators at once");
        }
    }
}

/// What is served now, as a baseline; what was served last where nothing is.
fn authority_baseline(standing: &Standing) -> Option<Baseline> {
    let (values, ttl): (Vec<&Value>, _) = if standing.current.is_empty() {
        let (value, past) = standing.last_served()?;
        (vec![value], past.ttl)
    } else {
        let ttl = standing.current.iter().map(|current| current.ttl).max();
        (
            standing
                .current
                .iter()
                .map(|current| &current.value)
                .collect(),
            ttl.unwrap_or(0),
        )
    };
    let records: BTreeSet<String> = values.iter().flat_map(|value| value.records()).collect();
    let gone = values.iter().all(|value| **value == Value::Nxdomain);
    Some(Baseline {
        kind: BaselineKind::Authority,
        records: records.into_iter().collect(),
        rcode: if gone { "NXDOMAIN" } else { "NOERROR" }.to_owned(),
        ttl: Some(ttl),
    })
}

/// The sample as evidence, with the link that decided, or the last one.
fn observed(context: &Context, sample: &Observation, link: Option<usize>) -> Observed {
    let index = link.or_else(|| sample.answer.links.len().checked_sub(1));
    let link = index.and_then(|index| sample.answer.links.get(index));
    let series = SeriesKey {
        question: sample.question.clone(),
        source: sample.source.clone(),
    };
    let held = link.and_then(|link| {
        context
            .history
            .held(&series)?
            .value(&link.owner, &link.value)
            .map(|held| held.cached_until)
    });
    Observed {
        resolver: sample.source.id.clone(),
        source: sample.source.clone(),
        question: sample.question.clone(),
        records: link.map(|link| link.value.records()).unwrap_or_default(),
        rcode: sample.answer.rcode_text(),
        ttl: index
            .filter(|_| link.is_some())
            .map(|index| sample.link_ttl(index)),
        site: sample.site(),
        ede: sample.ede.clone(),
        at: sample.at,
        cached_until: held.max(
            index
                .filter(|_| link.is_some())
                .map(|index| sample.expires_at(index)),
        ),
    }
}
