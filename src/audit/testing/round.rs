//! What a round of a scene came to, as tests ask for it.
//!
//! Deliberately absent: how it came about, which is `scene`.

use crate::audit::{
    finding::{Finding, FindingKind},
    incident::Transition,
    verdict::{State, Verdict},
};

/// What one round came to.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) transitions: Vec<Transition>,
}

impl Round {
    /// The verdict at a resolver, of the only question or the first.
    pub(crate) fn at(&self, resolver: &str) -> &Verdict {
        let mut verdicts = self.verdicts.iter();
        verdicts
            .find(|verdict| verdict.resolver == resolver)
            .unwrap()
    }

    pub(crate) fn state(&self, resolver: &str) -> State {
        self.at(resolver).state
    }

    pub(crate) fn kinds(&self) -> Vec<FindingKind> {
        self.findings.iter().map(|finding| finding.kind).collect()
    }

    pub(crate) fn finding(&self, kind: FindingKind) -> &Finding {
        let found: Vec<_> = self
            .findings
            .iter()
            .filter(|one| one.kind == kind)
            .collect();
        assert_eq!(found.len(), 1, "{kind}: {:?}", self.findings);
        found[0]
    }
}
