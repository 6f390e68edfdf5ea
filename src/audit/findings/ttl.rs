//! Findings about TTLs. What counts is the authority's TTL: a cache's countdown neither raises nor clears them.
//!
//! Deliberately absent: the TTLs of NS sets and glue, which belong to the zone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{View, evidence};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        history::{EPSILON, Standing},
        verdict::{Baseline, BaselineKind},
    },
    names::DnsName,
    types::{Observation, Question, Severity, SourceKind, Value},
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
    let mut worst: Option<(DnsName, u32, &'static str)> = None;
    for (owner, standing) in view.chain(question) {
        for current in standing
            .current
            .iter()
            .filter(|current| !current.value.is_negative())
        {
            let longest = worst.as_ref().map_or(limit, |(_, ttl, _)| *ttl);
            if current.ttl > longest {
                let what = if matches!(current.value, Value::Cname(_)) {
                    "alias"
                } else {
                    "RRset"
                };
                worst = Some((owner.clone(), current.ttl, what));
            }
        }
    }
    let (owner, ttl, what) = worst?;
    let replies: Vec<_> = view.replies_about(&owner, question.rtype).collect();
    let zone = view.zone_apex(&owner);
    let whose = zone
        .as_ref()
        .map(|zone| format!(", in zone {zone}"))
        .unwrap_or_default();
    let standing = view.standing(&owner, question.rtype)?;
    Some(Finding {
        kind: FindingKind::TtlAbovePolicy,
        severity: Severity::Warning,
        subject: Subject::Question(question.clone()),
        questions: vec![question.clone()],
        resolvers: Vec::new(),
        authorities: names_of(replies.iter().map(|(reply, _, _)| *reply)),
        baseline: current_baseline(&standing),
        observed: replies
            .iter()
            .map(|(reply, index, _)| evidence(reply, *index))
            .collect(),
        at: view.input.now,
        reason: format!(
            "{question}: the TTL of the {what} {owner} is {ttl} s at the authority{whose}; the limit is {limit} s"
        ),
        zone,
    })
}

/// Denials that may be cached for longer than `max_negative_ttl`: one finding a zone.
pub(super) fn negative_above_policy(view: &View) -> Vec<Finding> {
    let limit = view.input.policy.max_negative_ttl;
    let mut zones: BTreeMap<DnsName, (u32, BTreeSet<Question>)> = BTreeMap::new();
    for question in &view.questions {
        let Some((owner, standing)) = view.chain(question).pop() else {
            continue;
        };
        let longest = standing
            .current
            .iter()
            .filter(|current| current.value.is_negative());
        let Some(ttl) = longest
            .map(|current| current.ttl)
            .max()
            .filter(|ttl| *ttl > limit)
        else {
            continue;
        };
        let apex = view.zone_apex(&owner).unwrap_or(owner);
        let (highest, questions) = zones.entry(apex).or_default();
        *highest = (*highest).max(ttl);
        questions.insert(question.clone());
    }
    zones
        .into_iter()
        .map(|(apex, (ttl, questions))| negative(view, apex, ttl, questions))
        .collect()
}

fn negative(view: &View, apex: DnsName, ttl: u32, questions: BTreeSet<Question>) -> Finding {
    let limit = view.input.policy.max_negative_ttl;
    let mut replies = Vec::new();
    for question in &questions {
        if let Some((owner, _)) = view.chain(question).pop() {
            replies.extend(
                view.replies_about(&owner, question.rtype)
                    .filter(|(_, _, link)| link.value.is_negative())
                    .map(|(reply, index, _)| (reply.clone(), index)),
            );
        }
    }
    Finding {
        kind: FindingKind::NegativeTtlAbovePolicy,
        severity: Severity::Warning,
        subject: Subject::Zone(apex.clone()),
        reason: format!(
            "zone {apex}: a denial may be cached for {ttl} s, min(SOA TTL, SOA MINIMUM); the limit is {limit} s"
        ),
        zone: Some(apex),
        questions: questions.into_iter().collect(),
        resolvers: Vec::new(),
        authorities: names_of(replies.iter().map(|(reply, _)| reply)),
        baseline: None,
        observed: replies
            .iter()
            .map(|(reply, index)| evidence(reply, *index))
            .collect(),
        at: view.input.now,
    }
}

