//! Caps and floors: how far a resolver moves the TTLs it is given.
//!
//! A resolver may have many backends: the highest TTL of any is what a name can be kept for. Deliberately absent: an
//! average.

use chrono::TimeDelta;

use super::{
    Limit, Measured,
    plan::Kind,
    samples::{Sample, Samples},
};

/// Names that must have been answered before anything is said: one may be a mishap.
const LEAST: usize = 2;

/// What a fetch that needed several attempts, and rounding, may take off a TTL, seconds.
const SLACK: u32 = 5;

/// A second reply within this time after the first is from a cache, and no TTL of a second has ended yet.
const AT_ONCE: TimeDelta = TimeDelta::milliseconds(800);

/// Rounding apart, answers that end within this time of each other are one answer. Waves lie further apart.
const ONE_END: TimeDelta = TimeDelta::milliseconds(1_900);

/// The highest TTL that is kept.
pub(super) fn cap(samples: &Samples<'_>) -> Measured<Limit> {
    if let Some(why) = made_up(samples) {
        return Measured::unknown(why);
    }
    highest(samples, Kind::Long, "names with a TTL of")
}

/// How long a denial is kept at most.
pub(super) fn negative_cap(samples: &Samples<'_>) -> Measured<Limit> {
    highest(samples, Kind::Absent, "denials to be kept for")
}

fn highest(samples: &Samples<'_>, kind: Kind, of: &str) -> Measured<Limit> {
    let (names, asked) = (samples.names(kind).len(), samples.asked(kind));
    let ttls: Vec<u32> = samples.of(kind).map(|sample| sample.ttl).collect();
    let (Some(highest), Some(tested)) = (ttls.iter().max(), samples.served.ttl(kind)) else {
        return Measured::unknown(few(names, asked));
    };
    if names < LEAST {
        return Measured::unknown(few(names, asked));
    }
    let seconds = (highest.saturating_add(SLACK) < tested).then_some(*highest);
    let lowest = samples.first(kind).map(|sample| sample.ttl).min();
    let spread = match lowest {
        Some(lowest) if lowest.saturating_add(SLACK) < *highest => {
            format!("; some were given {lowest} s at first")
        }
        _ => String::new(),
    };
    let how = format!(
        "the highest of {} TTLs of {names} new {of} {tested} s{spread}",
        ttls.len()
    );
    Measured::known(Limit { seconds, tested }, how)
}

fn few(names: usize, asked: usize) -> String {
    match names {
        0 => format!("none of {asked} new names was answered as the zone has it"),
        _ => format!("only {names} of {asked} new names was answered as the zone has it"),
    }
}

/// Why new names tell nothing of fetches: those of the last wave were given what is left of an earlier answer, and end
/// with it.
fn made_up(samples: &Samples<'_>) -> Option<String> {
    let highest = |late: bool| {
        let first = samples.first(Kind::Long);
        let of = first.filter(move |sample| sample.probe.is_late() == late);
        of.max_by_key(|sample| sample.ttl)
    };
    let (early, late) = (highest(false)?, highest(true)?);
    let same_end = (late.expires() - early.expires()).abs() <= ONE_END;
    (same_end && late.ttl < early.ttl).then(|| {
        "names never asked before were answered with the rest of an earlier TTL: is the zone signed, so that answers are \
         made up from its wildcard (RFC 8198)?"
            .to_owned()
    })
}

/// The lowest TTL that is kept. Some lift the TTL of the first reply, some only what the cache says at once afterwards.
pub(super) fn floor(samples: &Samples<'_>) -> Measured<Limit> {
    let (short, zero) = (kept(samples, Kind::Short), kept(samples, Kind::Zero));
    let names = samples.names(Kind::Short).len() + samples.names(Kind::Zero).len();
    let asked = samples.asked(Kind::Short) + samples.asked(Kind::Zero);
    if names < LEAST {
        return Measured::unknown(few(names, asked));
    }
    let served = samples.served;
    let lifted = [(short, served.short), (zero, served.zero)];
    let lifted = lifted
        .iter()
        .filter_map(|(ttl, own)| ttl.filter(|ttl| ttl > own));
    let tested = served.short.min(served.zero);
    let how = format!(
        "the highest TTL of {names} new names with TTLs of {} and {} s",
        served.short, served.zero
    );
    let seconds = lifted.max();
    Measured::known(Limit { seconds, tested }, how)
}

/// The highest TTL of a kind while the authority's own could not have ended: what comes later may be a stale answer.
fn kept(samples: &Samples<'_>, kind: Kind) -> Option<u32> {
    let own = samples.served.ttl(kind)?;
    let first: Vec<&Sample> = samples.first(kind).collect();
    let lives = |sample: &&Sample| {
        let fetched = first.iter().find(|first| first.probe == sample.probe);
        fetched.is_some_and(|first| {
            sample.at == first.at || (own > 0 && sample.at - first.at < AT_ONCE)
        })
    };
    samples
        .of(kind)
        .filter(lives)
        .map(|sample| sample.ttl)
        .max()
}
