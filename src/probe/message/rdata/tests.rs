use std::str::FromStr as _;

use hickory_proto::{
    op::{Message, OpCode},
    rr::{Name, RData, Record as ProtoRecord, RecordType, rdata::NULL},
};

use super::*;
use crate::probe::message::decode::Section;

/// The text of the RDATA of a record, as it comes out of a message.
fn text(data: RData) -> String {
    let mut message = Message::response(7, OpCode::Query);
    message.add_answer(ProtoRecord::from_rdata(Name::root(), 60, data));
    of_message(&message.to_vec().unwrap())
}

/// The text of the RDATA of the only record.
fn of_message(message: &[u8]) -> String {
    let (record, end) = Record::read(message, Section::Answer, 12).unwrap();
    assert_eq!(end, message.len());
    super::text(message, &record)
}

fn check(rtype: &str, zone_text: &str, expected: &str) {
    let rtype = RecordType::from_str(rtype).unwrap();
    let data = RData::try_from_str(rtype, zone_text).unwrap();
    assert_eq!(text(data), expected, "{rtype} {zone_text}");
}

#[test]
fn the_types_of_this_trade_read_as_people_write_them() {
    check("A", "192.0.2.1", "192.0.2.1");
    check("AAAA", "2001:db8:0:0:0:0:0:1", "2001:db8::1");
    check("NS", "NS1.Example.COM.", "ns1.example.com");
    check("CNAME", "LB.example.net.", "lb.example.net");
    check("PTR", "Host.example.com.", "host.example.com");
    check("MX", "10 Mail.Example.com.", "10 mail.example.com");
    check("MX", "0 .", "0 .");
    check(
        "SRV",
        "0 5 5060 SIP.example.com.",
        "0 5 5060 sip.example.com",
    );
    check("TXT", r#""v=spf1 -all" "two""#, r#""v=spf1 -all" "two""#);
    check(
        "CAA",
        r#"0 issue "ca.example.net""#,
        r#"0 issue "ca.example.net""#,
    );
    check(
        "SOA",
        "NS1.example.com. Host.example.com. 7 7200 900 1209600 300",
        "ns1.example.com host.example.com 7 7200 900 1209600 300",
    );
    check(
        "NAPTR",
        r#"100 10 "S" "SIP+D2U" "" _sip._udp.Example.com."#,
        r#"100 10 "S" "SIP+D2U" "" _sip._udp.example.com"#,
    );
}

fn check_wire(rtype: u16, octets: &[u8], expected: &str) {
    let mut message = vec![0; 13];
    message.extend(rtype.to_be_bytes());
    message.extend([0, 1, 0, 0, 0, 60]);
    message.extend((octets.len() as u16).to_be_bytes());
    message.extend(octets);
    assert_eq!(of_message(&message), expected, "type {rtype}");
}

#[test]
fn strings_are_escaped_octet_by_octet() {
    check_wire(16, b"\x06a\"b\\c\xff", r#""a\"b\\c\255""#);
    check_wire(16, b"\x00", r#""""#);
}

#[test]
fn service_records_show_their_parameters_by_name() {
    let octets = b"\x00\x01\x03Svc\x07example\x00\
        \x00\x01\x00\x06\x02h2\x02h3\
        \x00\x03\x00\x02\x20\xfb\
        \x00\x04\x00\x08\xc0\x00\x02\x01\xc0\x00\x02\x02\
        \x00\x07\x00\x02/q\
        \xff\x00\x00\x01\"";
    // RFC 9460 is younger than RFC 3597: the case of the target is kept.
    let expected = r#"1 Svc.example alpn=h2,h3 port=8443 ipv4hint=192.0.2.1,192.0.2.2 dohpath="/q" key65280="\"""#;
    check_wire(65, octets, expected);
    check_wire(64, b"\x00\x00\x00", "0 .");
    check_wire(
        65,
        b"\x00\x01\x00\x00\x03\x00\x03\x01\x02\x03",
        r#"1 . port="\001\002\003""#,
    );
}

#[test]
fn keys_and_digests_are_hex_or_base64() {
    check_wire(43, b"\x12\x34\x08\x02\xab\xcd", "4660 8 2 abcd");
    check_wire(48, b"\x01\x01\x03\x08\xff\xff", "257 3 8 //8=");
    check_wire(52, b"\x03\x01\x01\x0a", "3 1 1 0a");
    check_wire(44, b"\x01\x02\x0a", "1 2 0a");
    check_wire(39, b"\x02To\x07Example\x00", "to.example");
}

#[test]
fn an_unknown_type_and_octets_that_do_not_fit_theirs_are_written_as_rfc_3597_has_it() {
    let code = RecordType::Unknown(65_400);
    let rdata = NULL::with(vec![10, 0, 0, 1]);
    assert_eq!(text(RData::Unknown { code, rdata }), r"\# 4 0a000001");
    check_wire(65_400, b"", r"\# 0");
    check_wire(1, b"\x0a\x00\x00", r"\# 3 0a0000");
    check_wire(15, b"\x00\x0a\x00\x00", r"\# 4 000a0000");
    check_wire(257, b"\x00\x00x", r"\# 3 000078");
}

#[test]
fn the_same_data_in_another_case_is_the_same_text() {
    for rtype in [2_u16, 5, 6, 12, 15, 33, 35] {
        let octets: &[u8] = match rtype {
            15 => b"\x00\x0a\x02Mx\x00",
            6 => b"\x01N\x00\x01H\x00\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05",
            33 => b"\0\x01\0\x02\0\x03\x02Ho\x00",
            35 => b"\0\x01\0\x02\x01U\x00\x00\x02Ho\x00",
            _ => b"\x02Ho\x00",
        };
        let read = |octets: &[u8]| {
            let mut decoder = hickory_proto::serialize::binary::BinDecoder::new(octets);
            let length = hickory_proto::serialize::binary::Restrict::new(octets.len() as u16);
            text(RData::read(&mut decoder, rtype.into(), length).unwrap())
        };
        let text = read(octets);
        assert!(
            !text.contains("Ho") && !text.contains("Mx") && !text.contains('N'),
            "{text}"
        );
    }
}
