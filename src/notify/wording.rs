//! The words for every verdict: what it is called in a headline, what it means, and whether a cache was within its rights.
//!
//! Deliberately absent: instants and numbers, which stand in the incident's own reason.

/// How one verdict is told to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording {
    /// A few words for a headline, after the name or resolver it is about.
    pub short: &'static str,
    /// One sentence.
    pub meaning: &'static str,
    /// Whether the protocol allows it; `None` where that is not the question.
    pub legal: Option<&'static str>,
}

const WITHIN: &str = "yes: the resolver keeps what it was given, for no longer than the TTL it was given; the \
    authority's TTL is to blame, not the resolver";

const TABLE: [(&str, Wording); 31] = [
    (
        "unreachable",
        told("no reply", "The resolver does not answer at all."),
    ),
    (
        "refused",
        told("refuses to answer", "The resolver refuses the question."),
    ),
    (
        "bogus",
        told(
            "fails DNSSEC validation",
            "The resolver holds the answer for forged: its DNSSEC validation fails.",
        ),
    ),
    (
        "servfail",
        told(
            "SERVFAIL",
            "The resolver could not get an answer and says so.",
        ),
    ),
    (
        "filtered",
        told(
            "blocked on purpose",
            "The resolver blocks or rewrites the name on purpose.",
        ),
    ),
    (
        "unexplained",
        told(
            "unexplained answer",
            "The resolver serves an answer that the authority does not give now; the history is too young to tell an old answer from a wrong one.",
        ),
    ),
    (
        "divergent",
        judged(
            "wrong answer",
            "The resolver serves an answer that no authoritative server ever gave.",
            "no: no TTL explains an answer that was never given",
        ),
    ),
    (
        "nxdomain_mismatch",
        judged(
            "name denied wrongly",
            "The resolver says that the name does not exist. No authoritative server ever said so.",
            "no: no TTL explains an answer that was never given",
        ),
    ),
    (
        "nodata_mismatch",
        judged(
            "data denied wrongly",
            "The resolver says that the name has no such data. No authoritative server ever said so.",
            "no: no TTL explains an answer that was never given",
        ),
    ),
    (
        "propagating",
        judged(
            "old answer still cached",
            "The resolver serves an answer that was right before the change.",
            WITHIN,
        ),
    ),
    (
        "propagating_long",
        judged(
            "old answer still cached",
            "The resolver serves an answer that was right before the change, and will for longer than the policy allows.",
            WITHIN,
        ),
    ),
    (
        "stale_declared",
        judged(
            "stale answer, declared",
            "The resolver serves an old answer past its end and says so: it cannot reach the authority.",
            "yes: serving stale data is allowed while the authority cannot be reached (RFC 8767)",
        ),
    ),
    (
        "stale_overdue",
        judged(
            "stale answer, overdue",
            "The resolver serves an old answer past the last instant at which any honest cache may hold it.",
            "no: the deadline has passed and it does not declare the answer stale",
        ),
    ),
    (
        "stale_extended",
        judged(
            "old answer with a reset TTL",
            "The resolver serves an old answer whose TTL will carry it past its deadline.",
            "not to the end: its TTL outlasts what the authority gave",
        ),
    ),
    (
        "name_missing",
        told(
            "missing at the authority",
            "The authority itself has no such name, or no data for it.",
        ),
    ),
    (
        "ttl_above_policy",
        told(
            "TTL above policy",
            "The authority's own TTL is above the policy: a wrong answer would be kept as long.",
        ),
    ),
    (
        "negative_ttl_above_policy",
        told(
            "negative TTL above policy",
            "A denial would be kept for longer than the policy allows: min(SOA TTL, SOA MINIMUM) is too high.",
        ),
    ),
    (
        "ttl_stretched",
        judged(
            "TTL stretched",
            "The resolver keeps a current answer for longer than any authority allows.",
            "no: a cache may shorten a TTL, never lengthen it (RFC 2181 section 8)",
        ),
    ),
    (
        "authority_split",
        told(
            "authorities disagree",
            "The authoritative servers of one zone serve different data.",
        ),
    ),
    (
        "lame_authority",
        told(
            "lame authority",
            "A server listed for the zone does not answer for it with authority.",
        ),
    ),
    (
        "authority_unreachable",
        told(
            "authority does not answer",
            "An authoritative server does not answer.",
        ),
    ),
    (
        "ns_mismatch",
        told("NS sets differ", "The NS sets at parent and child differ."),
    ),
    (
        "rrset_ttl_mismatch",
        told(
            "unequal TTLs in one record set",
            "The records of one set carry unequal TTLs (RFC 2181 section 5.2).",
        ),
    ),
    (
        "delegation_ttl",
        told(
            "delegation TTL above policy",
            "The TTL of the NS set or its glue is above the policy.",
        ),
    ),
    (
        "serial_lag",
        told(
            "authority lags behind",
            "An authoritative server has an older SOA serial than another has had for more than 300 s.",
        ),
    ),
    (
        "expected_mismatch",
        told(
            "authority serves what it should not",
            "The authority itself serves what the configuration does not expect, or knows to be wrong: every resolver will agree on it.",
        ),
    ),
    (
        "unexpected_change",
        told(
            "undeclared change at the authority",
            "The authority's answer changed, and nobody declared that it would.",
        ),
    ),
    (
        "path_intercepted",
        told(
            "somebody intercepts DNS from this vantage",
            "Somebody on the way answers port 53 in place of those who are asked: nothing is judged by what came from them.",
        ),
    ),
    (
        "ent_nxdomain",
        told(
            "authority denies a name that has names below",
            "An authoritative server says NXDOMAIN for a name and has data below it: resolvers that believe it lose every name below (RFC 8020).",
        ),
    ),
    (
        "unwatched",
        told(
            "no rounds are finished",
            "The auditor itself does not do its work: silence says nothing until it does again.",
        ),
    ),
    (
        "blind",
        told(
            "the vantage is blind",
            "Next to nothing answers from here: judge nothing else by this vantage until it sees again.",
        ),
    ),
];

