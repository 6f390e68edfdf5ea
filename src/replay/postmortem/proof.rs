//! Which of the kept messages prove an incident: the first and the last wrong reply, the first right one after it, and what
//! an authority said in the same round as the last wrong one.
//!
//! Deliberately absent: what the octets mean.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde::Serialize;

use crate::{
    audit::{evidence::Observed, incident::Incident},
    store::{
        Store, StoreError,
        messages::{KeptMessage, MessageQuery},
    },
    types::{Question, Source, SourceKind},
};

/// Messages that are read at most, at the beginning of an incident and at its end each.
const MOST_READ: u32 = 500;
/// The longest time between the first reply of a round and its judgement.
const ROUND: TimeDelta = TimeDelta::minutes(1);
/// What a message was kept for where nothing was wrong with it.
const RIGHT: [&str; 2] = ["consistent", "baseline"];

/// What a message proves. Ordered by how telling it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proves {
    /// The last reply that was wrong.
    LastBad,
    /// What an authority said in the round of the last wrong reply.
    Authority,
    /// The first reply that was wrong.
    FirstBad,
    /// The first reply that was right after the last wrong one.
    FirstRight,
}

/// A message, and what it proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// What it proves.
    pub proves: Proves,
    /// The message.
    pub message: KeptMessage,
}

/// The proofs of an incident, and whether more was kept than they are chosen from. Those of the question that could be kept
/// for longest come first.
pub(super) async fn of(
    store: &Store,
    incident: &Incident,
) -> Result<(Vec<Proof>, bool), StoreError> {
    let (kept, more) = kept(store, incident).await?;
    let mut observed: Vec<&Observed> = incident.observed.iter().collect();
    let key = |seen: &Observed| (seen.question.clone(), seen.source.clone());
    observed.sort_by(|one, other| {
        let longest = other.cached_until.cmp(&one.cached_until);
        longest.then_with(|| key(one).cmp(&key(other)))
    });
    let mut told = BTreeSet::new();
    let mut proofs: Vec<Proof> = Vec::new();
    for seen in observed {
        if told.insert(key(seen)) {
            proofs.extend(of_one(&kept, &seen.question, &seen.source));
        }
    }
    // What an authority said proves something of every resolver that was asked in the same round.
    let mut shown = BTreeSet::new();
    proofs.retain(|proof| {
        let message = &proof.message;
        shown.insert((message.at, message.source.clone(), message.question.clone()))
    });
    Ok((proofs, more))
}

/// What was kept around the beginning and the end of an incident, in order of receipt, and whether more was in between or
/// before.
async fn kept(store: &Store, incident: &Incident) -> Result<(Vec<KeptMessage>, bool), StoreError> {
    let whole = MessageQuery::of_incident(incident);
    let beginning = MessageQuery {
        to: Some(incident.confirmed_at + ROUND),
        ..whole.clone()
    };
    // What is kept later of one that goes on belongs to a later postmortem.
    let end = MessageQuery {
        to: whole.to.or(Some(incident.last_bad_at + ROUND)),
        ..whole
    };
    let first = store.messages(&beginning, MOST_READ).await?;
    let last = store.messages(&end, MOST_READ).await?;
    let more = first.earlier || last.earlier;
    let mut kept = first.messages;
    kept.extend(last.messages);
    let key = |one: &KeptMessage| (one.at, one.source.clone(), one.question.clone());
    kept.sort_by_key(key);
    kept.dedup_by_key(|one| key(one));
    Ok((kept, more))
}

fn of_one(kept: &[KeptMessage], question: &Question, source: &Source) -> Vec<Proof> {
    let is_bad = |one: &&KeptMessage| !RIGHT.contains(&one.kept_for.as_str());
    let own: Vec<&KeptMessage> = kept
        .iter()
        .filter(|one| one.question == *question && one.source == *source)
        .collect();
    let mut bad = own.iter().copied().filter(|one| is_bad(one));
    let (Some(first), Some(last)) = (bad.clone().next(), bad.next_back()) else {
        return Vec::new();
    };
    let authority = kept.iter().find(|one| {
        let is_other = one.source != *source && one.question == *question;
        is_other && one.source.kind == SourceKind::Authority && one.due_at == last.due_at
    });
    let right = own
        .iter()
        .copied()
        .find(|one| one.at > last.at && !is_bad(one));
    let of_resolver = source.kind == SourceKind::Resolver;
    let proofs = [
        (Proves::LastBad, Some(last)),
        (Proves::Authority, authority.filter(|_| of_resolver)),
        (
            Proves::FirstBad,
            Some(first).filter(|first| first.at < last.at),
        ),
        (Proves::FirstRight, right),
    ];
    let proof = |(proves, message): (Proves, Option<&KeptMessage>)| {
        let message = message?.clone();
        Some(Proof { proves, message })
    };
    proofs.into_iter().filter_map(proof).collect()
}
