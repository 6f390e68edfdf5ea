//! The decoder beside another one, `hickory-proto`'s, over sound messages and over the same with octets changed.
//!
//! Where the two differ a rule must say why: [`is_stricter_here`] and [`is_stricter_there`] are the whole list.

use hickory_proto::{
    rr::DNSClass,
    serialize::binary::{BinEncodable as _, BinEncoder, NameEncoding},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::*;
use crate::probe::message::{
    Message as Decoded,
    decode::Section,
    name::{Expanded, skip},
    rdata,
};

/// Canonical octets as the other library has them; `None` where it cannot write what it has read.
fn canonical(data: &RData) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_canonical_form(true);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?;
    Some(octets)
}

/// Sound RDATA of every type with a layout, names compressed and in mixed case.
fn samples() -> Vec<(u16, &'static [u8])> {
    vec![
        (1, b"\xc0\0\x02\x01"),
        (28, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
        (2, b"\x02Ns\xc0\x14"),
        (5, b"\x02Lb\xc0\x14"),
        (6, b"\x02Ns\xc0\x14\x04Host\xc0\x14\0\0\0\x07\0\0\x1c\x20\0\0\x03\x84\0\x12\x75\0\0\0\x01\x2c"),
        (12, b"\xc0\x0c"),
        (13, b"\x03CPU\x02OS"),
        (15, b"\0\x0a\x02Mx\xc0\x14"),
        (16, b"\x05Hello\0\x03\"\\\xff"),
        (33, b"\0\0\0\x05\x13\xc4\x03Sip\xc0\x14"),
        (35, b"\0\x64\0\x0a\x01S\x07SIP+D2U\0\x04_sip\xc0\x14"),
        (39, b"\x07Example\x03net\0"),
        (43, b"\x12\x34\x08\x02\xab\xcd\xef"),
        (44, b"\x01\x01\x0a\x0b"),
        (46, b"\0\x01\x0d\x03\0\0\x01\x2c\x6a\0\0\0\x69\0\0\0\x12\x34\x07example\x03net\0\xff\xfe"),
        (47, b"\x01A\x07example\x03net\0\0\x06\x40\x01\0\0\0\x03"),
        (48, b"\x01\x01\x03\x0d\x01\x02\x03\x04"),
        (50, b"\x01\0\0\x0a\x02\xab\xcd\x05\x01\x23\x45\x67\x89\0\x01\x62"),
        (52, b"\x03\x01\x01\x0a\x0b\x0c"),
        (64, b"\0\0\x03Svc\x07example\0"),
        (65, b"\0\x01\0\0\x01\0\x03\x02h2\0\x03\0\x02\x20\xfb\0\x04\0\x04\xc0\0\x02\x01"),
        (257, b"\0\x05Issueca.example.net"),
        (65_400, b"\x0a\0\0\x01"),
    ]
}

/// A message with three records of random samples in each section, and perhaps an OPT record.
fn sound(random: &mut StdRng) -> Vec<u8> {
    let mut octets = vec![0, 7, 0x84, 0x80, 0, 1, 0, 3, 0, 3, 0, 3];
    octets.extend(b"\x07dialer1\x07Example\x03com\0\0\x01\0\x01");
    let samples = samples();
    for _ in 0..9 {
        let (rtype, data) = samples[random.random_range(0..samples.len())];
        let owners: [&[u8]; 3] = [b"\xc0\x0c", b"\x03WWW\xc0\x14", b"\0"];
        octets.extend(owners[random.random_range(0..3)]);
        octets.extend(rtype.to_be_bytes());
        octets.extend([0, 1]);
        octets.extend(random.random::<[u8; 4]>());
        octets.extend((data.len() as u16).to_be_bytes());
        octets.extend(data);
    }
    if random.random() {
        octets[11] += 1;
        let options = b"\0\x03\0\x02id\0\x08\0\x07\0\x01\x18\x14\xc0\0\x02\0\x0f\0\x03\0\x03x";
        octets.extend(b"\0\0\x29\x04\xd0\0\0\0\0");
        octets.extend((options.len() as u16).to_be_bytes());
        octets.extend(options);
    }
    octets
}

fn changed(random: &mut StdRng, mut octets: Vec<u8>) -> Vec<u8> {
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(4..octets.len());
        octets[at] = match random.random_range(0..4) {
            0 => random.random(),
            1 => octets[at].wrapping_add(1),
            2 => octets[at].wrapping_sub(1),
            _ => octets[at] ^ 1 << random.random_range(0..8),
        };
    }
    if random.random_range(0..8) == 0 {
        octets.truncate(random.random_range(0..octets.len()));
    }
    octets
}

