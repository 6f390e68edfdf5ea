//! What comes back when a server answers, in its own way.

use std::time::Duration;

use chrono::Utc;
use dns_auditor::{
    probe::Ask,
    types::{Flags, QueryOptions, Rcode, Source, SourceKind, Status, Transport},
};

use super::{ask, authority_with, example, patient, prober, question, shown, source};
use crate::dns::{DnsServer, Fault, Reply, Script};

#[tokio::test]
async fn an_authority_is_asked_without_recursion_and_answers_with_everything() {
    let (server, source) = authority_with(example().nsid(b"ns1.fra")).await;
    let before = Utc::now();
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &patient())
        .await;
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!(seen.ttls, [[300]]);
    assert_eq!(seen.flags, Flags::AA);
    assert_eq!(
        (seen.site().as_deref(), seen.edns_size),
        (Some("ns1.fra"), Some(1232))
    );
    assert_eq!(
        (seen.attempts, seen.mismatched, seen.transport),
        (1, 0, Transport::Udp)
    );
    assert!(seen.at >= before && seen.at <= Utc::now());
    assert!(seen.rtt > Duration::ZERO && seen.size > 40);
    let [query] = &server.received()[..] else {
        panic!("one query")
    };
    assert!(!query.message.recursion_desired && !query.tcp);
}

#[tokio::test]
async fn a_resolver_is_asked_with_recursion_and_its_ttl_counts_down() {
    let authority = DnsServer::start(example()).await;
    let resolver = DnsServer::start(Script::cache(&authority)).await;
    let source = source(SourceKind::Resolver, resolver.address());
    let (prober, question) = (prober(), question("web.example.com", "A"));
    let first = prober.ask(&source, &question, &patient()).await;
    assert_eq!(first.ttls, [[120], [300]]);
    assert!(first.flags.has(Flags::RA) && first.flags.has(Flags::RD));
    resolver.edit(|script| script.advance(Duration::from_secs(20)));
    let second = prober.ask(&source, &question, &patient()).await;
    assert_eq!(second.ttls, [[100], [280]]);
    assert_eq!(
        shown(&second),
        [
            "web.example.com CNAME dialer1.example.com",
            "dialer1.example.com 192.0.2.1"
        ]
    );
    assert!(resolver.received()[0].message.recursion_desired);
}

#[tokio::test]
async fn a_question_without_validation_is_seen_to_be_one() {
    let authority = DnsServer::start(example()).await;
    let resolver = DnsServer::start(Script::cache(&authority)).await;
    let source = source(SourceKind::Resolver, resolver.address());
    let asked = question("dialer1.example.com", "A");
    let unchecked = Ask {
        options: QueryOptions {
            checking_disabled: Some(true),
            ..QueryOptions::default()
        },
        ..patient()
    };
    let seen = prober().ask(&source, &asked, &unchecked).await;
    assert!(seen.flags.has(Flags::CD) && seen.answer.is_data());
    assert!(
        !prober()
            .ask(&source, &asked, &patient())
            .await
            .flags
            .has(Flags::CD)
    );
}

#[tokio::test]
async fn the_kinds_of_answer_an_authority_gives_are_told_apart() {
    let (_server, source) = authority_with(example()).await;
    let check = async |name: &str, rtype: &str, links: &[&str], ttls: &[&[u32]]| {
        let seen = prober()
            .ask(&source, &question(name, rtype), &patient())
            .await;
        assert_eq!(
            (shown(&seen), &seen.ttls[..]),
            (
                links.iter().map(ToString::to_string).collect(),
                &ttls.iter().map(|ttls| ttls.to_vec()).collect::<Vec<_>>()[..]
            )
        );
        seen
    };
    check(
        "pool.example.com",
        "A",
        &["pool.example.com 192.0.2.20 192.0.2.3"],
        &[&[60, 60]],
    )
    .await;
    check(
        "away.example.com",
        "A",
        &["away.example.com CNAME lb.example.net"],
        &[&[120]],
    )
    .await;
    check(
        "web.example.com",
        "CNAME",
        &["web.example.com dialer1.example.com"],
        &[&[120]],
    )
    .await;
    let nodata = check(
        "dialer1.example.com",
        "AAAA",
        &["dialer1.example.com NODATA"],
        &[&[3600, 300]],
    )
    .await;
    assert_eq!((nodata.serial, nodata.link_ttl(0)), (Some(7), 300));
    let gone = check(
        "gone.example.com",
        "A",
        &["gone.example.com NXDOMAIN"],
        &[&[3600, 300]],
    )
    .await;
    assert!(gone.flags.has(Flags::AUTHORITY_SECTION));
    check("elsewhere.example.net", "A", &["REFUSED"], &[]).await;
}

#[tokio::test]
async fn a_truncated_reply_is_asked_again_over_tcp_and_stays_noted() {
    let (server, source) = authority_with(example()).await;
    let addresses: Vec<_> = (0..150).map(|host| format!("192.0.2.{host}")).collect();
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    server.edit(|script| script.set("pool.example.com", "A", 60, &addresses));
    let seen = prober()
        .ask(&source, &question("pool.example.com", "A"), &patient())
        .await;
    assert_eq!(seen.answer.links[0].value.addresses().len(), 150);
    assert!(seen.flags.has(Flags::TC) && seen.size > 1232);
    assert_eq!((seen.attempts, seen.transport), (2, Transport::Tcp));
}

