//! HTTP/2 against a server that follows a script.

use std::{net::SocketAddr, sync::Arc};

use ::http::{Request, Response};
use bytes::Bytes;
use h2::{Reason, RecvStream, server, server::SendResponse};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{
    Asker, PATIENCE, SHORT,
    certificates::Authority,
    peer::{Peer, Server, label, reply},
    word,
};
use crate::{
    probe::stream::Target,
    types::{Endpoint, Transport},
};

const NAME: &str = "dns.example.net";
const DNS: &str = "application/dns-message";

fn target(address: SocketAddr, authority: &Authority) -> Target {
    Target {
        address,
        transport: Transport::Https,
        endpoint: Some(Arc::new(Endpoint {
            server_name: NAME.to_owned(),
            path: "/dns-query{?dns}".to_owned(),
            ca_file: Some(authority.file.path().to_owned()),
        })),
    }
}

/// What a response is made of.
struct Said {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
}

fn say(status: u16, headers: &[(&'static str, &'static str)], body: Vec<u8>) -> Said {
    Said {
        status,
        headers: headers.to_vec(),
        body,
    }
}

async fn body(mut stream: RecvStream) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(Ok(part)) = stream.data().await {
        let _ = stream.flow_control().release_capacity(part.len());
        body.extend(part);
    }
    body
}

fn respond(mut respond: SendResponse<Bytes>, said: impl Into<Option<Said>>) {
    let Some(said) = said.into() else {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return;
    };
    let mut response = Response::builder().status(said.status);
    for (name, value) in said.headers {
        response = response.header(name, value);
    }
    let mut stream = respond
        .send_response(response.body(()).unwrap(), false)
        .unwrap();
    stream.send_data(Bytes::from(said.body), true).unwrap();
}

/// Answers every request by `answer`; the number of the connection is its first argument. `seen` hears of each.
async fn server<A: Into<Option<Said>> + Send + 'static>(
    authority: &Authority,
    seen: UnboundedSender<(Request<()>, Vec<u8>)>,
    answer: impl Fn(usize, &[u8]) -> A + Send + Sync + 'static,
) -> Server {
    let answer = Arc::new(answer);
    Server::start_tls(
        authority.identity(NAME).server(&[b"h2"]),
        move |peer: Peer| {
            let (answer, seen) = (Arc::clone(&answer), seen.clone());
            async move {
                let mut connection = server::handshake(peer.stream).await.unwrap();
                while let Some(Ok((request, stream))) = connection.accept().await {
                    let (answer, seen) = (Arc::clone(&answer), seen.clone());
                    tokio::spawn(async move {
                        let (head, incoming) = request.into_parts();
                        let query = body(incoming).await;
                        respond(stream, answer(peer.nth, &query));
                        let _ = seen.send((Request::from_parts(head, ()), query));
                    });
                }
            }
        },
    )
    .await
}

async fn check<A: Into<Option<Said>> + Send + 'static>(
    title: &str,
    answer: impl Fn(&[u8]) -> A + Send + Sync + 'static,
    expected: &str,
    mismatched: u16,
) {
    let authority = Authority::new();
    let (seen, _) = unbounded_channel();
    let server = server(&authority, seen, move |_, query| answer(query)).await;
    let target = target(server.address, &authority);
    let outcome = Asker::new(PATIENCE).ask(&target, "a.example.com").await;
    assert_eq!(
        (word(&outcome).as_str(), outcome.mismatched),
        (expected, mismatched),
        "{title}"
    );
}

#[tokio::test]
async fn a_response_is_an_answer_by_status_type_size_and_question() {
    let dns = &[("content-type", DNS)];
    check("right", |query| say(200, dns, reply(query)), "ok", 0).await;
    check("any 2xx", |query| say(203, dns, reply(query)), "ok", 0).await;
    let type_of = |value| move |query: &[u8]| say(200, &[("content-type", value)], reply(query));
    check(
        "parameters",
        type_of("Application/DNS-Message; charset=x"),
        "ok",
        0,
    )
    .await;
    check("other type", type_of("text/html"), "protocol error", 0).await;
    check(
        "no type",
        |query| say(200, &[], reply(query)),
        "protocol error",
        0,
    )
    .await;
    for status in [404, 429, 500, 302] {
        let expected = format!("HTTP {status}");
        check(
            "status",
            move |query| say(status, dns, reply(query)),
            &expected,
            0,
        )
        .await;
    }
    check("reset", |_| None::<Said>, "protocol error", 0).await;
    check("empty", |_| say(200, dns, Vec::new()), "protocol error", 1).await;
    check(
        "too long",
        |_| say(200, dns, vec![0; 65_536]),
        "protocol error",
        0,
    )
    .await;
    let padded = |octets: usize| {
        move |query: &[u8]| {
            let mut message = reply(query);
            message.resize(octets, 0);
            say(200, dns, message)
        }
    };
    check("as long as can be", padded(65_535), "ok", 0).await;
    let changed = |at: usize| {
        move |query: &[u8]| {
            let mut message = reply(query);
            message[at] ^= 1;
            say(200, dns, message)
        }
    };
    check("other id", changed(0), "protocol error", 1).await;
    check("other question", changed(13), "wrong question", 1).await;
}

