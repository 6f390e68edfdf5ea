//! When each value of a link was served by any authority, as its spans say.
//!
//! Deliberately absent: which servers are listed today. One that was once asked counts for what it served.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    names::DnsName,
    types::{RecordType, SourceKind, Span, Value},
};

/// A server unseen for so long, while others were seen, serves nothing any more.
const BLIND_LIMIT: TimeDelta = TimeDelta::hours(1);

/// What the authorities of every link served.
pub(super) struct Served<'a>(HashMap<(&'a DnsName, RecordType), Link<'a>>);

/// What the authorities of one link served.
#[derive(Default)]
pub(super) struct Link<'a> {
    by_server: BTreeMap<SocketAddr, Vec<Sight<'a>>>,
    last_seen: DateTime<Utc>,
}

/// A span of one value at one server.
struct Sight<'a> {
    value: &'a Value,
    ttl: u32,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
}

/// A time during which some server served a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) begin: DateTime<Utc>,
    /// `None` while it is served.
    pub(super) ending: Option<Ending>,
}

/// The end of a value at the last server that served it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) at: DateTime<Utc>,
    /// The TTL that made it last longest, seconds.
    pub(super) ttl: u32,
}

impl<'a> Served<'a> {
    pub(super) fn of(spans: &'a [Span]) -> Self {
        let mut links: HashMap<_, Link> = HashMap::new();
        let authoritative = spans
            .iter()
            .filter(|span| span.series.source.kind == SourceKind::Authority && span.authoritative);
        for span in authoritative {
            for (index, link) in span.answer.links.iter().enumerate() {
                let ttls = span.first_ttls.get(index);
                let key = (&link.owner, span.series.question.rtype);
                let known = links.entry(key).or_default();
                known.last_seen = known.last_seen.max(span.last_seen);
                let server = known.by_server.entry(span.series.source.address);
                server.or_default().push(Sight {
                    value: &link.value,
                    ttl: ttls
                        .and_then(|ttls| ttls.iter().min().copied())
                        .unwrap_or(0),
                    first_seen: span.first_seen,
                    last_seen: span.last_seen,
                });
            }
        }
        for link in links.values_mut() {
            for sights in link.by_server.values_mut() {
                sights.sort_by_key(|sight| (sight.first_seen, sight.last_seen));
            }
        }
        Self(links)
    }

    /// `None` where no authority was ever heard of it.
    pub(super) fn link<'b>(
        &'b self,
        owner: &'b DnsName,
        rtype: RecordType,
    ) -> Option<&'b Link<'a>> {
        self.0.get(&(owner, rtype))
    }
}

impl Link<'_> {
    /// When the value was served by any server, in order; times that touch or overlap are one.
    pub(super) fn times(&self, value: &Value) -> Vec<Time> {
        let servers = self.by_server.values();
        let mut times: Vec<Time> = servers
            .flat_map(|sights| self.at_one(sights, value))
            .collect();
        times.sort_by_key(|time| time.begin);
        let mut joined: Vec<Time> = Vec::new();
        for time in times {
            match joined.last_mut() {
                Some(before)
                    if before
                        .ending
                        .as_ref()
                        .is_none_or(|end| end.at >= time.begin) =>
                {
                    before.ending = later(before.ending.take(), time.ending);
                }
                _ => joined.push(time),
            }
        }
        joined
    }

    /// The same at one server: a value lasts until the server's next differing answer.
    fn at_one(&self, sights: &[Sight<'_>], value: &Value) -> Vec<Time> {
        let runs: Vec<&[Sight]> = sights
            .chunk_by(|one, next| one.value == next.value)
            .collect();
        let begins = |run: &&[Sight]| run.first().map(|sight| sight.first_seen);
        let mut times = Vec::new();
        for (nth, run) in runs.iter().enumerate() {
            let Some(first) = run.first().filter(|sight| sight.value == value) else {
                continue;
            };
            let last_seen = run.iter().map(|sight| sight.last_seen).max();
            let silent = last_seen.map(|last| last + BLIND_LIMIT);
            let silent = silent.filter(|silent| *silent < self.last_seen);
            let end = runs.get(nth + 1).and_then(begins).or(silent);
            times.push(Time {
                begin: first.first_seen,
                ending: end.map(|at| Ending::of(run, at)),
            });
        }
        times
    }
}

impl Ending {
    /// The end of a run of one value, whose TTL may have changed meanwhile.
    fn of(run: &[Sight<'_>], at: DateTime<Utc>) -> Self {
        let ends = run.iter().skip(1).map(|next| next.first_seen).chain([at]);
        let lasting = run
            .iter()
            .zip(ends)
            .map(|(sight, end)| lasting(end, sight.ttl));
        Self {
            at,
            ttl: longest_ttl(at, lasting.max()),
        }
    }
}

fn lasting(end: DateTime<Utc>, ttl: u32) -> DateTime<Utc> {
    end + TimeDelta::seconds(i64::from(ttl))
}

fn longest_ttl(at: DateTime<Utc>, lasting: Option<DateTime<Utc>>) -> u32 {
    let seconds = lasting.map_or(0, |lasting| (lasting - at).num_seconds());
    u32::try_from(seconds).unwrap_or(0)
}

/// The later end, with the TTL that made either of them last longest; none while either goes on.
fn later(one: Option<Ending>, other: Option<Ending>) -> Option<Ending> {
    let (one, other) = (one?, other?);
    let at = one.at.max(other.at);
    let longest = lasting(one.at, one.ttl).max(lasting(other.at, other.ttl));
    Some(Ending {
        at,
        ttl: longest_ttl(at, Some(longest)),
    })
}
