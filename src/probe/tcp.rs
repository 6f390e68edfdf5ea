//! One TCP attempt: a connection of its own, one query, the first message that fits (RFC 7766).
//!
//! Deliberately absent: connections kept open. They would hide which backend of an anycast address answered, and the
//! auditor asks too seldom to gain by them.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use super::{message::Query, received::Received, socket_error};
use crate::types::{self, Transport};

/// Connects, asks and reads until a message fits; messages that do not are counted in `mismatched`.
///
/// A lack of sockets is waited out until `deadline`; the rest is the caller's to limit. The time reported starts when the query is written, without the handshake. An early end of the stream is
/// [`io::ErrorKind::UnexpectedEof`].
pub(super) async fn exchange(
    address: SocketAddr,
    query: &Query,
    deadline: Instant,
    mismatched: &mut u16,
) -> io::Result<Received> {
    let mut stream = connect(address, deadline).await?;
    stream.set_nodelay(true)?;
    let sent = Instant::now();
    // Length and message in one write (RFC 7766 section 8).
    let octets = query.bytes().len() as u16;
    stream
        .write_all(&[&octets.to_be_bytes(), query.bytes()].concat())
        .await?;
    loop {
        let mut bytes = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut bytes).await?;
        let (received, at) = (Instant::now(), types::now());
        if query.is_answered_by(&bytes) {
            return Ok(Received {
                query: query.bytes().to_vec(),
                bytes,
                at,
                rtt: received - sent,
                transport: Transport::Tcp,
                age: 0,
            });
        }
        *mismatched = mismatched.saturating_add(1);
    }
}

async fn connect(address: SocketAddr, deadline: Instant) -> io::Result<TcpStream> {
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => socket_error::wait_out(error, deadline).await?,
        }
    }
}
