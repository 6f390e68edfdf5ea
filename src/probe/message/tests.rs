use hickory_proto::{
    op::{Edns, Message, OpCode, Query as ProtoQuery, ResponseCode},
    rr::{
        Name, RData, Record, RecordType as ProtoType,
        rdata::{
            CNAME, NULL,
            opt::{ClientSubnet, EdnsOption, NSIDPayload},
        },
    },
};

use super::*;
use crate::types::{Link, RecordType, Value};

fn question(rtype: RecordType) -> Question {
    Question {
        name: "Dialer1.example.com".parse().unwrap(),
        rtype,
    }
}

fn resolver() -> Manner {
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

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

fn record(owner: &str, ttl: u32, rtype: &str, text: &str) -> Record {
    let rtype: ProtoType = rtype.parse().unwrap();
    Record::from_rdata(name(owner), ttl, RData::try_from_str(rtype, text).unwrap())
}

fn soa(zone: &str) -> Record {
    record(
        zone,
        900,
        "SOA",
        "ns1.example.com. host.example.com. 7 7200 900 1209600 300",
    )
}

fn message() -> Message {
    let mut message = Message::response(7, OpCode::Query);
    message.add_query(ProtoQuery::query(name("dialer1.example.com"), ProtoType::A));
    message
}

fn read(message: &Message, rtype: RecordType) -> Reading {
    Reply::decode(&message.to_vec().unwrap()).read(&question(rtype))
}

/// Links as `owner value`, and their TTLs.
fn check(message: &Message, links: &[&str], ttls: &[&[u32]]) {
    let reading = read(message, RecordType::A);
    let shown = |link: &Link| format!("{} {}", link.owner, link.value);
    assert_eq!(
        reading.answer.links.iter().map(shown).collect::<Vec<_>>(),
        links
    );
    assert_eq!(reading.ttls, ttls);
}

#[test]
fn a_query_is_what_the_decoder_reads_back() {
    let query = Query::new(&question(RecordType::A), &resolver());
    let message = Message::from_vec(query.bytes()).unwrap();
    assert_eq!(
        message.queries,
        [ProtoQuery::query(name("dialer1.example.com"), ProtoType::A)]
    );
    assert!(message.recursion_desired && message.authentic_data && !message.checking_disabled);
    let opt = message.edns.unwrap();
    assert_eq!(
        (opt.max_payload(), opt.version(), opt.flags().dnssec_ok),
        (1232, 0, false)
    );
    let nsid = EdnsOption::NSID(NSIDPayload::new(vec![]).unwrap());
    assert_eq!(opt.options().options, [(3.into(), nsid)]);

    let authority = Manner {
        recursion: false,
        authentic_data: false,
        checking_disabled: true,
        edns: false,
        ..resolver()
    };
    let message =
        Message::from_vec(Query::new(&question(RecordType::A), &authority).bytes()).unwrap();
    assert!(!message.recursion_desired && !message.authentic_data && message.checking_disabled);
    assert_eq!(message.edns, None);
}

fn fits(query: &Query, reply: &[u8]) -> bool {
    query.fit(reply) == Fit::Reply
}

#[test]
fn only_a_reply_with_the_same_id_and_question_fits() {
    let query = Query::new(&question(RecordType::A), &resolver());
    let mut fitting = query.bytes().to_vec();
    fitting[2] |= 0x80;
    assert!(fits(&query, &fitting));
    assert!(!fits(&query, query.bytes()), "a query is no reply");

    let spoil = |at: usize, bits: u8| {
        let mut reply = fitting.clone();
        reply[at] ^= bits;
        fits(&query, &reply)
    };
    assert!(spoil(13, 0x20), "the case of the name does not matter");
    assert!(!spoil(13, 0x01), "another name");
    assert!(!spoil(query.question_end - 3, 0x20), "another type");
    assert!(!spoil(query.question_end - 1, 0x02), "another class");
    assert!(!spoil(1, 0x01), "another id");
    assert!(!spoil(2, 0x10), "another opcode");
    assert!(!spoil(5, 0x03), "two questions");
    assert!(!fits(&query, &fitting[..20]), "cut off in the question");
    assert!(!fits(&query, &[]));
}

#[test]
fn a_bare_header_fits_as_a_failure_only() {
    let query = Query::new(&question(RecordType::A), &resolver());
    let bare = |rcode: u8| {
        let mut header = query.bytes()[..12].to_vec();
        header[2] |= 0x80;
        header[3] = rcode;
        header[4..].fill(0);
        fits(&query, &header)
    };
    assert!(bare(1) && bare(5) && bare(2));
    assert!(
        !bare(0) && !bare(3),
        "a bare header cannot say what a name holds"
    );
}

#[test]
fn an_rrset_is_sorted_and_each_rdata_keeps_its_lowest_ttl() {
    let mut message = message();
    message.add_answer(record("DIALER1.example.com", 300, "A", "192.0.2.9"));
    message.add_answer(record("dialer1.example.com", 200, "A", "192.0.2.1"));
    message.add_answer(record("dialer1.example.com", 100, "A", "192.0.2.9"));
    message.add_answer(record("other.example.com", 1, "A", "192.0.2.77"));
    check(
        &message,
        &["dialer1.example.com 192.0.2.1 192.0.2.9"],
        &[&[200, 100]],
    );
}

#[test]
fn aliases_are_links_up_to_the_data() {
    let mut message = message();
    message.add_answer(record("lb.example.net", 60, "A", "192.0.2.1"));
    message.add_answer(record(
        "dialer1.example.com",
        300,
        "CNAME",
        "Mid.example.org.",
    ));
    message.add_answer(record("mid.example.org", 120, "CNAME", "lb.example.net."));
    let chain = [
        "dialer1.example.com CNAME mid.example.org",
        "mid.example.org CNAME lb.example.net",
        "lb.example.net 192.0.2.1",
    ];
    check(&message, &chain, &[&[300], &[120], &[60]]);
}

#[test]
fn an_alias_synthesised_from_a_dname_is_a_link_like_any_other() {
    let mut message = message();
    let code = ProtoType::Unknown(39);
    let rdata = NULL::with(b"\x07example\x03net\x00".to_vec());
    let dname = RData::Unknown { code, rdata };
    message.add_answer(Record::from_rdata(name("example.com"), 3600, dname));
    let target = RData::CNAME(CNAME(name("dialer1.example.net")));
    message.add_answer(Record::from_rdata(name("dialer1.example.com"), 0, target));
    message.add_answer(record("dialer1.example.net", 60, "A", "192.0.2.1"));
    let chain = [
        "dialer1.example.com CNAME dialer1.example.net",
        "dialer1.example.net 192.0.2.1",
    ];
    check(&message, &chain, &[&[0], &[60]]);
}

#[test]
fn a_chain_that_runs_in_a_circle_ends_where_it_closes() {
    let mut message = message();
    message.add_answer(record("dialer1.example.com", 5, "CNAME", "a.example.com."));
    message.add_answer(record("a.example.com", 5, "CNAME", "dialer1.example.com."));
    let chain = [
        "dialer1.example.com CNAME a.example.com",
        "a.example.com CNAME dialer1.example.com",
    ];
    check(&message, &chain, &[&[5], &[5]]);
}

#[test]
fn a_chain_the_reply_follows_no_further_ends_in_its_alias() {
    let mut message = message();
    message.metadata.authoritative = true;
    message.add_answer(record(
        "dialer1.example.com",
        300,
        "CNAME",
        "lb.example.net.",
    ));
    check(
        &message,
        &["dialer1.example.com CNAME lb.example.net"],
        &[&[300]],
    );
    message.add_authority(soa("example.com"));
    check(
        &message,
        &["dialer1.example.com CNAME lb.example.net"],
        &[&[300]],
    );
    message.add_authority(soa("example.net"));
    let chain = [
        "dialer1.example.com CNAME lb.example.net",
        "lb.example.net NODATA",
    ];
    check(&message, &chain, &[&[300], &[900, 300]]);
}

#[test]
fn a_denial_belongs_to_the_end_of_the_chain_and_carries_the_soa() {
    let mut message = message();
    message.metadata.response_code = ResponseCode::NXDomain;
    check(&message, &["dialer1.example.com NXDOMAIN"], &[&[]]);
    message.add_authority(soa("example.com"));
    check(&message, &["dialer1.example.com NXDOMAIN"], &[&[900, 300]]);
    assert_eq!(read(&message, RecordType::A).serial, Some(7));
    message.add_answer(record(
        "dialer1.example.com",
        60,
        "CNAME",
        "gone.example.com.",
    ));
    let chain = [
        "dialer1.example.com CNAME gone.example.com",
        "gone.example.com NXDOMAIN",
    ];
    check(&message, &chain, &[&[60], &[900, 300]]);
}

#[test]
fn an_empty_answer_is_nodata_or_a_referral_or_nothing() {
    let mut message = message();
    check(&message, &[], &[]);
    message.metadata.recursion_available = true;
    check(&message, &["dialer1.example.com NODATA"], &[&[]]);
    message.metadata.recursion_available = false;
    message.metadata.authoritative = true;
    check(&message, &["dialer1.example.com NODATA"], &[&[]]);
    message.metadata.authoritative = false;
    message.add_authority(record("example.com", 60, "NS", "ns1.example.com."));
    check(&message, &[], &[]);
    message.add_authority(soa("example.com"));
    check(&message, &["dialer1.example.com NODATA"], &[&[900, 300]]);
}

#[test]
fn the_alias_itself_is_the_data_when_it_is_asked_for() {
    let mut message = message();
    message.add_answer(record(
        "dialer1.example.com",
        300,
        "CNAME",
        "lb.example.net.",
    ));
    let reading = read(&message, RecordType::CNAME);
    assert_eq!(
        reading.answer.links[0].value,
        Value::Rrset(["lb.example.net".into()].into())
    );
}

#[test]
fn an_soa_that_is_asked_for_gives_the_serial() {
    let mut message = message();
    message.add_answer(soa("dialer1.example.com"));
    assert_eq!(read(&message, RecordType::SOA).serial, Some(7));
    assert_eq!(read(&message, RecordType::A).serial, None);
}

#[test]
fn a_failure_carries_no_links_and_all_bits_of_its_code() {
    let mut message = message();
    message.set_edns(Edns::new());
    message.add_answer(record("dialer1.example.com", 300, "A", "192.0.2.1"));
    for code in [2_u16, 5, 16, 23, 3841] {
        message.metadata.response_code = ResponseCode::from((code >> 4) as u8, (code & 0xf) as u8);
        let reading = read(&message, RecordType::A);
        assert_eq!(reading.answer, Answer::failure(Status::Rcode(Rcode(code))));
    }
}

#[test]
fn what_does_not_decode_is_malformed_with_its_headers_code_and_flags() {
    let mut bytes = message().to_vec().unwrap();
    bytes[2] |= 0x04;
    bytes[3] = 0x80 | 2;
    bytes[7] = 1;
    let reading = Reply::decode(&bytes).read(&question(RecordType::A));
    let status = Status::Malformed(Rcode::SERVFAIL);
    let flags = Flags::AA.with(Flags::RA, true);
    assert_eq!(reading, Reading::without_data(status, flags));
}

#[test]
fn flags_and_options_come_as_they_are() {
    let mut message = message();
    message.metadata.recursion_available = true;
    message.metadata.authentic_data = true;
    message.metadata.recursion_desired = true;
    message.add_authority(soa("example.com"));
    let mut opt = Edns::new();
    opt.set_max_payload(1400);
    let options = &mut opt.options_mut().options;
    // A type for extended errors in the library would make this one decode as that, and the errors would vanish.
    for data in [b"\x00\x03stale\0".as_slice(), b"\x00\x16", b"\xff"] {
        options.push((15.into(), EdnsOption::Unknown(15, data.to_vec())));
    }
    options.push((
        3.into(),
        EdnsOption::NSID(NSIDPayload::new(b"gpdns-fra".to_vec()).unwrap()),
    ));
    let subnet = ClientSubnet::new("192.0.2.0".parse().unwrap(), 24, 20);
    options.push((8.into(), EdnsOption::Subnet(subnet)));
    options.push((65_001.into(), EdnsOption::Unknown(65_001, vec![1])));
    message.set_edns(opt);

    let reading = read(&message, RecordType::A);
    // An extended error of one octet is passed over.
    let flags = [
        Flags::RD,
        Flags::RA,
        Flags::AD,
        Flags::AUTHORITY_SECTION,
        Flags::IRREGULAR,
    ];
    let expected = flags
        .into_iter()
        .fold(Flags::default(), |all, flag| all.with(flag, true));
    assert_eq!(reading.flags, expected);
    let errors: Vec<_> = reading
        .ede
        .iter()
        .map(|ede| (ede.code, ede.text.as_str()))
        .collect();
    assert_eq!(errors, [(3, "stale"), (22, "")]);
    assert_eq!(reading.nsid.as_deref(), Some(b"gpdns-fra".as_slice()));
    assert_eq!(
        (reading.ecs_scope, reading.edns_size),
        (Some(20), Some(1400))
    );
}

#[test]
fn records_of_another_class_are_no_answer() {
    let mut message = message();
    let mut chaos = record("dialer1.example.com", 300, "A", "192.0.2.1");
    chaos.dns_class = hickory_proto::rr::DNSClass::CH;
    message.metadata.authoritative = true;
    message.add_answer(chaos);
    check(&message, &["dialer1.example.com NODATA"], &[&[]]);
}

mod hostile;
mod matrix;
mod oracle;
mod seeds;
mod writing;
