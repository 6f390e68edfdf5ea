//! Which zone a name lies in, among those a round came across.
//!
//! Deliberately absent: finding them, which is `probe`'s work.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{audit::history::Membership, names::DnsName, types::Zone};

/// Zones by apex, and the names whose zone was not found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Zones {
    found: HashMap<DnsName, Arc<Zone>>,
    unplaced: BTreeMap<DnsName, Unplaced>,
}

/// Why a name's zone was not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unplaced {
    /// The zone whose servers did not say where the name is delegated: the root, where not even that was reached.
    pub silent: DnsName,
    /// One sentence, with the mend.
    pub why: String,
}

impl Zones {
    /// Adds a zone, or puts it in the place of what was known of its apex.
    pub fn insert(&mut self, zone: Arc<Zone>) {
        self.found.insert(zone.apex.clone(), zone);
    }

    /// Notes that a name's zone was not found.
    pub fn insert_unplaced(&mut self, name: DnsName, why: Unplaced) {
        self.unplaced.insert(name, why);
    }

    /// Why the name's zone was not found, where it was not.
    pub fn unplaced(&self, name: &DnsName) -> Option<&Unplaced> {
        self.unplaced.get(name)
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.found.extend(other.found);
        self.unplaced.extend(other.unplaced);
    }

    /// The zone with the longest apex that the name lies in.
    pub fn zone_of(&self, name: &DnsName) -> Option<&Zone> {
        let mut here = Some(name.clone());
        while let Some(name) = here {
            if let Some(zone) = self.found.get(&name) {
                return Some(zone);
            }
            here = name.parent();
        }
        None
    }

    /// Whether a server's word on `owner` counts, which it gave when asked for `told_for`. Where the zone is not known
    /// every server counts.
    pub fn membership(
        &self,
        owner: &DnsName,
        address: SocketAddr,
        told_for: &DnsName,
    ) -> Membership {
        let Some(zone) = self.zone_of(owner) else {
            return Membership::Listed;
        };
        if zone.servers.iter().any(|server| server.address == address) {
            return Membership::Listed;
        }
        // A server beside the zone may add what it believes of an alias's target (RFC 2181 section 5.4.1).
        match self.zone_of(told_for) {
            Some(other) if other.apex != zone.apex => Membership::Stranger,
            _ => Membership::Left,
        }
    }

    /// Whether the server is in `S` of the zone that `owner` lies in.
    pub fn lists(&self, owner: &DnsName, address: SocketAddr) -> bool {
        self.membership(owner, address, owner) == Membership::Listed
    }

    /// Every zone, by apex.
    pub fn iter(&self) -> impl Iterator<Item = &Zone> {
        let mut zones: Vec<_> = self.found.values().map(Arc::as_ref).collect();
        zones.sort_by(|one, other| one.apex.cmp(&other.apex));
        zones.into_iter()
    }
}
