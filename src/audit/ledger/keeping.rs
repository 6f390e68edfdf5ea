//! What an incident keeps of its evidence: names, places, replies, exposure.
//!
//! Instants and sets only ever grow. Deliberately absent: what the incident is called and how it stands.

use crate::audit::{
    evidence::Observed,
    incident::Incident,
    ledger::{backends, evidence::Sighting},
};

/// Most replies kept with an incident.
const MOST_OBSERVED: usize = 100;

/// Takes a sighting's evidence into its incident. Instants only ever rise; what it is called is not touched.
pub(super) fn absorb(incident: &mut Incident, sighting: &Sighting<'_>) {
    for question in &sighting.questions {
        incident.names.insert(question.name.clone());
        incident.types.insert(question.rtype);
    }
    let resolvers = sighting.resolvers.iter().map(|id| (*id).to_owned());
    incident.resolvers.extend(resolvers);
    incident
        .authorities
        .extend(sighting.authorities.iter().cloned());
    for observed in &sighting.observed {
        note_observed(incident, observed);
    }
    incident.last_bad_at = incident.last_bad_at.max(sighting.at);
    incident.cached_until = incident.cached_until.max(sighting.cached_until);
    incident.worst_case_until = incident.worst_case_until.max(sighting.worst_case_until);
    for backend in &sighting.backends {
        backends::track(incident, backend, sighting.at, sighting.cached_until);
    }
}

/// Keeps a bad reply: the latest per (resolver address, question, site), and of those the latest hundred, in that order.
pub(super) fn note_observed(incident: &mut Incident, observed: &Observed) {
    fn place(one: &Observed) -> impl Ord + use<'_> {
        (&one.source, &one.question, &one.site)
    }
    match incident
        .observed
        .binary_search_by(|kept| place(kept).cmp(&place(observed)))
    {
        Ok(at) if incident.observed[at].at <= observed.at => {
            incident.observed[at] = observed.clone();
        }
        Ok(_) => {}
        Err(at) => incident.observed.insert(at, observed.clone()),
    }
    if incident.observed.len() > MOST_OBSERVED {
        let oldest = incident.observed.iter().enumerate();
        let oldest = oldest.min_by_key(|(_, one)| one.at).map(|(at, _)| at);
        if let Some(at) = oldest {
            incident.observed.remove(at);
        }
    }
}

/// Takes another incident's evidence into this one, and its name where it was the worse of the two.
pub(super) fn take_in(whole: &mut Incident, part: &Incident) {
    whole.names.extend(part.names.iter().cloned());
    whole.types.extend(part.types.iter().copied());
    whole.resolvers.extend(part.resolvers.iter().cloned());
    whole.authorities.extend(part.authorities.iter().cloned());
    for observed in &part.observed {
        note_observed(whole, observed);
    }
    whole.last_bad_at = whole.last_bad_at.max(part.last_bad_at);
    whole.cached_until = whole.cached_until.max(part.cached_until);
    whole.worst_case_until = whole.worst_case_until.max(part.worst_case_until);
    if part.severity > whole.severity {
        whole.severity = part.severity;
        whole.verdict.clone_from(&part.verdict);
        whole.reason.clone_from(&part.reason);
    }
}
