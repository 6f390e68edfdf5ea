//! The matrix: what is wrong with a reply, what is to be observed of it, and the verdict.

use Seen::{Answer, Failure, Nothing};
use State::{Consistent, Refused, Unreachable};
use dns_auditor::{
    audit::verdict::State,
    types::{NoReply, Rcode, Status},
};

use super::{A, Raw, SOUND};

/// What is to be observed of a reply.
pub(super) enum Seen {
    /// The right address with this TTL, and whether the reply is irregular.
    Answer(u32, bool),
    /// Nothing of the name; the question is over with it.
    Failure(Status),
    /// It does not count: every attempt waits for another.
    Nothing(NoReply),
}

/// What is wrong, the type asked, the reply, and what comes of it.
pub(super) type Row = (&'static str, &'static str, fn(Raw) -> Raw, Seen, State);

const MALFORMED: Seen = Seen::Failure(Status::Malformed(Rcode::NOERROR));

pub(super) const ROWS: &[Row] = &[
    (
        "two extended errors, NSID and an option nobody knows",
        "A",
        |raw| {
            let errors = b"\0\x0f\0\x03\0\x03x\0\x0f\0\x02\0\x16";
            let rest = b"\0\x03\0\x02\xca\xfe\xfd\xe9\0\x01z";
            raw.sound().opt(0, &[&errors[..], rest].concat())
        },
        Answer(300, false),
        Consistent,
    ),
    (
        "a subnet without the address of its prefix",
        "A",
        |raw| raw.sound().opt(0, b"\0\x08\0\x04\0\x01\x18\x18"),
        Answer(300, true),
        Consistent,
    ),
    (
        "an option that runs over the end of OPT",
        "A",
        |raw| raw.sound().opt(0, b"\0\x03\0\x09x"),
        MALFORMED,
        Unreachable,
    ),
    (
        "two OPT records",
        "A",
        |raw| raw.sound().opt(0, b"").opt(0, b""),
        MALFORMED,
        Unreachable,
    ),
    (
        "an A record of three octets",
        "A",
        |raw| raw.answer(A, 300, &SOUND[..3]),
        MALFORMED,
        Unreachable,
    ),
    (
        "an empty CAA record",
        "CAA",
        |raw| raw.answer(257, 300, b""),
        MALFORMED,
        Unreachable,
    ),
    (
        "SVCB with a port of three octets",
        "SVCB",
        |raw| raw.answer(64, 300, b"\0\x01\0\0\x03\0\x03\x01\x02\x03"),
        MALFORMED,
        Unreachable,
    ),
    (
        "an answer that is promised and does not follow",
        "A",
        |raw| raw.with(7, 1),
        MALFORMED,
        Unreachable,
    ),
    (
        "another question",
        "A",
        |raw| raw.sound().with(13, b'x'),
        Nothing(NoReply::WrongQuestion),
        Unreachable,
    ),
    (
        "no question, and a record",
        "A",
        Raw::without_question,
        Nothing(NoReply::WrongQuestion),
        Unreachable,
    ),
    (
        "another id",
        "A",
        |raw| {
            let other = raw.0[0] ^ 0xff;
            raw.sound().with(0, other)
        },
        Nothing(NoReply::Timeout),
        Unreachable,
    ),
    (
        "noise",
        "A",
        |_| Raw(vec![0xff; 40]),
        Nothing(NoReply::Timeout),
        Unreachable,
    ),
    (
        "a bare header that refuses",
        "A",
        |raw| raw.bare(5),
        Failure(Status::Rcode(Rcode::REFUSED)),
        Refused,
    ),
    (
        "octets after the end",
        "A",
        |raw| raw.sound().opt(0, b"").then(&[7; 9]),
        Answer(300, true),
        Consistent,
    ),
    (
        "RCODE 16",
        "A",
        |raw| raw.opt(1, b""),
        Failure(Status::Rcode(Rcode(16))),
        Refused,
    ),
    (
        "the highest TTL",
        "A",
        |raw| raw.answer(A, u32::MAX, SOUND),
        Answer(u32::MAX, false),
        Consistent,
    ),
    (
        "a TTL with the highest bit",
        "A",
        |raw| raw.answer(A, 0x8000_0000, SOUND),
        Answer(0x8000_0000, false),
        Consistent,
    ),
    (
        "the highest TTL without it",
        "A",
        |raw| raw.answer(A, 0x7fff_ffff, SOUND),
        Answer(0x7fff_ffff, false),
        Consistent,
    ),
    (
        "a TTL of nothing",
        "A",
        |raw| raw.answer(A, 0, SOUND),
        Answer(0, false),
        Consistent,
    ),
];
