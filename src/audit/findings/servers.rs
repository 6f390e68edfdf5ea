//! Findings about authoritative servers: silent, or answering without authority.
//!
//! Deliberately absent: a single lost packet. A server counts by all its replies of the round, and is told after three.

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
};

use super::{MOST_EVIDENCE, View, evidence};
use crate::{
    audit::{
        evidence::Observed,
        finding::{Finding, FindingKind, Subject},
        history::is_authoritative,
    },
    types::{AuthorityServer, Listed, NoReply, Observation, Severity, Status, Zone, show_address},
};

/// What a server's replies of one round come to.
#[derive(PartialEq)]
enum Health {
    Well,
    Silent,
    Lame,
    /// There is no way to it from here (no such address family, say): that is not the server's fault.
    NoRoute,
}

type Asked<'a> = (&'a AuthorityServer, Vec<&'a Observation>);

/// Servers that do not answer or answer without authority; where none answers, the zone itself.
pub(super) fn unreachable_or_lame(view: &View) -> Vec<Finding> {
    let zones = view.input.zones.iter();
    zones.flat_map(|zone| in_zone(view, zone)).collect()
}

fn in_zone(view: &View, zone: &Zone) -> Vec<Finding> {
    let asked = asked(view, zone);
    let answers = |(_, replies): &Asked| matches!(health(replies), Health::Well | Health::Lame);
    if !asked.is_empty() && !asked.iter().any(answers) {
        return vec![silent_zone(view, zone, &asked)];
    }
    asked
        .iter()
        .filter_map(|(server, replies)| {
            let kind = match health(replies) {
                Health::Well | Health::NoRoute => return None,
                Health::Lame if replies.iter().any(|one| view.is_intercepted(one)) => return None,
                Health::Silent => FindingKind::AuthorityUnreachable,
                Health::Lame => FindingKind::LameAuthority,
            };
            Some(server_finding(view, zone, (server, replies), kind))
        })
        .collect()
}

/// The zone's servers that were asked, each with its replies. One that is no longer listed owes nobody an answer.
fn asked<'a>(view: &View<'a>, zone: &'a Zone) -> Vec<Asked<'a>> {
    let mut replies: HashMap<SocketAddr, Vec<&Observation>> = HashMap::new();
    for reply in view.replies_in(zone) {
        replies.entry(reply.source.address).or_default().push(reply);
    }
    let listed = zone
        .servers
        .iter()
        .filter(|server| !matches!(server.listed, Listed::Removed { .. }));
    listed
        .filter_map(|server| Some((server, replies.remove(&server.address)?)))
        .collect()
}

fn health(replies: &[&Observation]) -> Health {
    let no_route = Status::NoReply(NoReply::NoRoute);
    if replies.iter().any(|reply| is_authoritative(reply)) {
        Health::Well
    } else if replies.iter().any(|reply| reply.answer.is_reply()) {
        Health::Lame
    } else if replies.iter().all(|reply| reply.answer.status == no_route) {
        Health::NoRoute
    } else {
        Health::Silent
    }
}

fn server_finding(
    view: &View,
    zone: &Zone,
    (server, replies): (&AuthorityServer, &[&Observation]),
    kind: FindingKind,
) -> Finding {
    let address = show_address(server.address, 53);
    let what = if kind == FindingKind::LameAuthority {
        let said = replies.iter().find(|reply| reply.answer.is_reply());
        let rcode = said.map(|reply| reply.answer.rcode_text());
        format!(
            "is listed for {} and does not answer for it with authority ({})",
            zone.apex,
            rcode.unwrap_or_default()
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
        questions: view.questions_through(zone),
        resolvers: Vec::new(),
        authorities: vec![server.name.clone()],
        baseline: None,
        observed: shown(replies.iter().copied()),
        at: view.input.now,
        reason: format!("{} ({address}) {what}", server.name),
    }
}

fn silent_zone(view: &View, zone: &Zone, asked: &[Asked]) -> Finding {
    let names: BTreeSet<_> = asked
        .iter()
        .map(|(server, _)| server.name.clone())
        .collect();
    let replies = asked.iter().flat_map(|(_, replies)| replies).copied();
    Finding {
        kind: FindingKind::AuthorityUnreachable,
        severity: Severity::Critical,
        subject: Subject::Zone(zone.apex.clone()),
        zone: Some(zone.apex.clone()),
        questions: view.questions_through(zone),
        resolvers: Vec::new(),
        authorities: names.into_iter().collect(),
        baseline: None,
        observed: shown(replies),
        at: view.input.now,
        reason: format!(
            "none of the {} servers of {} answers",
            asked.len(),
            zone.apex
        ),
    }
}

fn shown<'a>(replies: impl Iterator<Item = &'a Observation>) -> Vec<Observed> {
    replies
        .take(MOST_EVIDENCE)
        .map(|reply| evidence(reply, 0))
        .collect()
}
