//! Whether somebody on the way from the vantage answers port 53 himself: what comes through such a path says nothing of those
//! who were asked.
//!
//! Two marks of one round, each enough: every authoritative server (or every one of an address family) answers as a resolver
//! does, or a public resolver shows the identifier of a server (NSID, RFC 5001) that is not its operator's. Deliberately absent: a single authoritative server
//! that answers so (it is lame), resolvers that show no identifier, encrypted transports, on whose way nobody can answer,
//! and whoever intercepts with the authority bit set.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use crate::{
    audit::{
        history::{History, LinkKey, is_authoritative},
        judge::RoundInput,
        verdict::{State, Verdict, VerdictFlag},
    },
    types::{Flags, Listed, Observation, Resolver, Severity, Source, SourceKind},
};

/// What a single server does is its own fault.
const LEAST_SERVERS: usize = 2;

/// Octets of an identifier below which two operators may share it by chance: both stand in Frankfurt, say.
const LEAST_TELLING: usize = 7;

/// What shows that a path is intercepted.
#[derive(Debug)]
pub(super) struct Interception<'a> {
    /// A reply of each authoritative server, where all of them answer as a resolver does: all there are, or all of one address
    /// family.
    servers: BTreeMap<SocketAddr, &'a Observation>,
    /// The servers of the other address family are heard.
    is_half: bool,
    /// A reply of each resolver's address that shows another's identifier.
    strangers: BTreeMap<&'a Source, &'a Observation>,
}

impl<'a> Interception<'a> {
    /// `None` where nothing shows one. `history` has taken in the round.
    pub(super) fn of(history: &History, input: &RoundInput<'a>) -> Option<Self> {
        let (servers, is_half) = servers_alike(history, input);
        let found = Self {
            servers,
            is_half,
            strangers: strangers(input),
        };
        (!found.servers.is_empty() || !found.strangers.is_empty()).then_some(found)
    }

    /// Whether no authoritative server is heard at all: whoever asks at port 53 from here hears somebody else.
    pub(super) fn is_whole(&self) -> bool {
        !self.servers.is_empty() && !self.is_half
    }

    /// Whether all that is asked over this address's family hears somebody else.
    fn takes_in(&self, address: &SocketAddr) -> bool {
        let mut servers = self.servers.keys();
        let is_alike = |server: &SocketAddr| server.is_ipv4() == address.is_ipv4();
        !self.servers.is_empty() && (!self.is_half || servers.any(is_alike))
    }

    /// Whether what came from a source was made on the way, as far as anybody can tell.
    pub(super) fn covers(&self, source: &Source) -> bool {
        !source.transport.is_encrypted()
            && (self.takes_in(&source.address) || self.strangers.contains_key(source))
    }

    /// The replies that show it.
    pub(super) fn replies(&self) -> impl Iterator<Item = &'a Observation> {
        let replies = self.servers.values().chain(self.strangers.values());
        replies.copied()
    }

    /// The ids of the resolvers that show another's identifier.
    pub(super) fn resolvers(&self) -> Vec<String> {
        let ids = self.strangers.keys().map(|source| source.id.clone());
        ids.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The host names of the authoritative servers in whose stead somebody answers.
    pub(super) fn authorities(&self) -> Vec<String> {
        let ids = self.servers.values().map(|reply| reply.source.id.clone());
        ids.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// One sentence that names the marks.
    pub(super) fn reason(&self) -> String {
        let mut marks = Vec::new();
        if let Some(server) = self.servers.keys().next() {
            let family = if server.is_ipv4() { "IPv4" } else { "IPv6" };
            let over = if self.is_half {
                format!(" that are asked over {family}")
            } else {
                String::new()
            };
            marks.push(format!(
                "all {} authoritative servers{over} answer as a resolver does (AA=0, RA=1)",
                self.servers.len()
            ));
        }
        let shown = self.strangers.iter().map(|(source, reply)| {
            let site = reply.site().unwrap_or_default();
            format!("{source} names itself {site}, which is not its operator's")
        });
        marks.extend(shown);
        format!(
            "somebody on the way answers port 53 in place of those who are asked: {}",
            marks.join("; ")
        )
    }

    /// Takes back what verdicts say of the sources whose path it is.
    pub(super) fn mute(&self, verdicts: &mut [Verdict]) {
        for verdict in verdicts {
            if self.covers(&verdict.observed.source) {
                self.mute_one(verdict);
            }
        }
    }

    fn mute_one(&self, verdict: &mut Verdict) {
        verdict.state = State::Unknown;
        verdict.severity = Severity::None;
        verdict.confirmed = false;
        verdict.flags = vec![VerdictFlag::PathIntercepted];
        (verdict.deadline, verdict.worst_case_until) = (None, None);
        for sample in &mut verdict.samples {
            sample.state = State::Unknown;
        }
        verdict.reason = format!("not judged: {}", self.reason());
    }
}

/// A reply of each authoritative server that replied, where every one has data, none has AA, and all have RA; the same of one
/// address family, where a server of the other is heard (`true`).
///
/// Servers that a person configured and that never answered with authority are more likely to be resolvers in truth.
fn servers_alike<'a>(
    history: &History,
    input: &RoundInput<'a>,
) -> (BTreeMap<SocketAddr, &'a Observation>, bool) {
    let authorities = input
        .samples()
        .filter(|one| one.source.kind == SourceKind::Authority && one.answer.is_reply());
    let replies: Vec<_> = authorities.collect();
    let all = alike(history, input, replies.iter().copied());
    if !all.is_empty() {
        return (all, false);
    }
    let (over_4, over_6): (Vec<_>, Vec<_>) = replies
        .into_iter()
        .partition(|one| one.source.address.is_ipv4());
    for (these, others) in [(&over_4, &over_6), (&over_6, &over_4)] {
        if others.iter().any(|one| is_authoritative(one)) {
            let half = alike(history, input, these.iter().copied());
            if !half.is_empty() {
                return (half, true);
            }
        }
    }
    (BTreeMap::new(), false)
}

