//! What a round says that the one before did not: states, findings, messages.
//!
//! Deliberately absent: sentences. They are the snapshots' business.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{file::Said, hours};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        incident::{Axis, Status, Transition, TransitionKind},
        testing::Round,
        verdict::{Verdict, VerdictFlag},
    },
    names::DnsName,
    types::Severity,
};

/// Flags that are worth a line of their own.
const TELLING: [VerdictFlag; 5] = [
    VerdictFlag::ServeStaleInUse,
    VerdictFlag::ExpectedMismatch,
    VerdictFlag::LowConfidence,
    VerdictFlag::ConstantTtl,
    VerdictFlag::PathIntercepted,
];

/// Where everything stood after the last round, and all that was said.
#[derive(Debug, Default)]
pub(super) struct Record {
    states: BTreeMap<(String, String), String>,
    findings: BTreeMap<(FindingKind, Subject), String>,
    pub(super) said: Vec<Said>,
}

impl Record {
    /// Notes what is new in the round that began at `at`.
    pub(super) fn see(&mut self, at: DateTime<Utc>, round: &Round) {
        let mut lines = self.states(&round.verdicts);
        lines.extend(self.findings(&round.findings));
        lines.extend(round.transitions.iter().map(message));
        self.said
            .extend(lines.into_iter().map(|text| Said { at, text }));
    }

    /// Every pair whose state has changed, names that share one on one line. Before the first round all is consistent.
    fn states(&mut self, verdicts: &[Verdict]) -> Vec<String> {
        let mut lines: Vec<((String, String, String), Vec<String>)> = Vec::new();
        for verdict in verdicts {
            let (question, resolver) = (verdict.question.to_string(), verdict.resolver.clone());
            let state = state(verdict);
            let place = (resolver.clone(), question.clone());
            let before = self.states.insert(place, state.clone());
            if before.as_deref().unwrap_or("consistent") == state {
                continue;
            }
            let key = (resolver, state, exposure(verdict));
            match lines.iter_mut().find(|(known, _)| *known == key) {
                Some((_, questions)) => questions.push(question),
                None => lines.push((key, vec![question])),
            }
        }
        let lines = lines.into_iter();
        let show = |((resolver, state, exposure), questions): (_, Vec<String>)| {
            format!("> {resolver} {} {state}{exposure}", questions.join(", "))
        };
        lines.map(show).collect()
    }

    fn findings(&mut self, findings: &[Finding]) -> Vec<String> {
        let now: BTreeMap<_, _> = findings
            .iter()
            .map(|one| ((one.kind, one.subject.clone()), one.severity.to_string()))
            .collect();
        let mut lines = Vec::new();
        for ((kind, subject), severity) in &now {
            let before = self.findings.get(&(*kind, subject.clone()));
            if before != Some(severity) {
                lines.push(format!("> {kind} of {} {severity}", name(subject)));
            }
        }
        let over = self
            .findings
            .keys()
            .filter(|place| !now.contains_key(place));
        lines.extend(over.map(|(kind, subject)| format!("> {kind} of {} over", name(subject))));
        self.findings = now;
        lines
    }
}

fn name(subject: &Subject) -> String {
    match subject {
        Subject::Question(question) => question.to_string(),
        Subject::Server { name, .. } => name.clone(),
        Subject::Zone(zone) => zone.to_string(),
        Subject::Vantage => "the vantage".to_owned(),
    }
}

/// The state, its severity where it has one, and the flags that matter.
fn state(verdict: &Verdict) -> String {
    let mut words = vec![verdict.state.to_string()];
    if verdict.severity > Severity::None {
        words.push(verdict.severity.to_string());
    }
    let flags = verdict.flags.iter().filter(|flag| TELLING.contains(flag));
    words.extend(flags.map(|flag| match serde_json::to_value(flag) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }));
    words.join(" ")
}

/// The instants of a value that is not right.
fn exposure(verdict: &Verdict) -> String {
    if !matches!(verdict.state.row(), 6 | 7 | 9) {
        return String::new();
    }
    instants(&[
        ("cached until", verdict.cached_until),
        ("deadline", verdict.deadline),
        ("worst case", verdict.worst_case_until),
    ])
}

/// A message, as everything that a reader acts on.
fn message(step: &Transition) -> String {
    let incident = &step.incident;
    let (severity, verdict) = (incident.severity, &incident.verdict);
    let (axis, subject) = (incident.key.axis.as_str(), &incident.key.subject);
    let mut text = format!("! {} {severity} {verdict}, {axis} {subject}", kind(step));
    if incident.key.axis != Axis::Name {
        text += &list("names", incident.names.iter().map(DnsName::as_str));
    }
    text += &list("at", incident.resolvers.iter().map(String::as_str));
    text += &list("servers", incident.authorities.iter().map(String::as_str));
    let is_open = incident.status == Status::Open;
    let left = incident.calm.iter();
    let left = left.filter(|(_, calm)| is_open && calm.has_left);
    text += &list("clean again", left.map(|(who, _)| who.as_str()));
    if let Some(flapping) = &incident.flapping {
        text += &format!(", flapping {} times", flapping.onsets);
    }
    text += &instants(&[
        ("cached until", incident.cached_until),
        ("worst case", incident.worst_case_until),
    ]);
    text
}

fn kind(step: &Transition) -> String {
    match step.kind {
        TransitionKind::Opened => "opened".to_owned(),
        TransitionKind::Updated => {
            let status = serde_json::to_value(step.incident.status).unwrap();
            format!("updated {}", status.as_str().unwrap())
        }
        TransitionKind::Reminder => "reminder".to_owned(),
        TransitionKind::Resolved => "resolved".to_owned(),
    }
}

fn list<'a>(what: &str, items: impl Iterator<Item = &'a str>) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        return String::new();
    }
    format!(", {what} {}", items.join(" "))
}

/// Those that there are.
fn instants(all: &[(&str, Option<DateTime<Utc>>)]) -> String {
    let known = all.iter().filter_map(|(what, at)| Some((what, (*at)?)));
    let shown: Vec<_> = known
        .map(|(what, at)| format!(", {what} {}", hours::show(at)))
        .collect();
    shown.concat()
}
