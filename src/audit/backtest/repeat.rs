//! Replies that a revised policy would have asked for again, taken to have been given again.
//!
//! Deliberately absent: any other answer than the one that was heard.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::verdict::Verdict,
    types::{Observation, Question, SourceKind},
};

/// Times a suspicious resolver is asked again.
const RESOLVER_AGAIN: i64 = 2;

/// What asking again would have brought for every suspicious verdict whose pair was not asked again: the same reply of the
/// resolver twice, and the same of its question's authorities once, each a microsecond later.
pub(super) fn as_if_asked_again(
    verdicts: &[Verdict],
    heard: &[Observation],
    first: usize,
) -> Vec<Observation> {
    let asked_again = heard.get(first..).unwrap_or_default();
    let mut more = Vec::new();
    let mut latest: BTreeMap<&Question, DateTime<Utc>> = BTreeMap::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.is_suspicious()) {
        let (source, question) = (&verdict.observed.source, &verdict.question);
        let is_of_pair = |one: &&Observation| one.source == *source && one.question == *question;
        if asked_again.iter().any(|one| is_of_pair(&one)) {
            continue;
        }
        let mut of_pair = heard.iter().filter(is_of_pair);
        let Some(sample) = of_pair.find(|one| one.at == verdict.observed.at) else {
            continue;
        };
        more.extend((1..=RESOLVER_AGAIN).map(|nth| later(sample, sample.at, nth)));
        let seen = latest.entry(question).or_insert(sample.at);
        *seen = (*seen).max(sample.at);
    }
    for (question, seen) in latest {
        more.extend(authorities_again(question, seen, heard));
    }
    more
}

/// The last reply of every authority to the question, or to a link of its chain, as if given once more after `seen`.
fn authorities_again(
    question: &Question,
    seen: DateTime<Utc>,
    heard: &[Observation],
) -> Vec<Observation> {
    let of_question = heard.iter().filter(|one| one.question == *question);
    let links = of_question.flat_map(|one| &one.answer.links);
    let mut owners: BTreeSet<_> = links.map(|link| &link.owner).collect();
    owners.insert(&question.name);
    let mut last: BTreeMap<_, &Observation> = BTreeMap::new();
    let asked = heard.iter().filter(|one| {
        one.source.kind == SourceKind::Authority
            && one.question.rtype == question.rtype
            && owners.contains(&one.question.name)
    });
    for one in asked {
        last.insert((&one.question, one.source.address), one);
    }
    let replies = last.into_values();
    replies.map(|one| later(one, one.at.max(seen), 1)).collect()
}

fn later(one: &Observation, at: DateTime<Utc>, microseconds: i64) -> Observation {
    Observation {
        at: at + TimeDelta::microseconds(microseconds),
        // What came back at once was asked at that moment, too.
        rtt: Duration::ZERO,
        ..one.clone()
    }
}
