//! DNS over HTTP/2 (RFC 8484): one connection, a POST for each question.
//!
//! Deliberately absent: HTTP/1.1, which a server must not fall back to here; and whether a message answers the question.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::{
    Error, Reason, RecvStream,
    client::{Builder, SendRequest},
};
use http::Uri;
use tokio::time::Instant;

use super::{
    Target, http as web,
    session::{Answered, Failed, Opened},
    tcp,
    tls::{Alpn, Configs},
};
use crate::{
    clock,
    types::{NoReply, TlsFailure},
};

/// The most that all headers of a response may take.
const HEADER_OCTETS: u32 = 16 * 1024;

/// A connection that stands.
#[derive(Clone)]
pub(super) struct Session {
    address: SocketAddr,
    requests: SendRequest<Bytes>,
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
        let stream = tcp::shake_hands(target, configs, Alpn::H2, resume, patience).await?;
        if stream.get_ref().1.alpn_protocol() != Some(Alpn::H2.name()) {
            return Err(NoReply::Tls(TlsFailure::NoCommonProtocol));
        }
        let (requests, connection) = Builder::new()
            .enable_push(false)
            .max_header_list_size(HEADER_OCTETS)
            .handshake(stream)
            .await
            .map_err(|error| why(target.address, &error))?;
        Ok(Opened {
            session: Self {
                address: target.address,
                requests,
                uri,
            },
            // How it ended is what the queries under way are told.
            driver: Box::pin(async move { drop(connection.await) }),
        })
    }

    /// Puts one query and reads the message that answers it.
    pub(super) async fn exchange(self, query: Vec<u8>) -> Result<Answered, Failed> {
        let Self {
            address,
            requests,
            uri,
        } = self;
        let failed = |error| failed(address, &error);
        let mut requests = requests.ready().await.map_err(failed)?;
        let request = web::post(&uri, query.len());
        let (response, mut body) = requests.send_request(request, false).map_err(failed)?;
        drop(requests);
        let sent = Instant::now();
        body.send_data(Bytes::from(query), true).map_err(failed)?;
        let (head, body) = response.await.map_err(failed)?.into_parts();
        let age = web::read(&head).map_err(Failed::Stream)?;
        let bytes = whole(body).await.map_err(failed)?;
        let bytes = bytes.ok_or(Failed::Stream(NoReply::Protocol))?;
        let (received, at) = (Instant::now(), clock::now());
        Ok(Answered {
            bytes,
            at,
            rtt: received - sent,
            age,
        })
    }
}

/// The body; `None` where it is longer than any DNS message.
async fn whole(mut body: RecvStream) -> Result<Option<Vec<u8>>, Error> {
    let mut bytes = Vec::new();
    while let Some(part) = body.data().await {
        let part = part?;
        if bytes.len() + part.len() > web::LONGEST {
            return Ok(None);
        }
        bytes.extend_from_slice(&part);
        body.flow_control().release_capacity(part.len())?;
    }
    Ok(Some(bytes))
}

/// What an error means: to its query alone, or to all on the connection.
fn failed(address: SocketAddr, error: &Error) -> Failed {
    let refused = error.reason() == Some(Reason::REFUSED_STREAM);
    if error.is_reset() && !refused {
        return Failed::Stream(NoReply::Protocol);
    }
    Failed::Connection(why(address, error))
}

fn why(address: SocketAddr, error: &Error) -> NoReply {
    error
        .get_io()
        .map_or(NoReply::Protocol, |error| tcp::ended(address, error))
}
