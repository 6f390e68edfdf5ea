//! How long an old answer would have lasted under another TTL at the authority: worked out from spans alone.
//!
//! The model, for a value that an authority served with TTL `Θ` until `L`, at a resolver that keeps nothing longer than its
//! cap, and that was seen to hand it out after `L`, last until `x`:
//!
//! - it fetched the copy at `x − min(Θ, cap)` (expiry instants do not move down a chain of honest caches);
//! - with `Θ' < Θ` that copy would have expired at fetch + `min(Θ', cap)`, and it may have fetched the value again up to
//!   `L`: so it would have lasted until `L + min(Θ', cap)` at most, and no longer than it did;
//! - with a longer `Θ'` that copy would have lasted until fetch + `min(Θ', cap)`.
//!
//! A value that no authority was seen to serve came with a TTL that was not the authority's: another one changes nothing.
//! Deliberately absent: samples, verdicts, and any reading of a clock.

mod served;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    names::DnsName,
    types::{Question, SourceKind, Span, Value},
};
use served::{Ending, Served};

/// The model in a few words, for whoever prints the result.
pub const MODEL: &str = "A cache seen to hand out a value after the authority's end of it (L), last until x, fetched it at \
     x - min(TTL, cap). With a shorter TTL it may have fetched it again up to L, so that it would have lasted until \
     L + min(TTL, cap) at most. What no authority was seen to serve had a TTL of its own: nothing changes.";

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Assumed<'a> {
    /// `Θ'`: the TTL that the authority would have served, seconds.
    pub ttl: u32,
    /// The longest that resolvers keep anything, seconds, by id, where that is known.
    pub caps: &'a BTreeMap<String, u32>,
    /// Only what could be held at or after this.
    pub from: DateTime<Utc>,
    /// Only what began by then.
    pub to: DateTime<Utc>,
}

/// How long old and wrong answers lasted, and would have lasted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// `Θ'`, seconds.
    pub ttl: u32,
    /// As asked.
    pub from: DateTime<Utc>,
    /// As asked.
    pub to: DateTime<Utc>,
    /// What is assumed of caches.
    pub model: String,
    /// Every value that a resolver handed out and no authority served then; by question, beginning and resolver.
    pub held: Vec<HeldAnswer>,
    /// The longest of them as it was, seconds; `None` where there is none.
    pub longest_s: Option<i64>,
    /// The longest of them as it would have been, seconds.
    pub would_longest_s: Option<i64>,
}

/// One value at one resolver address after its end at the authority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldAnswer {
    /// The resolver's id.
    pub resolver: String,
    /// The address asked.
    pub address: SocketAddr,
    /// The backends that handed it out, by NSID.
    pub sites: BTreeSet<String>,
    /// What was asked.
    pub question: Question,
    /// The owner name of the link: the asked name, or one that its alias leads to.
    pub owner: DnsName,
    /// The value.
    pub value: String,
    /// From when it was wrong: `L`, the authority's end of it; the first sight where no authority was seen to serve it.
    pub since: DateTime<Utc>,
    /// `Θ`, seconds; `None` where no authority was seen to serve it.
    pub authority_ttl: Option<u32>,
    /// The longest that the resolver keeps anything, seconds.
    pub ttl_cap: Option<u32>,
    /// When the copy was fetched, as far as the model knows.
    pub fetched_at: Option<DateTime<Utc>>,
    /// The last sight of it.
    pub last_seen: DateTime<Utc>,
    /// Until when a client could keep it.
    pub until: DateTime<Utc>,
    /// Until when a client could have kept it, at most.
    pub would_until: DateTime<Utc>,
    /// From `since` to `until`, seconds.
    pub lasted_s: i64,
    /// From `since` to `would_until`, seconds.
    pub would_last_s: i64,
}

/// One link's value at one resolver address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Holder<'a> {
    question: &'a Question,
    resolver: &'a str,
    address: SocketAddr,
    owner: &'a DnsName,
    value: &'a Value,
}

/// A run of a value at a resolver.
#[derive(Debug, Clone, Copy)]
struct Run<'a> {
    site: Option<&'a str>,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// Works it out from the spans of one vantage: those of resolvers, and all that is known of what their links' authorities
/// served before `to`.
pub fn what_if(spans: &[Span], assumed: &Assumed<'_>) -> WhatIf {
    let served = Served::of(spans);
    let mut held = Vec::new();
    for (holder, runs) in holders(spans) {
        held.extend(held_by(&holder, &runs, &served, assumed));
    }
    let overlaps = |one: &HeldAnswer| one.until >= assumed.from && one.since <= assumed.to;
    held.retain(overlaps);
    held.sort_by(|one, other| {
        let key = |one: &HeldAnswer| (one.question.clone(), one.since, one.resolver.clone());
        (key(one), one.address, &one.value).cmp(&(key(other), other.address, &other.value))
    });
    WhatIf {
        ttl: assumed.ttl,
        from: assumed.from,
        to: assumed.to,
        model: MODEL.to_owned(),
        longest_s: held.iter().map(|one| one.lasted_s).max(),
        would_longest_s: held.iter().map(|one| one.would_last_s).max(),
        held,
    }
}

