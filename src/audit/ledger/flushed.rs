//! What a declared flush ends: the wrong answer at the backends that were bad before it and are clean since.
//!
//! Deliberately absent: belief in the flush itself. Only clean samples after it count, and one bad sample undoes it.

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        declared::{FLUSH_TAKES, Flush},
        incident::{BackendTrack, Incident},
        ledger::{Judgement, backends, recovery::CLEAN_ROUNDS},
        verdict::Family,
    },
    types::Question,
};

/// When every backend that was bad has been flushed of everything that was bad, and is clean since: the last of those
/// flushes. `None` where that is not so.
pub(super) fn everywhere(incident: &Incident, judgement: &Judgement<'_>) -> Option<DateTime<Utc>> {
    if incident.key.family != Family::Value {
        return None;
    }
    let mut last = None;
    for (name, track) in &incident.backends {
        last = last.max(Some(flushed_at(incident, name, track, judgement)?));
    }
    last
}

/// The latest instant until which a value that was bad may be held at a backend that no flush has ended it at.
pub(super) fn cached_until(
    incident: &Incident,
    judgement: &Judgement<'_>,
) -> Option<DateTime<Utc>> {
    let is_flushed =
        |name: &str, track: &BackendTrack| flushed_at(incident, name, track, judgement).is_some();
    let backends = &incident.backends;
    if !backends.iter().any(|(name, track)| is_flushed(name, track)) {
        return incident.cached_until;
    }
    let others = backends
        .iter()
        .filter(|(name, track)| !is_flushed(name, track));
    let until = others.map(|(_, track)| track.cached_until.or(incident.cached_until));
    until.max().flatten()
}

/// The last of the flushes that ended, one by one, every question of the incident at a backend.
fn flushed_at(
    incident: &Incident,
    backend: &str,
    track: &BackendTrack,
    judgement: &Judgement<'_>,
) -> Option<DateTime<Utc>> {
    let (resolver, _) = backends::resolver_and_address(backend)?;
    let mut last = None;
    for name in &incident.names {
        for rtype in &incident.types {
            let question = Question {
                name: name.clone(),
                rtype: *rtype,
            };
            let mut flushes = judgement.declared.flushes(resolver, &question);
            let flush = flushes.find(|flush| has_ended(flush, track))?;
            last = last.max(Some(flush.at));
        }
    }
    last
}

fn has_ended(flush: &Flush, track: &BackendTrack) -> bool {
    track.clean_rounds >= CLEAN_ROUNDS
        && track.last_bad <= flush.at + FLUSH_TAKES
        && track.last_clean.is_some_and(|clean| clean > flush.at)
}