const fn told(short: &'static str, meaning: &'static str) -> Wording {
    Wording {
        short,
        meaning,
        legal: None,
    }
}

const fn judged(short: &'static str, meaning: &'static str, legal: &'static str) -> Wording {
    Wording {
        short,
        meaning,
        legal: Some(legal),
    }
}

/// The names that there are words for, in the order of the table.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}

/// The words for a state's or a finding's name; plain ones where the name is not known here.
pub fn of(verdict: &str) -> Wording {
    TABLE
        .iter()
        .find(|(name, _)| *name == verdict)
        .map_or(told("breach", "A breach was confirmed."), |(_, wording)| {
            *wording
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{finding::FindingKind as F, verdict::State as S};

    #[test]
    fn every_state_and_finding_that_can_be_told_has_its_words() {
        let states = [
            S::Unreachable,
            S::Refused,
            S::Bogus,
            S::Servfail,
            S::Filtered,
            S::Unexplained,
            S::Divergent,
            S::NxdomainMismatch,
            S::NodataMismatch,
            S::Propagating,
            S::PropagatingLong,
            S::StaleDeclared,
            S::StaleOverdue,
            S::StaleExtended,
        ];
        let findings = [
            F::NameMissing,
            F::TtlAbovePolicy,
            F::NegativeTtlAbovePolicy,
            F::TtlStretched,
            F::AuthoritySplit,
            F::LameAuthority,
            F::AuthorityUnreachable,
            F::NsMismatch,
            F::RrsetTtlMismatch,
            F::DelegationTtl,
            F::PathIntercepted,
        ];
        let names = states
            .iter()
            .map(|state| state.name())
            .chain(findings.iter().map(|kind| kind.name()));
        for name in names.chain(["blind"]) {
            assert_ne!(of(name).short, "breach", "{name}");
            assert!(of(name).meaning.ends_with('.'), "{name}");
        }
    }
}
