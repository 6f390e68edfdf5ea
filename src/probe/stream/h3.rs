//! DNS over HTTP/3 (RFC 8484, RFC 9114): one connection, a POST for each question.
//!
//! POST and not GET: nothing on the way may answer from a cache. Deliberately absent: redirects, which are told as the status
//! that they are, and whether a message answers the question.

use std::sync::Arc;

use bytes::{Buf as _, BufMut as _, Bytes};
use h3::{
    client::SendRequest,
    error::{Code, StreamError},
};
use h3_quinn::OpenStreams;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, AGE, CONTENT_TYPE},
};
use tokio::time::Instant;

use super::{
    Target,
    quic::connection::Connection,
    session::{Answered, Failed, Opened},
    tls::{Alpn, Configs},
};
use crate::types::{self, NoReply};

/// `H3_NO_ERROR` (RFC 9114 section 8.1).
const NO_ERROR: u32 = 0x100;
/// The only type of a DNS message over HTTP (RFC 8484 section 6).
const DNS_MESSAGE: &str = "application/dns-message";
/// The usual path, where a target names none.
const PATH: &str = "/dns-query";
/// Longest DNS message, in octets.
const LONGEST: usize = u16::MAX as usize;

type Stream = h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// A connection that stands.
#[derive(Clone)]
pub(super) struct Session {
    connection: Arc<Connection>,
    requests: SendRequest<OpenStreams, Bytes>,
    uri: Uri,
}

impl Session {
    /// Connects and shakes hands.
    pub(super) async fn open(
        target: &Target,
        configs: &Configs,
        resume: bool,
    ) -> Result<Opened<Self>, NoReply> {
        let uri = uri(target)?;
        let connection = Connection::open(target, configs, Alpn::H3, resume, NO_ERROR).await?;
        let (mut driver, requests) = h3::client::builder()
            .send_grease(false)
            .build(h3_quinn::Connection::new(connection.quinn().clone()))
            .await
            .map_err(|_| connection.ended())?;
        Ok(Opened {
            session: Self {
                connection,
                requests,
                uri,
            },
            driver: Box::pin(async move { drop(driver.wait_idle().await) }),
        })
    }

    /// Puts one query and reads the message that answers it.
    pub(super) async fn exchange(mut self, query: Vec<u8>) -> Result<Answered, Failed> {
        let connection = Arc::clone(&self.connection);
        let failed = |error| failed(&connection, &error);
        let mut request = self
            .requests
            .send_request(self.request())
            .await
            .map_err(failed)?;
        let sent = Instant::now();
        request
            .send_data(Bytes::from(query))
            .await
            .map_err(failed)?;
        request.finish().await.map_err(failed)?;
        let answer = Answer(request).message(&connection);
        let (bytes, age) = connection.or_silence(answer).await?;
        let (received, at) = (Instant::now(), types::now());
        Ok(Answered {
            bytes,
            at,
            rtt: received - sent,
            age,
        })
    }

    /// Its head.
    fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(DNS_MESSAGE));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(DNS_MESSAGE));
        request
    }
}

/// The receiving half of a request's stream; dropped before its end, it tells the server not to go on.
struct Answer(Stream);

impl Answer {
    /// The message, and the seconds that a cache held it.
    async fn message(mut self, connection: &Connection) -> Result<(Vec<u8>, u32), Failed> {
        let failed = |error| failed(connection, &error);
        let response = self.0.recv_response().await.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Failed::Stream(NoReply::Http(status.as_u16())));
        }
        let mut bytes = Vec::new();
        while let Some(part) = self.0.recv_data().await.map_err(failed)? {
            if bytes.len() + part.remaining() > LONGEST {
                return Err(Failed::Stream(NoReply::Protocol));
            }
            bytes.put(part);
        }
        Ok((bytes, age(response.headers())))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.stop_sending(Code::H3_REQUEST_CANCELLED);
    }
}

/// `Age` in seconds (RFC 9111 section 5.1); what is no number is none, what is too large is the largest.
fn age(headers: &HeaderMap) -> u32 {
    let text = headers.get(AGE).and_then(|age| age.to_str().ok());
    let seconds = text.and_then(|text| text.trim().parse::<u64>().ok());
    u32::try_from(seconds.unwrap_or(0)).unwrap_or(u32::MAX)
}

fn uri(target: &Target) -> Result<Uri, NoReply> {
    let (host, path) = match &target.endpoint {
        Some(endpoint) => (endpoint.server_name.clone(), endpoint.path.as_str()),
        None => (target.address.ip().to_string(), PATH),
    };
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host
    };
    let authority = match target.address.port() {
        443 => host,
        port => format!("{host}:{port}"),
    };
    let built = Uri::builder()
        .scheme("https")
        .authority(authority)
        .path_and_query(path)
        .build();
    built.map_err(|error| {
        tracing::warn!(%error, "the path of this endpoint cannot be asked for");
        NoReply::NoRoute
    })
}

/// What an error means: to its query alone, or to all on the connection.
fn failed(connection: &Connection, error: &StreamError) -> Failed {
    if let Some(error) = connection.quinn().close_reason() {
        return connection.failed(&error);
    }
    match error {
        // GOAWAY: the server will not begin this stream, and another connection may be had (RFC 9114 section 5.2).
        StreamError::RemoteClosing { .. } | StreamError::ConnectionError { .. } => {
            Failed::Connection(NoReply::Protocol)
        }
        StreamError::RemoteTerminate { code, .. } if *code == Code::H3_REQUEST_REJECTED => {
            Failed::Connection(NoReply::Protocol)
        }
        _ => Failed::Stream(NoReply::Protocol),
    }
}
