//! Which backends a verdict shows bad and which clean.
//!
//! Deliberately absent: what follows from it, which is `recovery`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        incident::{BackendTrack, Incident},
        verdict::{Family, Sample, State, Verdict},
    },
    types::{Severity, Source},
};

/// What one sample says of an incident's breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    /// It shows the breach.
    Bad,
    /// It shows its absence.
    Clean,
    /// It says nothing of it: silence says nothing of a value.
    Neither,
}

/// Whether a family's breaches lie at resolvers, and are followed backend by backend.
pub(super) fn is_by_backend(family: Family) -> bool {
    matches!(family, Family::Value | Family::Failure)
}

/// Judges every sample of a verdict: its backends' names and what it shows. `bad` says whether the verdict as a whole shows
/// the breach.
pub(super) fn touches(
    verdict: &Verdict,
    family: Family,
    bad: bool,
) -> Vec<(Vec<String>, Touch, Sample)> {
    samples(verdict)
        .into_iter()
        .map(|sample| {
            let touch = match family {
                Family::Failure => touch_of_failure(sample.state, bad),
                _ => touch_of_value(sample.state, verdict.state, bad),
            };
            let source = &verdict.observed.source;
            (names(source, family, sample.site.as_deref()), touch, sample)
        })
        .collect()
}

fn touch_of_failure(state: State, bad: bool) -> Touch {
    match state.row() {
        1..=4 if bad => Touch::Bad,
        1..=4 => Touch::Neither,
        // Row 0 as well: a cache that was looked at and holds nothing has answered.
        _ => Touch::Clean,
    }
}

/// A sample's own value is not known, only its state. Beside a bad verdict of the same row a quiet state is taken for the
/// same value (an old answer with more or less TTL left); a quiet one by itself is an honest change.
fn touch_of_value(state: State, whole: State, bad: bool) -> Touch {
    match state {
        _ if bad && state.row() == whole.row() => Touch::Bad,
        State::Consistent | State::Propagating => Touch::Clean,
        State::Unexplained => Touch::Neither,
        _ if bad && state.family() == Some(Family::Value) => Touch::Bad,
        _ => Touch::Neither,
    }
}

/// Whether a verdict shows the breach of an incident: it would open one of this family by itself, or it is a quiet sight
/// (an old answer with little TTL left) of a value that the incident knows as bad.
pub(super) fn shows(verdict: &Verdict, incident: &Incident) -> bool {
    let seen = &verdict.observed;
    verdict.state.family() == Some(incident.key.family)
        && (verdict.severity >= Severity::Warning
            || incident.observed.iter().any(|known| {
                known.question == seen.question
                    && known.records == seen.records
                    && known.rcode == seen.rcode
            }))
}

/// The first and the last bad sample of a verdict that is itself bad.
pub(super) fn bad_between(verdict: &Verdict, family: Family) -> (DateTime<Utc>, DateTime<Utc>) {
    let bad: BTreeSet<_> = touches(verdict, family, true)
        .into_iter()
        .filter(|(_, touch, _)| *touch == Touch::Bad)
        .map(|(_, _, sample)| sample.at)
        .collect();
    let fallback = verdict.observed.at;
    (
        bad.first().copied().unwrap_or(fallback),
        bad.last().copied().unwrap_or(fallback),
    )
}

/// The backends that a verdict, itself bad, shows bad.
pub(super) fn bad_backends(verdict: &Verdict, family: Family) -> BTreeSet<String> {
    touches(verdict, family, true)
        .into_iter()
        .filter(|(_, touch, _)| *touch == Touch::Bad)
        .flat_map(|(names, _, _)| names)
        .collect()
}

/// Begins to follow a backend, and takes in until when its bad value may be held.
pub(super) fn track(
    incident: &mut Incident,
    backend: &str,
    last_bad: DateTime<Utc>,
    cached_until: Option<DateTime<Utc>>,
) {
    let new = BackendTrack {
        last_bad,
        clean_rounds: 0,
        last_clean: None,
        cached_until,
    };
    let track = incident.backends.entry(backend.to_owned()).or_insert(new);
    track.cached_until = track.cached_until.max(cached_until);
}

/// The name under which a resolver address as a whole is followed.
pub(super) fn address_name(source: &Source) -> String {
    format!("{} {} *", source.id, source.address)
}

fn names(source: &Source, family: Family, site: Option<&str>) -> Vec<String> {
    let mut names = vec![address_name(source)];
    if family == Family::Value {
        let site = site.unwrap_or("-");
        names.push(format!("{} {} {site}", source.id, source.address));
    }
    names
}

/// The resolver's id and the address in a backend's name; the id may hold blanks, address and site cannot.
pub(super) fn resolver_and_address(backend: &str) -> Option<(&str, &str)> {
    let mut words = backend.rsplitn(3, ' ');
    let (_site, address, resolver) = (words.next()?, words.next()?, words.next()?);
    Some((resolver, address))
}

/// Moves a resolver's backends out of an incident; says whether there were any.
pub(super) fn move_out(
    incident: &mut Incident,
    resolver: &str,
    moved: &mut BTreeMap<String, BackendTrack>,
) -> bool {
    let of_resolver =
        |name: &String| resolver_and_address(name).is_some_and(|(id, _)| id == resolver);
    let out = incident
        .backends
        .extract_if(.., |name, _| of_resolver(name));
    let out: Vec<_> = out.collect();
    let any = !out.is_empty();
    add(moved, out);
    any
}

/// Lets an incident follow backends that others followed before.
pub(super) fn take_over(incident: &mut Incident, moved: BTreeMap<String, BackendTrack>) {
    add(&mut incident.backends, moved);
}

/// Joins what is known of the same backend: the latest bad sample, the fewest clean rounds.
fn add(
    known: &mut BTreeMap<String, BackendTrack>,
    more: impl IntoIterator<Item = (String, BackendTrack)>,
) {
    for (name, track) in more {
        let kept = known.entry(name).or_insert_with(|| track.clone());
        kept.last_bad = kept.last_bad.max(track.last_bad);
        kept.clean_rounds = kept.clean_rounds.min(track.clean_rounds);
        kept.last_clean = kept.last_clean.min(track.last_clean);
        kept.cached_until = kept.cached_until.max(track.cached_until);
    }
}

/// Whether a backend's name stands for an address as a whole.
pub(super) fn is_whole_address(backend: &str) -> bool {
    backend.ends_with(" *")
}

/// The samples, or the verdict itself as its only one.
fn samples(verdict: &Verdict) -> Vec<Sample> {
    if verdict.samples.is_empty() {
        vec![Sample {
            site: verdict.observed.site.clone(),
            state: verdict.state,
            at: verdict.observed.at,
        }]
    } else {
        verdict.samples.clone()
    }
}
