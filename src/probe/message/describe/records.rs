//! Records as aligned rows, and the RDATA of DNSSEC in words.
//!
//! What is stored of signatures and denials is hex (see [`rdata`]); here a person reads them. Deliberately absent:
//! RDATA that does not fit its type in any form but that of RFC 3597.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::DateTime;

use super::words;
use crate::probe::message::{
    decode::{self, Record},
    name::Expanded,
    rdata::{self, Cursor},
};

/// Columns are as wide as their widest entry, and no wider than this.
const WIDEST: usize = 48;

pub(super) fn rows(message: &[u8], records: &[&Record]) -> String {
    let rows: Vec<_> = records
        .iter()
        .filter_map(|record| row(message, record))
        .collect();
    let width = |column: usize| {
        let widths = rows.iter().filter_map(|row| Some(row.get(column)?.len()));
        widths.max().unwrap_or(0).min(WIDEST)
    };
    let [owner_width, ttl_width, class_width, type_width] = [0, 1, 2, 3].map(width);
    let line = |[owner, ttl, class, rtype, data]: &[String; 5]| {
        format!(
            "{owner:owner_width$} {ttl:>ttl_width$} {class:class_width$} {rtype:type_width$} {data}\n"
        )
    };
    rows.iter().map(line).collect()
}

/// Owner, TTL, class, type and RDATA.
fn row(message: &[u8], record: &Record) -> Option<[String; 5]> {
    let (owner, _) = Expanded::read(message, usize::from(record.owner))?;
    Some([
        dotted(&owner),
        record.ttl.to_string(),
        words::class(record.class),
        words::rtype(record.rtype),
        data(message, record),
    ])
}

/// A name as a fully qualified one is written.
pub(super) fn dotted(name: &Expanded) -> String {
    match name.text() {
        root if root == "." => root,
        text => text + ".",
    }
}

fn data(message: &[u8], record: &Record) -> String {
    let octets = decode::data(message, record);
    if !record.is_internet() || !rdata::fits(message, record) {
        let mut text = String::new();
        rdata::push_unknown(&mut text, octets);
        return text;
    }
    let denial_or_signature = match record.rtype {
        46 => signature(message, record, octets),
        47 => nsec(message, record),
        50 => nsec3(octets),
        _ => None,
    };
    denial_or_signature.unwrap_or_else(|| rdata::text(message, record))
}

/// RFC 4034 section 3.2.
fn signature(message: &[u8], record: &Record, octets: &[u8]) -> Option<String> {
    let mut rest = Cursor::new(octets);
    let (covered, algorithm, labels) = (words::rtype(rest.u16()?), rest.u8()?, rest.u8()?);
    let (ttl, until, from, tag) = (rest.u32()?, rest.u32()?, rest.u32()?, rest.u16()?);
    let (signer, end) = Expanded::read(message, usize::from(record.data) + 18)?;
    let start = end.checked_sub(usize::from(record.data))?;
    let signature = BASE64.encode(octets.get(start..)?);
    let (until, from, signer) = (instant(until), instant(from), dotted(&signer));
    Some(format!(
        "{covered} {algorithm} {labels} {ttl} {until} {from} {tag} {signer} {signature}"
    ))
}

/// Seconds since 1970 as `YYYYMMDDHHmmSS`.
fn instant(seconds: u32) -> String {
    let instant = DateTime::from_timestamp(i64::from(seconds), 0);
    instant.map_or_else(
        || seconds.to_string(),
        |instant| instant.format("%Y%m%d%H%M%S").to_string(),
    )
}

/// RFC 4034 section 4.2.
fn nsec(message: &[u8], record: &Record) -> Option<String> {
    let (next, end) = Expanded::read(message, usize::from(record.data))?;
    let limit = usize::from(record.data) + usize::from(record.length);
    Some(dotted(&next) + &types(message.get(end..limit)?)?)
}

/// RFC 5155 section 3.3.
fn nsec3(octets: &[u8]) -> Option<String> {
    let mut rest = Cursor::new(octets);
    let (algorithm, flags, iterations) = (rest.u8()?, rest.u8()?, rest.u16()?);
    let (salt, next) = (rest.string()?, rest.string()?);
    let mut text = format!("{algorithm} {flags} {iterations} ");
    if salt.is_empty() {
        text.push('-');
    }
    rdata::push_hex(&mut text, salt);
    text.push(' ');
    push_base32(&mut text, next);
    Some(text + &types(rest.remainder())?)
}

/// RFC 4648 section 7, in lower case and without padding.
fn push_base32(text: &mut String, octets: &[u8]) {
    const DIGITS: [char; 32] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h',
        'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
    ];
    for chunk in octets.chunks(5) {
        let bits = (0..5).fold(0_u64, |bits, at| {
            bits << 8 | u64::from(chunk.get(at).copied().unwrap_or(0))
        });
        for digit in 0..(chunk.len() * 8).div_ceil(5) {
            text.extend(DIGITS.get((bits >> (35 - 5 * digit)) as usize & 31));
        }
    }
}

/// The types of a bitmap, a space before each; `None` where it is none (RFC 4034 section 4.1.2).
fn types(bitmap: &[u8]) -> Option<String> {
    let (mut text, mut rest) = (String::new(), Cursor::new(bitmap));
    while !rest.is_empty() {
        let (window, length) = (u16::from(rest.u8()?), rest.u8()?);
        for (number, octet) in (0_u16..32).zip(rest.take(usize::from(length))?) {
            for bit in (0_u16..8).filter(|bit| octet & (0x80 >> bit) != 0) {
                text.push(' ');
                text.push_str(&words::rtype(window << 8 | number << 3 | bit));
            }
        }
    }
    Some(text)
}
