//! Messages that are wrong on purpose, and what each is told as.

use super::*;

const A: u16 = 1;
const NS: u16 = 2;
const HTTPS: u16 = 65;
const SOUND: &[u8] = &[192, 0, 2, 1];

/// A reply to `dialer1.example.com IN A`, put together octet by octet.
#[derive(Clone)]
struct Raw {
    octets: Vec<u8>,
}

impl Raw {
    fn new() -> Self {
        let mut octets = vec![0, 7, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        octets.extend(b"\x07dialer1\x07example\x03com\0\0\x01\0\x01");
        Self { octets }
    }

    /// Adds a record of the asked name to the section with the count at `count_at`.
    fn with(self, count_at: usize, rtype: u16, data: &[u8]) -> Self {
        self.with_record(count_at, b"\xc0\x0c", [rtype, 1], 300, data)
    }

    fn with_record(
        mut self,
        count_at: usize,
        owner: &[u8],
        [rtype, class]: [u16; 2],
        ttl: u32,
        data: &[u8],
    ) -> Self {
        self.octets[count_at + 1] += 1;
        self.octets.extend(owner);
        self.octets.extend(rtype.to_be_bytes());
        self.octets.extend(class.to_be_bytes());
        self.octets.extend(ttl.to_be_bytes());
        self.octets.extend((data.len() as u16).to_be_bytes());
        self.octets.extend(data);
        self
    }

    fn with_opt(self, options: &[u8]) -> Self {
        self.with_record(10, b"\0", [41, 1232], 0, options)
    }

    fn answered(self) -> Self {
        self.with(6, A, SOUND)
    }

    fn then(mut self, octets: &[u8]) -> Self {
        self.octets.extend(octets);
        self
    }

    fn read(&self, rtype: u16) -> Reading {
        Reply::decode(&self.octets).read(&question(RecordType(rtype)))
    }
}

fn sound(raw: &Raw, why: &str) {
    let reading = raw.read(A);
    assert!(
        reading.answer.is_data() && !reading.flags.has(Flags::IRREGULAR),
        "{why}: {reading:?}"
    );
}

/// The answer is taken, the reply is called irregular, and what is bad is as if it were not there.
fn irregular(raw: &Raw, why: &str) {
    let reading = raw.read(A);
    assert!(
        reading.answer.is_data() && reading.flags.has(Flags::IRREGULAR),
        "{why}: {reading:?}"
    );
    assert_eq!((reading.ecs_scope, reading.cookie), (None, None), "{why}");
    assert_eq!(reading.ede, [], "{why}");
}

fn malformed(raw: &Raw, why: &str) {
    let expected = Status::Malformed(Rcode::NOERROR);
    assert_eq!(raw.read(A).answer, Answer::failure(expected), "{why}");
}

#[test]
fn what_is_in_order_is_an_answer() {
    sound(&Raw::new().answered(), "one record");
    sound(&Raw::new().answered().with_opt(b""), "an empty OPT");
    let raw = Raw::new().answered().with(10, 65_400, b"\xff\xc0");
    sound(&raw, "octets of a type nobody knows");
    let chaos = Raw::new()
        .answered()
        .with_record(6, b"\xc0\x0c", [A, 3], 60, b"x");
    sound(&chaos, "another class is held to its structure alone");
}

#[test]
fn a_structure_that_does_not_decode_is_malformed() {
    let whole = Raw::new().answered().with_opt(b"\0\x03\0\x01x");
    for end in 0..whole.octets.len() {
        let octets = whole.octets[..end].to_vec();
        let reading = Raw { octets }.read(A);
        assert!(
            matches!(reading.answer.status, Status::Malformed(_)),
            "cut at {end}"
        );
    }
    let pointers = [
        (b"\xc0\x25", "a pointer to itself"),
        (b"\xc0\xff", "a pointer forward"),
        (b"\xc0\x02", "a pointer into the header"),
        (b"\x40a", "a label of a kind that never came"),
    ];
    for (owner, why) in pointers {
        malformed(&Raw::new().with_record(6, owner, [A, 1], 60, SOUND), why);
    }
    let mut long = Raw::new().answered();
    long.octets.resize(65_536, 0);
    malformed(&long, "longer than any message");
}

#[test]
fn rdata_of_an_answer_that_does_not_fit_its_type_is_malformed() {
    let unfit: [(u16, &[u8]); 26] = [
        (A, b"\xc0\0\x02"),
        (A, b"\xc0\0\x02\x01\x01"),
        (A, b""),
        (28, SOUND),
        (NS, b""),
        (NS, b"\x02ns"),
        (NS, b"\x02ns\0\0"),
        (5, b"\xc0"),
        (6, b"\0\0\0\0\0\x01"),
        (15, b"\0"),
        (16, b""),
        (16, b"\x02a"),
        (33, b"\0\0\0\0\0\0"),
        (35, b"\0\0\0\0\x01s\0"),
        (43, b"\0\x01\x08"),
        (257, b""),
        (257, b"\0"),
        (257, b"\0\0x"),
        (257, b"\0\x02i!x"),
        (HTTPS, b"\0\x01"),
        (HTTPS, b"\0\x01\0\0\x03\0\x03\x01\x02\x03"),
        (HTTPS, b"\0\x01\0\0\x03\0\x02\x01\xbb\0\x02\0\0"),
        (HTTPS, b"\0\x01\0\0\x03\0\x02\x01\xbb\0\x03\0\x02\x01\xbb"),
        (HTTPS, b"\0\x01\0\0\x01\0\x03\x02h"),
        (HTTPS, b"\0\x01\0\0\0\0\x04\0\x01\0\x01"),
        (HTTPS, b"\0\x01\0\0\x04\0\x00"),
    ];
    for (rtype, data) in unfit {
        let raw = Raw::new().answered().with(6, rtype, data);
        malformed(&raw, &format!("type {rtype}, {data:?}"));
    }
    let soa = b"\0\0\0\0\0\x01";
    malformed(&Raw::new().answered().with(8, 6, soa), "an SOA cut short");
}

#[test]
fn parameters_in_alias_mode_mean_nothing() {
    let alias = b"\0\0\0\0\x03\0\x01x";
    let raw = Raw::new().answered().with(6, HTTPS, alias);
    sound(&raw, "RFC 9460 section 2.4.2");
}

#[test]
fn unfit_rdata_beside_the_answer_costs_no_answer() {
    irregular(&Raw::new().answered().with(8, NS, b"\x02ns"), "authority");
    irregular(&Raw::new().answered().with(10, A, b"\xc0"), "additional");
    let referral = Raw::new().with(8, NS, b"\x02ns");
    let mut referral = referral.clone();
    referral.octets[2] = 0x80;
    referral.octets[3] = 0x80;
    assert_eq!(referral.read(A).answer.links, [], "it still is a referral");
}

#[test]
fn octets_after_the_end_are_irregular() {
    irregular(&Raw::new().answered().then(b"\0"), "one octet");
    let raw = Raw::new().answered().with_opt(b"").then(&[7; 99]);
    irregular(&raw, "many");
}

#[test]
fn an_opt_record_that_breaks_the_rules_is_malformed() {
    let answered = Raw::new().answered();
    malformed(&answered.clone().with_opt(b"\0\x03\0\x09x"), "an overrun");
    malformed(&answered.clone().with_opt(b"\0\x03\0"), "half an option");
    malformed(&answered.clone().with_opt(b"").with_opt(b""), "two");
    for count_at in [6, 8] {
        let raw = Raw::new().answered();
        let raw = raw.with_record(count_at, b"\0", [41, 1232], 0, b"");
        malformed(&raw, "in another section");
    }
    let owned = answered.with_record(10, b"\xc0\x0c", [41, 1232], 0, b"");
    malformed(&owned, "with an owner");
}

#[test]
fn an_option_whose_own_data_is_bad_is_passed_over() {
    let bad: [(&[u8], &str); 9] = [
        (b"\0\x08\0\0", "an empty subnet"),
        (b"\0\x08\0\x03\0\x01\x18", "a subnet cut short"),
        (b"\0\x08\0\x04\0\x01\x18\x18", "no address for its prefix"),
        (b"\0\x08\0\x05\0\x01\0\0\xc0", "an address for no prefix"),
        (b"\0\x08\0\x09\0\x01\x21\0\xc0\0\x02\x01\0", "a /33"),
        (b"\0\x08\0\x04\0\x01\0\x21", "the scope /33"),
        (b"\0\x08\0\x04\0\x03\0\0", "family 3"),
        (b"\0\x0a\0\x09123456789", "half a cookie"),
        (b"\0\x0f\0\x01\0", "half an extended error"),
    ];
    for (options, why) in bad {
        irregular(&Raw::new().answered().with_opt(options), why);
    }
    let raw = Raw::new().answered();
    let options = b"\0\x08\0\0\0\x08\0\x06\0\x01\x10\x0c\xc0\0\0\x03\0\x01x";
    let reading = raw.with_opt(options).read(A);
    let rest = (reading.ecs_scope, reading.nsid.as_deref());
    assert_eq!(
        rest,
        (Some(12), Some(b"x".as_slice())),
        "what follows counts"
    );
}

#[test]
fn cookies_subnets_and_versions_come_as_they_are() {
    let cookie = b"\0\x0a\0\x1012345678ABCDEFGH";
    let mut raw = Raw::new().answered().with_opt(cookie);
    let version_at = raw.octets.len() - cookie.len() - 5;
    raw.octets[version_at] = 1;
    let reading = raw.read(A);
    assert_eq!(
        reading.cookie.as_deref(),
        Some(b"12345678ABCDEFGH".as_slice())
    );
    assert_eq!(
        (reading.edns_version, reading.edns_size),
        (Some(1), Some(1232))
    );
    assert!(!reading.flags.has(Flags::IRREGULAR));
}

#[test]
fn every_ttl_is_told_as_received() {
    for ttl in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let raw = Raw::new().with_record(6, b"\xc0\x0c", [A, 1], ttl, SOUND);
        assert_eq!(raw.read(A).ttls, [[ttl]]);
    }
}

#[test]
fn a_chain_is_looked_at_as_far_as_any_resolver_would_follow() {
    let label = |nth: usize| format!("{nth:03}").into_bytes();
    let mut raw = Raw::new().with(6, 5, b"\x03000\0");
    for nth in 0..100 {
        let owner = [&[3], &*label(nth), &[0]].concat();
        let target = [&[3], &*label(nth + 1), &[0]].concat();
        raw = raw.with_record(6, &owner, [5, 1], 60, &target);
    }
    assert_eq!(raw.read(A).answer.links.len(), 64);
}
