//! RDATA in one canonical presentation form, so that equal data is equal text.
//!
//! The text is made from the canonical octets (RFC 4034 section 6.2, as amended by RFC 6840 section 5.1: names inside
//! the RDATA of the old types are lower-cased). Deliberately absent: reading such text back.

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hickory_proto::{
    rr::RData,
    serialize::binary::{BinEncodable as _, BinEncoder, NameEncoding},
};

mod cursor;
mod service;

use cursor::Cursor;

/// The canonical text. A type that is not known, or octets that do not fit theirs, come as RFC 3597 section 5 has it:
/// `\# 4 0a000001`.
pub(in crate::probe) fn text(data: &RData) -> String {
    match wire(data) {
        Some(octets) => of_wire(data.record_type().into(), &octets),
        // Reached only for what the decoder accepts and its encoder refuses: parameters out of order, say.
        None => data.to_string(),
    }
}

fn wire(data: &RData) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_canonical_form(true);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?;
    Some(octets)
}

fn of_wire(rtype: u16, octets: &[u8]) -> String {
    known(rtype, octets).unwrap_or_else(|| {
        let space = if octets.is_empty() { "" } else { " " };
        format!("\\# {}{space}{}", octets.len(), hex(octets))
    })
}

/// The text of a known type; `None` where the octets are too few or too many.
fn known(rtype: u16, octets: &[u8]) -> Option<String> {
    let mut rest = Cursor::new(octets);
    let text = match rtype {
        1 => Ipv4Addr::from(rest.array::<4>()?).to_string(),
        28 => Ipv6Addr::from(rest.array::<16>()?).to_string(),
        2 | 5 | 12 => rest.name()?,
        39 => rest.name()?.to_ascii_lowercase(),
        6 => soa(&mut rest)?,
        13 => [rest.string()?, rest.string()?].join(" "),
        15 => format!("{} {}", rest.u16()?, rest.name()?),
        16 | 99 => strings(&mut rest)?,
        33 => format!(
            "{} {} {} {}",
            rest.u16()?,
            rest.u16()?,
            rest.u16()?,
            rest.name()?
        ),
        35 => naptr(&mut rest)?,
        43 | 59 => format!(
            "{} {} {} {}",
            rest.u16()?,
            rest.u8()?,
            rest.u8()?,
            hex(rest.remainder())
        ),
        44 => format!("{} {} {}", rest.u8()?, rest.u8()?, hex(rest.remainder())),
        48 | 60 => {
            format!(
                "{} {} {} {}",
                rest.u16()?,
                rest.u8()?,
                rest.u8()?,
                BASE64.encode(rest.remainder())
            )
        }
        52 | 53 => {
            format!(
                "{} {} {} {}",
                rest.u8()?,
                rest.u8()?,
                rest.u8()?,
                hex(rest.remainder())
            )
        }
        64 | 65 => service::text(&mut rest)?,
        257 => caa(&mut rest)?,
        _ => return None,
    };
    rest.is_empty().then_some(text)
}

/// RFC 1035 section 3.3.13.
fn soa(rest: &mut Cursor<'_>) -> Option<String> {
    let mut text = format!("{} {}", rest.name()?, rest.name()?);
    for _ in 0..5 {
        write!(text, " {}", rest.u32()?).ok()?;
    }
    Some(text)
}

/// RFC 1035 section 3.3.14: one or more strings.
fn strings(rest: &mut Cursor<'_>) -> Option<String> {
    let mut strings = vec![rest.string()?];
    while !rest.is_empty() {
        strings.push(rest.string()?);
    }
    Some(strings.join(" "))
}

/// RFC 3403 section 4.1.
fn naptr(rest: &mut Cursor<'_>) -> Option<String> {
    let order = format!("{} {}", rest.u16()?, rest.u16()?);
    let strings = [rest.string()?, rest.string()?, rest.string()?].join(" ");
    Some(format!("{order} {strings} {}", rest.name()?))
}

/// RFC 8659 section 4.1.1. Tags match without regard to case.
fn caa(rest: &mut Cursor<'_>) -> Option<String> {
    let (flags, length) = (rest.u8()?, rest.u8()?);
    let tag = String::from_utf8(rest.take(usize::from(length))?.to_vec()).ok()?;
    let tag = tag.to_ascii_lowercase();
    let is_tag = !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_tag.then(|| format!("{flags} {tag} {}", quoted(rest.remainder())))
}

/// A string in quotes; quote and backslash escaped, what is not printable ASCII as `\DDD` (RFC 1035 section 5.1).
fn quoted(octets: &[u8]) -> String {
    let mut text = String::from("\"");
    for &octet in octets {
        match octet {
            b'"' | b'\\' => text.extend(['\\', char::from(octet)]),
            b' '..=b'~' => text.push(char::from(octet)),
            // Writing to a String cannot fail.
            _ => drop(write!(text, "\\{octet:03}")),
        }
    }
    text + "\""
}

fn hex(octets: &[u8]) -> String {
    octets
        .iter()
        .fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}

#[cfg(test)]
mod tests;
