//! Findings about what a name holds: it is missing, or its servers disagree.
//!
//! Deliberately absent: TTLs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    MOST_EVIDENCE, View, all_evidence, evidence,
    view::{servers_of, value_of},
};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        history::Standing,
    },
    names::DnsName,
    types::{Mode, Question, Severity, Value},
};

/// How long servers of one zone may disagree: a transfer takes seconds.
const SPLIT_TOLERATED: TimeDelta = TimeDelta::seconds(60);

/// Names that the authority denies, or that have no data for any type asked.
pub(super) fn missing(view: &View) -> Vec<Finding> {
    let mut by_name: BTreeMap<&DnsName, Vec<&Question>> = BTreeMap::new();
    for question in &view.questions {
        by_name.entry(&question.name).or_default().push(question);
    }
    by_name
        .into_iter()
        .filter_map(|(name, questions)| missing_name(view, name, &questions))
        .collect()
}

fn missing_name(view: &View, name: &DnsName, questions: &[&Question]) -> Option<Finding> {
    let ends: Vec<_> = questions
        .iter()
        .map(|question| view.chain(question).next_back())
        .collect();
    let denials = ends
        .iter()
        .map(|end| end.and_then(|(_, standing)| denied(standing)));
    let what = if denials
        .clone()
        .any(|denial| denial == Some(&Value::Nxdomain))
    {
        "says NXDOMAIN"
    } else if denials.clone().all(|denial| denial.is_some()) {
        "has no data for any type that is asked"
    } else {
        return None;
    };
    let mut observed = Vec::new();
    for (question, end) in questions.iter().zip(&ends) {
        let Some((owner, _)) = end else { continue };
        let replies = view.replies_about(question, owner).into_iter();
        let denying = replies.filter(|reply| value_of(reply).is_some_and(Value::is_negative));
        observed.extend(denying.map(|(reply, index)| evidence(reply, index)));
    }
    let authorities: BTreeSet<_> = observed.iter().map(|seen| seen.resolver.clone()).collect();
    Some(Finding {
        kind: FindingKind::NameMissing,
        severity: Severity::Warning,
        subject: Subject::Question((*questions.first()?).clone()),
        zone: view.zone_apex(name),
        questions: questions.iter().copied().cloned().collect(),
        resolvers: Vec::new(),
        authorities: authorities.into_iter().collect(),
        baseline: None,
        observed,
        at: view.input.now,
        reason: format!("{name}: the authority {what}"),
    })
}

/// The denial, where every server denies: NXDOMAIN where any says so.
fn denied<'h>(standing: &Standing<'h>) -> Option<&'h Value> {
    let mut values = standing.current.iter().map(|current| current.value);
    let all = values.clone().all(Value::is_negative);
    let gone = values.clone().find(|value| **value == Value::Nxdomain);
    all.then(|| gone.or_else(|| values.next())).flatten()
}

/// Servers of one zone that have disagreed in data for more than a minute: one finding a zone.
pub(super) fn split(view: &View) -> Vec<Finding> {
    if view.input.policy.mode != Mode::Exact {
        return Vec::new();
    }
    let mut by_zone: BTreeMap<DnsName, BTreeMap<&Question, BTreeSet<&DnsName>>> = BTreeMap::new();
    for question in &view.questions {
        let home = view.zone_apex(&question.name);
        for (owner, standing) in view.chain(question) {
            // What another zone hands out is its owner's pool.
            if view.zone_apex(owner) == home && has_split(standing).is_some() {
                let apex = home.clone().unwrap_or_else(|| question.name.clone());
                let zone = by_zone.entry(apex).or_default();
                zone.entry(question).or_default().insert(owner);
            }
        }
    }
    by_zone
        .into_iter()
        .map(|(apex, questions)| split_zone(view, apex, &questions))
        .collect()
}

/// Since when servers disagree, where they have been heard to long enough: one that fell silent disagrees with nobody.
fn has_split(standing: &Standing) -> Option<DateTime<Utc>> {
    let since = standing.current.iter().map(|current| current.from).max()?;
    let lasting = standing
        .current
        .iter()
        .filter(|current| current.last_seen > since + SPLIT_TOLERATED);
    (lasting.count() > 1).then_some(since)
}

fn split_zone(
    view: &View,
    apex: DnsName,
    questions: &BTreeMap<&Question, BTreeSet<&DnsName>>,
) -> Finding {
    let links = questions
        .iter()
        .flat_map(|(question, owners)| owners.iter().map(move |owner| (*question, *owner)));
    let replies: Vec<_> = links
        .flat_map(|(question, owner)| view.replies_about(question, owner))
        .collect();
    let first = questions.keys().next();
    let first = first.map(ToString::to_string).unwrap_or_default();
    Finding {
        kind: FindingKind::AuthoritySplit,
        severity: Severity::Warning,
        subject: Subject::Zone(apex.clone()),
        reason: format!(
            "the servers of {apex} have disagreed for more than 60 s on {} questions, {first} among them",
            questions.len()
        ),
        zone: Some(apex),
        questions: questions.keys().copied().cloned().collect(),
        resolvers: Vec::new(),
        authorities: servers_of(&replies),
        baseline: None,
        observed: all_evidence(&replies[..replies.len().min(MOST_EVIDENCE)]),
        at: view.input.now,
    }
}