/// A reply of each server, where all of these show that nobody hears them; none otherwise.
fn alike<'a>(
    history: &History,
    input: &RoundInput<'a>,
    replies: impl Iterator<Item = &'a Observation>,
) -> BTreeMap<SocketAddr, &'a Observation> {
    let mut alike = BTreeMap::new();
    for reply in replies {
        if reply.flags.has(Flags::AA) || !reply.flags.has(Flags::RA) {
            return BTreeMap::new();
        }
        if reply.answer.is_data() && is_one_of_the_zone(history, input, reply) {
            alike.entry(reply.source.address).or_insert(reply);
        }
    }
    if alike.len() < LEAST_SERVERS {
        alike.clear();
    }
    alike
}

/// Whether a delegation leads to the server, or it has answered with authority before.
fn is_one_of_the_zone(history: &History, input: &RoundInput, reply: &Observation) -> bool {
    let address = reply.source.address;
    let zone = input.zones.zone_of(&reply.question.name);
    let mut servers = zone.into_iter().flat_map(|zone| &zone.servers);
    let is_delegated =
        servers.any(|server| server.address == address && server.listed != Listed::Configured);
    let key = LinkKey {
        owner: reply.question.name.clone(),
        rtype: reply.question.rtype,
    };
    is_delegated
        || history
            .link(&key)
            .is_some_and(|link| link.has_heard(address))
}

/// A reply of each source that shows an identifier of somebody else's: not in the operator's form where that is known, or
/// one that another operator's servers show, too.
fn strangers<'a>(input: &RoundInput<'a>) -> BTreeMap<&'a Source, &'a Observation> {
    let mut strangers = BTreeMap::new();
    let mut shown: BTreeMap<String, Vec<(&str, &Observation)>> = BTreeMap::new();
    for (resolver, reply) in public_replies(input) {
        let Some(site) = reply.site().map(|site| site.to_ascii_lowercase()) else {
            continue;
        };
        if is_own(resolver, &site) == Some(false) {
            strangers.insert(&*reply.source, reply);
        }
        if site.len() >= LEAST_TELLING {
            let known = shown.entry(site).or_default();
            known.push((&*resolver.operator, reply));
        }
    }
    for (site, voices) in shown {
        let operators: BTreeSet<_> = voices.iter().map(|(operator, _)| *operator).collect();
        if operators.len() < 2 {
            continue;
        }
        let is_theirs = |source: &Source| {
            let resolver = input.resolver(&source.id);
            resolver.is_some_and(|resolver| is_own(resolver, &site) == Some(true))
        };
        let others = voices.iter().filter(|(_, reply)| !is_theirs(&reply.source));
        strangers.extend(others.map(|(_, reply)| (&*reply.source, *reply)));
    }
    strangers
}

/// What came from public resolvers over transports that somebody on the way can answer.
fn public_replies<'a>(
    input: &RoundInput<'a>,
) -> impl Iterator<Item = (&'a Resolver, &'a Observation)> {
    let input = *input;
    let plain = input.samples().filter(|one| {
        one.source.kind == SourceKind::Resolver && !one.source.transport.is_encrypted()
    });
    plain.filter_map(move |one| {
        let resolver = input.resolver(&one.source.id)?;
        resolver.traits.is_public.then_some((resolver, one))
    })
}

/// Whether an identifier is in its operator's form; `None` where that is not known.
fn is_own(resolver: &Resolver, site: &str) -> Option<bool> {
    let suffix = resolver.traits.nsid_suffix.as_deref()?;
    Some(site.ends_with(suffix))
}
