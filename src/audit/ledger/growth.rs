//! Incidents open, grow worse and wider, and take in others of the same cause.
//!
//! Deliberately absent: getting better, which is `recovery`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        finding::FindingKind,
        incident::{Axis, BackendTrack, Incident, IncidentKey, Status, TransitionKind},
        ledger::{
            Judgement,
            axis::{group_names, is_by_backend, names_of_zone},
            backends,
            book::{Book, Entry},
            confirm::covers,
            evidence::{Sighting, absorb, note_observed},
            ids::incident_id,
        },
        verdict::{Baseline, Family},
    },
    names::DnsName,
    types::Severity,
};

/// Most names or resolvers that one sentence lists.
const MOST_LISTED: usize = 5;

/// Opens what is confirmed and feeds what is open.
pub(super) fn grow(book: &mut Book, sightings: &[Sighting<'_>], judgement: &Judgement<'_>) {
    let mut cases: BTreeMap<&IncidentKey, Vec<&Sighting<'_>>> = BTreeMap::new();
    for sighting in sightings {
        cases.entry(&sighting.target).or_default().push(sighting);
    }
    for (key, case) in cases {
        let is_open = book.get(key).is_some();
        if !is_open && !case.iter().any(|sighting| sighting.confirmed) {
            continue;
        }
        let mut moved = BTreeMap::new();
        let mut parts = book.take_where(|other| match key.axis {
            Axis::Resolver => is_part_of_resolver(other, key, &mut moved),
            Axis::Authority => {
                let is_fed = sightings.iter().any(|one| one.target == other.key);
                !is_fed && is_part_of_authority(other, key, &case)
            }
            Axis::Name | Axis::Vantage => false,
        });
        if !is_open {
            book.insert(open(key, &case, &parts, judgement));
        }
        if let Some(entry) = book.entry(key) {
            if is_open {
                feed(entry, &case, judgement);
            }
            backends::take_over(&mut entry.incident, moved);
            merge(entry, &mut parts, judgement.now);
        }
        book.lay_aside(parts);
    }
}

fn open(
    key: &IncidentKey,
    case: &[&Sighting<'_>],
    parts: &[Entry],
    judgement: &Judgement<'_>,
) -> Entry {
    // On a name each resolver is believed for itself; wider, one that is believed stands for all.
    let believed = case
        .iter()
        .filter(|sighting| key.axis != Axis::Name || sighting.confirmed);
    let believed: Vec<_> = believed.copied().collect();
    let sinces = believed.iter().map(|sighting| sighting.since);
    let part_sinces = parts.iter().map(|part| part.incident.opened_at);
    let opened_at = sinces.chain(part_sinces).min().unwrap_or(judgement.now);
    let mut incident = empty(key, opened_at, judgement);
    for sighting in &believed {
        absorb(&mut incident, sighting);
    }
    if let Some(worst) = believed.iter().find(|sighting| sighting.confirmed) {
        call_after(&mut incident, worst, case, judgement);
    }
    incident.baseline = baseline(&believed);
    let mut entry = Entry::new(incident);
    let reason = entry.incident.reason.clone();
    entry.say(TransitionKind::Opened, reason);
    entry
}

fn empty(key: &IncidentKey, opened_at: DateTime<Utc>, judgement: &Judgement<'_>) -> Incident {
    Incident {
        id: incident_id(judgement.vantage, key, opened_at),
        key: key.clone(),
        status: Status::Open,
        verdict: String::new(),
        severity: Severity::None,
        names: BTreeSet::new(),
        types: BTreeSet::new(),
        resolvers: BTreeSet::new(),
        authorities: BTreeSet::new(),
        vantages: BTreeSet::from([judgement.vantage.to_owned()]),
        baseline: None,
        observed: Vec::new(),
        opened_at,
        confirmed_at: judgement.now,
        last_bad_at: opened_at,
        recovering_at: None,
        resolved_at: None,
        acked_at: None,
        cached_until: None,
        worst_case_until: None,
        backends: BTreeMap::new(),
        clean_rounds: 0,
        transitions: 0,
        told_at: judgement.now,
        reason: String::new(),
    }
}

/// Feeds an open or recovering incident. What it covers is taken in silently, what is new to it once it is believed.
fn feed(entry: &mut Entry, case: &[&Sighting<'_>], judgement: &Judgement<'_>) {
    let resolvers = entry.incident.resolvers.clone();
    let names = entry.incident.names.clone();
    let mut wider = false;
    let believed = case.iter().filter(|one| one.confirmed);
    if entry.incident.status == Status::Recovering
        && let Some(first) = believed.clone().next()
    {
        entry.incident.status = Status::Open;
        entry.incident.recovering_at = None;
        entry.say(
            TransitionKind::Updated,
            format!("Bad again: {}", first.reason),
        );
    }
    if let Some(worst) = believed.clone().next()
        && worst.severity > entry.incident.severity
    {
        call_after(&mut entry.incident, worst, case, judgement);
        let step = format!(
            "Now {} ({}): {}",
            worst.severity, worst.verdict, worst.reason
        );
        entry.say(TransitionKind::Updated, step);
    }
    let mut taken = Vec::new();
    for sighting in case {
        let covered = covers(&entry.incident, sighting);
        if covered || sighting.confirmed {
            wider |= !covered;
            absorb(&mut entry.incident, sighting);
            taken.push(*sighting);
        }
    }
    if let Some(baseline) = baseline(&taken) {
        entry.incident.baseline = Some(baseline);
    }
    if wider {
        let places = entry.incident.resolvers.difference(&resolvers);
        let names = entry.incident.names.difference(&names).map(DnsName::as_str);
        let joined = list(places.map(String::as_str).chain(names));
        entry.say(TransitionKind::Updated, format!("Also {joined}."));
    }
}

/// Names the incident after its worst evidence.
fn call_after(
    incident: &mut Incident,
    worst: &Sighting<'_>,
    case: &[&Sighting<'_>],
    judgement: &Judgement<'_>,
) {
    worst.verdict.clone_into(&mut incident.verdict);
    incident.severity = worst.severity;
    incident.reason = match (incident.key.axis, worst.home.axis) {
        (Axis::Resolver | Axis::Authority, Axis::Name) => {
            wide_reason(&incident.key, worst, case, judgement)
        }
        _ => worst.reason.clone(),
    };
}

/// One sentence for many names: how many of how many, where, and the worst of them.
fn wide_reason(
    key: &IncidentKey,
    worst: &Sighting<'_>,
    case: &[&Sighting<'_>],
    judgement: &Judgement<'_>,
) -> String {
    let questions = case.iter().flat_map(|sighting| &sighting.questions);
    let bad: BTreeSet<_> = questions.map(|question| &question.name).collect();
    let group = group_names(judgement);
    let all = names_of_zone(&group, worst.zone).union(&bad).count();
    let mut equals = case.iter().filter(|one| one.severity == worst.severity);
    let example = equals.next().map_or(worst, |one| *one);
    let (bad, verdict, reason) = (bad.len(), example.verdict, &example.reason);
    if key.axis == Axis::Resolver {
        let (group, resolver) = (judgement.group, &key.subject);
        format!(
            "{bad} of {all} names of {group} are bad at {resolver}, the worst is {verdict}: {reason}"
        )
    } else {
        format!(
            "{bad} of {all} names of {} show {verdict}: {reason}",
            key.subject
        )
    }
}

fn baseline(worst_first: &[&Sighting<'_>]) -> Option<Baseline> {
    worst_first
        .iter()
        .find_map(|sighting| sighting.baseline.cloned())
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let items: Vec<_> = items.collect();
    let more = items.len().saturating_sub(MOST_LISTED);
    let shown = items[..items.len() - more].join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
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
    } else if is_by_backend(key.family) {
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

/// Takes parts into the whole. The whole says so once; each part ends with a last step that names the whole, so that a
/// channel which keeps one alarm per incident (PagerDuty) closes it.
fn merge(whole: &mut Entry, parts: &mut [Entry], now: DateTime<Utc>) {
    if parts.is_empty() {
        return;
    }
    for part in parts.iter_mut() {
        take_in(&mut whole.incident, &part.incident);
        let step = format!(
            "Merged into incident {}: {}",
            whole.incident.id, whole.incident.reason
        );
        part.resolve(now, step);
    }
    let step = format!("It takes in incidents told before: {}.", parts.len());
    whole.say(TransitionKind::Updated, step);
}

fn take_in(whole: &mut Incident, part: &Incident) {
    whole.names.extend(part.names.iter().cloned());
    whole.types.extend(part.types.iter().copied());
    whole.resolvers.extend(part.resolvers.iter().cloned());
    whole.authorities.extend(part.authorities.iter().cloned());
    for observed in &part.observed {
        note_observed(whole, observed);
    }
    whole.last_bad_at = whole.last_bad_at.max(part.last_bad_at);
    whole.cached_until = whole.cached_until.max(part.cached_until);
    whole.worst_case_until = whole.worst_case_until.max(part.worst_case_until);
    if part.severity > whole.severity {
        whole.severity = part.severity;
        whole.verdict.clone_from(&part.verdict);
        whole.reason.clone_from(&part.reason);
    }
}
