//! What an authority's failure explains at the resolvers: one cause is told once, at the authority.
//!
//! Deliberately absent: a wrong answer. Nothing explains it.

use chrono::TimeDelta;

use crate::{
    audit::{
        finding::{Finding, FindingKind},
        incident::Incident,
        ledger::{Judgement, book::Book},
        verdict::{Family, State, Verdict},
    },
    names::DnsName,
    types::Severity,
};

/// Longest time a resolver may remember that a resolution failed (RFC 9520 section 3.2).
const FAILURE_REMEMBERED: TimeDelta = TimeDelta::minutes(5);

/// Whether an authority that is down, or was until a moment ago, explains the state. Never by what is quieter than the
/// verdict: one cause is one message, not a softer one.
pub(super) fn is_explained(verdict: &Verdict, judgement: &Judgement<'_>, book: &Book) -> bool {
    let remembered = |incident: &Incident| {
        judgement.now - incident.last_bad_at <= FAILURE_REMEMBERED
            && is_remembered(verdict, incident)
    };
    by_finding(verdict, judgement.findings) || book.incidents().any(remembered)
}

/// Whether a finding of this round explains the state: servfail, and every answer past its deadline, of the names that
/// the finding concerns.
pub(super) fn by_finding(verdict: &Verdict, findings: &[Finding]) -> bool {
    findings.iter().any(|finding| {
        let explicable = match verdict.state {
            State::Servfail | State::StaleDeclared | State::StaleOverdue | State::StaleExtended => {
                is_authority_down(finding.kind)
            }
            State::Unreachable => is_silent_zone(finding),
            _ => false,
        };
        explicable && finding.severity >= verdict.severity && concerns(finding, verdict)
    })
}

/// Whether no server of a zone answers. Resolvers then go on trying them for longer than anybody waits for an answer,
/// so that their silence about the zone says nothing of themselves.
fn is_silent_zone(finding: &Finding) -> bool {
    finding.kind == FindingKind::AuthorityUnreachable && finding.severity == Severity::Critical
}

fn concerns(finding: &Finding, verdict: &Verdict) -> bool {
    let zone = finding.zone.as_ref();
    zone.is_some_and(|zone| is_in_zone(verdict, zone))
        || finding.questions.contains(&verdict.question)
}

/// Whether the name, or the link of its chain that decided, lies in the zone.
fn is_in_zone(verdict: &Verdict, zone: &DnsName) -> bool {
    let mut owners = std::iter::once(&verdict.question.name).chain(&verdict.link);
    owners.any(|owner| owner.is_within(zone))
}

/// Whether a servfail may be what a resolver remembers of an authority that was down.
fn is_remembered(verdict: &Verdict, incident: &Incident) -> bool {
    verdict.state == State::Servfail
        && matches!(incident.key.family, Family::Finding(kind) if is_authority_down(kind))
        && incident.severity >= verdict.severity
        && incident.names.contains(&verdict.question.name)
}

/// Whether a finding says that a server does not do its work at all.
pub(super) fn is_authority_down(kind: FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::AuthorityUnreachable | FindingKind::LameAuthority
    )
}
