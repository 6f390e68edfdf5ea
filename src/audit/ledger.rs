//! The incident engine: from a round's verdicts and findings to the steps of incidents.
//!
//! A pure function of the ledger and one judged round. The same rounds in the same order give the same incidents, ids and
//! steps; the order of verdicts and findings within a round does not matter.
//!
//! Deliberately absent: what is bad (`judge` and `findings`), whom a step is told to and how, clocks and storage.

mod axis;
mod backends;
mod blind;
mod book;
mod confirm;
mod evidence;
mod explained;
mod flapping;
mod flushed;
mod growth;
mod ids;
mod keeping;
mod merge;
mod news;
mod path;
mod recovery;
#[cfg(test)]
mod tests;
mod throttle;
mod unwatched;

use std::{
    collections::{BTreeSet, HashSet},
    net::SocketAddr,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use blind::AuthorityReach;
pub use ids::{fallback_id, message_id, released_id};
pub use throttle::{MOST_APART, Throttles};
pub use unwatched::{UNWATCHED, still_unwatched, unwatched, unwatched_key};

use crate::{
    audit::{
        declared::Declared,
        finding::Finding,
        incident::{
            Candidate, Cause, Incident, IncidentKey, Recurrence, Status, Transition, TransitionKind,
        },
        ledger::book::{Book, Entry},
        verdict::{Family, Verdict},
    },
    names::DnsName,
    types::{Policy, Question, Resolver, Source},
};

/// What one vantage knows of one group's breaches between rounds. It is stored with every round.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Open and recovering incidents, one per key, in order of key. A resolved one is last seen in its own transition.
    pub incidents: Vec<Incident>,
    /// Breaches that still count towards confirmation, in order of family and subject.
    pub candidates: Vec<Candidate>,
    /// What began of late, in order of key.
    #[serde(default)]
    pub recurrences: Vec<Recurrence>,
}

impl Ledger {
    /// Whether the vantage hears nobody, or nobody but whoever answers in the others' stead.
    pub fn is_blind(&self) -> bool {
        let mut incidents = self.incidents.iter();
        incidents.any(|one| {
            one.status == Status::Open
                && one.verdict != UNWATCHED
                && [Family::Blind, path::FAMILY].contains(&one.key.family)
        })
    }

    /// The pairs in an open value incident: they are sampled three times a round.
    pub fn suspects(&self) -> HashSet<(Question, SocketAddr)> {
        self.incidents
            .iter()
            .filter(|incident| incident.key.family == Family::Value)
            .flat_map(|incident| &incident.observed)
            .map(|observed| (observed.question.clone(), observed.source.address))
            .collect()
    }
}

/// One judged round of one group.
#[derive(Debug, Clone, Copy)]
pub struct Judgement<'a> {
    /// Where it was asked from.
    pub vantage: &'a str,
    /// The group.
    pub group: &'a str,
    /// What the group is judged by.
    pub policy: &'a Policy,
    /// One per (question, resolver address) asked, in any order.
    pub verdicts: &'a [Verdict],
    /// In any order.
    pub findings: &'a [Finding],
    /// The flushes that people declared.
    pub declared: &'a Declared,
    /// What the group asks, of whomever it asks it in this round.
    pub questions: &'a [Question],
    /// The resolver addresses that were asked one question only, and turned it away.
    pub held_back: &'a BTreeSet<Source>,
    /// How many authoritative servers were asked and answered: no verdict and no finding says that one is well.
    pub authorities: AuthorityReach,
    /// When the round was judged.
    pub now: DateTime<Utc>,
}

