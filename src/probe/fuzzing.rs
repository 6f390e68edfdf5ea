//! Entries for `fuzz/` and `benches/`: octets through everything that reads them, with what must hold of the outcome.
//!
//! No part of the interface, and called by nothing else. Deliberately absent: sockets.

use super::{
    message::{Manner, Query, Reading, Reply, Sections, asked, describe, hex_dump},
    stream::Frames,
};
use crate::types::{Answer, Question, Value};

/// Reads octets as a reply to their own question and to the questions that their records would answer, and describes
/// them.
///
/// # Panics
///
/// When something does not hold: that is what the fuzzer looks for.
pub fn reply(octets: &[u8]) {
    let reply = Reply::decode(octets);
    for question in asked(octets) {
        check(&reply.read(&question));
        let query = Query::new(&question, &manner());
        query.fit(octets);
        query.is_edns_refused_by(&reply);
    }
    drop(Sections::read(octets));
    for text in [describe(octets), hex_dump(octets)] {
        assert!(text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')));
    }
}

/// Cuts the messages out of a stream that comes in pieces of as many octets as the first octet says, and compares them
/// with those of the stream in one.
///
/// # Panics
///
/// When they differ: that is what the fuzzer looks for.
pub fn frames(octets: &[u8]) {
    let Some((piece, stream)) = octets.split_first() else {
        return;
    };
    let (mut frames, mut messages) = (Frames::default(), Vec::new());
    for piece in stream.chunks(usize::from(*piece).max(1)) {
        frames.feed(piece, &mut messages);
    }
    let mut rest = stream;
    for message in &messages {
        let length = u16::try_from(message.len()).map(u16::to_be_bytes);
        rest = rest
            .strip_prefix(&length.unwrap_or_default())
            .unwrap_or_default();
        assert!(rest.starts_with(message));
        rest = rest.get(message.len()..).unwrap_or_default();
    }
    let next = rest
        .split_first_chunk()
        .map(|(length, rest)| (u16::from_be_bytes(*length), rest));
    assert!(next.is_none_or(|(length, rest)| rest.len() < usize::from(length)));
}

/// Each link has its TTLs, and each record one.
fn check(reading: &Reading) {
    assert_eq!(reading.answer.links.len(), reading.ttls.len());
    for (link, ttls) in reading.answer.links.iter().zip(&reading.ttls) {
        match &link.value {
            Value::Rrset(records) => {
                assert!(!records.is_empty() && records.len() == ttls.len());
            }
            Value::Cname(_) => assert_eq!(ttls.len(), 1),
            Value::Nodata | Value::Nxdomain => assert!(matches!(ttls.len(), 0 | 2)),
        }
    }
}

fn manner() -> Manner {
    Manner {
        recursion: true,
        authentic_data: true,
        checking_disabled: false,
        edns: true,
        dnssec: false,
        ecs: None,
        cookie: None,
        random_case: false,
    }
}

/// The query for a question, as it goes to a resolver.
pub fn encode(question: &Question) -> Vec<u8> {
    Query::new(question, &manner()).into_bytes()
}

/// The answer in octets that are a reply to `question`.
pub fn decode(question: &Question, octets: &[u8]) -> Answer {
    Reply::decode(octets).read(question).answer
}