#[tokio::test]
async fn a_truncated_reply_that_tcp_does_not_complete_is_no_answer() {
    let script = example().with(Fault::Truncated);
    let (server, source) = authority_with(script).await;
    server.edit(|script| script.fault(Fault::Silent.over_tcp()));
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &ask())
        .await;
    assert_eq!(shown(&seen), ["timeout"]);
    assert!(seen.flags.has(Flags::TC));
    assert_eq!((seen.attempts, seen.transport), (2, Transport::Tcp));
}

#[tokio::test]
async fn a_source_over_tcp_is_never_asked_over_udp() {
    let (server, mut source) = authority_with(example()).await;
    source.transport = Transport::Tcp;
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &patient())
        .await;
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!((seen.attempts, seen.transport), (1, Transport::Tcp));
    assert!(server.received().iter().all(|query| query.tcp));
}

#[tokio::test]
async fn a_server_that_does_not_know_edns_is_asked_again_without() {
    let (server, source) = authority_with(example().with(Fault::NoEdns)).await;
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &patient())
        .await;
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!((seen.edns_size, seen.attempts), (None, 2));
    let with_edns: Vec<_> = server
        .received()
        .iter()
        .map(|query| query.message.edns.is_some())
        .collect();
    assert_eq!(with_edns, [true, false]);
}

#[tokio::test]
async fn a_server_that_finds_every_query_malformed_says_formerr() {
    let (server, source) = authority_with(example().with(Fault::HeaderOnly(1))).await;
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &patient())
        .await;
    assert_eq!(seen.answer.status, Status::Rcode(Rcode::FORMERR));
    assert_eq!((server.received().len(), seen.size), (2, 12));
}

#[tokio::test]
async fn failures_keep_their_code_and_extended_errors() {
    let (server, source) = authority_with(example()).await;
    for code in [2, 4, 5, 23] {
        server.edit(|script| {
            script.clear_faults();
            script.fault(Fault::Rcode(code));
            script.fault(Fault::ExtendedError(22, "no reachable authority"));
            script.fault(Fault::ExtendedError(23, ""));
        });
        let seen = prober()
            .ask(&source, &question("dialer1.example.com", "A"), &patient())
            .await;
        assert_eq!(seen.answer.status, Status::Rcode(Rcode(code)));
        assert!(seen.answer.links.is_empty());
        let errors: Vec<_> = seen
            .ede
            .iter()
            .map(|ede| (ede.code, ede.text.as_str()))
            .collect();
        assert_eq!(errors, [(22, "no reachable authority"), (23, "")]);
    }
}

#[tokio::test]
async fn an_answer_may_carry_an_extended_error_and_a_subnet_scope() {
    let script = example()
        .with(Fault::ExtendedError(3, "stale"))
        .with(Fault::EdnsOption(8, vec![0, 1, 24, 20, 192, 0, 2]));
    let (_server, source) = authority_with(script).await;
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &patient())
        .await;
    assert!(seen.answer.is_data());
    assert_eq!((seen.ede[0].code, seen.ecs_scope), (3, Some(20)));
}

#[tokio::test]
async fn the_case_of_names_in_a_reply_does_not_matter() {
    let upper = std::sync::Arc::new(
        |_: &crate::dns::Query, mut message: hickory_proto::op::Message| {
            message.queries[0].name =
                hickory_proto::rr::Name::from_ascii("DIALER1.Example.COM.").unwrap();
            for record in &mut message.answers {
                record.name = message.queries[0].name.clone();
            }
            vec![Reply::message(&message)]
        },
    );
    let (_server, source) = authority_with(example().with(Fault::Custom(upper))).await;
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &patient())
        .await;
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!(seen.mismatched, 0);
}

#[tokio::test]
async fn a_referral_says_nothing_of_the_name() {
    let (server, source) = authority_with(example()).await;
    server.edit(|script| script.set("sub.example.com", "NS", 60, &["ns.sub.example.com."]));
    let seen = prober()
        .ask(
            &source,
            &question("dialer.sub.example.com", "A"),
            &patient(),
        )
        .await;
    assert!(!seen.answer.is_data() && seen.flags.has(Flags::AUTHORITY_SECTION));
    assert_eq!(seen.answer.status, Status::Rcode(Rcode::NOERROR));
}

#[tokio::test]
async fn ipv6_works_like_ipv4() {
    let server = DnsServer::start_at("[::1]:0", example()).await;
    let source: Source = source(SourceKind::Authority, server.address());
    for transport in [Transport::Udp, Transport::Tcp] {
        let source = Source {
            transport,
            ..source.clone()
        };
        let seen = prober()
            .ask(&source, &question("dialer1.example.com", "A"), &patient())
            .await;
        assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    }
}
