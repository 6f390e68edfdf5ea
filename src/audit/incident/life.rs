//! The life of an incident: where it can stand, what moves it, and every edge that there is.
//!
//! Deliberately absent: when something moves it, which is [`crate::audit::ledger`]'s rule.

use serde::{Deserialize, Serialize};

use super::{Incident, Status, TransitionKind};
use Cause::{
    ByHand, Clean, Confirmed, Flaps, Flushed, Grown, Merged, Over, Relapsed, Repeated, Throttled,
    TookIn, Unasked, Worse,
};
use Standing::{Candidate, Flapping, Open, Recovering, Resolved};

/// Where an incident stands in its life: [`Status`], with what it is before it is told, and with flapping apart from open.
///
/// [`EDGES`] are legal and no others. In short:
///
/// ```text
/// candidate ──confirmed─────────────────────────────────────► open        opened
/// candidate ──confirmed, the third time within an hour──────► flapping    opened
/// candidate ──clean round───────────────────────────────────► (forgotten) nothing
/// open ───────worse; wider or narrower; gathering others────► open        updated
/// open ───────repeat_interval, not acknowledged─────────────► open        reminder
/// open ───────3 clean rounds at each backend once bad───────► recovering  updated
/// recovering ─confirmed again───────────────────────────────► open        updated
/// recovering ─confirmed again, the third time within an hour► flapping    updated
/// recovering ─recovery_window, now > cached_until───────────► resolved    resolved
/// open ───────the same, with 3 clean rounds, where a bad site
///             was never sampled again──────────────────────► resolved    resolved
/// flapping ───worse, wider or narrower, gathering others────► flapping    updated
/// flapping ───repeat_interval, not acknowledged─────────────► flapping    reminder
/// flapping ───clean, or bad again───────────────────────────► flapping    nothing
/// flapping ───quiet for flap_window, now > cached_until─────► resolved    resolved
/// any ────────flushed wherever it was bad, and clean since──► resolved    resolved
/// any ────────merged, by hand, or no longer asked───────────► resolved    resolved
/// ```
///
/// Nothing leaves `resolved`: the same breach confirmed later is a new incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It counts towards confirmation; there is no incident yet.
    Candidate,
    /// Bad.
    Open,
    /// It comes and goes: open until it is quiet for long enough, whatever it is at the moment.
    Flapping,
    /// Clean of late; caches may still hold it.
    Recovering,
    /// Over.
    Resolved,
}

/// What moves an incident along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It is believed.
    Confirmed,
    /// It is believed once more, and began so often of late that it is flapping.
    Flaps,
    /// It is believed again while it was recovering.
    Relapsed,
    /// Its severity rose.
    Worse,
    /// Resolvers or names joined or left.
    Grown,
    /// It takes in incidents that were told before.
    TookIn,
    /// A resolver address is left alone but for one question a round.
    Throttled,
    /// Nothing was told of it for long.
    Repeated,
    /// Clean rounds wherever it was bad.
    Clean,
    /// Not seen for long enough.
    Over,
    /// Flushed wherever it was bad, and clean since.
    Flushed,
    /// It is a part of another incident.
    Merged,
    /// A person ended it.
    ByHand,
    /// The configuration no longer asks for it.
    Unasked,
}

/// One legal edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Where it begins.
    pub from: Standing,
    /// What moves the incident along it.
    pub cause: Cause,
    /// Where it ends.
    pub to: Standing,
    /// What it is told as.
    pub told: TransitionKind,
}

const fn edge(from: Standing, cause: Cause, to: Standing, told: TransitionKind) -> Edge {
    Edge {
        from,
        cause,
        to,
        told,
    }
}

const fn update(from: Standing, cause: Cause, to: Standing) -> Edge {
    edge(from, cause, to, TransitionKind::Updated)
}

const fn end(from: Standing, cause: Cause) -> Edge {
    edge(from, cause, Resolved, TransitionKind::Resolved)
}

/// Every edge there is.
pub const EDGES: [Edge; 31] = [
    edge(Candidate, Confirmed, Open, TransitionKind::Opened),
    edge(Candidate, Flaps, Flapping, TransitionKind::Opened),
    update(Open, Worse, Open),
    update(Open, Grown, Open),
    update(Open, TookIn, Open),
    update(Open, Throttled, Open),
    edge(Open, Repeated, Open, TransitionKind::Reminder),
    update(Open, Clean, Recovering),
    end(Open, Over),
    end(Open, Flushed),
    end(Open, Merged),
    end(Open, ByHand),
    end(Open, Unasked),
    update(Flapping, Worse, Flapping),
    update(Flapping, Grown, Flapping),
    update(Flapping, TookIn, Flapping),
    update(Flapping, Throttled, Flapping),
    edge(Flapping, Repeated, Flapping, TransitionKind::Reminder),
    end(Flapping, Over),
    end(Flapping, Flushed),
    end(Flapping, Merged),
    end(Flapping, ByHand),
    end(Flapping, Unasked),
    update(Recovering, Relapsed, Open),
    update(Recovering, Flaps, Flapping),
    update(Recovering, TookIn, Recovering),
    end(Recovering, Over),
    end(Recovering, Flushed),
    end(Recovering, Merged),
    end(Recovering, ByHand),
    end(Recovering, Unasked),
];

impl Edge {
    /// The edge that leads from a standing for a cause; `None`: there is none.
    pub fn of(from: Standing, cause: Cause) -> Option<Self> {
        let mut edges = EDGES.into_iter();
        edges.find(|edge| edge.from == from && edge.cause == cause)
    }
}

impl Standing {
    /// Where an incident that was told of stands.
    pub fn of(incident: &Incident) -> Self {
        match incident.status {
            Status::Open if incident.flapping.is_some() => Flapping,
            Status::Open => Open,
            Status::Recovering => Recovering,
            Status::Resolved => Resolved,
        }
    }

    /// The status of an incident that stands there.
    pub(in crate::audit) fn status(self) -> Status {
        match self {
            Candidate | Open | Flapping => Status::Open,
            Recovering => Status::Recovering,
            Resolved => Status::Resolved,
        }
    }
}
