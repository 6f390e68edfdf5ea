//! What it costs to write a query and to read a reply, beside what `hickory-proto` needs to decode the same octets.
//!
//! Its decoder stops at its own record types: canonical texts, links and TTLs are not in its time, and are in ours.
//! Deliberately absent: sockets.

#![expect(
    clippy::unwrap_used,
    reason = "what is measured here is known to be sound"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dns_auditor::{probe::fuzzing, types::Question};
use hickory_proto::{
    op::{Edns, Message, OpCode, Query},
    rr::{
        Name, RData, Record, RecordType,
        rdata::opt::{EdnsOption, NSIDPayload},
    },
};

struct Case {
    name: &'static str,
    question: Question,
    reply: Vec<u8>,
}

impl Case {
    fn new(name: &'static str, rtype: &str, build: impl Fn(&mut Message)) -> Self {
        let asked = "dialer1.example.com";
        let mut message = Message::response(7, OpCode::Query);
        message.metadata.recursion_available = true;
        let query = Query::query(absolute(asked), rtype.parse().unwrap());
        message.add_query(query);
        build(&mut message);
        let mut opt = Edns::new();
        let id = NSIDPayload::new(b"gpdns-fra".to_vec()).unwrap();
        opt.options_mut()
            .options
            .push((3.into(), EdnsOption::NSID(id)));
        message.set_edns(opt);
        Self {
            name,
            question: Question {
                name: asked.parse().unwrap(),
                rtype: rtype.parse().unwrap(),
            },
            reply: message.to_vec().unwrap(),
        }
    }
}

fn absolute(name: &str) -> Name {
    Name::from_ascii(format!("{name}.")).unwrap()
}

fn record(owner: &str, rtype: &str, text: &str) -> Record {
    let rtype: RecordType = rtype.parse().unwrap();
    let data = RData::try_from_str(rtype, text).unwrap();
    Record::from_rdata(absolute(owner), 300, data)
}

fn cases() -> Vec<Case> {
    let own = "dialer1.example.com";
    let one = Case::new("1 A", "A", |message| {
        message.add_answer(record(own, "A", "192.0.2.1"));
    });
    let servers = Case::new("13 NS and their addresses", "NS", |message| {
        for nth in 0..13 {
            let host = format!("{}.gtld-servers.net", char::from(b'a' + nth));
            message.add_answer(record(own, "NS", &format!("{host}.")));
            message.add_additional(record(&host, "A", &format!("192.0.2.{nth}")));
            message.add_additional(record(&host, "AAAA", &format!("2001:db8::{nth}")));
        }
    });
    let chain = Case::new("4 CNAME and 2 A", "A", |message| {
        let names = [
            own,
            "a.example.net",
            "b.example.net",
            "c.example.org",
            "d.example.org",
        ];
        for pair in names.windows(2) {
            message.add_answer(record(pair[0], "CNAME", &format!("{}.", pair[1])));
        }
        for last in ["192.0.2.1", "192.0.2.2"] {
            message.add_answer(record(names[4], "A", last));
        }
    });
    let text = Case::new("64 KiB of TXT", "TXT", |message| {
        for nth in 0..240 {
            let text = format!("\"{nth:0>250}\"");
            message.add_answer(record(own, "TXT", &text));
        }
    });
    vec![one, servers, chain, text]
}

fn encode(c: &mut Criterion) {
    let question = &cases()[0].question;
    c.bench_function("encode", |b| {
        b.iter(|| fuzzing::encode(black_box(question)));
    });
}

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    for Case {
        name,
        question,
        reply,
    } in &cases()
    {
        assert!(fuzzing::decode(question, reply).is_data(), "{name}");
        group.throughput(Throughput::Bytes(reply.len() as u64));
        group.bench_function(BenchmarkId::new("observation", name), |b| {
            b.iter(|| fuzzing::decode(black_box(question), black_box(reply)));
        });
        group.bench_function(BenchmarkId::new("hickory, decoding alone", name), |b| {
            b.iter(|| Message::from_vec(black_box(reply)).unwrap());
        });
    }
}

/// Each type's record asked for, from octets to canonical text; the rest of the message is the same throughout.
fn canonical(c: &mut Criterion) {
    let own = "dialer1.example.com";
    let mut group = c.benchmark_group("canonical");
    for (rtype, text) in [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("CNAME", "Lb.Example.net."),
        ("MX", "10 Mail.Example.com."),
        (
            "SOA",
            "ns1.example.com. host.example.com. 7 7200 900 1209600 300",
        ),
        ("TXT", "\"v=spf1 include:_spf.example.net -all\""),
        ("HTTPS", "1 . alpn=h2,h3 ipv4hint=192.0.2.1"),
    ] {
        let case = Case::new("", rtype, |message| {
            message.add_answer(record(own, rtype, text));
        });
        group.bench_function(rtype, |b| {
            b.iter(|| fuzzing::decode(black_box(&case.question), black_box(&case.reply)));
        });
    }
}

criterion_group!(benches, encode, read, canonical);
criterion_main!(benches);
