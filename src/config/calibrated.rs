//! Resolvers as they were measured: calibration before what is built in, what a user has written before calibration.
//!
//! Deliberately absent: measuring, and the arithmetic, which is [`traits`]'s.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Config, Group, presets};
use crate::{
    audit::calibration::{Calibration, traits},
    types::Resolver,
};

impl Config {
    /// The same with every resolver as it was measured.
    #[must_use]
    pub fn calibrated(&self, calibrations: &[Calibration], now: DateTime<Utc>) -> Self {
        let groups = self.groups.iter();
        Self {
            resolvers: calibrated(&self.resolvers, calibrations, now),
            groups: groups
                .map(|group| Arc::new(group.calibrated(calibrations, now)))
                .collect(),
            ..self.clone()
        }
    }
}

impl Group {
    /// The same with every resolver as it was measured.
    #[must_use]
    pub fn calibrated(&self, calibrations: &[Calibration], now: DateTime<Utc>) -> Self {
        Self {
            resolvers: calibrated(&self.resolvers, calibrations, now),
            ..self.clone()
        }
    }
}

/// These resolvers as they were measured.
pub fn calibrated(
    resolvers: &[Arc<Resolver>],
    calibrations: &[Calibration],
    now: DateTime<Utc>,
) -> Vec<Arc<Resolver>> {
    let resolvers = resolvers.iter();
    let measured = resolvers.map(|resolver| {
        let written = !presets::is_preset(&resolver.id);
        traits::calibrated(resolver, written, calibrations, now)
    });
    measured.collect()
}
