//! One question, one datagram, one answer: enough of a DNS client to see what the lab's servers say.
//!
//! Deliberately not the program's own prober: the lab must be right by itself. No retry, no TCP, no EDNS.

use std::{io, net::SocketAddr, time::Duration};

use hickory_proto::{
    op::{Message, Query, ResponseCode},
    rr::{Name, RData, RecordType},
};
use tokio::{net::UdpSocket, time::timeout};

/// How long one answer may take. A recursor with an empty cache asks four servers on loopback meanwhile.
const WAIT: Duration = Duration::from_secs(2);

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The response code.
    pub(crate) rcode: ResponseCode,
    /// AA: the answer is the server's own.
    pub(crate) authoritative: bool,
    /// The serial, if an SOA record was asked for and answered.
    pub(crate) serial: Option<u32>,
    /// The addresses of the answer, sorted: round robin is no difference.
    pub(crate) addresses: Vec<String>,
    /// The lowest TTL of the answer, in seconds; `None` where it holds no record.
    pub(crate) ttl: Option<u32>,
}

/// Puts one question to one server. An error is a timeout (`TimedOut`) or a closed port (`ConnectionRefused`).
pub(crate) async fn ask(server: SocketAddr, name: &str, rtype: RecordType) -> io::Result<Reply> {
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(Name::from_ascii(name).unwrap(), rtype));

    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(server).await?;
    socket.send(&question.to_vec().unwrap()).await?;
    let mut buffer = [0; 4096];
    loop {
        let received = timeout(WAIT, socket.recv(&mut buffer)).await;
        let length = received.map_err(|_| io::ErrorKind::TimedOut)??;
        let Ok(answer) = Message::from_vec(&buffer[..length]) else {
            continue;
        };
        if answer.metadata.id == question.metadata.id && answer.queries == question.queries {
            return Ok(reply(&answer));
        }
    }
}

fn reply(message: &Message) -> Reply {
    let mut addresses: Vec<String> = message
        .answers
        .iter()
        .filter_map(|record| address(&record.data))
        .collect();
    addresses.sort();
    Reply {
        rcode: message.metadata.response_code,
        authoritative: message.metadata.authoritative,
        serial: message
            .answers
            .iter()
            .find_map(|record| match &record.data {
                RData::SOA(soa) => Some(soa.serial),
                _ => None,
            }),
        addresses,
        ttl: message.answers.iter().map(|record| record.ttl).min(),
    }
}

fn address(data: &RData) -> Option<String> {
    match data {
        RData::A(a) => Some(a.to_string()),
        RData::AAAA(aaaa) => Some(aaaa.to_string()),
        _ => None,
    }
}