/// Takes the ledger one round further and says what there is to tell: at most one transition per incident, openings first.
///
/// 1. Leave out what came over an intercepted path. Decide whether the vantage hears anybody: while it is blind, or hears
///    nobody but whoever answers in the others' stead, nothing but that counts.
/// 2. Gather what is bad, without what an authority finding explains.
/// 3. Aim each sighting at its axis: the name, the resolver, the authority.
/// 4. Count towards confirmation.
/// 5. Open incidents, feed the open ones, merge what has one cause.
/// 6. Count clean rounds; recover, resolve, remind.
/// 7. Decide which addresses are left alone but for one question a round.
/// 8. Tell who joined and left, where that is due.
pub fn advance(ledger: &mut Ledger, judgement: &Judgement<'_>) -> Vec<Transition> {
    let throttles = Throttles::of(ledger);
    let mut book = Book::open(ledger);
    let heard = path::heard(judgement.verdicts);
    let judgement = &Judgement {
        verdicts: &heard,
        ..*judgement
    };
    let only = all_that_counts(judgement, &ledger.candidates, &book);
    let mut sightings = if only == Some(Family::Blind) {
        vec![blind::sighting(judgement)]
    } else {
        evidence::gather(judgement, &book)
    };
    sightings.retain(|one| only.is_none_or(|family| one.home.family == family));
    axis::aim(&mut sightings, &book, judgement);
    confirm::count(
        &mut ledger.candidates,
        &mut sightings,
        &book,
        judgement,
        only,
    );
    axis::fall_back(&mut sightings, &book);
    growth::grow(&mut book, &sightings, judgement);
    confirm::settle(&mut ledger.candidates, &sightings, &book);
    for entry in book.in_view(only) {
        recovery::step(entry, &sightings, judgement);
        recovery::remind(entry, judgement);
    }
    throttle::step(&mut book, &throttles, judgement, only.is_some());
    for entry in book.in_view(only) {
        news::tell(entry, judgement);
    }
    flapping::forget(&mut book, judgement);
    book.close(ledger, judgement.now)
}

/// The one family that counts in a round in which the vantage hears nobody; `None` where everything does.
fn all_that_counts(
    judgement: &Judgement<'_>,
    candidates: &[Candidate],
    book: &Book,
) -> Option<Family> {
    if path::is_whole(judgement, candidates, book) {
        Some(path::FAMILY)
    } else {
        blind::sees_nothing(judgement).then_some(Family::Blind)
    }
}

/// A person takes the incident: reminders stop, everything else is still told. The first to take it counts.
pub fn acknowledge(incident: &mut Incident, now: DateTime<Utc>) {
    incident.acked_at.get_or_insert(now);
}

/// A person ends the incident. `None` when no open incident has this id. What is still bad opens a new incident once it is
/// confirmed anew: what counted towards this one starts afresh.
pub fn resolve_by_hand(ledger: &mut Ledger, id: Uuid, now: DateTime<Utc>) -> Option<Transition> {
    let at = ledger
        .incidents
        .iter()
        .position(|incident| incident.id == id)?;
    let mut entry = Entry::new(ledger.incidents.remove(at));
    let key = &entry.incident.key;
    ledger.candidates.retain(|candidate| candidate.key != *key);
    ledger.recurrences.retain(|one| one.key != *key);
    entry.resolve(now, Cause::ByHand, "resolved by hand");
    entry.tell(now)
}

/// Ends what the configuration no longer asks: incidents whose names have all left the group, or whose resolvers have.
///
/// To be called when a ledger is loaded or the configuration has changed. A question that is not asked is never clean, so
/// without this such an incident would stay open for ever.
pub fn retire(
    ledger: &mut Ledger,
    names: &BTreeSet<DnsName>,
    resolvers: &[Arc<Resolver>],
    now: DateTime<Utc>,
) -> Vec<Transition> {
    let mut book = Book::open(ledger);
    for entry in book.in_view(None) {
        let gone = recovery::forget_unasked(&mut entry.incident, names, resolvers);
        if gone {
            let step = "the configuration no longer asks for it";
            entry.resolve(now, Cause::Unasked, step);
        }
    }
    ledger.candidates.retain(|candidate| {
        evidence::is_asked(&candidate.subject, candidate.key.family, names, resolvers)
    });
    book.close(ledger, now)
}

/// The order transitions are told in: what is new first, endings last.
fn telling_order(transition: &Transition) -> (TransitionKind, &IncidentKey) {
    (transition.kind, &transition.incident.key)
}
