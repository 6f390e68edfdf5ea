//! Findings about TTLs at the authority: a cache's countdown neither raises nor clears them.
//!
//! Deliberately absent: resolvers, and the TTLs of NS sets and glue, which belong to the zone.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    MOST_EVIDENCE, View, all_evidence, baseline, evidence,
    serials::Soa,
    view::{Reply, servers_of, value_of},
};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        history::is_authoritative,
    },
    names::DnsName,
    types::{Observation, Question, Severity, SourceKind, Value, Zone},
};

/// Positive links whose TTL at an authority is above `max_ttl`; the sentence names the link.
pub(super) fn above_policy(view: &View) -> Vec<Finding> {
    view.questions
        .iter()
        .filter_map(|question| above_policy_at(view, question))
        .collect()
}

fn above_policy_at(view: &View, question: &Question) -> Option<Finding> {
    let limit = view.input.policy.max_ttl;
    let links = view.chain(question).flat_map(|(owner, standing)| {
        let current = standing.current.iter();
        let positive = current.filter(|current| !current.value.is_negative());
        positive.map(move |current| (current.ttl, owner, standing, current.value))
    });
    // The first of the longest, so that the link nearest to the asked name is named.
    let above = links.filter(|(ttl, ..)| *ttl > limit);
    let (ttl, owner, standing, value) =
        above.reduce(|longest, link| if link.0 > longest.0 { link } else { longest })?;
    let what = if matches!(value, Value::Cname(_)) {
        "alias"
    } else {
        "RRset"
    };
    let replies = view.replies_about(question, owner);
    let zone = view.zone_apex(owner);
    let whose = zone.as_ref().map(|zone| format!(", in zone {zone}"));
    let whose = whose.unwrap_or_default();
    Some(Finding {
        kind: FindingKind::TtlAbovePolicy,
        severity: Severity::Warning,
        subject: Subject::Question(question.clone()),
        questions: vec![question.clone()],
        resolvers: Vec::new(),
        authorities: servers_of(&replies),
        baseline: baseline(standing),
        observed: all_evidence(&replies),
        at: view.input.now,
        reason: format!(
            "{question}: the TTL of the {what} {owner} is {ttl} s at the authority{whose}; the limit is {limit} s"
        ),
        zone,
    })
}

/// What shows that a zone's denials may be cached for too long.
#[derive(Default)]
struct Denials<'a> {
    /// The highest TTL, seconds.
    ttl: u32,
    questions: BTreeSet<&'a Question>,
    replies: Vec<Reply<'a>>,
}

/// Denials that may be cached for longer than `max_negative_ttl`, seen or promised by the SOA record: one finding a zone.
pub(super) fn negative_above_policy(view: &View) -> Vec<Finding> {
    let mut zones: BTreeMap<DnsName, Denials> = BTreeMap::new();
    for question in &view.questions {
        note_denials(view, question, &mut zones);
    }
    for zone in view.own_zones() {
        note_soa(view, zone, &mut zones);
    }
    zones
        .into_iter()
        .map(|(apex, denials)| negative(view, apex, &denials))
        .collect()
}

fn note_denials<'a>(
    view: &'a View,
    question: &'a Question,
    zones: &mut BTreeMap<DnsName, Denials<'a>>,
) {
    let Some((owner, standing)) = view.chain(question).next_back() else {
        return;
    };
    let current = standing.current.iter();
    let denials = current.filter(|current| current.value.is_negative());
    let Some(ttl) = too_long(view, denials.map(|current| current.ttl).max()) else {
        return;
    };
    let apex = view.zone_apex(owner).unwrap_or_else(|| owner.clone());
    let zone = zones.entry(apex).or_default();
    zone.ttl = zone.ttl.max(ttl);
    zone.questions.insert(question);
    let denies = |reply: &Reply| value_of(reply).is_some_and(Value::is_negative);
    let replies = view.replies_about(question, owner);
    zone.replies.extend(replies.into_iter().filter(denies));
}

