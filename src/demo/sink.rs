//! Where the demonstration's alerts arrive: an HTTP receiver on a free loopback port that says 200 to every message.
//!
//! Deliberately absent: HTTP beyond what one client of ours needs: requests with a length, one after another.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value as Json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Octets of the longest body that is taken.
const MOST_OCTETS: usize = 256 * 1024;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";

type Received = Arc<Mutex<Vec<Json>>>;

/// A running receiver. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Sink {
    address: SocketAddr,
    received: Received,
    task: JoinHandle<()>,
}

impl Sink {
    /// Starts a receiver.
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let received = Received::default();
        Ok(Self {
            address: listener.local_addr()?,
            received: received.clone(),
            task: tokio::spawn(listen(listener, received)),
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has come since the last call, in order.
    pub(super) fn take(&self) -> Vec<Json> {
        std::mem::take(&mut *self.received.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, received: Received) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, received.clone()));
        }
    }
}

async fn serve(stream: TcpStream, received: Received) {
    let mut stream = BufReader::new(stream);
    while let Some(message) = request(&mut stream).await {
        received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(message);
        if stream.write_all(OK).await.is_err() {
            return;
        }
    }
}

/// The body of the next request; `None` at the end of the connection, and where it is not JSON of a told length.
async fn request(stream: &mut BufReader<TcpStream>) -> Option<Json> {
    let mut octets = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                octets = value.trim().parse().ok()?;
            }
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; Some(octets).filter(|octets| *octets <= MOST_OCTETS)?];
    stream.read_exact(&mut body).await.ok()?;
    serde_json::from_slice(&body).ok()
}
