//! Empty non-terminals: denied by a server that has names below, and not.

use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        testing::{GOOD, Reply, Scene, at, data, question, rrset},
    },
    names::DnsName,
    types::{Question, Rcode, RecordType, Serials, Source, SourceKind, Value},
};

const DEEP: &str = "dialer7.eu.example.com";
const EMPTY: &str = "eu.example.com";

/// `DEEP` A at google, whose zone is `example.com` at ns1 and ns2.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.questions = vec![question(DEEP, RecordType::A)];
    scene
}

fn denial() -> Reply {
    Reply::rcode(Rcode::NXDOMAIN).link(EMPTY, Value::Nxdomain, 300)
}

fn nodata() -> Reply {
    data().link(EMPTY, Value::Nodata, 300)
}

/// Every name holds an address, but of the empty one the servers say this.
fn saying(of: impl Fn(&Source) -> Reply) -> impl Fn(&Source, &Question) -> Reply {
    move |source, asked| match asked.name.as_str() {
        EMPTY => of(source),
        name => data().link(name, rrset(&[GOOD]), 60),
    }
}

/// The findings of the kind in one round.
fn found(scene: &mut Scene, world: impl Fn(&Source, &Question) -> Reply) -> Vec<Finding> {
    let round = scene.round(at("10:00"), &|source, asked, _| world(source, asked));
    let mut findings = round.findings;
    findings.retain(|one| one.kind == FindingKind::EntNxdomain);
    findings
}

#[test]
fn a_server_that_denies_a_name_and_has_data_below_it_is_told_with_both_replies() {
    let found = found(
        &mut scene(),
        saying(|source| match &*source.id {
            "ns2" => denial(),
            _ => nodata(),
        }),
    );
    let [finding] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        finding.subject,
        Subject::Zone("example.com".parse().unwrap())
    );
    assert_eq!(finding.authorities, ["ns2"]);
    assert_eq!(finding.questions, [question(DEEP, RecordType::A)]);
    let shown = finding.observed.iter();
    let shown: Vec<_> = shown
        .map(|one| (&*one.resolver, &*one.rcode, &one.question.name))
        .collect();
    let names: [DnsName; 2] = [EMPTY, DEEP].map(|name| name.parse().unwrap());
    assert_eq!(
        shown,
        [
            ("ns2", "NXDOMAIN", &names[0]),
            ("ns2", "NOERROR", &names[1])
        ]
    );
    assert_eq!(
        finding.reason,
        "ns2 (192.0.2.2) says NXDOMAIN for eu.example.com and serves dialer7.eu.example.com A: whoever believes that \
         (RFC 8020) loses every name below"
    );
}

#[test]
fn many_such_names_of_a_zone_are_one_finding() {
    let mut scene = scene();
    scene
        .questions
        .push(question("dialer8.us.example.com", RecordType::A));
    let found = found(&mut scene, |_, asked| match asked.name.as_str() {
        name @ (EMPTY | "us.example.com") => {
            Reply::rcode(Rcode::NXDOMAIN).link(name, Value::Nxdomain, 300)
        }
        name => data().link(name, rrset(&[GOOD]), 60),
    });
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].questions, scene.questions);
    assert!(
        found[0]
            .reason
            .ends_with("; 2 such names are denied, by 2 servers"),
        "{}",
        found[0].reason
    );
}

#[test]
fn one_name_at_two_servers_and_two_names_at_one_are_told_as_that() {
    let of = |servers: &[&str], names: &[&str]| {
        let mut scene = scene();
        let other = question("dialer8.us.example.com", RecordType::A);
        scene.questions.push(other);
        let found = found(&mut scene, |source, asked| {
            let name = asked.name.as_str();
            let is_empty = [EMPTY, "us.example.com"].contains(&name);
            if is_empty && servers.contains(&&*source.id) && names.contains(&name) {
                Reply::rcode(Rcode::NXDOMAIN).link(name, Value::Nxdomain, 300)
            } else if is_empty {
                data().link(name, Value::Nodata, 300)
            } else {
                data().link(name, rrset(&[GOOD]), 60)
            }
        });
        let reason = &found[0].reason;
        let others = reason.split("every name below").nth(1);
        others.unwrap().to_owned()
    };
    let (one, both) = (["ns1"], ["ns1", "ns2"]);
    let (eu, all) = ([EMPTY], [EMPTY, "us.example.com"]);
    assert_eq!(of(&one, &eu), "");
    assert_eq!(of(&both, &eu), "; 2 servers do so");
    assert_eq!(of(&one, &all), "; it denies 2 such names");
    assert_eq!(of(&both, &all), "; 2 such names are denied, by 2 servers");
}

#[test]
fn of_several_names_below_the_first_is_shown_in_whatever_order_they_were_asked() {
    let names = [DEEP, "dialer8.eu.example.com"];
    for order in [names, [names[1], names[0]]] {
        let mut scene = scene();
        scene.questions = order.map(|name| question(name, RecordType::A)).to_vec();
        let found = found(&mut scene, saying(|_| denial()));
        assert_eq!(found[0].observed[1].question.name.as_str(), DEEP);
    }
}

