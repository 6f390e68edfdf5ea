//! What of a round must be asked again before it is believed.
//!
//! Deliberately absent: the asking, and how many times.

use std::{collections::HashSet, net::SocketAddr};

use super::{RoundInput, dns64};
use crate::{
    audit::{
        history::is_authoritative,
        verdict::{State, Verdict},
    },
    types::{Question, RecordType, SourceKind},
};

/// Pairs of question and resolver address that are put once more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Again {
    /// As they were put before: the resolver twice, the question's authorities once.
    pub plain: Vec<(Question, SocketAddr)>,
    /// With CD=1, once, as an aside: whether a failure is one of validation.
    pub unchecked: Vec<(Question, SocketAddr)>,
    /// Asked of authorities alone: the A records that a DNS64 may have worked on.
    pub origins: Vec<Question>,
}

impl Again {
    /// What the first verdicts of a round leave in doubt.
    pub fn of(input: &RoundInput, verdicts: &[Verdict]) -> Self {
        let pair = |verdict: &Verdict| (verdict.question.clone(), verdict.observed.source.address);
        let plain = verdicts.iter().filter(|verdict| verdict.is_suspicious());
        let answered = answered(input);
        let unchecked = verdicts
            .iter()
            .filter(|verdict| matches!(verdict.state, State::Servfail | State::Bogus))
            .filter(|verdict| input.validates(&verdict.resolver))
            .filter(|verdict| answered.contains(&verdict.question));
        let origins = plain.clone().filter_map(|verdict| origin(input, verdict));
        Self {
            origins: origins.collect(),
            plain: plain.map(pair).collect(),
            unchecked: unchecked.map(pair).collect(),
        }
    }

    /// Whether there is nothing to ask.
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.unchecked.is_empty()
    }
}

/// The questions that an authority answered in this round: where none did, a resolver's failure says nothing of
/// validation.
fn answered<'a>(input: &RoundInput<'a>) -> HashSet<&'a Question> {
    let observations = input.observations.iter();
    let authorities = observations.filter(|one| one.source.kind == SourceKind::Authority);
    let answers = authorities.filter(|one| is_authoritative(one));
    answers.map(|one| &one.question).collect()
}

/// The A records of the link that decided, where its AAAA records may have been made of them.
fn origin(input: &RoundInput, verdict: &Verdict) -> Option<Question> {
    let seen = &verdict.observed;
    let addresses: Vec<_> = seen
        .records
        .iter()
        .flat_map(|rdata| rdata.parse())
        .collect();
    let is_likely = verdict.question.rtype == RecordType::AAAA
        && dns64::is_likely(input, &verdict.resolver, &addresses, &seen.ede);
    is_likely.then(|| Question {
        name: verdict
            .link
            .clone()
            .unwrap_or_else(|| verdict.question.name.clone()),
        rtype: RecordType::A,
    })
}
