//! What most operators say, for names whose authorities never answered.
//!
//! Deliberately absent: any say against an authority. A stale majority never outvotes it.

use std::collections::{BTreeMap, HashMap};

use super::RoundInput;
use crate::types::{Question, SourceKind, Value};

/// For each question the last link's value that a strict majority of at least two operators gave.
pub(super) fn of_round(input: &RoundInput) -> HashMap<Question, Option<Value>> {
    let mut voices: HashMap<&Question, BTreeMap<&str, &Value>> = HashMap::new();
    for observation in input.samples() {
        if observation.source.kind != SourceKind::Resolver {
            continue;
        }
        let Some(last) = observation.answer.last() else {
            continue;
        };
        if input.peeks(&observation.source.id) && last.value.is_negative() {
            continue;
        }
        let id = &observation.source.id;
        let known = input.resolvers.iter().find(|resolver| resolver.id == *id);
        let operator = known.map_or(id.as_str(), |resolver| resolver.operator.as_str());
        // One voice an operator: of several backends the least value speaks, whatever the order of receipt.
        let voice = voices
            .entry(&observation.question)
            .or_default()
            .entry(operator)
            .or_insert(&last.value);
        *voice = (*voice).min(&last.value);
    }
    voices
        .into_iter()
        .map(|(question, voices)| (question.clone(), majority(&voices)))
        .collect()
}

fn majority(voices: &BTreeMap<&str, &Value>) -> Option<Value> {
    let mut counts: BTreeMap<&Value, usize> = BTreeMap::new();
    for value in voices.values() {
        *counts.entry(value).or_default() += 1;
    }
    let (value, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= 2 && 2 * count > voices.len()).then(|| value.clone())
}
