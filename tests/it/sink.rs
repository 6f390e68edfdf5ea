//! A real HTTP receiver in the test's own process: keeps what it is sent, answers as it is told.
//!
//! Deliberately absent: verification. A test looks at the recorded requests itself.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response},
};
use dns_auditor::config::{Secret, Webhook, WebhookBody};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::Notify,
};

/// What a channel that posts to this address is made of, unsigned.
pub(crate) fn webhook(url: &str) -> Webhook {
    Webhook {
        url: Secret::new(url),
        signing_keys: Vec::new(),
        headers: Vec::new(),
        body: WebhookBody::Standard,
    }
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// Every header.
    pub headers: HeaderMap,
    /// The exact bytes of the body.
    pub body: Bytes,
}

impl Received {
    /// A header as text; empty where it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// How one request is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    /// Status code; 0 stands for 200.
    pub status: u16,
    /// Headers to add.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// How long the reply is held back.
    pub delay: Duration,
}

impl Reply {
    /// A reply that is only a status.
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// This reply with a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// This reply with a body.
    pub(crate) fn saying(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// This reply, held back.
    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    script: Mutex<VecDeque<Reply>>,
    arrived: Notify,
}

/// A receiver on a free loopback port. It ends with its runtime.
#[derive(Clone)]
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Sink {
    /// Starts a receiver that gives these replies in turn, and 200 when they are used up.
    pub(crate) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    /// As [`Sink::start`], at an address that was told to others before: until now it refused connections.
    pub(crate) async fn start_at(
        address: SocketAddr,
        script: impl IntoIterator<Item = Reply>,
    ) -> Self {
        Self::start_on(TcpListener::bind(address).await.unwrap(), script)
    }

    /// As [`Sink::start`], on a listener that was used before.
    pub(crate) fn start_on(listener: TcpListener, script: impl IntoIterator<Item = Reply>) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        shared.script.lock().unwrap().extend(script);
        let app = Router::new()
            .fallback(receive)
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, shared }
    }

    /// A URL of this receiver with a path that looks like a secret.
    pub(crate) fn url(&self) -> String {
        url_at(self.address)
    }

    /// Everything received so far, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// From now on it takes everything.
    pub(crate) fn relent(&self) {
        self.shared.script.lock().unwrap().clear();
    }

    /// Waits until the next request has come.
    pub(crate) async fn arrival(&self) {
        self.shared.arrived.notified().await;
    }

    /// Waits until at least `count` requests have come.
    ///
    /// # Panics
    /// When they have not within 20 s.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let wait = async {
            loop {
                let arrival = self.shared.arrived.notified();
                let received = self.received();
                if received.len() >= count {
                    return received;
                }
                arrival.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait)
            .await
            .unwrap_or_else(|_| panic!("{} of {count} requests came", self.received().len()))
    }
}

/// An address that refuses connections until a receiver starts there. Nobody else can take it meanwhile.
pub(crate) struct Refusing(TcpSocket);

impl Refusing {
    pub(crate) fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        url_at(self.address())
    }

    pub(crate) fn listen(self) -> TcpListener {
        self.0.listen(1024).unwrap()
    }
}

/// The URL of a receiver that starts, or will start, at this address.
pub(crate) fn url_at(address: SocketAddr) -> String {
    format!("http://{address}/services/T0000/B0000/verysecret")
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let reply = shared
        .script
        .lock()
        .unwrap()
        .pop_front()
        .unwrap_or_default();
    shared
        .received
        .lock()
        .unwrap()
        .push(Received { headers, body });
    shared.arrived.notify_waiters();
    tokio::time::sleep(reply.delay).await;
    let status = if reply.status == 0 { 200 } else { reply.status };
    let mut response = Response::builder().status(status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}
