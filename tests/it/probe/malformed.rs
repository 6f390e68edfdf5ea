//! Replies that are wrong on purpose, each over UDP and over TCP: what is observed, and the verdict on it.
//!
//! Deliberately absent: what decoding makes of every kind of octets, which `probe::message` tests without sockets.

mod long;
mod rows;

use std::{sync::Arc, time::Duration};

use dns_auditor::{
    audit::{
        declared::Declared,
        history::History,
        judge::{RoundInput, Zones, judge_round},
        verdict::State,
    },
    probe::Ask,
    types::{Flags, Observation, Policy, QueryOptions, Source, SourceKind, Status, Transport},
};
use futures::future::join_all;
use hickory_proto::op::{Message, OpCode};

use self::rows::{ROWS, Row, Seen};
use super::{authority_with, example, patient, prober, question, source};
use crate::dns::{DnsServer, Fault, Query, Reply, Script};

const A: u16 = 1;
const SOUND: &[u8] = &[192, 0, 2, 1];
/// How long an attempt waits for a reply that counts, where none comes.
const WAIT: Duration = Duration::from_millis(500);

/// A reply put together octet by octet, under the id and with the question of what it answers.
struct Raw(Vec<u8>);

impl Raw {
    /// A resolver's, without records yet.
    fn to(query: &Query) -> Self {
        let mut reply = Message::response(query.message.id, OpCode::Query);
        reply.metadata.recursion_desired = true;
        reply.metadata.recursion_available = true;
        reply.add_queries(query.message.queries.clone());
        Self(reply.to_vec().unwrap())
    }

    /// Adds a record of the asked name to the answer.
    fn answer(self, rtype: u16, ttl: u32, data: &[u8]) -> Self {
        self.record(6, b"\xc0\x0c", [rtype, 1], ttl, data)
    }

    /// Adds an OPT record with these options and this upper half of the RCODE.
    fn opt(self, rcode: u8, options: &[u8]) -> Self {
        let ttl = u32::from(rcode) << 24;
        self.record(10, b"\0", [41, 1232], ttl, options)
    }

    fn record(
        mut self,
        count_at: usize,
        owner: &[u8],
        [rtype, class]: [u16; 2],
        ttl: u32,
        data: &[u8],
    ) -> Self {
        let count = u16::from_be_bytes([self.0[count_at], self.0[count_at + 1]]) + 1;
        self.0[count_at..count_at + 2].copy_from_slice(&count.to_be_bytes());
        self.0.extend(owner);
        self.0.extend(rtype.to_be_bytes());
        self.0.extend(class.to_be_bytes());
        self.0.extend(ttl.to_be_bytes());
        self.0.extend((data.len() as u16).to_be_bytes());
        self.0.extend(data);
        self
    }

    fn sound(self) -> Self {
        self.answer(A, 300, SOUND)
    }

    fn with(mut self, at: usize, octet: u8) -> Self {
        self.0[at] = octet;
        self
    }

    fn bare(mut self, rcode: u8) -> Self {
        self.0.truncate(12);
        self.0[3] |= rcode;
        self.0[4..].fill(0);
        self
    }

    fn then(mut self, octets: &[u8]) -> Self {
        self.0.extend(octets);
        self
    }

    fn without_question(mut self) -> Self {
        self.0.truncate(12);
        self.0[5] = 0;
        let owner = b"\x07dialer1\x07example\x03com\0";
        self.record(6, owner, [A, 1], 300, SOUND)
    }
}

/// A resolver that answers every question with what `reply` makes, and where it is.
async fn answering(
    transport: Transport,
    reply: impl Fn(&Query) -> Raw + Send + Sync + 'static,
) -> (DnsServer, Source) {
    let fault = Fault::Custom(Arc::new(move |query: &Query, _| {
        vec![Reply::raw(reply(query).0)]
    }));
    let server = DnsServer::start(Script::authority().with(fault)).await;
    let source = Source {
        transport,
        ..source(SourceKind::Resolver, server.address())
    };
    (server, source)
}

