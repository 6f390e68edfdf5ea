//! Findings about authoritative servers: silent, or answering without authority.
//!
//! Deliberately absent: a single lost packet. A server counts by all its replies of the round, and is told after three.

use std::collections::BTreeSet;

use super::{View, evidence};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        history::is_authoritative,
    },
    types::{AuthorityServer, Observation, Question, Severity, SourceKind, Zone, show_address},
};

/// What a server's replies of one round come to.
#[derive(PartialEq)]
enum Health {
    Well,
    Silent,
    Lame,
}

/// Servers that do not answer or answer without authority; where none answers, the zone itself.
pub(super) fn unreachable_or_lame(view: &View) -> Vec<Finding> {
    let mut found = Vec::new();
    for zone in view.input.zones.iter() {
        let asked: Vec<_> = zone
            .servers
            .iter()
            .map(|server| (server, replies_of(view, zone, server)))
            .filter(|(_, replies)| !replies.is_empty())
            .collect();
        let silent = asked
            .iter()
            .filter(|(_, replies)| health(replies) == Health::Silent)
            .count();
        if silent > 0 && silent == asked.len() {
            found.push(silent_zone(view, zone, &asked));
            continue;
        }
        for (server, replies) in &asked {
            match health(replies) {
                Health::Well => {}
                Health::Silent => found.push(server_finding(
                    view,
                    zone,
                    server,
                    replies,
                    FindingKind::AuthorityUnreachable,
                )),
                Health::Lame => found.push(server_finding(
                    view,
                    zone,
                    server,
                    replies,
                    FindingKind::LameAuthority,
                )),
            }
        }
    }
    found
}

type Asked<'a> = (&'a AuthorityServer, Vec<&'a Observation>);

fn replies_of<'a>(view: &View<'a>, zone: &Zone, server: &AuthorityServer) -> Vec<&'a Observation> {
    let of_zone = |one: &&Observation| {
        one.source.kind == SourceKind::Authority
            && one.source.address == server.address
            && view
                .input
                .zones
                .zone_of(&one.question.name)
                .is_some_and(|home| home.apex == zone.apex)
    };
    view.input.observations.iter().filter(of_zone).collect()
}

fn health(replies: &[&Observation]) -> Health {
    if replies.iter().any(|reply| is_authoritative(reply)) {
        Health::Well
    } else if replies.iter().any(|reply| reply.answer.is_reply()) {
        Health::Lame
    } else {
        Health::Silent
    }
}

fn server_finding(
    view: &View,
    zone: &Zone,
    server: &AuthorityServer,
    replies: &[&Observation],
    kind: FindingKind,
) -> Finding {
    let address = show_address(server.address, 53);
    let what = if kind == FindingKind::LameAuthority {
        let said = replies.iter().find(|reply| reply.answer.is_reply());
        let rcode = said
            .map(|reply| reply.answer.rcode_text())
            .unwrap_or_default();
        format!(
            "is listed for {} and does not answer for it with authority ({rcode})",
            zone.apex
        )
    } else {
        format!("does not answer for {}", zone.apex)
    };
    Finding {
        kind,
        severity: Severity::Warning,
        subject: Subject::Server {
            name: server.name.clone(),
            address: address.clone(),
        },
        zone: Some(zone.apex.clone()),
        questions: concerned(view, zone),
        resolvers: Vec::new(),
        authorities: vec![server.name.clone()],
        baseline: None,
        observed: replies.iter().map(|reply| evidence(reply, 0)).collect(),
        at: view.input.now,
        reason: format!("{} ({address}) {what}", server.name),
    }
}

fn silent_zone(view: &View, zone: &Zone, asked: &[Asked]) -> Finding {
    let names: BTreeSet<_> = asked
        .iter()
        .map(|(server, _)| server.name.clone())
        .collect();
    let replies = asked.iter().flat_map(|(_, replies)| replies);
    Finding {
        kind: FindingKind::AuthorityUnreachable,
        severity: Severity::Critical,
        subject: Subject::Zone(zone.apex.clone()),
        zone: Some(zone.apex.clone()),
        questions: concerned(view, zone),
        resolvers: Vec::new(),
        authorities: names.into_iter().collect(),
        baseline: None,
        observed: replies.map(|reply| evidence(reply, 0)).collect(),
        at: view.input.now,
        reason: format!(
            "none of the {} servers of {} answers",
            asked.len(),
            zone.apex
        ),
    }
}

/// The group's questions whose chain passes the zone.
fn concerned(view: &View, zone: &Zone) -> Vec<Question> {
    let passes = |question: &&Question| {
        let home = view.input.zones.zone_of(&question.name);
        home.is_some_and(|home| home.apex == zone.apex)
            || view.chain(question).iter().any(|(owner, _)| {
                view.input
                    .zones
                    .zone_of(owner)
                    .is_some_and(|here| here.apex == zone.apex)
            })
    };
    view.questions.iter().filter(passes).cloned().collect()
}
