//! Names for which no authoritative server could even be found: nobody could say whether their answers are right.
//!
//! Deliberately absent: guesses at where they lie.

use std::collections::BTreeMap;

use super::View;
use crate::{
    audit::finding::{Finding, FindingKind, Subject},
    names::DnsName,
    types::{Question, Severity},
};

/// One finding for each zone that would not say, and for each zone whose name servers have no address.
pub(super) fn find(view: &View) -> Vec<Finding> {
    let zones = view.input.zones;
    let mut silent: BTreeMap<&DnsName, (String, Vec<Question>)> = BTreeMap::new();
    for question in &view.questions {
        let Some(unplaced) = zones.unplaced(&question.name) else {
            continue;
        };
        let (_, questions) = silent
            .entry(&unplaced.silent)
            .or_insert_with(|| (unplaced.why.clone(), Vec::new()));
        questions.push(question.clone());
    }
    for zone in zones.iter().filter(|zone| zone.servers.is_empty()) {
        let why = format!("no name server of {} has an address", zone.apex);
        silent.insert(&zone.apex, (why, view.questions_in(zone)));
    }
    silent
        .into_iter()
        .filter(|(_, (_, questions))| !questions.is_empty())
        .map(|(zone, (why, questions))| finding(view, zone, &why, questions))
        .collect()
}

fn finding(view: &View, zone: &DnsName, why: &str, questions: Vec<Question>) -> Finding {
    Finding {
        kind: FindingKind::AuthorityUnreachable,
        severity: Severity::Critical,
        subject: Subject::Zone(zone.clone()),
        zone: Some(zone.clone()),
        reason: format!(
            "no authoritative server was found for {} questions: {why}",
            questions.len()
        ),
        questions,
        resolvers: Vec::new(),
        authorities: Vec::new(),
        baseline: None,
        observed: Vec::new(),
        at: view.input.now,
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        audit::{
            finding::{FindingKind, Subject},
            judge::{Unplaced, Zones},
            testing::{NAME, Reply, Scene, a, at, zone},
        },
        names::DnsName,
        types::Severity,
    };

    fn check(zones: Zones, subject: &str) {
        let mut scene = Scene::new();
        scene.zones = zones;
        let round = scene.round(at("12:00"), &|_, _, _| -> Reply { a(&["192.0.2.7"], 300) });
        let found: Vec<_> = round
            .findings
            .iter()
            .map(|one| (one.kind, one.severity, one.subject.clone()))
            .collect();
        let zone: DnsName = subject.parse().unwrap();
        assert_eq!(
            found,
            [(
                FindingKind::AuthorityUnreachable,
                Severity::Critical,
                Subject::Zone(zone)
            )]
        );
    }

    #[test]
    fn a_name_whose_zone_was_not_found_is_not_passed_over_in_silence() {
        let mut zones = Zones::default();
        let why = Unplaced {
            silent: DnsName::root(),
            why: "no root server told".to_owned(),
        };
        zones.insert_unplaced(NAME.parse().unwrap(), why);
        check(zones, ".");
    }

    #[test]
    fn a_zone_whose_name_servers_have_no_address_is_not_passed_over_in_silence() {
        let mut zones = Zones::default();
        zones.insert(zone("example.com", Vec::new()));
        check(zones, "example.com");
    }
}
