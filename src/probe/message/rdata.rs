//! RDATA in one canonical presentation form, so that equal data is equal text.
//!
//! The text is made from the canonical octets, and is stored: what a type's looks like must not change. Deliberately
//! absent: reading such text back.

use std::{
    borrow::Cow,
    fmt::{Display, Write as _},
    net::{Ipv4Addr, Ipv6Addr},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

mod cursor;
mod layout;
mod service;

pub(super) use cursor::Cursor;

use super::decode::Record;

/// Whether the RDATA of a record fits its type. Types that are not known here fit as they are.
pub(super) fn fits(message: &[u8], record: &Record) -> bool {
    let start = usize::from(record.data);
    let end = start + usize::from(record.length);
    layout::fits(message, record.rtype, start, end)
}

/// The canonical text. A type that is not known, or octets that do not fit theirs, come as RFC 3597 section 5 has it:
/// `\# 4 0a000001`.
pub(super) fn text(message: &[u8], record: &Record) -> String {
    of_wire(record.rtype, &canonical(message, record))
}

/// The canonical octets.
pub(super) fn canonical<'a>(message: &'a [u8], record: &Record) -> Cow<'a, [u8]> {
    let start = usize::from(record.data);
    let end = start + usize::from(record.length);
    match layout::canonical(message, record.rtype, start, end) {
        Some(octets) => octets.into(),
        None => message.get(start..end).unwrap_or_default().into(),
    }
}

fn of_wire(rtype: u16, octets: &[u8]) -> String {
    let mut text = String::with_capacity(2 * octets.len() + 8);
    let mut rest = Cursor::new(octets);
    if push_known(&mut text, rtype, &mut rest).is_none() || !rest.is_empty() {
        text.clear();
        push_unknown(&mut text, octets);
    }
    text
}

/// RFC 3597 section 5.
pub(super) fn push_unknown(text: &mut String, octets: &[u8]) {
    text.push_str("\\# ");
    number(text, octets.len());
    if !octets.is_empty() {
        text.push(' ');
        push_hex(text, octets);
    }
}

/// The text of a known type; `None` where the octets are too few.
fn push_known(text: &mut String, rtype: u16, rest: &mut Cursor<'_>) -> Option<()> {
    match rtype {
        1 => number(text, Ipv4Addr::from(rest.array::<4>()?)),
        28 => number(text, Ipv6Addr::from(rest.array::<16>()?)),
        2 | 5 | 12 | 39 => rest.name(text)?,
        6 => push_soa(text, rest)?,
        13 => push_strings(text, rest, 2)?,
        15 => push_numbers_and_name(text, rest, 1)?,
        16 | 99 => push_all_strings(text, rest)?,
        33 => push_numbers_and_name(text, rest, 3)?,
        35 => push_naptr(text, rest)?,
        43 | 59 => {
            push_fields(text, &[rest.u16()?, rest.u8()?.into(), rest.u8()?.into()]);
            push_hex(text, rest.remainder());
        }
        44 => {
            push_fields(text, &[rest.u8()?.into(), rest.u8()?.into()]);
            push_hex(text, rest.remainder());
        }
        48 | 60 => {
            push_fields(text, &[rest.u16()?, rest.u8()?.into(), rest.u8()?.into()]);
            BASE64.encode_string(rest.remainder(), text);
        }
        52 | 53 => {
            let fields = rest.array::<3>()?.map(u16::from);
            push_fields(text, &fields);
            push_hex(text, rest.remainder());
        }
        64 | 65 => service::push_text(text, rest)?,
        257 => push_caa(text, rest)?,
        _ => return None,
    }
    Some(())
}

pub(super) fn number(text: &mut String, number: impl Display) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{number}");
}

/// Numbers, a space after each.
fn push_fields(text: &mut String, fields: &[u16]) {
    for field in fields {
        number(text, field);
        text.push(' ');
    }
}

fn push_numbers_and_name(text: &mut String, rest: &mut Cursor<'_>, numbers: usize) -> Option<()> {
    for _ in 0..numbers {
        push_fields(text, &[rest.u16()?]);
    }
    rest.name(text)
}

/// RFC 1035 section 3.3.13.
fn push_soa(text: &mut String, rest: &mut Cursor<'_>) -> Option<()> {
    rest.name(text)?;
    text.push(' ');
    rest.name(text)?;
    for _ in 0..5 {
        text.push(' ');
        number(text, rest.u32()?);
    }
    Some(())
}

fn push_strings(text: &mut String, rest: &mut Cursor<'_>, strings: usize) -> Option<()> {
    for nth in 0..strings {
        if nth > 0 {
            text.push(' ');
        }
        push_quoted(text, rest.string()?);
    }
    Some(())
}

/// RFC 1035 section 3.3.14: one or more strings.
fn push_all_strings(text: &mut String, rest: &mut Cursor<'_>) -> Option<()> {
    push_quoted(text, rest.string()?);
    while !rest.is_empty() {
        text.push(' ');
        push_quoted(text, rest.string()?);
    }
    Some(())
}

/// RFC 3403 section 4.1.
fn push_naptr(text: &mut String, rest: &mut Cursor<'_>) -> Option<()> {
    push_fields(text, &[rest.u16()?, rest.u16()?]);
    push_strings(text, rest, 3)?;
    text.push(' ');
    rest.name(text)
}

/// RFC 8659 section 4.1.1. Tags match without regard to case.
fn push_caa(text: &mut String, rest: &mut Cursor<'_>) -> Option<()> {
    number(text, rest.u8()?);
    text.push(' ');
    let tag = rest.string()?;
    let is_tag = !tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric);
    is_tag.then_some(())?;
    text.extend(
        tag.iter()
            .map(|octet| char::from(octet.to_ascii_lowercase())),
    );
    text.push(' ');
    push_quoted(text, rest.remainder());
    Some(())
}

/// A string in quotes; quote and backslash escaped, what is not printable ASCII as `\DDD` (RFC 1035 section 5.1).
pub(super) fn push_quoted(text: &mut String, octets: &[u8]) {
    text.push('"');
    for &octet in octets {
        match octet {
            b'"' | b'\\' => text.extend(['\\', char::from(octet)]),
            b' '..=b'~' => text.push(char::from(octet)),
            // Writing to a String cannot fail.
            _ => drop(write!(text, "\\{octet:03}")),
        }
    }
    text.push('"');
}

pub(super) fn push_hex(text: &mut String, octets: &[u8]) {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    for &octet in octets {
        text.extend([digit(octet >> 4), digit(octet & 0x0f)]);
    }
}

#[cfg(test)]
mod tests;
