//! Findings about a zone's delegation.
//!
//! Deliberately absent: the walk that found it.

use super::View;
use crate::{
    audit::finding::{Finding, FindingKind, Subject},
    types::{Severity, Zone},
};

/// Parent and child that list different name servers (RFC 1034 section 4.2.2 wants them to agree).
pub(super) fn ns_mismatch(view: &View) -> Vec<Finding> {
    let differs = |zone: &&Zone| {
        !zone.parent_ns.is_empty() && !zone.child_ns.is_empty() && zone.parent_ns != zone.child_ns
    };
    view.own_zones()
        .filter(differs)
        .map(|zone| {
            let only = |one: &std::collections::BTreeSet<_>,
                        other: &std::collections::BTreeSet<_>| {
                let names: Vec<_> = one
                    .difference(other)
                    .map(crate::names::DnsName::to_string)
                    .collect();
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                }
            };
            let reason = format!(
                "zone {}: listed at the parent only: {}; at the child only: {}",
                zone.apex,
                only(&zone.parent_ns, &zone.child_ns),
                only(&zone.child_ns, &zone.parent_ns)
            );
            finding(view, zone, FindingKind::NsMismatch, reason)
        })
        .collect()
}

/// NS and glue TTLs above `max_delegation_ttl`, where that is set.
pub(super) fn delegation_ttl(view: &View) -> Vec<Finding> {
    let Some(limit) = view.input.policy.max_delegation_ttl else {
        return Vec::new();
    };
    view.own_zones()
        .filter_map(|zone| {
            let ttl = zone.delegation_ttl?.as_secs();
            let reason = format!(
                "zone {}: its delegation is cached for {ttl} s; the limit is {limit} s",
                zone.apex
            );
            (ttl > u64::from(limit))
                .then(|| finding(view, zone, FindingKind::DelegationTtl, reason))
        })
        .collect()
}

fn finding(view: &View, zone: &Zone, kind: FindingKind, reason: String) -> Finding {
    Finding {
        kind,
        severity: Severity::Warning,
        subject: Subject::Zone(zone.apex.clone()),
        zone: Some(zone.apex.clone()),
        questions: view.questions_in(zone),
        resolvers: Vec::new(),
        authorities: zone
            .servers
            .iter()
            .map(|server| server.name.clone())
            .collect(),
        baseline: None,
        observed: Vec::new(),
        at: view.input.now,
        reason,
    }
}
