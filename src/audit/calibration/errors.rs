//! Extended errors (RFC 8914): whether failures say why.
//!
//! Deliberately absent: what each code means.

use std::collections::BTreeSet;

use super::{Measured, plan::Kind, samples::Samples};

/// The codes that came with any reply. A failing name shows whether they come at all.
pub(super) fn extended(samples: &Samples<'_>) -> Measured<Vec<u16>> {
    let ede = samples.replies.iter().flat_map(|(_, reply)| &reply.ede);
    let codes: BTreeSet<u16> = ede.map(|ede| ede.code).collect();
    let failing = samples.replies.iter();
    let failing = failing.filter(|(probe, _)| probe.kind == Kind::Failing);
    let failed = failing.filter(|(_, reply)| reply.answer.is_reply() && !reply.answer.is_data());
    match (codes.is_empty(), failed.count()) {
        (false, _) => Measured::known(codes.into_iter().collect(), "sent with replies of this run"),
        (true, 0) => Measured::unknown(
            "no resolution was told to have failed, so nothing had to be explained",
        ),
        (true, count) => {
            let how =
                format!("none seen: {count} failures to resolve a broken delegation came without");
            Measured::known(Vec::new(), how)
        }
    }
}
