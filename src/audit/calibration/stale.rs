//! Stale answers (RFC 8767): what is given when the TTL is over and the authority is silent.
//!
//! Whether a resolver does so can only be seen while the zone's servers are stopped, unless it gives stale answers while it
//! fetches anew. Deliberately absent: how long it goes on (one to three days, by the RFC): nobody can wait for that.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Calibration, Measured, ServeStale,
    canary::FADING,
    plan::{Kind, Probe},
    samples::{Sample, Samples},
};
use crate::types::{Observation, Rcode, Status, Value};

/// Beyond this a TTL of a second has ended, whatever the rounding.
const EXPIRED: TimeDelta = TimeDelta::milliseconds(2_200);

/// A run whose names may be in no cache any more, even of one that serves stale answers.
const FORGOTTEN: TimeDelta = TimeDelta::hours(1);

/// What rounding and slow clocks may add to a TTL.
const MARGIN: TimeDelta = TimeDelta::seconds(3);

/// What a run says whose zone answered all the time.
pub(super) fn read_first(samples: &Samples<'_>) -> Measured<ServeStale> {
    let stale: Vec<&Sample> = samples
        .of(Kind::Short)
        .filter(|sample| sample.is_stale || is_lifted_late(samples, sample))
        .collect();
    if samples.names(Kind::Short).is_empty() {
        return Measured::unknown("no name with a TTL of a second was answered as the zone has it");
    }
    if stale.is_empty() {
        return Measured::unknown(
            "the zone's servers answered all the time: stop them and run again with --authority-stopped",
        );
    }
    let how = format!(
        "{} answers were given again after their TTL while the authority answered",
        stale.len()
    );
    Measured::known(serves(&stale), how)
}

fn serves(stale: &[&Sample]) -> ServeStale {
    ServeStale {
        serves: true,
        ttl: stale.iter().map(|sample| sample.ttl).max(),
        declared: stale.iter().all(|sample| sample.is_stale),
    }
}

/// A TTL that this backend gave to no fetch of this name, after the end of the authority's own.
fn is_lifted_late(samples: &Samples<'_>, sample: &Sample) -> bool {
    let Some(first) = samples
        .first(Kind::Short)
        .find(|first| first.probe == sample.probe)
    else {
        return false;
    };
    let named = sample.site.is_some() && sample.site == first.site;
    let own = samples.served.short.max(first.ttl);
    named && sample.at - first.at > EXPIRED && sample.ttl > own
}

/// The longest that a name is waited for to expire.
const MOST_WAIT: TimeDelta = TimeDelta::minutes(2);

/// When an earlier run's names have expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expiry {
    /// Until then they may be given by right.
    At(DateTime<Utc>),
    /// Nobody waits for that, or nobody knows.
    Never(Measured<ServeStale>),
}

/// When the names of a run can be asked again to find stale answers: their TTL, or the lowest that the resolver keeps, has
/// ended, and a margin with it.
pub fn expiry(earlier: &Calibration, now: DateTime<Utc>) -> Expiry {
    let never = |why: String| Expiry::Never(Measured::unknown(why));
    let Some(floor) = earlier.measures.ttl_floor.value else {
        return never(
            "how long it keeps short-lived names is not known: calibrate again".to_owned(),
        );
    };
    let kept = FADING.max(floor.seconds.unwrap_or(0));
    let at = earlier.at + TimeDelta::seconds(kept.into()) + MARGIN;
    if at - now > MOST_WAIT {
        return never(format!(
            "it keeps everything for {kept} s: run this again when they are over"
        ));
    }
    Expiry::At(at)
}

/// What was heard of an address while the zone's servers were stopped.
#[derive(Debug, Clone, Copy)]
pub struct Again<'a> {
    /// The run whose names are asked again.
    pub earlier: &'a Calibration,
    /// The replies to [`super::plan::never_asked`].
    pub new: &'a [(Probe, Observation)],
    /// The replies to [`super::plan::expired`].
    pub expired: &'a [(Probe, Observation)],
    /// When they were all there.
    pub now: DateTime<Utc>,
}

/// What these replies say of stale answers.
pub fn read_again(again: Again<'_>) -> Measured<ServeStale> {
    if again.new.iter().any(|(_, reply)| holds_data(reply)) {
        return Measured::unknown(
            "the zone's servers still answer: a name that was never asked before was resolved",
        );
    }
    let expired = again.expired.iter().map(|(_, reply)| reply);
    let stale: Vec<&Observation> = expired.filter(|reply| holds_data(reply)).collect();
    if let Some(why) = why_nothing(&again).filter(|_| stale.is_empty()) {
        return Measured::unknown(why);
    }
    let serves = ServeStale {
        serves: !stale.is_empty(),
        ttl: stale.iter().filter_map(|reply| reply.ttl()).max(),
        declared: !stale.is_empty() && stale.iter().all(|reply| reply.is_stale()),
    };
    let how = format!(
        "with the authority stopped, {} of {} questions for expired names were answered",
        stale.len(),
        again.expired.len()
    );
    Measured::known(serves, how)
}

fn holds_data(reply: &Observation) -> bool {
    let end = reply.answer.last();
    end.is_some_and(|end| matches!(end.value, Value::Rrset(_)))
}

/// Why a lack of stale answers says nothing.
fn why_nothing(again: &Again<'_>) -> Option<String> {
    let Again { earlier, now, .. } = again;
    let expired = again.expired.iter().map(|(_, reply)| reply);
    let failed = expired.filter(|reply| reply.answer.status == Status::Rcode(Rcode::SERVFAIL));
    let failed: Vec<&Observation> = failed.collect();
    if failed.is_empty() {
        return Some("nothing was answered, and nothing was said to have failed".to_owned());
    }
    if *now - earlier.at > FORGOTTEN {
        return Some(
            "the names were cached more than an hour ago and may be forgotten: calibrate, then stop the zone's servers"
                .to_owned(),
        );
    }
    let backends = earlier.measures.backends.value.as_ref();
    let has_cached = |reply: &&Observation| match (backends, reply.site()) {
        (Some(known), Some(site)) => known.sites.contains(&site),
        (Some(known), None) => known.seen() == 1,
        (None, _) => false,
    };
    let met = failed.iter().any(has_cached);
    (!met).then(|| "no backend that is known to have cached the names was met again".to_owned())
}
