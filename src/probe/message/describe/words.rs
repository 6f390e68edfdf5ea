//! The words that numbers of the wire have, from the registries of the IANA.
//!
//! Deliberately absent: numbers that are reserved, obsolete or for experiments. They are shown as numbers.

use super::HEADER_OCTETS;
use crate::types::{Rcode, RecordType};

pub(super) fn opcode(code: u8) -> String {
    let word = match code {
        0 => "QUERY",
        1 => "IQUERY",
        2 => "STATUS",
        4 => "NOTIFY",
        5 => "UPDATE",
        6 => "DSO",
        other => return format!("OPCODE{other}"),
    };
    word.to_owned()
}

/// As the whole program has it, and the codes that only updates and transactions bring.
pub(super) fn rcode(code: Rcode) -> String {
    let word = match code.0 {
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        10 => "NOTZONE",
        _ => return code.to_string(),
    };
    word.to_owned()
}

pub(super) fn class(class: u16) -> String {
    let word = match class {
        1 => "IN",
        3 => "CH",
        4 => "HS",
        254 => "NONE",
        255 => "ANY",
        other => return format!("CLASS{other}"),
    };
    word.to_owned()
}

/// As the whole program has it, and types that replies bring unasked.
pub(super) fn rtype(rtype: u16) -> String {
    let word = match rtype {
        13 => "HINFO",
        39 => "DNAME",
        41 => "OPT",
        44 => "SSHFP",
        46 => "RRSIG",
        47 => "NSEC",
        50 => "NSEC3",
        51 => "NSEC3PARAM",
        52 => "TLSA",
        53 => "SMIMEA",
        59 => "CDS",
        60 => "CDNSKEY",
        62 => "CSYNC",
        63 => "ZONEMD",
        99 => "SPF",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        other => return RecordType(other).to_string(),
    };
    word.to_owned()
}

/// Each flag that is set after a space, in the order of the wire; the reserved bit as `z`.
pub(super) fn flags(header: &[u8; HEADER_OCTETS]) -> String {
    let words = [
        (2, 0x80, " qr"),
        (2, 0x04, " aa"),
        (2, 0x02, " tc"),
        (2, 0x01, " rd"),
        (3, 0x80, " ra"),
        (3, 0x40, " z"),
        (3, 0x20, " ad"),
        (3, 0x10, " cd"),
    ];
    let set = words.iter().filter(|(at, bit, _)| header[*at] & bit != 0);
    set.map(|(_, _, word)| *word).collect()
}

/// RFC 8914 section 4, and what was registered since.
pub(super) fn extended_error(code: u16) -> &'static str {
    const NAMES: [&str; 31] = [
        "Other",
        "Unsupported DNSKEY Algorithm",
        "Unsupported DS Digest Type",
        "Stale Answer",
        "Forged Answer",
        "DNSSEC Indeterminate",
        "DNSSEC Bogus",
        "Signature Expired",
        "Signature Not Yet Valid",
        "DNSKEY Missing",
        "RRSIGs Missing",
        "No Zone Key Bit Set",
        "NSEC Missing",
        "Cached Error",
        "Not Ready",
        "Blocked",
        "Censored",
        "Filtered",
        "Prohibited",
        "Stale NXDOMAIN Answer",
        "Not Authoritative",
        "Not Supported",
        "No Reachable Authority",
        "Network Error",
        "Invalid Data",
        "Signature Expired before Valid",
        "Too Early",
        "Unsupported NSEC3 Iterations Value",
        "Unable to conform to policy",
        "Synthesized",
        "Invalid Query Type",
    ];
    NAMES.get(usize::from(code)).copied().unwrap_or("unknown")
}

pub(super) fn option(code: u16) -> String {
    let word = match code {
        3 => "NSID",
        5 => "DAU",
        6 => "DHU",
        7 => "N3U",
        8 => "CLIENT-SUBNET",
        9 => "EXPIRE",
        10 => "COOKIE",
        11 => "TCP-KEEPALIVE",
        12 => "PADDING",
        13 => "CHAIN",
        14 => "KEY-TAG",
        15 => "EDE",
        18 => "REPORT-CHANNEL",
        19 => "ZONEVERSION",
        other => return format!("OPT={other}"),
    };
    word.to_owned()
}
