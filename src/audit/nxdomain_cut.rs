//! NXDOMAIN cuts: what an authority denies altogether, it denies of every name below (RFC 8020 section 2).
//!
//! Deliberately absent: whether the denial is right, and what resolvers make of it.

use std::collections::HashMap;

use crate::{
    audit::{history::is_authoritative, judge::RoundInput},
    names::DnsName,
    types::{Observation, SourceKind, Value},
};

/// The names that servers of their zones denied in a round, with the replies.
#[derive(Debug, Default)]
pub(super) struct NxdomainCuts<'a>(HashMap<&'a DnsName, Vec<&'a Observation>>);

impl<'a> NxdomainCuts<'a> {
    pub(super) fn of(input: &RoundInput<'a>) -> Self {
        let mut cuts: HashMap<_, Vec<_>> = HashMap::new();
        for reply in input.observations {
            let owner = &reply.question.name;
            if reply.source.kind == SourceKind::Authority
                && is_authoritative(reply)
                && reply.answer.links.first().map(|link| &link.value) == Some(&Value::Nxdomain)
                && input.zones.lists(owner, reply.source.address)
            {
                cuts.entry(owner).or_default().push(reply);
            }
        }
        Self(cuts)
    }

    /// The denials of names between this one and its zone's apex, the nearest name first.
    pub(super) fn above(&self, name: &DnsName, apex: &DnsName) -> Vec<&'a Observation> {
        let between = name.between(apex);
        let replies = between.filter_map(|above| self.0.get(&above));
        replies.flatten().copied().collect()
    }
}
