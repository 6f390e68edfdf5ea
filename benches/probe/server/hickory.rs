//! hickory-server, the one in the registries that speaks QUIC and HTTP/3: this program again, with other arguments.
//!
//! Over QUIC it answers the questions of a connection one after another, over HTTP/3 three at a time; after a hundred it ends
//! the connection, with what is under way on it. Deliberately absent: a second thread.

use std::{env, fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use dns_auditor::types::Transport;
use hickory_server::{
    Server,
    proto::{rr::Name, serialize::txt::Parser},
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, ZoneType},
};
use tokio::net::UdpSocket;

use super::Start;
use crate::{
    ground::{ZONE, zone},
    it::lab::{Certificate, front::tls},
};

/// The first argument that makes this program the server.
pub const MARK: &str = "hickory-server";
/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(30);

pub(super) fn prepare(directory: &Path, address: SocketAddr, transport: Transport) -> Start {
    fs::write(directory.join("zone"), zone()).unwrap();
    let address = address.to_string();
    let arguments = [MARK, &address, transport.as_str()];
    Start {
        program: env::current_exe().unwrap(),
        arguments: arguments.map(Into::into).to_vec(),
    }
}

/// What the server does, in its directory.
#[tokio::main(flavor = "current_thread")]
pub async fn run(arguments: &[&str]) {
    let [address, transport] = *arguments else {
        panic!("{arguments:?}");
    };
    let [pem, key] = ["certificate.pem", "key.pem"].map(|file| fs::read_to_string(file).unwrap());
    let certificate = Certificate { pem, key };
    let socket = UdpSocket::bind(address).await.unwrap();
    let mut server = Server::new(catalog());
    if transport == Transport::H3.as_str() {
        let tls = tls(&certificate, b"h3");
        server
            .register_h3_listener_with_tls_config(socket, IDLE, tls, None)
            .unwrap();
    } else {
        let tls = tls(&certificate, b"doq");
        server
            .register_quic_listener_and_tls_config(socket, IDLE, tls)
            .unwrap();
    }
    server.block_until_done().await.unwrap();
}

fn catalog() -> Catalog {
    let origin = Name::from_ascii(format!("{ZONE}.")).unwrap();
    let text = fs::read_to_string("zone").unwrap();
    let (_, records) = Parser::new(text, None, Some(origin.clone()))
        .parse()
        .unwrap();
    let zone: InMemoryZoneHandler =
        InMemoryZoneHandler::new(origin.clone(), records, ZoneType::Primary, AxfrPolicy::Deny)
            .unwrap();
    let mut catalog = Catalog::new();
    catalog.upsert(origin.into(), vec![Arc::new(zone)]);
    catalog
}
