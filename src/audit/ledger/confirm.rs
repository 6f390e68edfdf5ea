//! When a sighting is believed: at once, or after enough rounds in a row.
//!
//! Only news is counted: what would open an incident, make it worse or wider, or bring it back while it recovers. What an
//! open incident covers already needs no belief.
//!
//! Deliberately absent: re-asking, which happened before the round was judged.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::{
    audit::{
        incident::{Axis, Candidate, Incident},
        ledger::{
            Judgement, backends,
            book::Book,
            evidence::{Sighting, verdict_subject},
        },
        verdict::{Family, State, Verdict},
    },
    types::Severity,
};

/// A candidate not counted for longer than this many periods of the schedule starts afresh: it is no longer in a row.
const LAPSE_PERIODS: i32 = 3;

type Counts = BTreeMap<(Family, String), Candidate>;

/// Counts the round and marks what is believed now. Where only one family counts, everything else keeps its count.
pub(super) fn count(
    candidates: &mut Vec<Candidate>,
    sightings: &mut [Sighting<'_>],
    book: &Book,
    judgement: &Judgement<'_>,
    only: Option<Family>,
) {
    let mut counts: Counts = std::mem::take(candidates)
        .into_iter()
        .map(|candidate| ((candidate.key.family, candidate.subject.clone()), candidate))
        .collect();
    drop_what_is_over(&mut counts, judgement, only.is_some());
    let mut counted = BTreeSet::new();
    for sighting in sightings.iter_mut() {
        if is_news(sighting, book) {
            count_one(&mut counts, &mut counted, sighting, judgement);
        }
    }
    candidates.extend(counts.into_values());
    candidates.retain(|one| is_still_seen(one, &counted, only));
}

/// A finding and `blind` are counted in every round that they last; a verdict's candidate ends by its verdicts.
fn is_still_seen(
    candidate: &Candidate,
    counted: &BTreeSet<(Family, String)>,
    only: Option<Family>,
) -> bool {
    let family = candidate.key.family;
    backends::is_by_backend(family)
        || only.is_some_and(|only| family != only)
        || counted.contains(&(family, candidate.subject.clone()))
}

fn count_one(
    counts: &mut Counts,
    counted: &mut BTreeSet<(Family, String)>,
    sighting: &mut Sighting<'_>,
    judgement: &Judgement<'_>,
) {
    sighting.confirmed = sighting.certain;
    for (subject, needed) in &sighting.counters {
        let place = (sighting.home.family, subject.clone());
        let candidate = counts.entry(place.clone()).or_insert_with(|| Candidate {
            key: sighting.target.clone(),
            subject: subject.clone(),
            since: sighting.since,
            last_at: judgement.now,
            rounds: 0,
        });
        // Two findings may share a subject (two links of one chain): that is one round, not two.
        if counted.insert(place) {
            candidate.rounds += 1;
        }
        candidate.key.clone_from(&sighting.target);
        candidate.last_at = judgement.now;
        sighting.since = sighting.since.min(candidate.since);
        sighting.confirmed |= candidate.rounds >= *needed;
    }
}

/// Forgets candidates that lapsed, and those whose question was answered well.
fn drop_what_is_over(counts: &mut Counts, judgement: &Judgement<'_>, held_back: bool) {
    let period = TimeDelta::from_std(judgement.policy.period).unwrap_or(TimeDelta::MAX);
    let lapse = period.checked_mul(LAPSE_PERIODS).unwrap_or(TimeDelta::MAX);
    let verdicts: BTreeMap<String, &Verdict> = judgement
        .verdicts
        .iter()
        .map(|verdict| {
            (
                verdict_subject(&verdict.question, &verdict.observed.source),
                verdict,
            )
        })
        .collect();
    counts.retain(|(family, subject), candidate| {
        let base = subject.strip_suffix(" bogus").unwrap_or(subject);
        let over = verdicts
            .get(base)
            .is_some_and(|verdict| ends(verdict, *family, base != subject));
        judgement.now - candidate.last_at <= lapse && (held_back || !over)
    });
}

/// Whether a verdict ends the count of its family at its place. What was not asked says nothing of a value, nor does a
/// failure; any other failure ends the count of bogus ones, also where an authority explains it.
fn ends(verdict: &Verdict, family: Family, bogus_only: bool) -> bool {
    match verdict.state.row() {
        0 => family == Family::Failure,
        1..=4 => bogus_only && verdict.state != State::Bogus,
        _ => family == Family::Failure || verdict.severity < Severity::Warning,
    }
}

/// Forgets the candidates of what an incident covers by now.
pub(super) fn settle(candidates: &mut Vec<Candidate>, sightings: &[Sighting<'_>], book: &Book) {
    let covered: BTreeSet<(Family, &String)> = sightings
        .iter()
        .filter(|sighting| !is_news(sighting, book))
        .flat_map(|one| {
            one.counters
                .iter()
                .map(|(subject, _)| (one.home.family, subject))
        })
        .collect();
    candidates.retain(|one| !covered.contains(&(one.key.family, &one.subject)));
}

fn is_news(sighting: &Sighting<'_>, book: &Book) -> bool {
    book.standing(sighting).is_none_or(|incident| {
        incident.is_calm() || sighting.severity > incident.severity || !covers(incident, sighting)
    })
}

/// Whether the incident has been told of the sighting's place.
pub(super) fn covers(incident: &Incident, sighting: &Sighting<'_>) -> bool {
    match (incident.key.axis, sighting.home.axis) {
        (Axis::Name, _) => sighting
            .resolver
            .is_none_or(|resolver| incident.resolvers.contains(resolver)),
        (Axis::Resolver | Axis::Authority, Axis::Name) => sighting
            .questions
            .iter()
            .all(|question| incident.names.contains(&question.name)),
        // A server's, a zone's and the vantage's own: the names it concerns are no news.
        _ => true,
    }
}
