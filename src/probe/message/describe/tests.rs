use hickory_proto::{
    op::{Edns, Message, OpCode, Query},
    rr::{
        Name, RData, Record as ProtoRecord, RecordType as ProtoType,
        rdata::{
            NULL,
            opt::{EdnsOption, NSIDPayload},
        },
    },
};

use super::*;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn record(owner: &str, ttl: u32, rtype: &str, text: &str) -> ProtoRecord {
    let rtype: ProtoType = rtype.parse().unwrap();
    let data = RData::try_from_str(rtype, text).unwrap();
    ProtoRecord::from_rdata(name(owner), ttl, data)
}

fn raw(owner: &str, rtype: u16, data: &[u8]) -> ProtoRecord {
    raw_of(name(owner), rtype, data)
}

fn raw_of(owner: Name, rtype: u16, data: &[u8]) -> ProtoRecord {
    let (code, rdata) = (ProtoType::Unknown(rtype), NULL::with(data.to_vec()));
    ProtoRecord::from_rdata(owner, 300, RData::Unknown { code, rdata })
}

fn message() -> Message {
    let mut message = Message::response(4660, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.recursion_available = true;
    message.add_query(Query::query(name("Www.Example.com."), ProtoType::A));
    message
}

fn signed() -> Message {
    let mut message = message();
    message.metadata.authentic_data = true;
    message.add_answer(record("www.example.com.", 300, "CNAME", "LB.example.net."));
    message.add_answer(record("lb.example.net.", 86400, "A", "192.0.2.1"));
    let signature =
        b"\0\x01\x0d\x03\0\0\x01\x2c\x6a\0\0\0\x69\0\0\0\x12\x34\x07example\x03net\0\xff\xfe\xfd";
    message.add_answer(raw("lb.example.net.", 46, signature));
    message.add_authority(record("example.net.", 5, "NS", "ns1.example.net."));
    let nsec = b"\x01a\x07example\x03net\0\0\x06\x40\x01\0\0\0\x03\x01\x01\x40";
    message.add_authority(raw("example.net.", 47, nsec));
    let nsec3 = b"\x01\0\0\x0a\x02\xab\xcd\x05\x01\x23\x45\x67\x89\0\x01\x62";
    message.add_authority(raw("0p9mhaveqvm6t7vb.example.net.", 50, nsec3));
    message.add_additional(record("ns1.example.net.", 172_800, "AAAA", "2001:db8::53"));
    let odd = Name::from_labels([b"odd\n\"name".as_slice()]).unwrap();
    message.add_additional(raw_of(odd, 65_400, b"\x0a\x1b[31m"));
    message
}

fn with_options(mut message: Message) -> Message {
    let mut opt = Edns::new();
    opt.set_max_payload(1232).set_dnssec_ok(true);
    let id = NSIDPayload::new(b"fra\x1b1".to_vec()).unwrap();
    let options = &mut opt.options_mut().options;
    options.push((3.into(), EdnsOption::NSID(id)));
    let raw: [(u16, &[u8]); 8] = [
        (8, b"\0\x01\x18\x14\xc0\0\x02"),
        (8, b"\0\x02\0\0"),
        (8, b"\0\x01"),
        (10, b"12345678ABCDEFGH"),
        (15, b"\0\x03stale\x1b[2J"),
        (15, b"\0\xff"),
        (12, b"\0\0\0"),
        (65_001, b""),
    ];
    for (code, data) in raw {
        options.push((code.into(), EdnsOption::Unknown(code, data.to_vec())));
    }
    message.set_edns(opt);
    message
}

fn octets(message: &Message) -> Vec<u8> {
    message.to_vec().unwrap()
}

#[test]
fn a_whole_message_has_all_its_sections() {
    insta::assert_snapshot!(describe(&octets(&with_options(signed()))));
}

#[test]
fn what_does_not_decode_is_shown_as_far_as_it_goes() {
    let whole = octets(&signed());
    insta::assert_snapshot!("cut_short", describe(&whole[..120]));
    let mut broken = whole.clone();
    broken[33] = 0x40;
    insta::assert_snapshot!("broken_owner", describe(&broken));
    insta::assert_snapshot!("no_header", describe(&whole[..7]));
    let mut longer = octets(&message());
    longer.extend(b"\x1b[31mmore");
    insta::assert_snapshot!("octets_after_the_end", describe(&longer));
}

#[test]
fn unfit_rdata_is_shown_as_hex() {
    let mut message = octets(&message());
    message[7] = 2;
    message.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x03\xc0\0\x02");
    message.extend(b"\xc0\x0c\0\x2f\0\x01\0\0\0\x3c\0\x04\x01a\0\0");
    insta::assert_snapshot!(describe(&message));
}

#[test]
fn octets_come_in_lines_of_sixteen() {
    insta::assert_snapshot!(hex_dump(&octets(&signed())[..40]));
    assert_eq!(hex_dump(b""), "");
}
