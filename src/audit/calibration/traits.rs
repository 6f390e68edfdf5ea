//! What calibrations tell the judge of a resolver: the highest of what its addresses do.
//!
//! Deliberately absent: anything that a user has configured, which stands.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Calibration, Decrement, Limit, Measured};
use crate::types::{Resolver, ResolverTraits};

/// The resolver as it was measured. `configured`: whether its `ttl_cap`, where it has one, is its user's own word.
pub fn calibrated(
    resolver: &Arc<Resolver>,
    configured: bool,
    calibrations: &[Calibration],
    now: DateTime<Utc>,
) -> Arc<Resolver> {
    let of_it: Vec<&Calibration> = resolver
        .sources()
        .filter_map(|source| calibrations.iter().find(|one| one.source == source))
        .collect();
    let Some(oldest) = of_it.iter().min_by_key(|one| one.at) else {
        return resolver.clone();
    };
    let known = &resolver.traits;
    let limit = |measure: Measure| bound(&of_it, measure).and_then(|limit| limit.seconds);
    let constant = |one: &&Calibration| one.measures.decrement.value == Some(Decrement::Constant);
    let mut traits = ResolverTraits {
        ttl_floor: floor(&of_it),
        negative_ttl_cap: limit(|one| &one.measures.negative_ttl_cap),
        constant_ttl: of_it.iter().all(constant),
        ..known.clone()
    };
    let keeps = configured && known.ttl_cap.is_some();
    if let Some(cap) = bound(&of_it, |one| &one.measures.ttl_cap).filter(|_| !keeps) {
        traits.ttl_cap = cap.seconds;
        traits.ttl_cap_source = Some(source(oldest, now));
    }
    Arc::new(Resolver {
        traits,
        ..(**resolver).clone()
    })
}

/// `calibrated 2026-11-26 with canary.example.com`.
fn source(oldest: &Calibration, now: DateTime<Utc>) -> String {
    let (day, zone) = (oldest.at.format("%Y-%m-%d"), &oldest.zone);
    let old = if oldest.is_old(now) { ", old" } else { "" };
    format!("calibrated {day} with {zone}{old}")
}

type Measure = fn(&Calibration) -> &Measured<Limit>;

/// The cap that holds at every address: the highest, and none where one of them has none. `None`: not measured.
fn bound(calibrations: &[&Calibration], measure: Measure) -> Option<Limit> {
    let limits = calibrations.iter().filter_map(|one| measure(one).value);
    limits.max_by_key(|limit| (limit.seconds.is_none(), limit.seconds))
}

/// The highest floor of any address.
fn floor(calibrations: &[&Calibration]) -> u32 {
    let limits = calibrations
        .iter()
        .filter_map(|one| one.measures.ttl_floor.value);
    limits.filter_map(|limit| limit.seconds).max().unwrap_or(0)
}
