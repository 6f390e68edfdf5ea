//! A round's observations as matters find them: samples, what decided, and what the authorities said.
//!
//! Deliberately absent: observations without messages. Silence leaves none.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::Matter;
use crate::{
    audit::evidence::{BaselineKind, Observed},
    names::DnsName,
    types::{Observation, Question, Source, SourceKind},
};

/// Distinct answers kept as what was right at one moment.
const MOST_ANSWERS: usize = 8;

/// Replies of one finding that are kept of one round: a finding of a whole zone has a hundred.
const MOST_REPLIES: usize = 16;

/// The observations that any matter may ask for, by question.
pub(super) struct Heard<'a> {
    observations: &'a [Observation],
    by_question: HashMap<&'a Question, Vec<usize>>,
}

impl<'a> Heard<'a> {
    /// Over a round's observations, as far as these matters need them.
    pub(super) fn of(observations: &'a [Observation], matters: &[Matter]) -> Self {
        let wanted: HashSet<Question> = matters.iter().flat_map(Matter::questions).collect();
        let mut by_question: HashMap<_, Vec<_>> = HashMap::new();
        for (index, observation) in observations.iter().enumerate() {
            if observation.wire.is_some() && wanted.contains(&observation.question) {
                let found = by_question.entry(&observation.question).or_default();
                found.push(index);
            }
        }
        Self {
            observations,
            by_question,
        }
    }

    fn at(&self, question: &Question) -> impl Iterator<Item = usize> + '_ {
        let found = self.by_question.get(question);
        found.into_iter().flatten().copied()
    }

    /// Every reply the matter stands on: the pair's, those with CD=1 included, or the finding's evidence.
    pub(super) fn samples(&self, matter: &Matter) -> Vec<usize> {
        match matter {
            Matter::Verdict(verdict) => {
                let source = &verdict.observed.source;
                let of_pair = |index: &usize| self.observations[*index].source == *source;
                self.at(&verdict.question).filter(of_pair).collect()
            }
            Matter::Finding(finding) => {
                let replies = finding.observed.iter().filter_map(|seen| self.find(seen));
                replies.take(MOST_REPLIES).collect()
            }
        }
    }

    /// The reply that decided.
    pub(super) fn decisive(&self, matter: &Matter) -> Option<usize> {
        match matter {
            Matter::Verdict(verdict) => self.find(&verdict.observed),
            Matter::Finding(finding) => self.find(finding.observed.first()?),
        }
    }

    fn find(&self, seen: &Observed) -> Option<usize> {
        let key: (&Source, DateTime<Utc>) = (&seen.source, seen.at);
        self.at(&seen.question).find(|index| {
            let observation = &self.observations[*index];
            (&*observation.source, observation.at) == key
        })
    }

    /// What the matter was held against, each distinct answer once, apart from what is wanted anyway.
    pub(super) fn baseline(&self, matter: &Matter, wanted: &[usize]) -> Vec<usize> {
        let Matter::Verdict(verdict) = matter else {
            return Vec::new();
        };
        let kind = match verdict.baseline.as_ref().map(|baseline| baseline.kind) {
            None => return Vec::new(),
            Some(BaselineKind::Quorum) => SourceKind::Resolver,
            Some(BaselineKind::Declared | BaselineKind::Authority) => SourceKind::Authority,
        };
        let mut answers = HashSet::new();
        let questions = matter.questions();
        let said = questions.iter().flat_map(|question| self.at(question));
        said.filter(|index| !wanted.contains(index))
            .filter(|index| {
                let observation = &self.observations[*index];
                observation.source.kind == kind
                    && observation.source != verdict.observed.source
                    && observation.answer.is_reply()
                    && answers.insert((&observation.question, &observation.answer))
            })
            .take(MOST_ANSWERS)
            .collect()
    }
}

impl Matter<'_> {
    /// Every question whose replies may prove it: its own, and that of the link that decided.
    pub(super) fn questions(&self) -> Vec<Question> {
        match self {
            Self::Verdict(verdict) => {
                let own = verdict.question.clone();
                let elsewhere = |link: &&DnsName| **link != own.name;
                let link = verdict.link.as_ref().filter(elsewhere);
                let link = link.map(|link| Question {
                    name: link.clone(),
                    rtype: own.rtype,
                });
                [Some(own.clone()), link].into_iter().flatten().collect()
            }
            Self::Finding(finding) => {
                let seen = finding.observed.iter();
                seen.map(|seen| seen.question.clone()).collect()
            }
        }
    }
}
