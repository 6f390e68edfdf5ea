//! What is read out of replies that a resolver of each kind would give.

mod again;
mod applied;
mod bounds;
mod resolvers;
mod zone;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Calibration,
    canary::{Canary, Served},
    plan::{self, Kind, Probe},
};
use crate::{
    audit::testing::{Reply, at, data, observe, rrset},
    types::{Observation, Rcode, Source, SourceKind, Transport, Value},
};

const TOKEN: &str = "c0ffee";
const TEXT: &str = "\"dns-auditor canary\"";

fn canary() -> Canary {
    Canary::new("canary.example.com".parse().unwrap()).unwrap()
}

fn source() -> Source {
    Source {
        kind: SourceKind::Resolver,
        id: "subject".to_owned(),
        address: "192.0.2.53:53".parse().unwrap(),
        transport: Transport::Udp,
    }
}

fn served() -> Served {
    Served {
        value: rrset(&[TEXT]),
        long: 604_800,
        short: 1,
        zero: 0,
        negative: 86_400,
    }
}

/// A reply as the zone would have it, with this TTL.
fn right(probe: Probe, ttl: u32) -> Reply {
    let name = canary().question(TOKEN, probe).unwrap().name;
    match probe.kind {
        Kind::Absent => Reply::rcode(Rcode::NXDOMAIN).link(name.as_str(), Value::Nxdomain, ttl),
        Kind::Failing => Reply::rcode(Rcode::SERVFAIL),
        _ => data().link(name.as_str(), rrset(&[TEXT]), ttl),
    }
}

fn asked(probe: Probe, at: DateTime<Utc>, reply: &Reply) -> (Probe, Observation) {
    let question = canary().question(TOKEN, probe).unwrap();
    (probe, observe(&source(), &question, at, reply))
}

/// A whole run that began at 10:00:00, a question every 100 ms and a wave every 2.5 s, answered by `world`.
fn run(mut world: impl FnMut(Probe, DateTime<Utc>) -> Reply) -> Calibration {
    let began = at("10:00");
    let mut replies = Vec::new();
    for (wave, start) in plan::waves().into_iter().zip(0..) {
        for (probe, nth) in wave.into_iter().zip(0..) {
            let now = began + TimeDelta::milliseconds(2_500 * start + 100 * nth);
            replies.push(asked(probe, now, &world(probe, now)));
        }
    }
    let end = at("10:00:15");
    let zone = canary().origin().clone();
    Calibration::of(source(), zone, TOKEN.to_owned(), &served(), &replies, end)
}
