//! DNS over QUIC and over HTTP/3 for unbound, which speaks neither: hickory's server in this process puts every question to
//! it and hands on what it says.
//!
//! unbound takes UDP at each port that it serves, so its TLS and HTTPS are at another address, from where connections are
//! handed through, octet by octet. Deliberately without a cache and an opinion of its own: what was planted in the recursor comes out here, with its
//! flags, EDNS options and extended errors. Where the recursor is silent, so is this.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use hickory_proto::op::{Header, HeaderCounts, Message, MessageType, Metadata, OpCode};
use hickory_server::{
    net::runtime::Time,
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo, Server},
    zone_handler::MessageResponseBuilder,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::TLS13,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::certificates::Certificate;

/// How long a connection may be idle, or one of its questions take to arrive.
const IDLE: Duration = Duration::from_secs(30);
/// How long the recursor has before it is asked again, and how often it is asked: a datagram may be lost.
const WAIT: Duration = Duration::from_secs(1);
const ASKED: usize = 5;

/// hickory's server before another. Dropping it ends every connection.
pub(crate) struct Front {
    _server: Server<Relay>,
    through: JoinSet<()>,
}

impl Front {
    /// Listens at the recursor's address, ports 853 and 443: UDP for QUIC and HTTP/3, TCP for what is handed through to the
    /// same ports of `behind`.
    pub(super) async fn start(
        recursor: SocketAddr,
        behind: IpAddr,
        certificate: &Certificate,
    ) -> Self {
        let quic = bind(recursor.ip(), 853).await;
        let h3 = bind(recursor.ip(), 443).await;
        let mut front = Self::over(recursor, quic, h3, certificate);
        for port in [853, 443] {
            let listener = TcpListener::bind((recursor.ip(), port)).await.unwrap();
            let through = hand_through(listener, (behind, port).into());
            front.through.spawn(through);
        }
        front
    }

    /// Puts what comes over QUIC and HTTP/3 at two sockets to a server that is asked over UDP, and over TCP where that is cut.
    pub(crate) fn over(
        server: SocketAddr,
        quic: UdpSocket,
        h3: UdpSocket,
        certificate: &Certificate,
    ) -> Self {
        let mut hickory = Server::new(Relay { recursor: server });
        hickory
            .register_quic_listener_and_tls_config(quic, IDLE, tls(certificate, b"doq"))
            .unwrap();
        hickory
            .register_h3_listener_with_tls_config(h3, IDLE, tls(certificate, b"h3"), None)
            .unwrap();
        Self {
            _server: hickory,
            through: JoinSet::new(),
        }
    }
}

/// Connects every client with a server that it does not know of.
async fn hand_through(listener: TcpListener, to: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        connections.spawn(async move {
            let mut server = TcpStream::connect(to).await?;
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            copy_bidirectional(&mut client, &mut server).await
        });
        while connections.try_join_next().is_some() {}
    }
}

/// The socket of an earlier front is closed a moment after its last connection.
async fn bind(address: IpAddr, port: u16) -> UdpSocket {
    let mut refused = None;
    for _ in 0..500 {
        match UdpSocket::bind((address, port)).await {
            Ok(socket) => return socket,
            Err(error) => refused = Some(error),
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("UDP port {port} of {address}: {}", refused.unwrap())
}

/// A server's side of a handshake that agrees on one protocol.
pub(crate) fn tls(certificate: &Certificate, protocol: &[u8]) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(certificate.pem.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

/// Hands questions on to a recursor.
struct Relay {
    recursor: SocketAddr,
}

impl RequestHandler for Relay {
    fn handle_request<'a, 'b, 'c, R, T>(
        &'a self,
        request: &'b Request,
        mut respond: R,
    ) -> Pin<Box<dyn Future<Output = ResponseInfo> + Send + 'c>>
    where
        R: ResponseHandler + 'c,
        T: Time + 'c,
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async move {
            let Some(reply) = self.ask(request.as_slice()).await else {
                return nothing();
            };
            let mut metadata = reply.metadata;
            metadata.id = request.metadata.id;
            let response = MessageResponseBuilder::new(&request.queries, reply.edns.as_ref())
                .build(
                    metadata,
                    &reply.answers,
                    &reply.authorities,
                    [],
                    &reply.additionals,
                );
            // The client may have gone meanwhile.
            respond
                .send_response(response)
                .await
                .unwrap_or_else(|_| nothing())
        })
    }
}

impl Relay {
    async fn ask(&self, question: &[u8]) -> Option<Message> {
        for _ in 0..ASKED {
            if let Ok(Ok(reply)) = timeout(WAIT, self.ask_once(question)).await {
                return Message::from_vec(&reply).ok();
            }
        }
        None
    }

    async fn ask_once(&self, question: &[u8]) -> io::Result<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(self.recursor).await?;
        socket.send(question).await?;
        let mut reply = vec![0; usize::from(u16::MAX)];
        let length = socket.recv(&mut reply).await?;
        reply.truncate(length);
        let truncated = reply.get(2).is_some_and(|flags| flags & 2 != 0);
        if truncated {
            self.ask_at_length(question).await
        } else {
            Ok(reply)
        }
    }

    async fn ask_at_length(&self, question: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.recursor).await?;
        let length = u16::try_from(question.len()).map_err(io::Error::other)?;
        stream
            .write_all(&[&length.to_be_bytes(), question].concat())
            .await?;
        let mut reply = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut reply).await?;
        Ok(reply)
    }
}

/// What hickory wants to be told where nothing was answered.
fn nothing() -> ResponseInfo {
    ResponseInfo::from(Header {
        metadata: Metadata::new(0, MessageType::Response, OpCode::Query),
        counts: HeaderCounts::default(),
    })
}
