//! The finding about the vantage's own path: somebody on the way answers in place of those who are asked.
//!
//! Deliberately absent: how that is seen, which is [`crate::audit::path`].

use super::{MOST_EVIDENCE, View, evidence};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        path::Interception,
    },
    types::Severity,
};

/// One finding, whatever shows it. While some authority is heard, only what resolvers say is lost.
pub(super) fn intercepted(view: &View, path: &Interception) -> Finding {
    let replies = path.replies().take(MOST_EVIDENCE);
    Finding {
        kind: FindingKind::PathIntercepted,
        severity: if path.is_whole() {
            Severity::Critical
        } else {
            Severity::Warning
        },
        subject: Subject::Vantage,
        zone: None,
        questions: view.questions.iter().cloned().collect(),
        resolvers: path.resolvers(),
        authorities: path.authorities(),
        baseline: None,
        observed: replies.map(|reply| evidence(reply, 0)).collect(),
        at: view.input.now,
        reason: path.reason(),
    }
}
