//! Entries for `fuzz/` and `benches/`: octets through everything that reads them, with what must hold of the outcome.
//!
//! No part of the interface, and called by nothing else. Deliberately absent: sockets.

use super::message::{Manner, Query, Reading, Reply, Sections, asked, describe, hex_dump};
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
