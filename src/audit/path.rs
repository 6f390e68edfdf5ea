//! Whether somebody on the way from the vantage answers port 53 himself: what comes through such a path says nothing of those
//! who were asked.
//!
//! Two marks of one round, each enough: every authoritative server answers as a resolver does, or a public resolver shows the
//! identifier of a server (NSID, RFC 5001) that is not its operator's. Deliberately absent: a single authoritative server
//! that answers so (it is lame), resolvers that show no identifier, encrypted transports, on whose way nobody can answer,
//! and whoever intercepts with the authority bit set.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use crate::{
    audit::{
        history::{History, LinkKey},
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
    /// A reply of each authoritative server, where all of them answer as a resolver does.
    servers: BTreeMap<SocketAddr, &'a Observation>,
    /// A reply of each resolver's address that shows another's identifier.
    strangers: BTreeMap<&'a Source, &'a Observation>,
}

impl<'a> Interception<'a> {
    /// `None` where nothing shows one. `history` has taken in the round.
    pub(super) fn of(history: &History, input: &RoundInput<'a>) -> Option<Self> {
        let found = Self {
            servers: servers_alike(history, input),
            strangers: strangers(input),
        };
        (!found.servers.is_empty() || !found.strangers.is_empty()).then_some(found)
    }

    /// Whether no authoritative server is heard at all: whoever asks at port 53 from here hears somebody else.
    pub(super) fn is_whole(&self) -> bool {
        !self.servers.is_empty()
    }

