//! A connection to an address, plain or under TLS.
//!
//! Deliberately absent: what goes over it, and TCP Fast Open, which would send a question before the server has shown that it
//! is there.

use std::{io, net::SocketAddr};

use tokio::{net::TcpStream, time::Instant};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    Target,
    tls::{self, Alpn, Configs},
};
use crate::{
    probe::socket_error,
    types::{NoReply, TlsFailure},
};

/// Connects. A lack of sockets is waited out until `patience`; the rest is the caller's to limit.
pub(super) async fn connect(address: SocketAddr, patience: Instant) -> Result<TcpStream, NoReply> {
    let stream = loop {
        match TcpStream::connect(address).await {
            Ok(stream) => break Ok(stream),
            Err(error) => {
                if let Err(error) = socket_error::wait_out(error, patience).await {
                    break Err(error);
                }
            }
        }
    };
    stream
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|error| socket_error::why(address, &error))
}

/// Connects and shakes hands for DNS over TLS (RFC 7858). A server that agrees on no protocol at all is taken at its port.
pub(super) async fn connect_tls(
    target: &Target,
    configs: &Configs,
    resume: bool,
    patience: Instant,
) -> Result<TlsStream<TcpStream>, NoReply> {
    shake_hands(target, configs, Alpn::Dot, resume, patience).await
}

/// As [`connect_tls`], for any protocol.
pub(super) async fn shake_hands(
    target: &Target,
    configs: &Configs,
    alpn: Alpn,
    resume: bool,
    patience: Instant,
) -> Result<TlsStream<TcpStream>, NoReply> {
    let config = configs.client(target, alpn, resume).await?;
    let name = tls::server_name(target)?;
    let stream = connect(target.address, patience).await?;
    TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| {
            // Even a reset: somebody listens, and does not speak TLS with us.
            NoReply::Tls(tls::classify(&error).unwrap_or(TlsFailure::Handshake))
        })
}

/// Why there is no reply, by what ended a connection that stood.
pub(super) fn ended(address: SocketAddr, error: &io::Error) -> NoReply {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => NoReply::Protocol,
        _ => tls::classify(error)
            .map_or_else(|| socket_error::why(address, error), |_| NoReply::Protocol),
    }
}
