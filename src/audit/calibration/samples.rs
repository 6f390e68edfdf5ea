//! The replies of one run, and which of them tell something.
//!
//! Deliberately absent: what they tell.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    canary::Served,
    plan::{Kind, Probe},
};
use crate::types::{Observation, Value};

/// One reply that holds what the zone holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    /// Which name.
    pub(super) probe: Probe,
    /// When it was received.
    pub(super) at: DateTime<Utc>,
    /// As received, seconds.
    pub(super) ttl: u32,
    /// Who answered, where it says so.
    pub(super) site: Option<String>,
    /// Whether it says itself that it is stale.
    pub(super) is_stale: bool,
}

impl Sample {
    /// When the answer ends, by its own word.
    pub(super) fn expires(&self) -> DateTime<Utc> {
        self.at + TimeDelta::seconds(self.ttl.into())
    }
}

/// The replies of one run.
pub(super) struct Samples<'a> {
    pub(super) served: &'a Served,
    pub(super) replies: &'a [(Probe, Observation)],
    right: Vec<Sample>,
}

impl<'a> Samples<'a> {
    pub(super) fn new(served: &'a Served, replies: &'a [(Probe, Observation)]) -> Self {
        let mut right: Vec<_> = replies
            .iter()
            .filter(|(probe, reply)| is_right(served, *probe, reply))
            .map(|(probe, reply)| Sample {
                probe: *probe,
                at: reply.at,
                ttl: reply.link_ttl(0),
                site: reply.site(),
                is_stale: reply.is_stale(),
            })
            .collect();
        right.sort_by_key(|sample| sample.at);
        Self {
            served,
            replies,
            right,
        }
    }

    /// How many questions had any reply.
    pub(super) fn replies(&self) -> usize {
        let replied = |(_, reply): &&(Probe, Observation)| reply.answer.is_reply();
        self.replies.iter().filter(replied).count()
    }

    /// The right answers to names of a kind, in order of receipt.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Sample> {
        let right = self.right.iter();
        right.filter(move |sample| sample.probe.kind == kind)
    }

    /// The names of a kind that were answered rightly.
    pub(super) fn names(&self, kind: Kind) -> BTreeSet<Probe> {
        self.of(kind).map(|sample| sample.probe).collect()
    }

    /// How many names of a kind were asked.
    pub(super) fn asked(&self, kind: Kind) -> usize {
        let probes = self.replies.iter().map(|(probe, _)| *probe);
        let asked: BTreeSet<Probe> = probes.filter(|probe| probe.kind == kind).collect();
        asked.len()
    }

    /// The first right answer to each name of a kind.
    pub(super) fn first(&self, kind: Kind) -> impl Iterator<Item = &Sample> {
        let mut seen = BTreeSet::new();
        self.of(kind)
            .filter(move |sample| seen.insert(sample.probe))
    }

    /// The sites that answered anything.
    pub(super) fn sites(&self) -> BTreeSet<String> {
        self.replies
            .iter()
            .filter_map(|(_, reply)| reply.site())
            .collect()
    }
}

fn is_right(served: &Served, probe: Probe, reply: &Observation) -> bool {
    let [link] = reply.answer.links.as_slice() else {
        return false;
    };
    match probe.kind {
        Kind::Long | Kind::Fading | Kind::Short | Kind::Zero => link.value == served.value,
        // Without an SOA record it has no TTL.
        Kind::Absent => link.value == Value::Nxdomain && !reply.ttls.iter().all(Vec::is_empty),
        Kind::Failing => false,
    }
}