    /// Whether what came from a source was made on the way, as far as anybody can tell.
    pub(super) fn covers(&self, source: &Source) -> bool {
        !source.transport.is_encrypted() && (self.is_whole() || self.strangers.contains_key(source))
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
        if self.is_whole() {
            marks.push(format!(
                "all {} authoritative servers answer as a resolver does (AA=0, RA=1)",
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

/// A reply of each authoritative server that replied, where every one has data, none has AA, and all have RA.
///
/// Servers that a person configured and that never answered with authority are more likely to be resolvers in truth.
fn servers_alike<'a>(
    history: &History,
    input: &RoundInput<'a>,
) -> BTreeMap<SocketAddr, &'a Observation> {
    let authorities = input
        .samples()
        .filter(|one| one.source.kind == SourceKind::Authority && one.answer.is_reply());
    let mut alike = BTreeMap::new();
    for reply in authorities {
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
            strangers.insert(&reply.source, reply);
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
            let mut resolvers = input.resolvers.iter();
            let resolver = resolvers.find(|known| known.id == source.id);
            resolver.is_some_and(|resolver| is_own(resolver, &site) == Some(true))
        };
        let others = voices.iter().filter(|(_, reply)| !is_theirs(&reply.source));
        strangers.extend(others.map(|(_, reply)| (&reply.source, *reply)));
    }
    strangers
}

/// What came from public resolvers over transports that somebody on the way can answer.
fn public_replies<'a>(
    input: &RoundInput<'a>,
) -> impl Iterator<Item = (&'a Resolver, &'a Observation)> {
    let resolvers = input.resolvers;
    let plain = input.samples().filter(|one| {
        one.source.kind == SourceKind::Resolver && !one.source.transport.is_encrypted()
    });
    plain.filter_map(move |one| {
        let resolver = resolvers.iter().find(|known| known.id == one.source.id)?;
        resolver
            .traits
            .is_public
            .then_some((resolver.as_ref(), one))
    })
}

/// Whether an identifier is in its operator's form; `None` where that is not known.
fn is_own(resolver: &Resolver, site: &str) -> Option<bool> {
    let suffix = resolver.traits.nsid_suffix.as_deref()?;
    Some(site.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        audit::{
            finding::FindingKind,
            testing::{ALIEN, GOOD, Reply, Round, Scene, a, at, resolver, server, zone},
        },
        types::{Rcode, Transport},
    };

    fn good() -> Reply {
        a(&[GOOD], 300)
    }

    /// As a resolver answers: AA=0, RA=1.
    fn as_a_resolver() -> Reply {
        Reply {
            authoritative: false,
            ..good()
        }
    }

    fn without_ra(reply: Reply) -> Reply {
        Reply {
            flags: Flags::default(),
            ..reply
        }
    }

    /// A public service, with what its servers' identifiers end in.
    fn public(id: &str, ip: &str, suffix: Option<&str>) -> Arc<Resolver> {
        let mut public = Resolver::clone(&resolver(id, ip, None));
        public.traits.is_public = true;
        public.traits.nsid_suffix = suffix.map(str::to_owned);
        Arc::new(public)
    }

    /// One round: ns1 and ns2 reply so, and the resolvers so in their order.
    fn round(scene: &mut Scene, when: &str, servers: &[Reply; 2], resolvers: &[Reply]) -> Round {
        let ids: Vec<_> = scene.resolvers.iter().map(|one| one.id.clone()).collect();
        scene.round(at(when), &|source, _, _| match source.kind {
            SourceKind::Authority => servers[usize::from(source.id != "ns1")].clone(),
            SourceKind::Resolver => {
                resolvers[ids.iter().position(|id| *id == source.id).unwrap()].clone()
            }
        })
    }

    /// How bad the path is said to be.
    fn path(round: &Round) -> Option<Severity> {
        let mut findings = round.findings.iter();
        let found = findings.find(|one| one.kind == FindingKind::PathIntercepted);
        found.map(|found| found.severity)
    }

    #[test]
    fn only_where_every_server_gives_data_as_a_resolver_does_is_none_heard() {
        let check = |servers: [Reply; 2], expected: Option<Severity>| {
            let mut scene = Scene::new();
            let round = round(&mut scene, "10:00", &servers, &[good()]);
            assert_eq!(path(&round), expected, "{servers:?}");
            // Beside it nothing is found, and nothing is said.
            assert!(expected.is_none() || round.findings.len() == 1, "{round:?}");
            let muted = round.state("google") == State::Unknown;
            assert_eq!(muted, expected.is_some(), "{servers:?}");
        };
        let refused = || Reply::rcode(Rcode::REFUSED);
        let expired = || Reply::rcode(Rcode::SERVFAIL);
        check([good(), good()], None);
        check([as_a_resolver(), as_a_resolver()], Some(Severity::Critical));
        check([as_a_resolver(), good()], None);
        check([as_a_resolver(), Reply::silence()], None);
        check([as_a_resolver(), refused()], None);
        check([refused(), refused()], None);
        check([expired(), expired()], None);
        check([as_a_resolver(), without_ra(as_a_resolver())], None);
        check(
            [without_ra(as_a_resolver()), without_ra(as_a_resolver())],
            None,
        );
        check([Reply::silence(), Reply::silence()], None);
    }

    #[test]
    fn servers_that_somebody_configured_must_have_answered_with_authority_before() {
        let mut scene = Scene::new();
        let mut servers = vec![server("ns1", "192.0.2.1"), server("ns2", "192.0.2.2")];
        for server in &mut servers {
            server.listed = Listed::Configured;
        }
        scene.zones.insert(zone("example.com", servers));
        let alike = [as_a_resolver(), as_a_resolver()];
        let lame = round(&mut scene, "10:00", &alike, &[good()]);
        assert_eq!(path(&lame), None);
        assert_eq!(lame.kinds(), [FindingKind::LameAuthority; 2]);
        round(&mut scene, "10:01", &[good(), good()], &[good()]);
        let taken_over = round(&mut scene, "10:02", &alike, &[good()]);
        assert_eq!(path(&taken_over), Some(Severity::Critical));
    }

    #[test]
    fn nobody_can_answer_on_the_way_of_an_encrypted_transport() {
        let mut secure = Resolver::clone(&public("quad9+tls", "9.9.9.9", Some(".rrdns.pch.net")));
        secure.transport = Transport::Tls;
        let google = resolver("google", "8.8.8.8", None);
        let mut scene = Scene::new().with_resolvers(&[google, Arc::new(secure)]);
        let stranger = good().at_site("cache7.isp.example");
        let first = round(
            &mut scene,
            "10:00",
            &[good(), good()],
            &[good(), stranger.clone()],
        );
        assert_eq!(path(&first), None);
        let alike = [as_a_resolver(), as_a_resolver()];
        let lie = a(&[ALIEN], 60);
        let second = round(&mut scene, "10:01", &alike, &[lie, stranger]);
        assert_eq!(second.state("google"), State::Unknown);
        assert_eq!(second.at("google").flags, [VerdictFlag::PathIntercepted]);
        assert_eq!(second.state("quad9+tls"), State::Consistent);
    }

    #[test]
    fn a_resolver_is_muted_where_it_shows_somebody_elses_identifier() {
        let pch = Some(".rrdns.pch.net");
        let check = |sites: [Option<&str>; 3], expected: &[&str]| {
            let mut scene = Scene::new().with_resolvers(&[
                public("google", "8.8.8.8", None),
                public("quad9", "9.9.9.9", pch),
                // One's own may be called like anything.
                resolver("office", "192.0.2.53", None),
            ]);
            let replies = sites.map(|site| match site {
                Some(site) => good().at_site(site),
                None => good(),
            });
            let round = round(&mut scene, "10:00", &[good(), good()], &replies);
            let muted = round
                .verdicts
                .iter()
                .filter(|one| one.state == State::Unknown);
            let muted: Vec<_> = muted.map(|one| &*one.resolver).collect();
            assert_eq!(muted, expected, "{sites:?}");
            let told = (!expected.is_empty()).then_some(Severity::Warning);
            assert_eq!(path(&round), told, "{sites:?}");
        };
        let (own, other) = ("res860.qfra3.rrdns.pch.net", "cache7.isp.example");
        check([None, None, None], &[]);
        check([Some("gpdns-fra"), Some(own), Some(own)], &[]);
        check(
            [Some("gpdns-fra"), Some("RES1.QFRA3.RRDNS.PCH.NET"), None],
            &[],
        );
        check([Some("gpdns-fra"), Some(other), None], &["quad9"]);
        check(
            [Some(other), Some(other), Some(other)],
            &["google", "quad9"],
        );
        check([Some(other), None, Some(other)], &[]);
        // Google's questions end at Quad9: Quad9 is what it says.
        check([Some(own), Some(own), None], &["google"]);
    }
}
