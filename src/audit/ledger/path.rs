//! What the ledger makes of an intercepted path: nothing that came over it counts, neither for nor against anybody.
//!
//! Deliberately absent: how it is seen ([`crate::audit::path`]), and confirmation, which counts three rounds as for any
//! finding about those who do not answer.

use std::borrow::Cow;

use crate::audit::{
    finding::{Finding, FindingKind},
    incident::Incident,
    ledger::Judgement,
    verdict::{Family, Verdict, VerdictFlag},
};

/// The family of the one incident that is told of it.
pub(super) const FAMILY: Family = Family::Finding(FindingKind::PathIntercepted);

/// The verdicts on those who were heard themselves.
pub(super) fn heard(verdicts: &[Verdict]) -> Cow<'_, [Verdict]> {
    let is_heard = |verdict: &Verdict| !verdict.flags.contains(&VerdictFlag::PathIntercepted);
    if verdicts.iter().all(is_heard) {
        return Cow::Borrowed(verdicts);
    }
    let heard = verdicts.iter().filter(|verdict| is_heard(verdict));
    Cow::Owned(heard.cloned().collect())
}

/// Whether no authority is heard either, so that nothing can be said of anybody.
pub(super) fn is_whole(findings: &[Finding]) -> bool {
    let mut findings = findings.iter();
    findings.any(|one| one.kind == FindingKind::PathIntercepted && !one.authorities.is_empty())
}

/// Whether a round in which it is not seen says that it is over: those who showed it were heard.
pub(super) fn is_examined(incident: &Incident, judgement: &Judgement<'_>) -> bool {
    if !incident.authorities.is_empty() {
        return judgement.authorities.answered > 0;
    }
    let mut verdicts = judgement.verdicts.iter();
    verdicts.any(|one| incident.resolvers.contains(&one.resolver) && one.state.row() >= 3)
}