/// Resolvers that keep a current value longer than any authority allows.
pub(super) fn stretched(view: &View) -> Vec<Finding> {
    let mut found: BTreeMap<&Question, Finding> = BTreeMap::new();
    let resolvers = view
        .input
        .observations
        .iter()
        .filter(|one| one.source.kind == SourceKind::Resolver);
    for sample in resolvers {
        for (index, link) in sample.answer.links.iter().enumerate() {
            let Some(standing) = view.standing(&link.owner, sample.question.rtype) else {
                continue;
            };
            let Some(bound) = latest_legal(&standing, &link.value, sample.at) else {
                continue;
            };
            if sample.expires_at(index) <= bound + EPSILON {
                continue;
            }
            let finding = found
                .entry(&sample.question)
                .or_insert_with(|| stretched_at(view, sample, &standing));
            let ttl = sample.link_ttl(index);
            if ttl > view.input.policy.max_ttl {
                finding.severity = Severity::Warning;
            }
            if !finding.resolvers.contains(&sample.source.id) {
                finding.resolvers.push(sample.source.id.clone());
                finding.resolvers.sort_unstable();
            }
            finding.observed.push(evidence(sample, index));
        }
    }
    found.into_values().collect()
}

/// The latest instant until which a cache may honestly hold a current value fetched by `at`.
fn latest_legal(standing: &Standing, value: &Value, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let current = standing.current(value)?;
    let fetched_now = at + TimeDelta::seconds(i64::from(current.ttl));
    Some(
        standing
            .past(value)
            .map_or(fetched_now, |past| past.deadline.max(fetched_now)),
    )
}

fn stretched_at(view: &View, sample: &Observation, standing: &Standing) -> Finding {
    let baseline = current_baseline(standing);
    let theta = baseline
        .as_ref()
        .and_then(|baseline| baseline.ttl)
        .unwrap_or(0);
    Finding {
        kind: FindingKind::TtlStretched,
        severity: Severity::Info,
        subject: Subject::Question(sample.question.clone()),
        zone: view.zone_apex(&sample.question.name),
        questions: vec![sample.question.clone()],
        resolvers: Vec::new(),
        authorities: Vec::new(),
        baseline,
        observed: Vec::new(),
        at: view.input.now,
        reason: format!(
            "{}: a resolver keeps the right answer for longer than the {theta} s that the authority allows",
            sample.question
        ),
    }
}

/// Unequal TTLs within one `RRset` at an authority (RFC 2181 section 5.2).
pub(super) fn unequal_in_rrset(view: &View) -> Vec<Finding> {
    let mut found: BTreeMap<&Question, Finding> = BTreeMap::new();
    let authorities = view
        .input
        .observations
        .iter()
        .filter(|one| one.source.kind == SourceKind::Authority);
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
            finding.authorities = names_of_observed(finding);
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

fn names_of<'a>(replies: impl Iterator<Item = &'a Observation>) -> Vec<String> {
    replies
        .map(|reply| reply.source.id.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn names_of_observed(finding: &Finding) -> Vec<String> {
    let names: BTreeSet<_> = finding
        .observed
        .iter()
        .map(|observed| observed.resolver.clone())
        .collect();
    names.into_iter().collect()
}

fn current_baseline(standing: &Standing) -> Option<Baseline> {
    let records: BTreeSet<_> = standing
        .current
        .iter()
        .flat_map(|current| current.value.records())
        .collect();
    let gone = standing
        .current
        .iter()
        .all(|current| current.value == Value::Nxdomain);
    Some(Baseline {
        kind: BaselineKind::Authority,
        records: records.into_iter().collect(),
        rcode: if gone { "NXDOMAIN" } else { "NOERROR" }.to_owned(),
        ttl: Some(standing.current.iter().map(|current| current.ttl).max()?),
    })
}
