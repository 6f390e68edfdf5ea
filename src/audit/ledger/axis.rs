//! Along which axis the sightings of a round fall together.
//!
//! Decided on all names bad this round, confirmed or still counting. Where a wider incident is open already, what belongs
//! to it goes on belonging to it, however few names are left.
//!
//! Deliberately absent: opening anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    audit::{
        incident::{Axis, IncidentKey},
        ledger::{Judgement, book::Book, evidence::Sighting},
    },
    names::DnsName,
};

/// Fewer names than this never make a wider axis.
const LEAST_NAMES: usize = 3;

/// Aims every sighting at its incident of this round.
pub(super) fn aim(sightings: &mut [Sighting<'_>], book: &Book, judgement: &Judgement<'_>) {
    let wide = wide_keys(sightings, judgement);
    for sighting in sightings {
        if let Some(key) = wider_key(sighting)
            && (wide.contains(&key) || book.get(&key).is_some())
        {
            sighting.target = key;
        }
    }
}

/// The key that would gather the sighting with others of its resolver or zone.
fn wider_key(sighting: &Sighting<'_>) -> Option<IncidentKey> {
    if sighting.home.axis != Axis::Name {
        return None;
    }
    let (axis, subject) = match (sighting.resolver, sighting.zone) {
        (Some(resolver), _) => (Axis::Resolver, resolver.to_owned()),
        (None, Some(zone)) => (Axis::Authority, zone.to_string()),
        (None, None) => return None,
    };
    Some(IncidentKey {
        axis,
        subject,
        ..sighting.home.clone()
    })
}

/// The keys with enough bad names: at least three, and more than the threshold's share of the group's names, or of the
/// zone's.
fn wide_keys(sightings: &[Sighting<'_>], judgement: &Judgement<'_>) -> BTreeSet<IncidentKey> {
    let mut bad: BTreeMap<IncidentKey, (Option<&DnsName>, BTreeSet<&DnsName>)> = BTreeMap::new();
    for sighting in sightings {
        if let Some(key) = wider_key(sighting) {
            let (zone, names) = bad.entry(key).or_default();
            *zone = sighting.zone;
            names.extend(sighting.questions.iter().map(|question| &question.name));
        }
    }
    let group = group_names(judgement);
    bad.into_iter()
        .filter(|(_, (zone, names))| {
            let whole = names_of_zone(&group, *zone).union(names).count();
            names.len() >= LEAST_NAMES
                && names.len() as f64 > judgement.policy.axis_threshold * whole as f64
        })
        .map(|(key, _)| key)
        .collect()
}

/// Every name of the group, and every one that this round says something of.
pub(super) fn group_names<'a>(judgement: &Judgement<'a>) -> BTreeSet<&'a DnsName> {
    let asked = judgement.verdicts.iter().map(|verdict| &verdict.question);
    let found = judgement.findings.iter().flat_map(|one| &one.questions);
    let all = asked.chain(found).chain(judgement.questions);
    all.map(|question| &question.name).collect()
}

/// The names below a zone's apex; all of them where no zone is given.
pub(super) fn names_of_zone<'a>(
    names: &BTreeSet<&'a DnsName>,
    zone: Option<&DnsName>,
) -> BTreeSet<&'a DnsName> {
    let within = |name: &&&DnsName| zone.is_none_or(|zone| name.is_within(zone));
    names.iter().filter(within).copied().collect()
}

/// Sends sightings home whose wider incident is not believed yet and does not open this round: an incident of their own
/// that is open already must go on seeing them. None of them is confirmed, so they open nothing of their own.
pub(super) fn fall_back(sightings: &mut [Sighting<'_>], book: &Book) {
    let opening: BTreeSet<IncidentKey> = sightings
        .iter()
        .filter(|sighting| sighting.confirmed)
        .map(|sighting| sighting.target.clone())
        .collect();
    for sighting in sightings {
        if book.get(&sighting.target).is_none() && !opening.contains(&sighting.target) {
            sighting.target = sighting.home.clone();
        }
    }
}
