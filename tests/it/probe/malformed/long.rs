//! Replies as long as a message can be, and replies that are not whole.

use dns_auditor::{
    audit::verdict::State,
    types::{Answer, Flags, Rcode, Status, Transport},
};

use super::{
    super::{patient, prober, question},
    A, Raw, answering, verdict,
};
use crate::dns::Query;

/// As many records as there is room for, and padding up to the last octet (RFC 7830).
fn longest(query: &Query) -> Raw {
    const ROOM: usize = 65_535;
    let mut raw = Raw::to(query);
    let mut host = 0_u16;
    while raw.0.len() + 16 + 15 <= ROOM {
        let [network, host_octet] = host.to_be_bytes();
        raw = raw.answer(A, 60, &[198, 18, network, host_octet]);
        host += 1;
    }
    let padding = ROOM - raw.0.len() - 15;
    let option = [
        &[0, 12][..],
        &(padding as u16).to_be_bytes(),
        &vec![0; padding],
    ]
    .concat();
    let raw = raw.opt(0, &option);
    assert_eq!(raw.0.len(), ROOM);
    raw
}

#[tokio::test]
async fn a_message_of_64_kib_is_an_answer_over_tcp_and_after_truncation() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let (_server, source) = answering(transport, |query| {
            if query.tcp {
                longest(query)
            } else {
                let truncated = Raw::to(query);
                let flags = truncated.0[2] | 2;
                truncated.with(2, flags)
            }
        })
        .await;
        let asked = question("dialer1.example.com", "A");
        let seen = prober().ask(&source, &asked, &patient()).await;
        assert_eq!((seen.size, seen.transport), (65_535, Transport::Tcp));
        assert_eq!(seen.answer.links[0].value.addresses().len(), 4092);
        assert_eq!(seen.flags.has(Flags::TC), transport == Transport::Udp);
    }
}

#[tokio::test]
async fn a_datagram_too_long_to_be_read_whole_is_asked_again_over_tcp() {
    let (_server, source) = answering(Transport::Udp, |query| {
        let mut raw = longest(query);
        if !query.tcp {
            raw.0.truncate(20_000);
        }
        raw
    })
    .await;
    let asked = question("dialer1.example.com", "A");
    let seen = prober().ask(&source, &asked, &patient()).await;
    assert_eq!(
        (seen.size, seen.transport),
        (65_535, Transport::Tcp),
        "{seen:?}"
    );
}

#[tokio::test]
async fn half_an_answer_is_none_over_tcp_either() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let (_server, source) = answering(transport, |query| {
            let half = Raw::to(query).sound();
            let flags = half.0[2] | 2;
            half.with(2, flags)
        })
        .await;
        let asked = question("dialer1.example.com", "A");
        let seen = prober().ask(&source, &asked, &patient()).await;
        let status = Status::Malformed(Rcode::NOERROR);
        assert_eq!(*seen.answer, Answer::failure(status));
        assert!(seen.flags.has(Flags::TC) && seen.transport == Transport::Tcp);
        assert!(seen.wire.is_some(), "the message proves it");
        assert_eq!(verdict(&seen).await, State::Unreachable);
    }
}
