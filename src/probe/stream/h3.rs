//! DNS over HTTP/3 (RFC 8484, RFC 9114): one connection, a POST for each question.
//!
//! Deliberately absent: 0-RTT, server push, and whether a message answers the question.

use std::sync::Arc;

use bytes::{Buf as _, BufMut as _, Bytes};
use h3::{
    client::SendRequest,
    error::{Code, StreamError},
};
use h3_quinn::OpenStreams;
use http::Uri;
use tokio::time::Instant;

use super::{
    Target, http as web,
    quic::connection::{Connection, Manner},
    session::{Answered, Failed, Opened},
    tls::{Alpn, Configs},
};
use crate::{clock, types::NoReply};

/// `H3_NO_ERROR` (RFC 9114 section 8.1).
const NO_ERROR: u32 = 0x100;
type Stream = h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// A connection that stands.
#[derive(Clone)]
pub(super) struct Session {
    connection: Arc<Connection>,
    requests: SendRequest<OpenStreams, Bytes>,
    uri: Uri,
}

impl Session {
    /// Connects and shakes hands. A lack of sockets is waited out until `patience`.
    pub(super) async fn open(
        target: &Target,
        configs: &Configs,
        resume: bool,
        patience: Instant,
    ) -> Result<Opened<Self>, NoReply> {
        let uri = web::uri(target)?;
        let manner = Manner {
            alpn: Alpn::H3,
            resume,
            farewell: NO_ERROR,
        };
        let connection = Connection::open(target, configs, manner, patience).await?;
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
        let before = connection.heard().await;
        let mut request = self
            .requests
            .send_request(web::post(&self.uri, query.len()))
            .await
            .map_err(failed)?;
        let sent = Instant::now();
        request
            .send_data(Bytes::from(query))
            .await
            .map_err(failed)?;
        request.finish().await.map_err(failed)?;
        let answer = Answer(request).message(&connection);
        let (bytes, age) = connection.or_silence(before, answer).await?;
        let (received, at) = (Instant::now(), clock::now());
        Ok(Answered {
            bytes,
            at,
            rtt: received - sent,
            age,
        })
    }
}

/// The receiving half of a request's stream. Dropped before its end, it tells the server not to go on: quinn does, with a code
/// that means as little as none, for h3-quinn panics where it is told to stop what it is reading.
struct Answer(Stream);

impl Answer {
    /// The message, and the seconds that a cache held it.
    async fn message(mut self, connection: &Connection) -> Result<(Vec<u8>, u32), Failed> {
        let failed = |error| failed(connection, &error);
        let response = self.0.recv_response().await.map_err(failed)?;
        let age = web::read(&response.into_parts().0).map_err(Failed::Stream)?;
        let mut bytes = Vec::new();
        while let Some(part) = self.0.recv_data().await.map_err(failed)? {
            if bytes.len() + part.remaining() > web::LONGEST {
                return Err(Failed::Stream(NoReply::Protocol));
            }
            bytes.put(part);
        }
        Ok((bytes, age))
    }
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
