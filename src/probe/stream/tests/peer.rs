//! A scripted server: what it does on each connection is a closure.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustls::{HandshakeKind, ServerConfig};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

pub(super) trait Octets: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Octets for T {}

/// One connection, from the server's side.
pub(super) struct Peer {
    pub(super) stream: Box<dyn Octets>,
    /// Which connection this is, from 0.
    pub(super) nth: usize,
    pub(super) handshake: Option<HandshakeKind>,
    pub(super) sni: Option<String>,
    pub(super) alpn: Option<Vec<u8>>,
}

impl Peer {
    /// The next query; `None` at the end of the stream.
    pub(super) async fn query(&mut self) -> Option<Vec<u8>> {
        let octets = self.stream.read_u16().await.ok()?;
        let mut query = vec![0; usize::from(octets)];
        self.stream.read_exact(&mut query).await.ok()?;
        Some(query)
    }

    pub(super) async fn write(&mut self, octets: &[u8]) {
        // The client may have gone.
        let _ = self.stream.write_all(octets).await;
        let _ = self.stream.flush().await;
    }

    pub(super) async fn say(&mut self, message: &[u8]) {
        self.write(&framed(message)).await;
    }

    /// Reads and forgets until the client closes.
    pub(super) async fn until_closed(&mut self) {
        while self.stream.read_u8().await.is_ok() {}
    }

    /// Answers everything as it should.
    pub(super) async fn serve(&mut self) {
        while let Some(query) = self.query().await {
            self.say(&reply(&query)).await;
        }
    }
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start<F>(script: impl Fn(Peer) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_as(None, script).await
    }

    /// Under TLS. A connection whose handshake fails is none.
    pub(super) async fn start_tls<F>(
        config: ServerConfig,
        script: impl Fn(Peer) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_as(Some(TlsAcceptor::from(Arc::new(config))), script).await
    }

    async fn start_as<F>(
        tls: Option<TlsAcceptor>,
        script: impl Fn(Peer) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, script) = (Arc::clone(&connections), Arc::new(script));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, script) = (tls.clone(), Arc::clone(&script));
                let nth = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    if let Some(peer) = greet(stream, tls, nth).await {
                        script(peer).await;
                    }
                });
            }
        });
        Self {
            address,
            connections,
            task,
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>, nth: usize) -> Option<Peer> {
    stream.set_nodelay(true).unwrap();
    let Some(tls) = tls else {
        return Some(Peer {
            stream: Box::new(stream),
            nth,
            handshake: None,
            sni: None,
            alpn: None,
        });
    };
    let stream = tls.accept(stream).await.ok()?;
    let session = stream.get_ref().1;
    Some(Peer {
        nth,
        handshake: session.handshake_kind(),
        sni: session.server_name().map(str::to_owned),
        alpn: session.alpn_protocol().map(<[u8]>::to_vec),
        stream: Box::new(stream),
    })
}

pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes(), message].concat()
}

/// NOERROR without data: the query with QR set, cut after the question.
pub(super) fn reply(query: &[u8]) -> Vec<u8> {
    let mut reply = query.get(..question_end(query)).unwrap().to_vec();
    reply[2] |= 0x80;
    reply[11] = 0;
    reply
}

/// The first label of the asked name.
pub(super) fn label(query: &[u8]) -> String {
    let octets = usize::from(query[12]);
    String::from_utf8(query[13..13 + octets].to_vec()).unwrap()
}

fn question_end(query: &[u8]) -> usize {
    let mut at = 12;
    while query[at] != 0 {
        at += 1 + usize::from(query[at]);
    }
    at + 5
}