/// A zone's SOA record says how long its denials may be cached before there is one: min(TTL, MINIMUM).
fn note_soa<'a>(view: &'a View, zone: &Zone, zones: &mut BTreeMap<DnsName, Denials<'a>>) {
    let Some(standing) = view.soa(zone) else {
        return;
    };
    let current = standing.current.iter();
    let ttls = current.filter_map(|one| Some(one.ttl.min(Soa::of(one.value)?.minimum)));
    let Some(ttl) = too_long(view, ttls.max()) else {
        return;
    };
    let known = zones.entry(zone.apex.clone()).or_default();
    known.ttl = known.ttl.max(ttl);
    let in_zone =
        |question: &&Question| view.zone_apex(&question.name).as_ref() == Some(&zone.apex);
    known
        .questions
        .extend(view.questions.iter().filter(in_zone));
    let replies = view.soa_replies(zone).into_values();
    known.replies.extend(replies.map(|reply| (reply, 0)));
}

fn too_long(view: &View, ttl: Option<u32>) -> Option<u32> {
    ttl.filter(|ttl| *ttl > view.input.policy.max_negative_ttl)
}

fn negative(view: &View, apex: DnsName, denials: &Denials) -> Finding {
    let (limit, ttl) = (view.input.policy.max_negative_ttl, denials.ttl);
    let replies = &denials.replies[..denials.replies.len().min(MOST_EVIDENCE)];
    Finding {
        kind: FindingKind::NegativeTtlAbovePolicy,
        severity: Severity::Warning,
        subject: Subject::Zone(apex.clone()),
        reason: format!(
            "zone {apex}: a denial may be cached for {ttl} s, min(SOA TTL, SOA MINIMUM); the limit is {limit} s"
        ),
        zone: Some(apex),
        questions: denials.questions.iter().copied().cloned().collect(),
        resolvers: Vec::new(),
        authorities: servers_of(replies),
        baseline: None,
        observed: all_evidence(replies),
        at: view.input.now,
    }
}

/// Unequal TTLs within one `RRset` at an authority (RFC 2181 section 5.2).
pub(super) fn unequal_in_rrset(view: &View) -> Vec<Finding> {
    let mut found: BTreeMap<&Question, Finding> = BTreeMap::new();
    let replies = view.input.observations.iter();
    let authorities = replies.filter(|one| one.source.kind == SourceKind::Authority);
    let authorities = authorities.filter(|one| is_authoritative(one));
    for reply in authorities.filter(|reply| view.questions.contains(&reply.question)) {
        for (index, link) in reply.answer.links.iter().enumerate() {
            let ttls = reply.ttls.get(index).map(Vec::as_slice).unwrap_or_default();
            let unequal = ttls.iter().any(|ttl| Some(ttl) != ttls.first());
            if link.value.is_negative() || !unequal {
                continue;
            }
            let finding = found
                .entry(&reply.question)
                .or_insert_with(|| unequal_at(view, reply, &link.owner, ttls));
            finding.observed.push(evidence(reply, index));
            finding.authorities.push(reply.source.id.clone());
            finding.authorities.sort_unstable();
            finding.authorities.dedup();
        }
    }
    found.into_values().collect()
}

fn unequal_at(view: &View, reply: &Observation, owner: &DnsName, ttls: &[u32]) -> Finding {
    Finding {
        kind: FindingKind::RrsetTtlMismatch,
        severity: Severity::Warning,
        subject: Subject::Question(reply.question.clone()),
        zone: view.zone_apex(owner),
        questions: vec![reply.question.clone()],
        resolvers: Vec::new(),
        authorities: Vec::new(),
        baseline: None,
        observed: Vec::new(),
        at: view.input.now,
        reason: format!(
            "{}: the records of {owner} carry the TTLs {ttls:?}; an RRset has one (RFC 2181 section 5.2)",
            reply.question
        ),
    }
}