#[test]
fn a_name_that_is_no_denial_or_has_nothing_below_at_that_server_is_nobodys_fault() {
    let dangling = || {
        Reply::rcode(Rcode::NXDOMAIN)
            .alias(EMPTY, "gone.example.com", 60)
            .link("gone.example.com", Value::Nxdomain, 60)
    };
    let without_authority = || Reply {
        authoritative: false,
        ..denial()
    };
    for reply in [nodata(), dangling(), without_authority(), Reply::silence()] {
        assert_eq!(found(&mut scene(), saying(|_| reply.clone())), []);
    }
    // Two servers that disagree are a split.
    let split = |source: &Source, asked: &Question| match (&*source.id, asked.name.as_str()) {
        ("ns2", name) => Reply::rcode(Rcode::NXDOMAIN).link(name, Value::Nxdomain, 300),
        (_, EMPTY) => nodata(),
        (_, name) => data().link(name, rrset(&[GOOD]), 60),
    };
    assert_eq!(found(&mut scene(), split), []);
}

#[test]
fn two_backends_of_one_server_do_not_contradict_each_other() {
    let sites = |denial_site: &'static str, data_site: &'static str| {
        move |_: &Source, asked: &Question| match asked.name.as_str() {
            EMPTY => denial().at_site(denial_site),
            name => data().link(name, rrset(&[GOOD]), 60).at_site(data_site),
        }
    };
    assert_eq!(found(&mut scene(), sites("fra", "ams")), []);
    assert_eq!(found(&mut scene(), sites("fra", "fra")).len(), 1);
    // One that does not say which it is may be either.
    for (of_denial, of_data) in [(None, Some("ams")), (Some("fra"), None)] {
        let at_site = |reply: Reply, site: Option<&str>| match site {
            Some(site) => reply.at_site(site),
            None => reply,
        };
        let world = |_: &Source, asked: &Question| match asked.name.as_str() {
            EMPTY => at_site(denial(), of_denial),
            name => at_site(data().link(name, rrset(&[GOOD]), 60), of_data),
        };
        assert_eq!(found(&mut scene(), world).len(), 1, "{of_denial:?}");
    }
}

#[test]
fn a_denial_from_an_older_version_of_the_zone_is_no_contradiction() {
    let serials = |of_denial: u32| {
        move |source: &Source, asked: &Question| match (source.kind, asked.rtype) {
            (SourceKind::Authority, RecordType::SOA) => {
                let record = "ns1 host.example.com 8 7200 300 1209600 300";
                data()
                    .link("example.com", rrset(&[record]), 300)
                    .with_serial(8)
            }
            _ if asked.name.as_str() == EMPTY => denial().with_serial(of_denial),
            _ => data().link(DEEP, rrset(&[GOOD]), 60),
        }
    };
    let with_soa = || {
        let mut scene = scene();
        scene.targets = vec![question("example.com", RecordType::SOA)];
        scene
    };
    assert_eq!(found(&mut with_soa(), serials(7)), []);
    assert_eq!(found(&mut with_soa(), serials(8)).len(), 1);
    let mut ignoring = with_soa();
    ignoring.policy.serials = Serials::Ignore;
    assert_eq!(found(&mut ignoring, serials(7)).len(), 1);
}

#[test]
fn a_name_that_is_watched_itself_counts_by_whatever_it_was_asked_for() {
    let mut scene = scene();
    scene.questions.push(question(EMPTY, RecordType::AAAA));
    assert_eq!(found(&mut scene, saying(|_| denial())).len(), 1);
}

#[test]
fn a_server_that_answers_for_nothing_but_the_names_above_is_as_lame_as_before() {
    let world = |source: &Source, asked: &Question| match (&*source.id, asked.name.as_str()) {
        ("ns2", DEEP) => Reply::rcode(Rcode::REFUSED),
        (_, EMPTY) => nodata(),
        (_, name) => data().link(name, rrset(&[GOOD]), 60),
    };
    let world = |source: &Source, asked: &Question, _| world(source, asked);
    let round = scene().round(at("10:00"), &world);
    assert_eq!(round.kinds(), [FindingKind::LameAuthority]);
    // Where one of those is watched itself, it answers for what it is asked for.
    let mut watching = scene();
    watching.questions.push(question(EMPTY, RecordType::A));
    let round = watching.round(at("10:00"), &world);
    let kinds = round.kinds();
    assert!(!kinds.contains(&FindingKind::LameAuthority), "{kinds:?}");
}

#[test]
fn a_resolver_that_believed_the_denial_is_told_with_its_cause() {
    let mut scene = scene();
    let right = saying(|_| nodata());
    scene.run("09:50", "10:00", &|source, asked, _| right(source, asked));
    let lost = |source: &Source, asked: &Question| match source.kind {
        SourceKind::Resolver => Reply::rcode(Rcode::NXDOMAIN).link(DEEP, Value::Nxdomain, 60),
        SourceKind::Authority => saying(|_| denial())(source, asked),
    };
    let round = scene.round(at("10:00"), &|source, asked, _| lost(source, asked));
    let cause = "; ns1 (192.0.2.1) says NXDOMAIN for eu.example.com above it, and a resolver may believe that of every \
                 name below (RFC 8020): the authority is to blame";
    assert!(
        round.at("google").reason.ends_with(cause),
        "{}",
        round.at("google").reason
    );
}
