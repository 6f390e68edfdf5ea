//! A server over QUIC that does one thing to every question, right or wrong, for what hickory's cannot be made to do.
//!
//! Deliberately without retries, limits and any knowledge of names: the right answer is always the same address.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::{BufMut, Bytes};
use h3::error::Code;
use http::Response;
use quinn::{Connection, Endpoint, ServerConfig, crypto::rustls::QuicServerConfig};
use tokio::runtime::Runtime;

use crate::lab::{Certificate, front::tls};

/// What is done to a question.
#[derive(Debug, Clone, Copy)]
pub(super) enum Does {
    Answer,
    /// Nothing, ever.
    Silence,
    /// Another id than 0.
    WrongId,
    OtherQuestion,
    TwoMessages,
    /// Half of the answer, then the end of the stream.
    Half,
    /// The end of the stream at once.
    Nothing,
    Reset,
    /// The connection is closed.
    Close,
    /// HTTP: this status, and no message.
    Status(u16),
    /// HTTP: the answer with this `Age`.
    Aged(&'static str),
    /// HTTP: a body longer than any message.
    Endless,
}

/// The server, on a runtime of its own, so that it can be killed as a process is: without a word to anybody.
pub(super) struct QuicServer {
    runtime: Option<Runtime>,
    address: SocketAddr,
    seen: Arc<Seen>,
}

/// What it saw.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    questions: AtomicUsize,
}

impl QuicServer {
    /// Listens at a free port; with the protocol `h3` it speaks HTTP/3, with any other DNS over QUIC.
    pub(super) fn start(protocol: &'static str, certificate: &Certificate, does: Does) -> Self {
        let any = ([127, 0, 0, 1], 0).into();
        Self::start_at(any, protocol, certificate, does)
    }

    /// As [`start`](Self::start), where another was killed.
    pub(super) fn start_at(
        address: SocketAddr,
        protocol: &'static str,
        certificate: &Certificate,
        does: Does,
    ) -> Self {
        let runtime = Runtime::new().unwrap();
        let crypto = QuicServerConfig::try_from(tls(certificate, protocol.as_bytes())).unwrap();
        let config = ServerConfig::with_crypto(Arc::new(crypto));
        let endpoint = {
            let _inside = runtime.enter();
            Endpoint::server(config, address).unwrap()
        };
        let (address, seen) = (endpoint.local_addr().unwrap(), Arc::<Seen>::default());
        runtime.spawn(serve(endpoint, protocol, does, Arc::clone(&seen)));
        Self {
            runtime: Some(runtime),
            address,
            seen,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there were.
    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Relaxed)
    }

    /// How many questions came.
    pub(super) fn questions(&self) -> usize {
        self.seen.questions.load(Ordering::Relaxed)
    }

    /// Ends it without a word; its port refuses when this returns.
    pub(super) async fn kill(mut self) {
        let runtime = self.runtime.take().unwrap();
        // Waits until every task and its socket is gone, which must not happen on this runtime's threads.
        let gone = tokio::task::spawn_blocking(move || drop(runtime));
        gone.await.unwrap();
    }
}

impl Drop for QuicServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(endpoint: Endpoint, protocol: &str, does: Does, seen: Arc<Seen>) {
    while let Some(incoming) = endpoint.accept().await {
        let (seen, is_h3) = (Arc::clone(&seen), protocol == "h3");
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else {
                return;
            };
            seen.connections.fetch_add(1, Ordering::Relaxed);
            if is_h3 {
                serve_h3(connection, does, seen).await;
            } else {
                serve_doq(connection, does, seen).await;
            }
        });
    }
}

async fn serve_doq(connection: Connection, does: Does, seen: Arc<Seen>) {
    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
        let (connection, seen) = (connection.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let Ok(question) = receive.read_to_end(65537).await else {
                return;
            };
            seen.questions.fetch_add(1, Ordering::Relaxed);
            let (length, query) = question.split_at(2);
            assert_eq!(length, u16::try_from(query.len()).unwrap().to_be_bytes());
            match does {
                Does::Silence => std::future::pending().await,
                Does::Reset => send.reset(2_u32.into()).unwrap(),
                Does::Close => connection.close(0_u32.into(), b""),
                does => {
                    let reply = reply(query, does);
                    let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
                    let mut answer = [&length[..], &reply].concat();
                    match does {
                        Does::TwoMessages => answer.extend_from_within(..),
                        Does::Half => answer.truncate(answer.len() / 2),
                        Does::Nothing => answer.clear(),
                        _ => {}
                    }
                    // The client may have gone meanwhile.
                    let _ = send.write_all(&answer).await;
                    let _ = send.finish();
                    let _ = send.stopped().await;
                }
            }
        });
    }
}

type Http = h3::server::RequestResolver<h3_quinn::Connection, Bytes>;

async fn serve_h3(connection: Connection, does: Does, seen: Arc<Seen>) {
    let below = h3_quinn::Connection::new(connection.clone());
    let Ok(mut h3) = h3::server::Connection::<_, Bytes>::new(below).await else {
        return;
    };
    while let Ok(Some(request)) = h3.accept().await {
        tokio::spawn(answer_h3(
            connection.clone(),
            request,
            does,
            Arc::clone(&seen),
        ));
    }
}

async fn answer_h3(connection: Connection, request: Http, does: Does, seen: Arc<Seen>) {
    let Ok((request, mut stream)) = request.resolve_request().await else {
        return;
    };
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri().path(), "/dns-query");
    assert_eq!(request.headers()["content-type"], "application/dns-message");
    let mut query = Vec::new();
    while let Ok(Some(part)) = stream.recv_data().await {
        query.put(part);
    }
    seen.questions.fetch_add(1, Ordering::Relaxed);
    let mut answer = reply(&query, does);
    let mut response = Response::builder().header("content-type", "application/dns-message");
    match does {
        Does::Silence => return std::future::pending().await,
        Does::Reset => return stream.stop_stream(Code::H3_INTERNAL_ERROR),
        Does::Close => return connection.close(0x100_u32.into(), b""),
        Does::Nothing => answer.clear(),
        Does::Status(status) => response = response.status(status),
        Does::Aged(age) => response = response.header("age", age),
        Does::Endless => answer.resize(70_000, 0),
        _ => {}
    }
    let _ = stream.send_response(response.body(()).unwrap()).await;
    let _ = stream.send_data(Bytes::from(answer)).await;
    let _ = stream.finish().await;
}

/// The answer to any question, 192.0.2.1 for 300 seconds, with what shall be wrong in it. The id must be 0 over both
/// transports (RFC 9250 section 4.2.1, RFC 8484 section 4.1).
fn reply(query: &[u8], does: Does) -> Vec<u8> {
    let [0, 0, _, _, ..] = query else {
        panic!("the id is not 0: {query:?}")
    };
    let name_end = query[12..].iter().position(|octet| *octet == 0).unwrap() + 13;
    let mut question = query[12..name_end + 4].to_vec();
    let mut header = [0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    match does {
        Does::WrongId => header[1] = 7,
        Does::OtherQuestion => question[1] ^= 1,
        _ => {}
    }
    let answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1];
    [&header[..], &question, &answer].concat()
}
