//! Findings about what a name holds: it is missing, or its servers disagree.
//!
//! Deliberately absent: TTLs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::{View, evidence};
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
    let mut denials = Vec::new();
    for question in questions {
        let (_, standing) = view.chain(question).pop()?;
        denials.push(denied(&standing)?);
    }
    let gone = denials.contains(&Value::Nxdomain);
    let what = if gone {
        "says NXDOMAIN"
    } else {
        "has no data for any type that is asked"
    };
    let first = (*questions.first()?).clone();
    let observed = questions.iter().flat_map(|question| {
        view.replies_about(&question.name, question.rtype)
            .map(|(reply, index, _)| evidence(reply, index))
    });
    Some(Finding {
        kind: FindingKind::NameMissing,
        severity: Severity::Warning,
        subject: Subject::Question(first),
        zone: view.zone_apex(name),
        questions: questions
            .iter()
            .map(|question| (*question).clone())
            .collect(),
        resolvers: Vec::new(),
        authorities: Vec::new(),
        baseline: None,
        observed: observed.collect(),
        at: view.input.now,
        reason: format!("{name}: the authority {what}"),
    })
}

/// The denial, where every server denies.
fn denied(standing: &Standing) -> Option<Value> {
    let all = !standing.current.is_empty()
        && standing
            .current
            .iter()
            .all(|current| current.value.is_negative());
    all.then(|| {
        standing
            .current
            .iter()
            .map(|current| current.value.clone())
            .max()
    })
    .flatten()
}

/// Servers of one zone that have disagreed in data for more than a minute: one finding a zone.
pub(super) fn split(view: &View) -> Vec<Finding> {
    let mut by_zone: BTreeMap<DnsName, Vec<(&Question, Standing)>> = BTreeMap::new();
    if view.input.policy.mode != Mode::Exact {
        return Vec::new();
    }
    for question in &view.questions {
        let Some(standing) = view.standing(&question.name, question.rtype) else {
            continue;
        };
        let since = standing.current.iter().map(|current| current.from).max();
        let lasting = since.is_some_and(|since| view.input.now - since > SPLIT_TOLERATED);
        if standing.current.len() > 1 && lasting {
            let apex = view
                .zone_apex(&question.name)
                .unwrap_or_else(|| question.name.clone());
            by_zone.entry(apex).or_default().push((question, standing));
        }
    }
    by_zone
        .into_iter()
        .map(|(apex, questions)| split_zone(view, apex, &questions))
        .collect()
}

fn split_zone(view: &View, apex: DnsName, questions: &[(&Question, Standing)]) -> Finding {
    let mut authorities = BTreeSet::new();
    let mut observed = Vec::new();
    for (question, _) in questions {
        for (reply, index, _) in view.replies_about(&question.name, question.rtype) {
            authorities.insert(reply.source.id.clone());
            observed.push(evidence(reply, index));
        }
    }
    let first = questions
        .first()
        .map(|(question, _)| question.to_string())
        .unwrap_or_default();
    Finding {
        kind: FindingKind::AuthoritySplit,
        severity: Severity::Warning,
        subject: Subject::Zone(apex.clone()),
        reason: format!(
            "the servers of {apex} have disagreed for more than 60 s on {} questions, {first} among them",
            questions.len()
        ),
        zone: Some(apex),
        questions: questions
            .iter()
            .map(|(question, _)| (*question).clone())
            .collect(),
        resolvers: Vec::new(),
        authorities: authorities.into_iter().collect(),
        baseline: None,
        observed,
        at: view.input.now,
    }
}
