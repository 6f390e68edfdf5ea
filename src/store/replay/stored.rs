//! What a judgement is as it is stored, so that a replay's can be held against it: the same texts, made by the same rules.
//!
//! Deliberately absent: writing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::RecordedStep;
use crate::{
    audit::{finding::Finding, incident::Transition, verdict::Verdict},
    store::{StoreError, columns, finish::series_of, judgement},
    types::SeriesKey,
};

/// One verdict per series, the most severe where a round gave several.
pub fn worst_verdicts(verdicts: &[Verdict]) -> BTreeMap<SeriesKey, &Verdict> {
    judgement::worst_by(verdicts.iter().map(|verdict| (series_of(verdict), verdict)))
}

/// One finding per kind and subject, the most severe where a round gave several.
pub fn worst_findings(
    findings: &[Finding],
) -> Result<BTreeMap<(String, String), &Finding>, StoreError> {
    judgement::worst_findings(findings)
}

/// State, severity and flags: a stored verdict goes on while they stay the same.
pub fn gist(verdict: &Verdict) -> Result<(String, String, Vec<String>), StoreError> {
    judgement::gist(verdict)
}

/// Severity and names: a stored finding goes on while they stay the same.
pub fn finding_gist(finding: &Finding) -> (String, Vec<String>) {
    judgement::finding_gist(finding)
}

/// The document's text, its fields in order of name.
pub fn document<T: Serialize>(value: &T) -> Result<String, StoreError> {
    Ok(columns::to_json(value)?.to_string())
}

/// The step as it is recorded.
pub fn step(transition: &Transition) -> Result<RecordedStep, StoreError> {
    Ok(RecordedStep {
        at: transition.at,
        incident_id: transition.incident.id,
        step: transition.number,
        kind: columns::variant_to_text(&transition.kind)?,
        detail: columns::without_nul(&transition.reason),
    })
}