/// The records of both, one by one.
fn agree(ours: &Decoded<'_>, theirs: &Message, octets: &[u8]) {
    let sections = [&theirs.answers, &theirs.authorities, &theirs.additionals];
    for (section, theirs) in Section::ALL.into_iter().zip(sections) {
        let ours: Vec<_> = ours
            .records
            .iter()
            .filter(|r| r.section == section)
            .collect();
        // Signatures of whole messages are held apart there.
        let theirs: Vec<_> = theirs.iter().collect();
        assert_eq!(ours.len(), theirs.len(), "{octets:?}");
        for (ours, theirs) in ours.iter().zip(theirs) {
            let (owner, _) = Expanded::read(octets, usize::from(ours.owner)).unwrap();
            let labels: Vec<_> = theirs.name.iter().collect();
            let wire: Vec<u8> = labels
                .iter()
                .flat_map(|label| [&[label.len() as u8], *label].concat())
                .chain([0])
                .collect();
            assert_eq!(owner.octets(), wire);
            assert_eq!(ours.rtype, u16::from(theirs.record_type()));
            assert_eq!(
                (ours.class, ours.ttl),
                (u16::from(theirs.dns_class), theirs.ttl)
            );
            if let (true, true, Some(expected)) = (
                theirs.dns_class == DNSClass::IN,
                ours.fits,
                canonical(&theirs.data),
            ) {
                let own = rdata::canonical(octets, ours);
                assert!(
                    own == expected || is_made_canonical_here_alone(ours.rtype),
                    "type {}: {own:?}, {expected:?}",
                    ours.rtype
                );
            }
        }
    }
    assert_eq!(ours.opt.is_some(), theirs.edns.is_some());
}

/// Types with names in their RDATA that the other library takes as they are.
fn is_made_canonical_here_alone(rtype: u16) -> bool {
    matches!(
        rtype,
        3 | 4 | 7..=9 | 14 | 17 | 18 | 21 | 24 | 26 | 30 | 36 | 39 | 46 | 47
    )
}

/// What is malformed here and decodes there.
fn is_stricter_here(octets: &[u8], theirs: &Message) -> bool {
    let unsound_names = {
        let mut at = 12;
        let questions = (0..theirs.queries.len()).all(|_| {
            let next = skip(octets, at).map(|end| end + 4);
            at = next.unwrap_or(at);
            next.is_some()
        });
        !questions
    };
    let sections = [&theirs.answers, &theirs.authorities, &theirs.additionals];
    let unfit = sections.into_iter().flatten().any(|record| {
        let rtype = u16::from(record.record_type());
        let is_read_there = !matches!(record.data, RData::Unknown { .. } | RData::Update0(_));
        matches!(rtype, 64 | 65) || !is_read_there
    });
    let owned_opt = theirs.edns.is_some();
    unsound_names || unfit || owned_opt
}

/// What decodes here and not there.
fn is_stricter_there(ours: &Decoded<'_>) -> bool {
    let held_to_more = ours.records.iter().any(|record| {
        // The type 0, and those of questions alone; certificates and synchronisation; protocols that are no UTF-8; the letters of NAPTR flags; tags past 15 octets; signatures that are not
        // last; a class of requests; and the classes whose RDATA is not looked at here.
        matches!(
            record.rtype,
            0 | 24 | 35 | 37 | 62 | 64 | 65 | 249..=255 | 257
        ) || !record.is_internet()
    });
    ours.is_irregular || held_to_more || ours.opt.is_some()
}

#[test]
fn sound_messages_are_read_alike() {
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..2_000 {
        let octets = sound(&mut random);
        let ours = Decoded::decode(&octets).unwrap();
        assert!(!ours.is_irregular);
        agree(&ours, &Message::from_vec(&octets).unwrap(), &octets);
    }
}

#[test]
fn where_changed_messages_are_read_differently_a_rule_says_why() {
    let mut random = StdRng::seed_from_u64(8);
    let (mut alike, mut differently) = (0, 0);
    for _ in 0..20_000 {
        let whole = sound(&mut random);
        let octets = changed(&mut random, whole);
        match (Decoded::decode(&octets), Message::from_vec(&octets)) {
            (Some(ours), Ok(theirs)) => {
                agree(&ours, &theirs, &octets);
                alike += 1;
            }
            (None, Err(_)) => alike += 1,
            (Some(ours), Err(error)) => {
                assert!(is_stricter_there(&ours), "{error}: {octets:?}");
                differently += 1;
            }
            (None, Ok(theirs)) => {
                assert!(is_stricter_here(&octets, &theirs), "{theirs:?}: {octets:?}");
                differently += 1;
            }
        }
    }
    assert!(alike > 10 * differently, "{alike} alike, {differently} not");
}