#[tokio::test]
async fn the_request_is_a_post_under_the_id_0_and_age_is_kept() {
    let authority = Authority::new();
    let (seen, mut requests) = unbounded_channel();
    let server = server(&authority, seen, |_, query| {
        say(200, &[("content-type", DNS), ("age", "17")], reply(query))
    })
    .await;
    let target = target(server.address, &authority);
    let outcome = Asker::new(PATIENCE).ask(&target, "a.example.com").await;
    let received = outcome.result.unwrap();
    assert_eq!((received.age, received.transport), (17, Transport::Https));
    let (head, query) = requests.recv().await.unwrap();
    assert_eq!((head.method().as_str(), &query), ("POST", &received.query));
    assert_eq!(query[..2], [0, 0]);
    let expected = format!("https://{NAME}:{}/dns-query", server.address.port());
    assert_eq!(head.uri().to_string(), expected);
    let header = |name: &str| head.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (header("content-type"), header("accept")),
        (DNS.into(), DNS.into())
    );
    assert_eq!(
        header("user-agent"),
        concat!("dns-auditor/", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(header("content-length"), query.len().to_string());
    assert!(!head.headers().contains_key("cookie"));
}

#[tokio::test]
async fn many_questions_share_a_connection_and_a_fresh_one_does_not() {
    let authority = Authority::new();
    let (seen, _requests) = unbounded_channel();
    let server = server(&authority, seen, |_, query| {
        say(200, &[("content-type", DNS)], reply(query))
    })
    .await;
    let (mut asker, target) = (Asker::new(PATIENCE), target(server.address, &authority));
    let names: Vec<_> = (0..60).map(|nth| format!("n{nth}.example.com")).collect();
    let slots: Vec<_> = names.iter().map(|name| asker.send(&target, name)).collect();
    for _ in &slots {
        let outcome = asker.outcome().await;
        let nth = slots.iter().position(|slot| *slot == outcome.slot).unwrap();
        let received = outcome.result.unwrap();
        assert_eq!(label(&received.bytes), format!("n{nth}"));
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(word(&asker.ask_fresh(&target, "a.example.com").await), "ok");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_goes_away_after_an_answer_costs_none_and_before_it_one() {
    let authority = Authority::new();
    // The first connection ends at its second request, and each other one at its first, but for the second.
    let server = Server::start_tls(
        authority.identity(NAME).server(&[b"h2"]),
        |peer: Peer| async move {
            let patience = match peer.nth {
                0 => 1,
                1 => 100,
                _ => 0,
            };
            let mut connection = server::handshake(peer.stream).await.unwrap();
            for _ in 0..patience {
                let Some(Ok((request, stream))) = connection.accept().await else {
                    return;
                };
                tokio::spawn(async move {
                    let query = body(request.into_body()).await;
                    respond(stream, say(200, &[("content-type", DNS)], reply(&query)));
                });
            }
            connection.accept().await;
            connection.abrupt_shutdown(Reason::NO_ERROR);
            while let Some(Ok(_)) = connection.accept().await {}
        },
    )
    .await;
    let (mut asker, target) = (Asker::new(PATIENCE), target(server.address, &authority));
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        assert_eq!(word(&asker.ask(&target, name).await), "ok", "{name}");
    }
    assert_eq!(server.connections(), 2);
    let outcome = asker.ask_fresh(&target, "d.example.com").await;
    assert_eq!(word(&outcome), "protocol error");
}

#[tokio::test]
async fn silence_is_a_timeout_and_the_next_question_goes_another_way() {
    let authority = Authority::new();
    let server = Server::start_tls(
        authority.identity(NAME).server(&[b"h2"]),
        |peer: Peer| async move {
            let mut connection = server::handshake(peer.stream).await.unwrap();
            let mut held = Vec::new();
            while let Some(Ok((request, stream))) = connection.accept().await {
                if peer.nth == 0 {
                    held.push((request, stream));
                } else {
                    tokio::spawn(async move {
                        let query = body(request.into_body()).await;
                        respond(stream, say(200, &[("content-type", DNS)], reply(&query)));
                    });
                }
            }
        },
    )
    .await;
    let (mut asker, target) = (Asker::new(SHORT * 2), target(server.address, &authority));
    assert_eq!(word(&asker.ask(&target, "a.example.com").await), "timeout");
    asker.patience = PATIENCE;
    assert_eq!(word(&asker.ask(&target, "b.example.com").await), "ok");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn nothing_but_http_2_will_do() {
    let authority = Authority::new();
    for (alpn, expected) in [
        (&[&b"http/1.1"[..]][..], "TLS: no common protocol"),
        (&[], "TLS: no common protocol"),
    ] {
        let config = authority.identity(NAME).server(alpn);
        let server =
            Server::start_tls(
                config,
                |mut peer: Peer| async move { peer.until_closed().await },
            )
            .await;
        let target = target(server.address, &authority);
        let outcome = Asker::new(PATIENCE).ask(&target, "a.example.com").await;
        assert_eq!(word(&outcome), expected, "{alpn:?}");
    }
}
