//! What is said beside a question, as octets.

use super::*;

fn options(manner: &Manner) -> Vec<u8> {
    let query = Query::new(&question(RecordType::A), manner);
    query.bytes()[query.question_end + 11..].to_vec()
}

fn with_subnet(net: &str) -> Manner {
    Manner {
        ecs: Some(net.parse().unwrap()),
        ..resolver()
    }
}

#[test]
fn a_client_subnet_is_cut_to_its_prefix() {
    let nsid = b"\0\x03\0\0";
    for (net, expected) in [
        (
            "192.0.2.255/24",
            b"\0\x08\0\x07\0\x01\x18\0\xc0\0\x02".as_slice(),
        ),
        ("192.0.2.255/31", b"\0\x08\0\x08\0\x01\x1f\0\xc0\0\x02\xfe"),
        ("10.255.0.0/9", b"\0\x08\0\x06\0\x01\x09\0\x0a\x80"),
        ("0.0.0.0/0", b"\0\x08\0\x04\0\x01\0\0"),
        ("::/0", b"\0\x08\0\x04\0\x02\0\0"),
        (
            "2001:db8:ffff::/36",
            b"\0\x08\0\x09\0\x02\x24\0\x20\x01\x0d\xb8\xf0",
        ),
    ] {
        let written = options(&with_subnet(net));
        assert_eq!(written, [nsid, expected].concat(), "{net}");
    }
}

#[test]
fn a_cookie_comes_after_the_subnet() {
    let manner = Manner {
        cookie: Some(b"12345678".to_vec()),
        ..with_subnet("192.0.2.0/24")
    };
    let expected = b"\0\x03\0\0\0\x08\0\x07\0\x01\x18\0\xc0\0\x02\0\x0a\0\x0812345678";
    assert_eq!(options(&manner), expected);
}

#[test]
fn every_query_is_whole_and_takes_one_allocation() {
    let everything = Manner {
        dnssec: true,
        checking_disabled: true,
        cookie: Some(vec![7; 24]),
        random_case: true,
        ..with_subnet("2001:db8::/56")
    };
    let bare = Manner {
        edns: false,
        ..everything.clone()
    };
    for manner in [resolver(), everything, bare] {
        let bytes = Query::new(&question(RecordType::A), &manner).into_bytes();
        assert_eq!(bytes.capacity(), bytes.len());
        let message = Message::from_vec(&bytes).unwrap();
        assert_eq!(message.checking_disabled, manner.checking_disabled);
        let dnssec = message
            .edns
            .as_ref()
            .is_some_and(|opt| opt.flags().dnssec_ok);
        assert_eq!(dnssec, manner.dnssec && manner.edns);
        assert_eq!(message.edns.is_some(), manner.edns);
        assert_eq!(message.to_vec().unwrap().len(), bytes.len());
    }
}

#[test]
fn a_randomised_name_must_come_back_exactly() {
    let manner = Manner {
        random_case: true,
        ..resolver()
    };
    let query = Query::new(&question(RecordType::A), &manner);
    let mut reply = query.bytes().to_vec();
    reply[2] |= 0x80;
    assert_eq!(query.fit(&reply), Fit::Reply);
    for letter_at in [13, 22, 30] {
        let mut other = reply.clone();
        other[letter_at] ^= 0x20;
        assert_eq!(query.fit(&other), Fit::OtherQuestion, "{letter_at}");
    }
    let names: std::collections::HashSet<_> = (0..64)
        .map(|_| Query::new(&question(RecordType::A), &manner))
        .map(|query| query.bytes()[12..query.question_end - 4].to_vec())
        .collect();
    assert!(names.len() > 60, "{} different cases of 64", names.len());
    let lower = Query::new(&question(RecordType::A), &resolver());
    for name in names {
        let own = &lower.bytes()[12..lower.question_end - 4];
        assert!(name.eq_ignore_ascii_case(own));
    }
}

#[test]
fn a_message_of_another_kind_is_foreign_and_one_to_another_question_is_told_apart() {
    let query = Query::new(&question(RecordType::A), &resolver());
    let mut reply = query.bytes().to_vec();
    assert_eq!(query.fit(&reply), Fit::Foreign, "a query");
    reply[2] |= 0x80;
    reply[13] ^= 1;
    assert_eq!(query.fit(&reply), Fit::OtherQuestion);
    reply[0] ^= 1;
    assert_eq!(query.fit(&reply), Fit::Foreign, "another id");
    let mut bare = query.bytes()[..12].to_vec();
    bare[2] |= 0x80;
    bare[4..].fill(0);
    for rcode in [0, 3] {
        bare[3] = rcode;
        assert_eq!(
            query.fit(&bare),
            Fit::OtherQuestion,
            "says nothing of the name"
        );
    }
}
