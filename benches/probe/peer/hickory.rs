//! hickory's client over QUIC and HTTP/3, in a process of its own: this program again, with other arguments.
//!
//! As many connections at once as we open at most; each is left before the hundredth question, after which hickory's server
//! ends it under the answers that it has not sent yet. Deliberately absent: a second thread.

use std::{
    cell::RefCell,
    net::SocketAddr,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use dns_auditor::types::Transport;
use futures::{StreamExt as _, future::join_all, stream};
use hickory_server::{
    net::{
        h3::H3ClientStream,
        quic::QuicClientStream,
        runtime::TokioRuntimeProvider,
        xfer::{DnsExchange, DnsHandle as _, FirstAnswer as _},
    },
    proto::{
        op::{DnsRequest, DnsRequestOptions, Edns, Message, Query},
        rr::{Name, RecordType},
    },
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{
    figures::{Figures, rss_kib},
    ground::{Ground, NAMES, ZONE, name},
    lane::WINDOW,
};

/// The first argument that makes this program the client.
pub const MARK: &str = "hickory-client";
const CONNECTIONS: usize = 4;
const PER_CONNECTION: usize = 99;
const TIMEOUT: Duration = Duration::from_secs(5);

type Exchange = DnsExchange<TokioRuntimeProvider>;

/// Puts so many questions.
pub fn rate(
    ground: &Ground,
    transport: Transport,
    server: SocketAddr,
    questions: usize,
) -> Figures {
    Figures::of(&[
        MARK,
        transport.as_str(),
        &server.to_string(),
        &questions.to_string(),
        ground.ca_file(),
    ])
}

/// What the client does.
#[tokio::main(flavor = "current_thread")]
pub async fn run(arguments: &[&str]) {
    let [transport, server, count, ca_file] = *arguments else {
        panic!("{arguments:?}");
    };
    let (server, count) = (server.parse().unwrap(), count.parse().unwrap());
    let tls = trusting(ca_file);
    let names: Vec<_> = (0..NAMES)
        .map(|nth| Name::from_ascii(format!("{}.", name(nth))).unwrap())
        .collect();
    let start = Instant::now();
    let (left, answered) = (RefCell::new(0..count), RefCell::new(0));
    let over_one = || async {
        loop {
            let Some(chunk) = take(&mut left.borrow_mut()) else {
                return;
            };
            let exchange = connect(transport, server, tls.clone()).await;
            let here = put(&exchange, &names, chunk).await;
            *answered.borrow_mut() += here;
        }
    };
    join_all((0..CONNECTIONS).map(|_| over_one())).await;
    let (seconds, unanswered) = (start.elapsed().as_secs_f64(), count - answered.into_inner());
    println!("{count} {unanswered} {seconds} {}", rss_kib("VmHWM:"));
}

/// The questions of one connection.
fn take(left: &mut Range<usize>) -> Option<Range<usize>> {
    let chunk = left.start..left.end.min(left.start + PER_CONNECTION);
    left.start = chunk.end;
    (!chunk.is_empty()).then_some(chunk)
}

async fn connect(transport: &str, server: SocketAddr, tls: ClientConfig) -> Exchange {
    let name = Arc::from(ZONE);
    if transport == Transport::H3.as_str() {
        let stream = H3ClientStream::builder()
            .crypto_config(tls)
            .request_timeout(TIMEOUT)
            .build(server, name, "/dns-query".into());
        begin(DnsExchange::from_stream(stream.await.unwrap()))
    } else {
        let stream = QuicClientStream::builder()
            .crypto_config(tls)
            .request_timeout(TIMEOUT)
            .build(server, name);
        begin(DnsExchange::from_stream(stream.await.unwrap()))
    }
}

fn begin(
    (exchange, background): (Exchange, impl Future<Output: Send> + Send + 'static),
) -> Exchange {
    tokio::spawn(background);
    exchange
}

/// How many of these were answered with data.
async fn put(exchange: &Exchange, names: &[Name], chunk: Range<usize>) -> usize {
    let asked = chunk.map(|nth| async move {
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(names[nth % NAMES].clone(), RecordType::A));
        message.set_edns(Edns::new());
        let request = DnsRequest::new(message, DnsRequestOptions::default());
        let answer = exchange.send(request).first_answer().await;
        usize::from(answer.is_ok_and(|answer| !answer.answers.is_empty()))
    });
    let outstanding = WINDOW / CONNECTIONS;
    stream::iter(asked)
        .buffer_unordered(outstanding)
        .fold(0, async |sum, one| sum + one)
        .await
}

fn trusting(ca_file: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(ca_file).unwrap())
        .unwrap();
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}
