use super::*;

fn check(name: &str, wire: &[u8], canonical_text: &str) {
    let expanded = Expanded::of(&name.parse().unwrap());
    assert_eq!(expanded.octets(), wire);
    assert_eq!(expanded.text(), canonical_text);
    assert_eq!(expanded.to_name().unwrap().as_str(), canonical_text);
}

#[test]
fn names_become_octets_and_one_canonical_spelling() {
    check(".", b"\0", ".");
    check("a.Example", b"\x01a\x07example\0", "a.example");
    check(r"a\.b.example", b"\x03a.b\x07example\0", r"a\.b.example");
    check(r"a\046b.example", b"\x03a.b\x07example\0", r"a\.b.example");
    check(r"\065.example", b"\x01a\x07example\0", "a.example");
    check(r"\+12.example", b"\x03+12\x07example\0", "+12.example");
    check(
        r"a\032\(b.example",
        b"\x04a (b\x07example\0",
        r"a\032(b.example",
    );
}

#[test]
fn the_longest_name_goes_both_ways() {
    let text = [
        "x".repeat(63),
        "y".repeat(63),
        "z".repeat(63),
        "q".repeat(61),
    ]
    .join(".");
    let expanded = Expanded::of(&text.parse().unwrap());
    assert_eq!(expanded.octets().len(), 255);
    assert_eq!(expanded.text(), text);
}

/// A message of which only the octets after the header count.
fn message(octets: &[u8]) -> Vec<u8> {
    [&[0; HEADER_OCTETS], octets].concat()
}

#[test]
fn a_name_off_the_wire_is_escaped_and_its_pointers_followed() {
    let message = message(b"\x07EXAMPLE\0\x06Di.al \xc0\x0c!");
    let (name, end) = Expanded::read(&message, 21).unwrap();
    assert_eq!(name.text(), r"Di\.al\032.EXAMPLE");
    assert_eq!(message[end], b'!');
    assert_eq!(skip(&message, 21), Some(end));
    let lower = name.lower();
    assert_eq!(lower.to_name().unwrap().as_str(), r"di\.al\032.example");
    assert!(lower.is_at(&message, 21) && !lower.is_at(&message, 12));
    let (root, _) = Expanded::read(&message, 20).unwrap();
    assert_eq!(root.to_name(), Some(DnsName::root()));
}

#[test]
fn a_name_is_within_itself_and_what_is_above_it() {
    let of = |text: &str| Expanded::of(&text.parse().unwrap());
    let name = of("a.b.example");
    for above in ["a.b.example", "b.example", "example", "."] {
        assert!(name.is_within(&of(above)), "{above}");
    }
    for other in ["c.example", "a.a.b.example", "b.exampl", "xample"] {
        assert!(!name.is_within(&of(other)), "{other}");
    }
}

fn refused(octets: &[u8], at: usize) {
    let message = message(octets);
    assert_eq!(skip(&message, at), None, "{octets:?}");
    assert!(Expanded::read(&message, at).is_none(), "{octets:?}");
    assert!(!Expanded::of(&DnsName::root()).is_at(&message, at));
}

#[test]
fn pointers_that_do_not_lead_back_and_labels_that_are_none_are_refused() {
    refused(b"\xc0\x0c", 12);
    refused(b"\xc0\x0e\x00", 12);
    refused(b"\x01a\xc0\x0c", 12);
    refused(b"\xc0\x00", 12);
    refused(b"\x00\xc0\x0b", 13);
    refused(b"\x02a\x01\x01b\xc0\x0c\0", 15);
    refused(b"\x40a\x00", 12);
    refused(b"\x80a\x00", 12);
    refused(b"\x02a", 12);
    refused(b"\xc0", 12);
    refused(b"", 12);
    refused(b"", 4000);
}

#[test]
fn a_name_is_at_most_255_octets_long() {
    let mut octets = [&[63][..], &[b'x'; 63]].concat().repeat(3);
    octets.extend([62]);
    octets.extend([b'y'; 62]);
    octets.push(0);
    refused(&octets, 12);
}

#[test]
fn a_name_goes_through_127_pointers_and_no_further() {
    let chain = |pointers: usize| {
        let mut octets = message(&[0]);
        let mut target = 12_usize;
        for _ in 0..pointers {
            let at = octets.len();
            octets.extend([0xc0 | (target >> 8) as u8, target as u8]);
            target = at;
        }
        skip(&octets, target).is_some()
    };
    assert!(chain(127));
    assert!(!chain(128));
}
