//! What makes a guess over UDP harder: DNS cookies (RFC 7873), and names in random case (0x20).

use std::sync::Arc;

use dns_auditor::{
    probe::Ask,
    types::{QueryOptions, Rcode, SourceKind, Status, Transport},
};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::rdata::opt::{EdnsCode, EdnsOption},
};

use super::{ask, authority_with, example, patient, prober, question, shown, source};
use crate::dns::{Fault, Query, Reply};

const SERVER: [u8; 16] = [7; 16];
const NEXT: [u8; 16] = [9; 16];

/// The cookie a query came with.
fn cookie(message: &Message) -> Option<Vec<u8>> {
    match message.edns.as_ref()?.option(EdnsCode::Cookie)? {
        EdnsOption::Unknown(_, data) => Some(data.clone()),
        _ => None,
    }
}

/// The reply with this COOKIE option.
fn with_cookie(mut message: Message, data: Vec<u8>) -> Reply {
    let options = message.edns.as_mut().unwrap().options_mut();
    options
        .options
        .push((EdnsCode::Cookie, EdnsOption::Unknown(10, data)));
    Reply::message(&message)
}

/// A server that gives everybody a cookie, and sends BADCOOKIE where it finds another than `wanted`.
fn jar(wanted: Option<[u8; 16]>) -> Fault {
    Fault::Custom(Arc::new(move |query: &Query, mut message: Message| {
        let Some(cookie) = cookie(&query.message).filter(|_| !query.tcp) else {
            return vec![Reply::message(&message)];
        };
        let server = wanted.unwrap_or(SERVER);
        if wanted.is_some() && cookie[8..] != server {
            message.answers.clear();
            message.metadata.response_code = ResponseCode::BADCOOKIE;
        }
        vec![with_cookie(message, [&cookie[..8], &server].concat())]
    }))
}

#[tokio::test]
async fn an_authority_gets_our_cookie_and_then_its_own_beside_it() {
    let (server, source) = authority_with(example().with(jar(None))).await;
    let prober = prober();
    for name in ["dialer1.example.com", "pool.example.com"] {
        assert!(
            prober
                .ask(&source, &question(name, "A"), &patient())
                .await
                .answer
                .is_data()
        );
    }
    let cookies: Vec<_> = server
        .received()
        .iter()
        .map(|query| cookie(&query.message).unwrap())
        .collect();
    let [first, second] = &cookies[..] else {
        panic!("two queries")
    };
    assert_eq!(
        (first.len(), &second[..8], &second[8..]),
        (8, &first[..], &SERVER[..])
    );
}

#[tokio::test]
async fn a_resolver_gets_none_unless_it_is_wanted_and_nobody_over_tcp() {
    let (server, authority) = authority_with(example()).await;
    let resolver = source(SourceKind::Resolver, server.address());
    let mut over_tcp = authority.clone();
    over_tcp.transport = Transport::Tcp;
    let asked = question("dialer1.example.com", "A");
    let with = |cookies: Option<bool>| Ask {
        options: QueryOptions {
            cookies,
            ..QueryOptions::default()
        },
        ..patient()
    };
    for (source, cookies, expected) in [
        (&resolver, None, false),
        (&resolver, Some(true), true),
        (&authority, None, true),
        (&authority, Some(false), false),
        (&over_tcp, Some(true), false),
    ] {
        prober().ask(source, &asked, &with(cookies)).await;
        let sent = server.received().pop().unwrap();
        assert_eq!(
            cookie(&sent.message).is_some(),
            expected,
            "{source} {cookies:?}"
        );
    }
}

#[tokio::test]
async fn a_bad_cookie_is_replaced_by_the_one_that_came_with_the_news() {
    let (server, source) = authority_with(example().with(jar(Some(NEXT)))).await;
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &patient())
        .await;
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!((seen.attempts, seen.transport), (2, Transport::Udp));
    assert_eq!(cookie(&server.received()[1].message).unwrap()[8..], NEXT);
}

