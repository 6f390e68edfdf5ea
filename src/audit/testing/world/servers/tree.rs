//! A server's names as a tree: which exist though they hold nothing, and what a wildcard gives (RFC 4592).
//!
//! Deliberately absent: TTLs, and whether the server answers.

use chrono::{DateTime, Utc};

use super::{Data, Manner, Servers};
use crate::{
    names::DnsName,
    types::{RecordType, Value},
};

/// A server's data at an instant, as one viewer sees them.
pub(super) struct Seen<'a> {
    servers: &'a Servers,
    /// The viewer's own view first.
    views: [(String, Option<String>); 2],
    denies_ents: bool,
    at: DateTime<Utc>,
}

impl Servers {
    pub(super) fn seen(&self, server: &str, viewer: &str, at: DateTime<Utc>) -> Seen<'_> {
        let view = |viewer: Option<&str>| (server.to_owned(), viewer.map(str::to_owned));
        Seen {
            servers: self,
            views: [view(Some(viewer)), view(None)],
            denies_ents: self.manner(server, viewer, at) == Manner::DeniesEnts,
            at,
        }
    }
}

impl<'a> Seen<'a> {
    /// The data of an owner, or those that a wildcard gives it; `None` where it has none.
    pub(super) fn data(&self, owner: &DnsName, rtype: RecordType) -> Option<&'a Data> {
        if let Some(data) = self.own(owner, rtype).filter(|data| !is_gone(data)) {
            return Some(data);
        }
        let wildcard = self.wildcard_for(owner)?;
        self.own(&wildcard, rtype).filter(|data| !is_gone(data))
    }

    /// How an owner without data of a type is denied.
    pub(super) fn denial(&self, owner: &DnsName) -> Value {
        let has_some = self.holds_any(owner)
            || self
                .servers
                .zone_of(owner)
                .is_some_and(|zone| zone.apex == *owner)
            || (self.has_below(owner) && !self.denies_ents)
            || self
                .wildcard_for(owner)
                .is_some_and(|wildcard| self.holds_any(&wildcard));
        if has_some {
            Value::Nodata
        } else {
            Value::Nxdomain
        }
    }

    fn own(&self, owner: &DnsName, rtype: RecordType) -> Option<&'a Data> {
        self.views.iter().find_map(|view| {
            let types = self.servers.data.get(view)?.get(owner)?;
            types.get(&rtype)?.at(self.at)
        })
    }

    /// Whether an owner has data of any type.
    fn holds_any(&self, owner: &DnsName) -> bool {
        self.views.iter().any(|view| {
            let types = self
                .servers
                .data
                .get(view)
                .and_then(|owners| owners.get(owner));
            let mut types = types.into_iter().flat_map(|types| types.values());
            types.any(|timeline| timeline.at(self.at).is_some_and(is_positive))
        })
    }

    /// Whether any name below an owner exists.
    fn has_below(&self, owner: &DnsName) -> bool {
        let owners = self
            .views
            .iter()
            .filter_map(|view| self.servers.data.get(view));
        let mut below = owners
            .flat_map(|owners| owners.keys())
            .filter(|other| *other != owner && other.is_within(owner));
        below.any(|other| self.holds_any(other))
    }

    /// The wildcard below the closest encloser of an owner that does not exist (RFC 4592 section 3.3.1).
    fn wildcard_for(&self, owner: &DnsName) -> Option<DnsName> {
        let apex = &self.servers.zone_of(owner)?.apex;
        if owner == apex || self.holds_any(owner) || self.has_below(owner) {
            return None;
        }
        let exists = |name: &DnsName| self.holds_any(name) || self.has_below(name);
        let mut between = owner.between(apex);
        let encloser = between.find(exists).unwrap_or_else(|| apex.clone());
        format!("*.{encloser}").parse().ok()
    }
}

fn is_gone(data: &Data) -> bool {
    matches!(data, Data::Holds(Value::Nxdomain, _))
}

fn is_positive(data: &Data) -> bool {
    !matches!(data, Data::Holds(value, _) if value.is_negative())
}
