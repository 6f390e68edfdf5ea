//! Against a real name server on loopback, which answers as it is told to.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{RData, Record},
};
use tokio::net::UdpSocket;

use super::*;

/// What the name server says of every name: addresses, or SERVFAIL.
type Script = Arc<Mutex<Option<Vec<IpAddr>>>>;

async fn name_server(script: Script) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let request = Message::from_vec(&buffer[..length]).unwrap();
            let reply = reply(&request, script.lock().unwrap().as_deref());
            socket
                .send_to(&reply.to_vec().unwrap(), peer)
                .await
                .unwrap();
        }
    });
    address
}

fn reply(request: &Message, addresses: Option<&[IpAddr]>) -> Message {
    let mut reply = request.clone();
    reply.metadata.message_type = MessageType::Response;
    reply.metadata.recursion_available = true;
    let Some(addresses) = addresses else {
        reply.metadata.response_code = ResponseCode::ServFail;
        return reply;
    };
    let query = &request.queries[0];
    for address in addresses {
        let rdata = RData::from(*address);
        if rdata.record_type() == query.query_type() {
            // TTL 0: every question reaches this server.
            reply.add_answer(Record::from_rdata(query.name().clone(), 0, rdata));
        }
    }
    reply
}

fn resolver_at(server: SocketAddr) -> WebhookResolver {
    WebhookResolver::asking(&[server])
}

fn script(addresses: &[&str]) -> Script {
    Arc::new(Mutex::new(Some(parsed(addresses))))
}

fn parsed(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_public_name_gives_all_its_addresses_of_both_families() {
    let server = name_server(script(&["198.51.100.7", "2620:fe::fe"])).await;
    let mut found = resolver_at(server)
        .addresses("hooks.example.com")
        .await
        .unwrap();
    found.sort();
    assert_eq!(found, parsed(&["198.51.100.7", "2620:fe::fe"]));
}

#[tokio::test]
async fn one_address_that_is_not_public_refuses_the_whole_name() {
    for forbidden in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "fd00::1"] {
        let server = name_server(script(&["198.51.100.7", forbidden])).await;
        assert_eq!(
            resolver_at(server).addresses("hooks.example.com").await,
            Err(ResolveError::NotPublic {
                host: "hooks.example.com".to_owned(),
                address: forbidden.parse().unwrap()
            })
        );
    }
}

#[tokio::test]
async fn the_last_good_addresses_stand_in_while_the_resolver_fails_but_not_when_it_is_refused() {
    let script = script(&["198.51.100.7"]);
    let resolver = resolver_at(name_server(script.clone()).await);
    let good = Ok(parsed(&["198.51.100.7"]));
    assert_eq!(resolver.addresses("hooks.example.com").await, good);

    *script.lock().unwrap() = None;
    assert_eq!(resolver.addresses("Hooks.Example.com.").await, good);
    assert!(matches!(
        resolver.addresses("other.example.com").await,
        Err(ResolveError::NoAddress { .. })
    ));

    *script.lock().unwrap() = Some(parsed(&["127.0.0.1"]));
    assert!(matches!(
        resolver.addresses("hooks.example.com").await,
        Err(ResolveError::NotPublic { .. })
    ));
}

#[tokio::test]
async fn localhost_is_asked_of_nobody() {
    let server = name_server(script(&["198.51.100.7"])).await;
    assert_eq!(
        resolver_at(server).addresses("localhost").await,
        Ok(parsed(&["127.0.0.1", "::1"]))
    );
}
