//! What the authority itself serves against what the configuration declares: a bad push makes everything consistent, and
//! only this catches it.
//!
//! Deliberately absent: denials, which are `name_missing`, and what resolvers say.

use std::collections::BTreeSet;

use super::{
    View, all_evidence, baseline,
    view::{servers_of, value_of},
};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        history::Standing,
    },
    names::DnsName,
    types::{Question, RecordType, Severity, Value},
};

/// One finding a question whose authority serves something outside of a non-empty `expect`, or something `known_bad`,
/// without a declared change to it.
pub(super) fn mismatch(view: &View) -> Vec<Finding> {
    let questions = view.questions.iter();
    questions
        .filter_map(|question| wrong_at(view, question))
        .collect()
}

fn wrong_at(view: &View, question: &Question) -> Option<Finding> {
    let chain: Vec<_> = view.chain(question).collect();
    let by_alias = chain
        .iter()
        .any(|(_, standing)| is_declared_alias(view, standing));
    chain
        .iter()
        .enumerate()
        .find_map(|(index, (owner, standing))| {
            let is_last = index + 1 == chain.len() && !by_alias;
            let current = standing.current.iter().map(|current| current.value);
            let wrong: BTreeSet<&Value> = current
                .filter(|value| !value.is_negative())
                .filter(|value| is_wrong(view, question, value, is_last))
                .filter(|value| {
                    let place = (question, *owner);
                    let (declared, now) = (view.input.declared, view.input.now);
                    !declared.excuses(place, value, now, None)
                })
                .collect();
            let value = *wrong.first()?;
            Some(finding(view, question, (owner, standing), (value, &wrong)))
        })
}

/// Whether a declared alias leads on: what it leads to is its target's to say.
fn is_declared_alias(view: &View, standing: &Standing) -> bool {
    let expect = &view.input.policy.expect;
    let mut current = standing.current.iter().map(|current| current.value);
    current.any(|value| matches!(value, Value::Cname(_)) && expect.covers(value))
}

fn is_wrong(view: &View, question: &Question, value: &Value, is_last: bool) -> bool {
    let (expect, known_bad) = (&view.input.policy.expect, &view.input.policy.known_bad);
    // An alias whose target nobody was asked for may lead to anything.
    let is_end = !matches!(value, Value::Cname(_)) || question.rtype == RecordType::CNAME;
    known_bad.touches(value)
        || is_last && is_end && expect.speaks_of(question.rtype) && !expect.covers(value)
}

fn finding(
    view: &View,
    question: &Question,
    (owner, standing): (&DnsName, &Standing),
    (value, wrong): (&Value, &BTreeSet<&Value>),
) -> Finding {
    let mut shows = view.replies_about(question, owner);
    shows.retain(|reply| value_of(reply).is_some_and(|value| wrong.contains(value)));
    let whose = if view.input.policy.known_bad.touches(value) {
        "which `known_bad` lists"
    } else {
        "which `expect` does not declare"
    };
    Finding {
        kind: FindingKind::ExpectedMismatch,
        severity: Severity::Critical,
        subject: Subject::Question(question.clone()),
        zone: view.zone_apex(owner),
        questions: vec![question.clone()],
        resolvers: Vec::new(),
        authorities: servers_of(&shows),
        baseline: baseline(standing),
        observed: all_evidence(&shows),
        at: view.input.now,
        reason: format!("{question}: the authority itself serves {value} at {owner}, {whose}"),
    }
}
