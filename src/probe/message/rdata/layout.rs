//! What RDATA of a type is made of, and its canonical octets.
//!
//! Names in RDATA of the types of RFC 4034 section 6.2 (less NSEC: RFC 6840 section 5.1) are decompressed and
//! lower-cased; in the younger types they keep their case. A compressed name is read wherever a name stands: what
//! forbids compression there forbids it to senders. Deliberately absent: presentation.

use super::{Cursor, service};
use crate::probe::message::name::Expanded;

/// A part of RDATA.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// So many octets.
    Octets(usize),
    /// A name, lower-cased.
    Name,
    /// A name whose case counts.
    KeptName,
    /// A character string (RFC 1035 section 3.3).
    Text,
    /// One or more character strings, to the end.
    Texts,
    /// The tag of a CAA record: letters and digits, at least one (RFC 8659 section 4.1).
    Tag,
    /// Parameters of a service record, to the end (RFC 9460 section 2.2).
    Parameters,
    /// Whatever is left.
    Rest,
}

use Part::{KeptName, Name, Octets, Parameters, Rest, Tag, Text, Texts};

/// `None` for a type whose RDATA is taken as it is.
fn layout(rtype: u16) -> Option<&'static [Part]> {
    Some(match rtype {
        1 => &[Octets(4)],
        28 => &[Octets(16)],
        2..=5 | 7..=9 | 12 | 39 => &[Name],
        6 => &[Name, Name, Octets(20)],
        13 => &[Text, Text],
        14 | 17 => &[Name, Name],
        15 | 18 | 21 | 36 => &[Octets(2), Name],
        16 | 99 => &[Texts],
        24 | 46 => &[Octets(18), Name, Rest],
        26 => &[Octets(2), Name, Name],
        30 => &[Name, Rest],
        33 => &[Octets(6), Name],
        35 => &[Octets(4), Text, Text, Text, Name],
        43 | 48 | 59 | 60 => &[Octets(4), Rest],
        44 => &[Octets(2), Rest],
        47 => &[KeptName, Rest],
        50 => &[Octets(4), Text, Text, Rest],
        51 => &[Octets(4), Text],
        52 | 53 => &[Octets(3), Rest],
        64 | 65 => &[Octets(2), KeptName, Parameters],
        257 => &[Octets(1), Tag, Rest],
        _ => return None,
    })
}

/// Whether RDATA fits its type.
pub(super) fn fits(message: &[u8], rtype: u16, start: usize, end: usize) -> bool {
    let Some(parts) = layout(rtype) else {
        return true;
    };
    let mut at = Some(start);
    for part in parts {
        at = at.and_then(|here| after(message, *part, here, end));
    }
    at == Some(end) && (!matches!(rtype, 64 | 65) || service::fits(message, start, end))
}

/// Where what follows a part begins; `None` where it does not end by `end`.
fn after(message: &[u8], part: Part, at: usize, end: usize) -> Option<usize> {
    let data = message.get(at..end)?;
    let mut rest = Cursor::new(data);
    match part {
        Octets(octets) => drop(rest.take(octets)?),
        Name | KeptName => {
            let after = crate::probe::message::name::skip(message, at)?;
            return (after <= end).then_some(after);
        }
        Text => drop(rest.string()?),
        Texts => {
            rest.string()?;
            while !rest.is_empty() {
                rest.string()?;
            }
        }
        Tag => {
            let tag = rest.string()?;
            let is_tag = !tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric);
            is_tag.then_some(())?;
        }
        Parameters | Rest => return Some(end),
    }
    Some(end - rest.remainder().len())
}

/// The canonical octets of RDATA that fits its type; `None` where they are those of the message.
pub(super) fn canonical(message: &[u8], rtype: u16, start: usize, end: usize) -> Option<Vec<u8>> {
    let parts = layout(rtype)?;
    if !parts.iter().any(|part| matches!(part, Name | KeptName)) {
        return None;
    }
    let (mut octets, mut at) = (Vec::with_capacity(64 + end - start), start);
    for part in parts {
        let next = after(message, *part, at, end)?;
        match part {
            Name => octets.extend(Expanded::read(message, at)?.0.lower().octets()),
            KeptName => octets.extend(Expanded::read(message, at)?.0.octets()),
            _ => octets.extend(message.get(at..next)?),
        }
        at = next;
    }
    (at == end).then_some(octets)
}
