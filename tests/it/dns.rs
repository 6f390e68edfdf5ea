//! Real DNS servers inside the test process, on UDP and TCP of one free loopback port, that follow a script.
//!
//! ```ignore
//! let authority = DnsServer::start(Script::authority().zone(Zone::new("example.com", "
//!     @       3600 SOA ns1.example.com. host.example.com. 7 7200 900 1209600 300
//!     @       3600 NS  ns1.example.com.
//!     dialer1 300  A   192.0.2.1
//! "))).await;
//! let resolver = DnsServer::start(Script::cache(&authority)).await;     // its TTLs count down
//! resolver.edit(|script| script.plant("dialer1.example.com", "A", 86400, &["198.51.100.66"]));
//! authority.edit(|script| script.fault(Fault::Rcode(2).on("dialer1.example.com")));
//! assert_eq!(resolver.received().len(), 0);
//! ```
//!
//! Deliberately absent: DNSSEC, wildcards, recursion over the network (a cache asks its upstream's script directly).

mod cache;
mod fault;
mod script;
mod zone;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::Range,
    process,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use hickory_proto::op::Message;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinHandle,
    time::sleep,
};

pub use fault::Fault;
pub use script::Script;
pub use zone::{Zone, rdata};

/// A query as it came in.
#[derive(Debug, Clone)]
pub struct Query {
    /// The name asked, lower case, without the trailing dot; `.` for the root.
    pub name: String,
    /// The type asked, as its number.
    pub rtype: u16,
    /// Whether it came over TCP.
    pub tcp: bool,
    /// Where it came from.
    pub peer: SocketAddr,
    /// How many queries for the same name and type came before.
    pub nth: usize,
    /// When it came.
    pub at: Instant,
    /// The message.
    pub message: Message,
}

/// What is sent back: octets, after a delay.
#[derive(Debug, Clone)]
pub struct Reply {
    pub bytes: Vec<u8>,
    pub delay: Duration,
}

impl Reply {
    /// A message, at once.
    pub fn message(message: &Message) -> Self {
        Self::raw(message.to_vec().unwrap())
    }

    /// Octets, at once.
    pub fn raw(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            delay: Duration::ZERO,
        }
    }
}

/// A running server. Stops when dropped.
pub struct DnsServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

struct Shared {
    script: Arc<Mutex<Script>>,
    received: Mutex<Vec<Query>>,
}

impl DnsServer {
    /// Starts a server on a free port of 127.0.0.1.
    pub async fn start(script: Script) -> Self {
        Self::start_at("127.0.0.1:0", script).await
    }

    /// Starts a server at an address of the loopback network; port 0 is any free port.
    pub async fn start_at(address: &str, script: Script) -> Self {
        let wanted: SocketAddr = address.parse().unwrap();
        let (udp, tcp) = bind(wanted).await;
        let shared = Arc::new(Shared {
            script: Arc::new(Mutex::new(script)),
            received: Mutex::default(),
        });
        Self {
            address: tcp.local_addr().unwrap(),
            tasks: [
                tokio::spawn(serve_udp(udp, Arc::clone(&shared))),
                tokio::spawn(serve_tcp(tcp, Arc::clone(&shared))),
            ],
            shared,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Changes the script from the next query on.
    pub fn edit<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.shared.script.lock().unwrap())
    }

    /// Every query so far, in order.
    pub fn received(&self) -> Vec<Query> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Every query for a name so far, in order.
    pub fn received_for(&self, name: &str) -> Vec<Query> {
        let mut received = self.received();
        received.retain(|query| query.name == name);
        received
    }

    /// Stops the server; when this returns, its ports are closed.
    pub async fn stop(mut self) {
        for task in &mut self.tasks {
            task.abort();
            let _ = task.await;
        }
    }

    fn script(&self) -> Arc<Mutex<Script>> {
        Arc::clone(&self.shared.script)
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// An address of the loopback network where nothing listens, neither on UDP nor on TCP.
pub async fn closed_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port(&["127.0.0.1"]).await).into()
}

/// A port that is free on UDP and TCP of every given address, and is left so: the kernel gives it to nobody who takes any.
pub async fn free_port(addresses: &[&str]) -> u16 {
    /// Below those that Linux gives out (`net.ipv4.ip_local_port_range`).
    const PORTS: Range<u16> = 10_000..32_000;
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let of_process = process::id().wrapping_mul(89) as u16;
    'port: loop {
        let nth = of_process.wrapping_add(TRIED.fetch_add(1, Relaxed));
        let port = PORTS.start + nth % PORTS.len() as u16;
        for address in addresses {
            let wanted = SocketAddr::new(address.parse::<IpAddr>().unwrap(), port);
            if try_bind(wanted).await.is_none() {
                continue 'port;
            }
        }
        return port;
    }
}

async fn try_bind(wanted: SocketAddr) -> Option<(UdpSocket, TcpListener)> {
    let tcp = TcpListener::bind(wanted).await.ok()?;
    let udp = UdpSocket::bind(tcp.local_addr().unwrap()).await.ok()?;
    Some((udp, tcp))
}

async fn bind(wanted: SocketAddr) -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        if let Some(pair) = try_bind(wanted).await {
            return pair;
        }
    }
    panic!("{wanted} is not free on both UDP and TCP");
}

impl Shared {
    /// Records the query and asks the script.
    fn answer(&self, bytes: &[u8], tcp: bool, peer: SocketAddr) -> Vec<Reply> {
        let Ok(message) = Message::from_vec(bytes) else {
            return Vec::new();
        };
        let question = message.queries.first().cloned().unwrap();
        let name = zone::text(question.name());
        let rtype = question.query_type().into();
        let mut received = self.received.lock().unwrap();
        let before = received
            .iter()
            .filter(|query| query.name == name && query.rtype == rtype);
        let query = Query {
            nth: before.count(),
            name,
            rtype,
            tcp,
            peer,
            at: Instant::now(),
            message,
        };
        received.push(query.clone());
        drop(received);
        self.script.lock().unwrap().replies(&query)
    }
}

async fn serve_udp(socket: UdpSocket, shared: Arc<Shared>) {
    let socket = Arc::new(socket);
    let mut buffer = [0; 4096];
    loop {
        // A peer that has closed its port shows as an error of the next receive; it is not the server's concern.
        let Ok((octets, peer)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        for reply in shared.answer(&buffer[..octets], false, peer) {
            let socket = Arc::clone(&socket);
            tokio::spawn(async move {
                sleep(reply.delay).await;
                let _ = socket.send_to(&reply.bytes, peer).await;
            });
        }
    }
}

async fn serve_tcp(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(serve_connection(stream, peer, Arc::clone(&shared)));
    }
}

/// Answers until the peer is done; a script without a reply leaves the peer waiting.
async fn serve_connection(mut stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    while let Ok(octets) = stream.read_u16().await {
        let mut bytes = vec![0; usize::from(octets)];
        if stream.read_exact(&mut bytes).await.is_err() {
            return;
        }
        for reply in shared.answer(&bytes, true, peer) {
            sleep(reply.delay).await;
            let framed = [&(reply.bytes.len() as u16).to_be_bytes(), &reply.bytes[..]].concat();
            if stream.write_all(&framed).await.is_err() {
                return;
            }
        }
    }
}