async fn check((what, rtype, reply, expected, state): &Row, transport: Transport) {
    let (what, reply) = (format!("{what} over {transport}"), *reply);
    let (_server, source) = answering(transport, move |query| reply(Raw::to(query))).await;
    let ask = match expected {
        Seen::Nothing(_) => Ask {
            timeout: WAIT,
            ..Ask::default()
        },
        _ => patient(),
    };
    let asked = question("dialer1.example.com", rtype);
    let seen = prober().ask(&source, &asked, &ask).await;
    let is_irregular = seen.flags.has(Flags::IRREGULAR);
    let (over_udp, over_tcp) = if transport == Transport::Udp {
        (2, 1)
    } else {
        (0, 1)
    };
    match *expected {
        Seen::Answer(ttl, irregular) => {
            let links = &seen.answer.links;
            assert_eq!(links.len(), 1, "{what}: {seen:?}");
            assert_eq!(links[0].value.records(), ["192.0.2.1"], "{what}");
            assert_eq!(
                (&seen.ttls[..], is_irregular),
                (&[vec![ttl]][..], irregular),
                "{what}"
            );
        }
        Seen::Failure(status) => assert_eq!(seen.answer.status, status, "{what}"),
        Seen::Nothing(why) => {
            assert_eq!(seen.answer.status, Status::NoReply(why), "{what}");
            let counts = (seen.attempts, seen.mismatched);
            let all = over_udp + over_tcp;
            assert_eq!(counts, (all, u16::from(all)), "{what}");
        }
    }
    if !matches!(expected, Seen::Nothing(_)) {
        let counts = (seen.attempts, seen.mismatched, seen.transport);
        assert_eq!(counts, (1, 0, transport), "{what}");
    }
    assert_eq!(verdict(&seen).await, *state, "{what}");
}

/// What the judge says of a resolver's reply beside what the authority serves.
async fn verdict(seen: &Observation) -> State {
    let (_server, authority) = authority_with(example()).await;
    let right = prober().ask(&authority, &seen.question, &patient()).await;
    let (mut history, policy) = (History::default(), Policy::default());
    let observations = [right, seen.clone()];
    for observation in &observations {
        history.absorb(observation, policy.period * 3);
    }
    let input = RoundInput {
        policy: &policy,
        zones: &Zones::default(),
        resolvers: &[],
        options: QueryOptions::default(),
        questions: std::slice::from_ref(&seen.question),
        targets: &[],
        declared: &Declared::default(),
        observations: &observations,
        now: observations[0].at.max(seen.at),
    };
    judge_round(&history, &input)[0].state
}

#[tokio::test]
async fn every_wrong_reply_is_told_as_what_it_is_over_udp_and_over_tcp() {
    let each = ROWS
        .iter()
        .flat_map(|row| [Transport::Udp, Transport::Tcp].map(|transport| check(row, transport)));
    join_all(each).await;
}

#[tokio::test]
async fn options_come_whole_over_udp_and_over_tcp() {
    let options = b"\0\x0f\0\x03\0\x03x\0\x0f\0\x02\0\x16\0\x03\0\x02\xca\xfe\xfd\xe9\0\x01z";
    for transport in [Transport::Udp, Transport::Tcp] {
        let (_server, source) =
            answering(transport, |query| Raw::to(query).sound().opt(0, options)).await;
        let asked = question("dialer1.example.com", "A");
        let seen = prober().ask(&source, &asked, &patient()).await;
        let errors: Vec<_> = seen.ede.iter().map(|ede| (ede.code, &*ede.text)).collect();
        assert_eq!(errors, [(3, "x"), (22, "")], "{transport}");
        assert_eq!(seen.nsid.as_deref(), Some(&b"\xca\xfe"[..]), "{transport}");
    }
}
