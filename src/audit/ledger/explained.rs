//! What an authority's failure explains at the resolvers: one cause is told once, at the authority.
//!
//! Deliberately absent: a wrong answer. Nothing explains it.

use crate::{
    audit::{
        finding::{Finding, FindingKind},
        incident::Incident,
        judge::FAILURE_REMEMBERED,
        ledger::{Judgement, book::Book},
        verdict::{Family, State, Verdict},
    },
    names::DnsName,
    types::Severity,
};

/// Whether an authority that is down, or was until a moment ago, explains the state. Never by what is quieter than the
/// verdict: one cause is one message, not a softer one.
pub(super) fn is_explained(verdict: &Verdict, judgement: &Judgement<'_>, book: &Book) -> bool {
    let remembered = |incident: &Incident| {
        judgement.now - incident.last_bad_at <= FAILURE_REMEMBERED
            && is_remembered(verdict, incident, judgement)
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

/// Whether the state may be what is left at a resolver of an authority that was down: a failure that it remembers, or a
/// question that it still repeats at longer and longer intervals, while it answers others.
fn is_remembered(verdict: &Verdict, incident: &Incident, judgement: &Judgement<'_>) -> bool {
    let Family::Finding(kind) = incident.key.family else {
        return false;
    };
    let explicable = match verdict.state {
        State::Servfail => is_authority_down(kind),
        State::Unreachable => {
            kind == FindingKind::AuthorityUnreachable && answers_others(verdict, judgement)
        }
        _ => false,
    };
    explicable
        && incident.severity >= verdict.severity
        && (verdict.state == State::Servfail || incident.severity == Severity::Critical)
        && incident.names.contains(&verdict.question.name)
}

/// Whether the verdict's address answered any other question of the round.
fn answers_others(verdict: &Verdict, judgement: &Judgement<'_>) -> bool {
    let address = verdict.observed.source.address;
    let mut others = judgement.verdicts.iter();
    others.any(|other| {
        other.observed.source.address == address
            && !matches!(other.state, State::Unreachable | State::Unknown)
    })
}

/// Whether a finding says that a server does not do its work at all.
pub(super) fn is_authority_down(kind: FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::AuthorityUnreachable | FindingKind::LameAuthority
    )
}