fn holders(spans: &[Span]) -> BTreeMap<Holder<'_>, Vec<Run<'_>>> {
    let mut holders: BTreeMap<Holder, Vec<Run>> = BTreeMap::new();
    let of_resolvers = spans
        .iter()
        .filter(|span| span.series.source.kind == SourceKind::Resolver);
    for span in of_resolvers {
        let source = &span.series.source;
        for (index, link) in span.answer.links.iter().enumerate() {
            let holder = Holder {
                question: &span.series.question,
                resolver: &source.id,
                address: source.address,
                owner: &link.owner,
                value: &link.value,
            };
            holders.entry(holder).or_default().push(Run {
                site: span.site.as_deref(),
                first_seen: span.first_seen,
                last_seen: span.last_seen,
                until: until(span, index),
            });
        }
    }
    holders
}

/// Until when a client could keep a link of a span: exact for a single link, an upper bound in a chain.
fn until(span: &Span, index: usize) -> DateTime<Utc> {
    let latest = span.cached_until.unwrap_or(span.last_seen);
    if span.answer.links.len() == 1 {
        return latest;
    }
    let ttls = span.first_ttls.get(index);
    let first = ttls
        .and_then(|ttls| ttls.iter().min().copied())
        .unwrap_or(0);
    latest.min(span.last_seen + seconds(first))
}

/// Every time that a value was handed out and not served.
fn held_by(
    holder: &Holder<'_>,
    runs: &[Run<'_>],
    served: &Served<'_>,
    assumed: &Assumed<'_>,
) -> Vec<HeldAnswer> {
    let Some(link) = served.link(holder.owner, holder.question.rtype) else {
        return Vec::new();
    };
    let times = link.times(holder.value);
    let Some(first) = times.first() else {
        return vec![told(
            holder,
            &runs.iter().collect::<Vec<_>>(),
            None,
            assumed,
        )];
    };
    // Seen before any authority served it: a new value that overtook our questions, not an old one.
    let known = runs.iter().filter(|run| run.last_seen >= first.begin);
    let known: Vec<&Run> = known.collect();
    let mut held = Vec::new();
    for (nth, time) in times.iter().enumerate() {
        let Some(ending) = &time.ending else { break };
        let next = times.get(nth + 1).map(|next| next.begin);
        let is_after = |run: &&&Run| {
            run.last_seen > ending.at && next.is_none_or(|next| run.first_seen < next)
        };
        let after: Vec<&Run> = known.iter().copied().filter(|run| is_after(&run)).collect();
        if !after.is_empty() {
            held.push(told(holder, &after, Some((ending, next)), assumed));
        }
    }
    held
}

fn told(
    holder: &Holder<'_>,
    runs: &[&Run<'_>],
    ended: Option<(&Ending, Option<DateTime<Utc>>)>,
    assumed: &Assumed<'_>,
) -> HeldAnswer {
    let first_seen = runs
        .iter()
        .map(|run| run.first_seen)
        .min()
        .unwrap_or_default();
    let latest = runs.iter().map(|run| run.until).max().unwrap_or_default();
    let next = ended.and_then(|(_, next)| next);
    // Served again, it is right again.
    let until = next.map_or(latest, |next| latest.min(next));
    let cap = assumed.caps.get(holder.resolver).copied();
    let ending = ended.map(|(ending, _)| ending);
    let since = ending.map_or(first_seen, |ending| ending.at);
    let kept = |ttl: u32| seconds(ttl.min(cap.unwrap_or(u32::MAX)));
    let fetched = ending.map(|ending| latest - kept(ending.ttl));
    // A copy made after the value was served again says nothing of the one that was held before.
    let fetched_at = fetched.filter(|fetched| next.is_none_or(|next| *fetched < next));
    let would_until = match (ending, fetched_at) {
        (Some(ending), Some(fetched)) if assumed.ttl < ending.ttl => {
            until.min(fetched.max(ending.at) + kept(assumed.ttl))
        }
        (Some(_), Some(fetched)) => {
            let would = fetched + kept(assumed.ttl);
            next.map_or(would, |next| would.min(next)).max(until)
        }
        (Some(ending), None) if assumed.ttl < ending.ttl => {
            until.min(ending.at + kept(assumed.ttl))
        }
        _ => until,
    };
    let last_seen = runs
        .iter()
        .map(|run| run.last_seen)
        .max()
        .unwrap_or_default();
    HeldAnswer {
        resolver: holder.resolver.to_owned(),
        address: holder.address,
        sites: runs
            .iter()
            .filter_map(|run| run.site.map(str::to_owned))
            .collect(),
        question: holder.question.clone(),
        owner: holder.owner.clone(),
        value: holder.value.to_string(),
        since,
        authority_ttl: ending.map(|ending| ending.ttl),
        ttl_cap: cap,
        fetched_at,
        last_seen: next.map_or(last_seen, |next| last_seen.min(next)),
        until,
        would_until,
        lasted_s: (until - since).num_seconds(),
        would_last_s: (would_until - since).num_seconds(),
    }
}

fn seconds(ttl: u32) -> TimeDelta {
    TimeDelta::seconds(i64::from(ttl))
}
