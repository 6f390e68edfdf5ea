//! Incidents open, and grow worse and wider.
//!
//! Deliberately absent: getting better, which is `recovery`; taking in others, which is `merge`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        evidence::Baseline,
        incident::{Axis, Cause, Flapping, Incident, IncidentKey, News, Status},
        ledger::{
            Judgement,
            axis::{group_names, names_of_zone},
            book::{Book, Entry},
            confirm::covers,
            evidence::Sighting,
            flapping,
            ids::incident_id,
            keeping::absorb,
            merge::{merge, take_parts},
            news,
        },
    },
    types::Severity,
};

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
        let parts = take_parts(book, key, &case, sightings);
        let mut flaps = begins(book.get(key), &case)
            .then(|| flapping::note_onset(book, key, judgement))
            .flatten();
        if !is_open {
            book.insert(open(key, &case, flaps.take(), judgement));
        }
        if let Some(entry) = book.entry(key) {
            if is_open {
                feed(entry, &case, flaps, judgement);
            }
            let ended = merge(entry, parts, judgement.now);
            book.lay_aside(ended);
        }
    }
}

/// Whether the round's sightings are a beginning: of an incident that is not there, or of one that was recovering.
fn begins(incident: Option<&Incident>, case: &[&Sighting<'_>]) -> bool {
    let is_over = incident.is_none_or(|one| one.status == Status::Recovering);
    is_over && case.iter().any(|sighting| sighting.confirmed)
}

fn open(
    key: &IncidentKey,
    case: &[&Sighting<'_>],
    flaps: Option<Flapping>,
    judgement: &Judgement<'_>,
) -> Entry {
    // On a name each resolver is believed for itself; wider, one that is believed stands for all.
    let believed = case
        .iter()
        .filter(|sighting| key.axis != Axis::Name || sighting.confirmed);
    let believed: Vec<_> = believed.copied().collect();
    // Not from what it takes in: what was told of that is told already.
    let sinces = believed.iter().map(|sighting| sighting.since);
    let opened_at = sinces.min().unwrap_or(judgement.now);
    let mut incident = empty(key, opened_at, judgement.vantage, judgement.now);
    for sighting in &believed {
        absorb(&mut incident, sighting);
    }
    if let Some(worst) = believed.iter().find(|sighting| sighting.confirmed) {
        call_after(&mut incident, worst, case, judgement);
    }
    incident.baseline = baseline(&believed);
    let mut entry = Entry::candidate(incident);
    let reason = entry.incident.reason.clone();
    begin(&mut entry, Cause::Confirmed, flaps, &reason, judgement);
    entry
}

/// Tells that it is bad, as flapping where it is that.
fn begin(
    entry: &mut Entry,
    cause: Cause,
    flaps: Option<Flapping>,
    reason: &str,
    judgement: &Judgement<'_>,
) {
    let Some(flapping) = flaps else {
        let step = match cause {
            Cause::Relapsed => format!("bad again: {reason}"),
            _ => reason.to_owned(),
        };
        return entry.step(cause, step);
    };
    let step = flapping::sentence(&flapping, reason, judgement);
    entry.incident.flapping = Some(flapping);
    entry.step(Cause::Flaps, step);
}

/// An incident of which nothing is known yet but when it began.
pub(super) fn empty(
    key: &IncidentKey,
    opened_at: DateTime<Utc>,
    vantage: &str,
    now: DateTime<Utc>,
) -> Incident {
    Incident {
        id: incident_id(vantage, key, opened_at, now),
        key: key.clone(),
        status: Status::Open,
        verdict: String::new(),
        severity: Severity::None,
        names: BTreeSet::new(),
        types: BTreeSet::new(),
        resolvers: BTreeSet::new(),
        authorities: BTreeSet::new(),
        vantages: BTreeSet::from([vantage.to_owned()]),
        baseline: None,
        observed: Vec::new(),
        opened_at,
        confirmed_at: now,
        last_bad_at: opened_at,
        recovering_at: None,
        resolved_at: None,
        acked_at: None,
        cached_until: None,
        worst_case_until: None,
        backends: BTreeMap::new(),
        throttled: BTreeMap::new(),
        clean_rounds: 0,
        transitions: 0,
        told_at: now,
        reason: String::new(),
        calm: BTreeMap::new(),
        untold: News::default(),
        flapping: None,
        tallies: BTreeMap::new(),
    }
}

/// Feeds an open or recovering incident. What it covers is taken in silently, what is new to it once it is believed.
fn feed(
    entry: &mut Entry,
    case: &[&Sighting<'_>],
    flaps: Option<Flapping>,
    judgement: &Judgement<'_>,
) {
    let resolvers = entry.incident.resolvers.clone();
    let names = entry.incident.names.clone();
    let mut wider = false;
    let believed = case.iter().filter(|one| one.confirmed);
    if let Some(first) = believed.clone().next() {
        come_back(entry, flaps, &first.reason, judgement);
    }
    if let Some(worst) = believed.clone().next()
        && worst.severity > entry.incident.severity
    {
        call_after(&mut entry.incident, worst, case, judgement);
        let step = format!(
            "now {} ({}): {}",
            worst.severity, worst.verdict, worst.reason
        );
        entry.step(Cause::Worse, step);
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
        let incident = &mut entry.incident;
        let joined: Vec<String> = if incident.key.axis == Axis::Name {
            incident.resolvers.difference(&resolvers).cloned().collect()
        } else {
            let names = incident.names.difference(&names);
            names.map(ToString::to_string).collect()
        };
        news::join(incident, joined);
    }
}

/// What was clean for a while is bad again. While it flaps that is counted, not told.
fn come_back(entry: &mut Entry, flaps: Option<Flapping>, reason: &str, judgement: &Judgement<'_>) {
    if entry.incident.status == Status::Recovering {
        entry.incident.recovering_at = None;
        begin(entry, Cause::Relapsed, flaps, reason, judgement);
    } else if let Some(flapping) = &mut entry.incident.flapping
        && flapping.is_lull
    {
        flapping.is_lull = false;
        flapping.onsets = flapping.onsets.saturating_add(1);
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
        let question = example.questions.first().map(ToString::to_string);
        format!(
            "{bad} of {all} names of {} are bad at {}, the worst is {} ({verdict}): {reason}",
            judgement.group,
            key.subject,
            question.unwrap_or_default(),
        )
    } else {
        let zone = &key.subject;
        format!("{bad} of {all} names of {zone} show {verdict}: {reason}")
    }
}

fn baseline(worst_first: &[&Sighting<'_>]) -> Option<Baseline> {
    worst_first
        .iter()
        .find_map(|sighting| sighting.baseline.cloned())
}