#[tokio::test]
async fn a_server_that_likes_no_cookie_is_asked_over_tcp() {
    let (server, source) = authority_with(example()).await;
    server.edit(|script| script.fault(Fault::Rcode(23).over_udp()));
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &patient())
        .await;
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!((seen.attempts, seen.transport), (3, Transport::Tcp));
    server.edit(|script| script.fault(Fault::Silent.over_tcp()));
    let seen = prober()
        .ask(&source, &question("dialer1.example.com", "A"), &ask())
        .await;
    assert_eq!(
        seen.answer.status,
        Status::Rcode(Rcode(23)),
        "what was said stands"
    );
}

#[tokio::test]
async fn a_reply_without_our_cookie_is_not_believed() {
    let forged = Fault::Custom(Arc::new(|query: &Query, message: Message| {
        let Some(cookie) = cookie(&query.message) else {
            return vec![Reply::message(&message)];
        };
        let mut wrong = [&cookie[..8], &SERVER].concat();
        wrong[0] ^= 1;
        vec![with_cookie(message, wrong)]
    }));
    let (_server, source) = authority_with(example().with(forged)).await;
    let prober = prober();
    let seen = prober
        .ask(&source, &question("dialer1.example.com", "A"), &ask())
        .await;
    assert_eq!((seen.transport, seen.mismatched), (Transport::Tcp, 2));
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    assert_eq!(prober.counters().mismatched, 2);
}

fn in_random_case() -> Ask {
    Ask {
        options: QueryOptions {
            case_randomization: Some(true),
            ..QueryOptions::default()
        },
        ..ask()
    }
}

#[tokio::test]
async fn a_name_in_random_case_must_come_back_as_it_was_sent() {
    let (server, source) = authority_with(example()).await;
    let asked = question("dialer1.example.com", "A");
    let prober = prober();
    let mut spellings = std::collections::HashSet::new();
    for _ in 0..10 {
        let seen = prober.ask(&source, &asked, &in_random_case()).await;
        assert_eq!((seen.transport, seen.mismatched), (Transport::Udp, 0));
        assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
        spellings.insert(seen.wire.unwrap().query[12..33].to_vec());
    }
    // Seventeen letters: ten equal spellings come by chance once in 2^150.
    assert!(spellings.len() > 1);
    server.edit(|script| script.fault(Fault::UpperCase));
    let seen = prober.ask(&source, &asked, &in_random_case()).await;
    assert_eq!((seen.transport, seen.mismatched), (Transport::Tcp, 2));
    assert_eq!(shown(&seen), ["dialer1.example.com 192.0.2.1"]);
    let wire = seen.wire.unwrap();
    assert_eq!(
        &wire.query[12..33],
        b"\x07dialer1\x07example\x03com\0",
        "plain over TCP"
    );
}

#[tokio::test]
async fn what_is_said_beside_the_question_follows_kind_and_options() {
    let (server, authority) = authority_with(example()).await;
    let resolver = source(SourceKind::Resolver, server.address());
    let asked = question("dialer1.example.com", "A");
    let check = async |source, options: QueryOptions, expected: [bool; 4]| {
        let ask = Ask {
            options,
            ..patient()
        };
        prober().ask(source, &asked, &ask).await;
        let sent = server.received().pop().unwrap().message;
        let dnssec = sent.edns.as_ref().unwrap().flags().dnssec_ok;
        let flags = &sent.metadata;
        let said = [
            flags.recursion_desired,
            flags.authentic_data,
            flags.checking_disabled,
            dnssec,
        ];
        assert_eq!(said, expected, "{options:?}");
    };
    let usual = QueryOptions::default();
    let all = QueryOptions {
        dnssec: Some(true),
        checking_disabled: Some(true),
        recursion_desired: Some(false),
        ..usual
    };
    check(&resolver, usual, [true, true, false, false]).await;
    check(&authority, usual, [false, false, false, false]).await;
    check(&resolver, all, [false, true, true, true]).await;
    let recursive = QueryOptions {
        recursion_desired: Some(true),
        ..usual
    };
    check(&authority, recursive, [true, false, false, false]).await;
}
