//! Empty non-terminals: a server that denies a name altogether and has data below it.
//!
//! A name that has no data exists as long as any name below it does (RFC 4592 section 2.2.2). One NXDOMAIN for it ends
//! every name below at resolvers that believe it (RFC 8020), ask label by label (RFC 9156) or keep the proof (RFC 8198).
//! Deliberately absent: what two servers say, which is a split, and what two backends of one server say.

use std::collections::{BTreeMap, BTreeSet};

use super::{View, evidence, serials::is_greater};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        history::is_authoritative,
    },
    names::DnsName,
    types::{Observation, Question, Serials, Severity, Source, Value, Zone, show_address},
};

/// What one server denies, by source and name: the denial, and data that the same server has below.
type Breaches<'a> = BTreeMap<(&'a Source, &'a DnsName), (&'a Observation, &'a Observation)>;

/// One finding for each zone of which a server denies a name that it has names below.
pub(super) fn denied(view: &View) -> Vec<Finding> {
    let zones = view.own_zones();
    zones.filter_map(|zone| in_zone(view, zone)).collect()
}

fn in_zone(view: &View, zone: &Zone) -> Option<Finding> {
    let mut breaches = Breaches::new();
    for data in view
        .replies_in(zone)
        .iter()
        .copied()
        .filter(|one| has_data(one))
    {
        let cuts = &view.signs.cuts;
        let denials = cuts.above(&data.question.name, &zone.apex).into_iter();
        for denial in denials.filter(|denial| is_same_backend(view, zone, denial, data)) {
            let place = (&*denial.source, &denial.question.name);
            let shown = breaches.entry(place).or_insert((denial, data));
            // Of several names below the first, in whatever order they came.
            if data.question < shown.1.question {
                *shown = (denial, data);
            }
        }
    }
    let (&(source, name), (_, data)) = breaches.first_key_value()?;
    let servers: BTreeSet<_> = breaches.keys().map(|(source, _)| &source.id).collect();
    let names: BTreeSet<_> = breaches.keys().map(|(_, name)| *name).collect();
    let pairs = breaches
        .values()
        .flat_map(|(denial, data)| [*denial, *data]);
    Some(Finding {
        kind: FindingKind::EntNxdomain,
        severity: Severity::Warning,
        subject: Subject::Zone(zone.apex.clone()),
        zone: Some(zone.apex.clone()),
        questions: below(view, zone, &names),
        resolvers: Vec::new(),
        authorities: servers.iter().map(ToString::to_string).collect(),
        baseline: None,
        observed: pairs.map(|reply| evidence(reply, 0)).collect(),
        at: view.input.now,
        reason: format!(
            "{} ({}) says NXDOMAIN for {name} and serves {}: whoever believes that (RFC 8020) loses every name below{}",
            source.id,
            show_address(source.address, 53),
            data.question,
            others(names.len(), servers.len()),
        ),
    })
}

/// Whether a server of the zone has data for just the name it was asked for.
fn has_data(reply: &Observation) -> bool {
    let first = reply.answer.links.first();
    is_authoritative(reply)
        && first.is_some_and(|link| matches!(link.value, Value::Rrset(_) | Value::Cname(_)))
}

/// Whether both replies are one server's word on one version of its zone, as far as can be told: the denial names the
/// serial it comes from, and a backend may name itself.
fn is_same_backend(view: &View, zone: &Zone, denial: &Observation, data: &Observation) -> bool {
    let is_old = || {
        let asked = view.soa_replies(zone);
        let serial = asked.get(&denial.source.address)?.serial?;
        Some(is_greater(serial, denial.serial?))
    };
    let compares = view.input.policy.serials == Serials::Compare;
    denial.source == data.source
        && (denial.site() == data.site() || denial.site().is_none() || data.site().is_none())
        && !(compares && is_old().unwrap_or_default())
}

/// The group's questions for names below any of these.
fn below(view: &View, zone: &Zone, names: &BTreeSet<&DnsName>) -> Vec<Question> {
    let is_below = |question: &Question| {
        let mut between = question.name.between(&zone.apex);
        between.any(|above| names.contains(&above))
    };
    let mut questions = view.questions_in(zone);
    questions.retain(is_below);
    questions
}

fn others(names: usize, servers: usize) -> String {
    match (names, servers) {
        (1, 1) => String::new(),
        (1, _) => format!("; {servers} servers do so"),
        (_, 1) => format!("; it denies {names} such names"),
        _ => format!("; {names} such names are denied, by {servers} servers"),
    }
}
