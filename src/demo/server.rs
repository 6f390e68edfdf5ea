//! A DNS server on a free loopback port, over UDP and TCP, that answers what it is told to.
//!
//! Deliberately absent: content, and anything but one question after another on a connection.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinHandle,
};

use super::wire::Query;

/// Ports that are tried before it is given up: TCP may have one that UDP has not.
const TRIES: u32 = 100;

/// Octets of the longest query that is read.
const MOST_OCTETS: usize = 4_096;

type Answer = Arc<dyn Fn(&Query) -> Vec<u8> + Send + Sync>;

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

impl Server {
    /// Starts a server that replies with what `answer` makes of a query. What is no query is not answered.
    pub(super) async fn start(
        answer: impl Fn(&Query) -> Vec<u8> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (udp, tcp) = bind().await?;
        let answer: Answer = Arc::new(answer);
        Ok(Self {
            address: tcp.local_addr()?,
            tasks: [
                tokio::spawn(serve_udp(udp, answer.clone())),
                tokio::spawn(serve_tcp(tcp, answer)),
            ],
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// A port that is free for both.
async fn bind() -> io::Result<(UdpSocket, TcpListener)> {
    let mut tried = 0;
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match UdpSocket::bind(tcp.local_addr()?).await {
            Ok(udp) => return Ok((udp, tcp)),
            Err(error) if tried == TRIES => return Err(error),
            Err(_) => tried += 1,
        }
    }
}

async fn serve_udp(socket: UdpSocket, answer: Answer) {
    let mut buffer = [0; MOST_OCTETS];
    loop {
        // A peer that has closed its port shows as an error of the next receive; it is not the server's concern.
        let Ok((octets, peer)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(query) = Query::read(&buffer[..octets]) {
            let _ = socket.send_to(&answer(&query), peer).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, answer: Answer) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve_connection(stream, answer.clone()));
        }
    }
}

/// Answers until the peer is done, or says what is no query (RFC 7766 section 8).
async fn serve_connection(mut stream: TcpStream, answer: Answer) {
    while let Ok(octets) = stream.read_u16().await {
        let mut bytes = vec![0; usize::from(octets)];
        if stream.read_exact(&mut bytes).await.is_err() {
            return;
        }
        let Some(query) = Query::read(&bytes) else {
            return;
        };
        let reply = answer(&query);
        let framed = [&(reply.len() as u16).to_be_bytes(), &reply[..]].concat();
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}
