//! Who is taken to be intercepted, and who is not.

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
fn a_delegation_speaks_for_the_server_that_it_names_alone() {
    let mut servers = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|ip| server("ns", ip));
    servers[1].listed = Listed::Configured;
    servers[2].listed = Listed::Configured;
    let mut scene = Scene::new();
    scene.zones.insert(zone("example.com", servers.to_vec()));
    let alike = [as_a_resolver(), as_a_resolver()];
    let round = round(&mut scene, "10:00", &alike, &[good()]);
    assert_eq!(path(&round), None);
}

#[test]
fn who_gives_no_reply_and_who_is_no_authority_contradicts_nobody() {
    let names = ["ns1", "ns2", "ns3"];
    let servers = [1, 2, 3].map(|nth| server(names[nth - 1], &format!("192.0.2.{nth}")));
    let mut scene = Scene::new();
    scene.zones.insert(zone("example.com", servers.to_vec()));
    let round = scene.round(at("10:00"), &|source, _, _| match &*source.id {
        "ns1" | "ns2" => as_a_resolver(),
        // Silence has no flags; and as Quad9 says that it blocks, a resolver has none either.
        "ns3" => without_ra(Reply::silence()),
        _ => without_ra(as_a_resolver()),
    });
    assert_eq!(path(&round), Some(Severity::Critical));
}

#[test]
fn whatever_shows_it_is_named_in_one_sentence() {
    let begin = "not judged: somebody on the way answers port 53 in place of those who are asked: ";
    let reason = |servers: &[Reply; 2], site: Option<&str>| {
        let quad9 = public("quad9", "9.9.9.9", Some(".rrdns.pch.net"));
        let mut scene = Scene::new().with_resolvers(&[quad9]);
        scene.site = None;
        let reply = site.map_or_else(good, |site| good().at_site(site));
        let round = round(&mut scene, "10:00", servers, &[reply]);
        let reason = &round.at("quad9").reason;
        reason.strip_prefix(begin).unwrap_or(reason).to_owned()
    };
    let alike = [as_a_resolver(), as_a_resolver()];
    let servers = "all 2 authoritative servers answer as a resolver does (AA=0, RA=1)";
    let stranger = "quad9 (9.9.9.9) names itself cache7.isp.example, which is not its operator's";
    assert_eq!(reason(&alike, None), servers);
    let site = Some("cache7.isp.example");
    assert_eq!(reason(&[good(), good()], site), stranger);
    assert_eq!(reason(&alike, site), format!("{servers}; {stranger}"));
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
        scene.site = None;
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

#[test]
fn an_address_family_is_intercepted_by_itself_where_the_other_is_heard() {
    let servers = [
        ("ns1", "192.0.2.1"),
        ("ns2", "192.0.2.2"),
        ("ns3", "2001:db8::3"),
    ];
    let servers = servers.map(|(name, ip)| server(name, ip));
    let check = |over_4: [Reply; 2], over_6: Reply, expected: Option<Severity>| {
        let google = resolver("google", "8.8.8.8", None);
        let quad9 = resolver("quad9", "2620:fe::fe", None);
        let mut scene = Scene::new().with_resolvers(&[google, quad9]);
        scene.zones.insert(zone("example.com", servers.to_vec()));
        let round = scene.round(at("10:00"), &|source, _, _| match &*source.id {
            "ns1" => over_4[0].clone(),
            "ns2" => over_4[1].clone(),
            "ns3" => over_6.clone(),
            _ => good(),
        });
        assert_eq!(path(&round), expected, "{over_4:?} {over_6:?}");
        let muted = ["google", "quad9"].map(|id| round.state(id) == State::Unknown);
        let is_half = expected == Some(Severity::Warning);
        assert_eq!(muted, [expected.is_some(), expected.is_some() && !is_half]);
        // Those who are heard by nobody are not lame.
        let is_told_of_lame = round.kinds().contains(&FindingKind::LameAuthority);
        assert!(!(is_half && is_told_of_lame), "{round:?}");
    };
    let refused = || Reply::rcode(Rcode::REFUSED);
    let both = || [as_a_resolver(), as_a_resolver()];
    check(both(), good(), Some(Severity::Warning));
    check(both(), as_a_resolver(), Some(Severity::Critical));
    check(both(), Reply::silence(), Some(Severity::Critical));
    // As in one family: who refuses as a resolver does contradicts nobody.
    check(both(), refused(), Some(Severity::Critical));
    check(both(), without_ra(refused()), None);
    check([as_a_resolver(), good()], good(), None);
    check([as_a_resolver(), Reply::silence()], good(), None);
}
