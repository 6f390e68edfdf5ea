//! What a round shows to be wrong at names, zones and authoritative servers themselves.
//!
//! One finding per kind and subject, whatever the number of names. Deliberately absent: how many rounds it takes before
//! somebody is told, and inhibition.

mod changes;
mod ents;
mod expected;
mod names;
mod path;
mod serials;
mod servers;
mod stretched;
#[cfg(test)]
mod tests;
mod ttl;
mod unplaced;
mod view;
mod zones;

use std::collections::BTreeSet;

use crate::{
    audit::{
        evidence::{Baseline, BaselineKind, Observed},
        finding::Finding,
        history::{History, Standing},
        judge::RoundInput,
        path::Interception,
        signs::Signs,
        verdict::Verdict,
    },
    types::{Observation, Value},
};
use view::{Reply, View};

/// Replies kept as evidence of one finding.
const MOST_EVIDENCE: usize = 100;

/// Every finding of the round, by kind and subject: one for each.
pub(super) fn find(
    history: &History,
    input: &RoundInput,
    signs: &Signs,
    verdicts: &[Verdict],
) -> Vec<Finding> {
    let view = View::new(history, input, signs, verdicts);
    let path = signs.path.as_ref();
    let intercepted = path.map(|path| path::intercepted(&view, path));
    // What nobody said who was asked shows nothing of names, zones and servers.
    let mut found = if path.is_some_and(Interception::is_whole) {
        Vec::new()
    } else {
        of_the_others(&view)
    };
    for finding in &mut found {
        tidy(finding);
        finding.reason += &input.service_of(&finding.questions.iter());
    }
    found.extend(intercepted);
    found
}

/// Everything that is found at names, zones and servers, by kind and subject.
fn of_the_others(view: &View) -> Vec<Finding> {
    let mut found = names::missing(view);
    found.extend(names::split(view));
    found.extend(ttl::above_policy(view));
    found.extend(ttl::negative_above_policy(view));
    found.extend(stretched::find(view));
    found.extend(ttl::unequal_in_rrset(view));
    found.extend(expected::mismatch(view));
    found.extend(changes::unexpected(view));
    found.extend(serials::lag(view));
    found.extend(ents::denied(view));
    found.extend(servers::unreachable_or_lame(view));
    found.extend(unplaced::find(view));
    found.extend(zones::ns_mismatch(view));
    found.extend(zones::delegation_ttl(view));
    found.sort_by(|one, other| {
        (one.kind, &one.subject, &one.zone).cmp(&(other.kind, &other.subject, &other.zone))
    });
    found.dedup_by(|later, first| {
        let is_same = (later.kind, &later.subject) == (first.kind, &first.subject);
        if is_same {
            merge(first, later);
        }
        is_same
    });
    found
}

/// One server of several zones is told once, with the questions of them all.
fn merge(first: &mut Finding, later: &mut Finding) {
    first.severity = first.severity.max(later.severity);
    if first.zone != later.zone {
        first.zone = None;
    }
    first.observed.append(&mut later.observed);
    first.observed.truncate(MOST_EVIDENCE);
    first.questions.append(&mut later.questions);
    first.resolvers.append(&mut later.resolvers);
    first.authorities.append(&mut later.authorities);
}

fn tidy(finding: &mut Finding) {
    finding.observed.truncate(MOST_EVIDENCE);
    finding.questions.sort_unstable();
    finding.questions.dedup();
    for names in [&mut finding.resolvers, &mut finding.authorities] {
        names.sort_unstable();
        names.dedup();
    }
}

/// A reply as evidence, by one of its links.
fn evidence(observation: &Observation, index: usize) -> Observed {
    let link = observation.answer.links.get(index);
    Observed {
        resolver: observation.source.id.clone(),
        source: observation.source.clone(),
        question: observation.question.clone(),
        records: link.map(|link| link.value.records()).unwrap_or_default(),
        rcode: observation.answer.rcode_text(),
        ttl: link.map(|_| observation.link_ttl(index)),
        site: observation.site(),
        ede: observation.ede.clone(),
        at: observation.at,
        cached_until: link.map(|_| observation.expires_at(index)),
    }
}

/// Links of replies as evidence.
fn all_evidence(replies: &[Reply]) -> Vec<Observed> {
    let links = replies.iter();
    links
        .map(|(reply, index)| evidence(reply, *index))
        .collect()
}

/// What the authorities serve now, where they do.
fn baseline(standing: &Standing) -> Option<Baseline> {
    let current = standing.current.iter();
    let records: BTreeSet<_> = current
        .clone()
        .flat_map(|current| current.value.records())
        .collect();
    let gone = current
        .clone()
        .all(|current| *current.value == Value::Nxdomain);
    Some(Baseline {
        kind: BaselineKind::Authority,
        records: records.into_iter().collect(),
        rcode: if gone { "NXDOMAIN" } else { "NOERROR" }.to_owned(),
        ttl: Some(current.map(|current| current.ttl).max()?),
    })
}
