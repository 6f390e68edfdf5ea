//! One cause, one incident: narrower incidents become a part of a wider one.
//!
//! The wider one says so in its own step. Each part ends with a last step that names the whole, so that a channel which
//! keeps one alarm per incident (`PagerDuty`) closes it.
//!
//! Deliberately absent: when a wider incident opens, which is `axis` and `growth`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use chrono::{DateTime, Utc};

use crate::audit::{
    finding::FindingKind,
    incident::{Axis, BackendTrack, Cause, Incident, IncidentKey},
    ledger::{
        backends,
        book::{Book, Entry},
        evidence::Sighting,
        keeping::take_in,
    },
    verdict::Family,
};

/// What a wider incident takes in.
pub(super) struct Parts {
    /// Incidents that end in it.
    pub(super) incidents: Vec<Entry>,
    moved: BTreeMap<String, BackendTrack>,
}

/// Takes out of the book what is a part of the incident `key`, which shows `case` this round.
pub(super) fn take_parts(
    book: &mut Book,
    key: &IncidentKey,
    case: &[&Sighting<'_>],
    sightings: &[Sighting<'_>],
) -> Parts {
    let mut moved = BTreeMap::new();
    let incidents = book.take_where(|other| match key.axis {
        Axis::Resolver => is_part_of_resolver(other, key, &mut moved),
        Axis::Authority => {
            let is_fed = sightings.iter().any(|one| one.target == other.key);
            !is_fed && is_part_of_authority(other, key, case)
        }
        Axis::Name | Axis::Vantage => false,
    });
    Parts { incidents, moved }
}

/// Whether an incident is a part of a resolver's cause: it is on a name, and only this resolver shows it. One that others
/// show too goes on without this one's backends, which are moved.
fn is_part_of_resolver(
    other: &mut Incident,
    key: &IncidentKey,
    moved: &mut BTreeMap<String, BackendTrack>,
) -> bool {
    if other.key.family != key.family || other.key.axis != Axis::Name {
        false
    } else if backends::is_by_backend(key.family) {
        backends::move_out(other, &key.subject, moved) && other.backends.is_empty()
    } else {
        other.resolvers.iter().all(|id| *id == key.subject)
    }
}

/// Whether an incident with nothing of its own this round is a part of an authority's cause: it is on names that the
/// finding covers, or on a server of a zone of which no server answers.
fn is_part_of_authority(other: &Incident, key: &IncidentKey, case: &[&Sighting<'_>]) -> bool {
    let questions = case.iter().flat_map(|one| &one.questions);
    let names: BTreeSet<_> = questions.map(|question| &question.name).collect();
    let servers: BTreeSet<_> = case.iter().flat_map(|one| one.authorities).collect();
    other.key.family == key.family
        && match other.key.axis {
            Axis::Name => {
                other.resolvers.is_empty() && other.names.iter().all(|name| names.contains(name))
            }
            Axis::Authority => {
                key.family == Family::Finding(FindingKind::AuthorityUnreachable)
                    && !is_address(&key.subject)
                    && is_address(&other.key.subject)
                    && !other.authorities.is_empty()
                    && other.authorities.iter().all(|one| servers.contains(one))
            }
            Axis::Resolver | Axis::Vantage => false,
        }
}

fn is_address(subject: &str) -> bool {
    subject.parse::<IpAddr>().is_ok() || subject.parse::<SocketAddr>().is_ok()
}

/// Takes the parts into the whole, and ends them.
pub(super) fn merge(whole: &mut Entry, parts: Parts, now: DateTime<Utc>) -> Vec<Entry> {
    backends::take_over(&mut whole.incident, parts.moved);
    let mut ended = parts.incidents;
    for part in &mut ended {
        take_in(&mut whole.incident, &part.incident);
        let whole = &whole.incident;
        let step = format!("merged into incident {}: {}", whole.id, whole.reason);
        part.resolve(now, Cause::Merged, step);
    }
    if !ended.is_empty() {
        let step = format!("it takes in incidents told before: {}", ended.len());
        whole.step(Cause::TookIn, step);
    }
    ended
}
