//! What the ledger makes of an intercepted path: nothing that came over it counts, neither for nor against anybody.
//!
//! Deliberately absent: how it is seen ([`crate::audit::path`]), and confirmation, which counts three rounds as for any
//! finding about those who do not answer.

use std::borrow::Cow;

use crate::{
    audit::{
        finding::{Finding, FindingKind},
        incident::{Candidate, Incident},
        ledger::{Judgement, book::Book},
        verdict::{Family, Verdict, VerdictFlag},
    },
    types::Severity,
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

/// Whether no authority is heard either, so that nothing can be said of anybody. Once that is known or counts, a round in
/// which too few reply to show it is no better, as long as somebody replies and nobody with authority.
pub(super) fn is_whole(judgement: &Judgement<'_>, candidates: &[Candidate], book: &Book) -> bool {
    let mut findings = judgement.findings.iter();
    let shows = |one: &Finding| {
        one.kind == FindingKind::PathIntercepted && one.severity == Severity::Critical
    };
    let mut told = book.incidents();
    let is_known = candidates.iter().any(|one| one.key.family == FAMILY)
        || told.any(|one| one.key.family == FAMILY && !one.authorities.is_empty());
    let reach = judgement.authorities;
    findings.any(shows) || (is_known && reach.answered > 0 && !reach.is_any_heard())
}

/// Whether a round in which it is not seen says that it is over: those who showed it were heard.
pub(super) fn is_examined(incident: &Incident, judgement: &Judgement<'_>) -> bool {
    if !incident.authorities.is_empty() {
        return judgement.authorities.is_any_heard();
    }
    let mut verdicts = judgement.verdicts.iter();
    verdicts.any(|one| incident.resolvers.contains(&one.resolver) && one.state.row() >= 3)
}
