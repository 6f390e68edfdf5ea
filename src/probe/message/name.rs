//! Names between their canonical text and the wire.
//!
//! Deliberately absent: compression. Questions need none, and the decoder has undone it in replies.

use std::fmt::Write as _;

use hickory_proto::rr::Name;

use crate::names::DnsName;

/// The name uncompressed (RFC 1035 section 3.1), in the case it is held in.
pub(in crate::probe) fn to_wire(name: &DnsName) -> Vec<u8> {
    let mut wire = Vec::with_capacity(name.as_str().len() + 2);
    for label in name.labels() {
        let octets = label_octets(label);
        wire.push(octets.len() as u8);
        wire.extend(octets);
    }
    wire.push(0);
    wire
}

/// The octets of a label in presentation form (RFC 1035 section 5.1).
fn label_octets(label: &str) -> Vec<u8> {
    let bytes = label.as_bytes();
    let (mut octets, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let escaped = label
            .get(at + 1..at + 4)
            .and_then(|digits| digits.parse().ok());
        let (octet, length) = match (byte, escaped, bytes.get(at + 1)) {
            (b'\\', Some(octet), _) => (octet, 4),
            (b'\\', None, Some(&octet)) => (octet, 2),
            _ => (byte, 1),
        };
        octets.push(octet);
        at += length;
    }
    octets
}

/// The canonical text of a name off the wire; `None` where no [`DnsName`] can hold it.
pub(in crate::probe) fn from_wire(name: &Name) -> Option<DnsName> {
    text(name.iter()).parse().ok()
}

/// The one spelling replies are read in: names that differ only in how they are escaped become equal.
pub(in crate::probe) fn canonical(name: &DnsName) -> DnsName {
    let octets: Vec<_> = name.labels().map(label_octets).collect();
    text(octets.iter().map(Vec::as_slice))
        .parse()
        .unwrap_or_else(|_| name.clone())
}

/// Labels as presentation text without the trailing dot, case kept; only what must be escaped is.
pub(super) fn text<'a>(labels: impl Iterator<Item = &'a [u8]>) -> String {
    let mut text = String::new();
    for label in labels {
        if !text.is_empty() {
            text.push('.');
        }
        for &octet in label {
            match octet {
                b'.' | b'\\' => text.extend(['\\', char::from(octet)]),
                b'!'..=b'~' => text.push(char::from(octet)),
                // Writing to a String cannot fail.
                _ => drop(write!(text, "\\{octet:03}")),
            }
        }
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, wire: &[u8], canonical_text: &str) {
        let name: DnsName = name.parse().unwrap();
        assert_eq!(to_wire(&name), wire);
        assert_eq!(canonical(&name).as_str(), canonical_text);
    }

    #[test]
    fn names_become_octets_and_one_canonical_spelling() {
        check(".", b"\0", ".");
        check("a.Example", b"\x01a\x07example\0", "a.example");
        check(r"a\.b.example", b"\x03a.b\x07example\0", r"a\.b.example");
        check(r"a\046b.example", b"\x03a.b\x07example\0", r"a\.b.example");
        check(
            r"a\032\(b.example",
            b"\x04a (b\x07example\0",
            r"a\032(b.example",
        );
    }

    #[test]
    fn a_name_off_the_wire_is_lower_cased_and_escaped() {
        let name = Name::from_labels([b"Di.al ".as_slice(), b"EXAMPLE".as_slice()]).unwrap();
        assert_eq!(from_wire(&name).unwrap().as_str(), r"di\.al\032.example");
        assert_eq!(from_wire(&Name::root()), Some(DnsName::root()));
    }
}
