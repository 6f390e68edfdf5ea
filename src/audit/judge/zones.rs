//! Which zone a name lies in, among those a round came across.
//!
//! Deliberately absent: finding them, which is `probe`'s work.

use std::{collections::HashMap, sync::Arc};

use crate::{names::DnsName, types::Zone};

/// Zones by apex.
#[derive(Debug, Clone, Default)]
pub struct Zones(HashMap<DnsName, Arc<Zone>>);

impl Zones {
    /// Adds a zone, or puts it in the place of what was known of its apex.
    pub fn insert(&mut self, zone: Arc<Zone>) {
        self.0.insert(zone.apex.clone(), zone);
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The zone with the longest apex that the name lies in.
    pub fn zone_of(&self, name: &DnsName) -> Option<&Zone> {
        let mut here = Some(name.clone());
        while let Some(name) = here {
            if let Some(zone) = self.0.get(&name) {
                return Some(zone);
            }
            here = name.parent();
        }
        None
    }

    /// Every zone, by apex.
    pub fn iter(&self) -> impl Iterator<Item = &Zone> {
        let mut zones: Vec<_> = self.0.values().map(Arc::as_ref).collect();
        zones.sort_by(|one, other| one.apex.cmp(&other.apex));
        zones.into_iter()
    }
}
