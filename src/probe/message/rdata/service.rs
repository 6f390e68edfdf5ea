//! SVCB and HTTPS records (RFC 9460 section 2).
//!
//! Deliberately absent: checks that the parameters make sense together.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{Cursor, number, push_quoted};
use crate::probe::message::name;

const MANDATORY: u16 = 0;

/// Whether the parameters are whole, in strictly increasing order of their keys, and each of the form of its key (RFC
/// 9460 section 2.2). In alias mode, with priority 0, they mean nothing and may be anything (section 2.4.2).
pub(super) fn fits(message: &[u8], start: usize, end: usize) -> bool {
    let data = message.get(start..end).unwrap_or_default();
    let parameters = name::skip(message, start + 2).and_then(|at| message.get(at..end));
    data.starts_with(&[0, 0]) || parameters.is_some_and(|octets| are_sound(octets).is_some())
}

fn are_sound(octets: &[u8]) -> Option<()> {
    let (mut rest, mut least) = (Cursor::new(octets), 0);
    while !rest.is_empty() {
        let (key, length) = (rest.u16()?, rest.u16()?);
        let value = rest.take(usize::from(length))?;
        let is_sound = u32::from(key) >= least && has_form(key, value);
        is_sound.then_some(())?;
        least = u32::from(key) + 1;
    }
    Some(())
}

/// Whether a value is of the form of its key (RFC 9460 sections 7 and 8).
fn has_form(key: u16, value: &[u8]) -> bool {
    let is_list_of = |octets: usize| !value.is_empty() && value.len().is_multiple_of(octets);
    match key {
        MANDATORY => is_list_of(2) && are_increasing(value.as_chunks().0),
        1 => are_protocols(value).is_some(),
        2 => value.is_empty(),
        3 => value.len() == 2,
        4 => is_list_of(4),
        6 => is_list_of(16),
        _ => true,
    }
}

/// Without the key `mandatory` itself.
fn are_increasing(keys: &[[u8; 2]]) -> bool {
    keys.first() != Some(&MANDATORY.to_be_bytes()) && keys.is_sorted_by(|a, b| a < b)
}

/// One or more ids of at least one octet.
fn are_protocols(value: &[u8]) -> Option<()> {
    let mut rest = Cursor::new(value);
    loop {
        (!rest.string()?.is_empty()).then_some(())?;
        if rest.is_empty() {
            return Some(());
        }
    }
}

/// Priority, target, parameters in the order of the wire, which is that of their keys.
pub(super) fn push_text(text: &mut String, rest: &mut Cursor<'_>) -> Option<()> {
    number(text, rest.u16()?);
    text.push(' ');
    rest.name(text)?;
    while !rest.is_empty() {
        let (key, length) = (rest.u16()?, rest.u16()?);
        let value = rest.take(usize::from(length))?;
        text.push(' ');
        push_parameter(text, key, value);
    }
    Some(())
}

fn push_parameter(text: &mut String, key: u16, value: &[u8]) {
    text.push_str(&key_name(key));
    match known_value(key, value) {
        Some(known) if known.is_empty() => {}
        Some(known) => text.extend(["=", &known]),
        None => {
            text.push('=');
            push_quoted(text, value);
        }
    }
}

fn key_name(key: u16) -> String {
    const NAMES: [&str; 8] = [
        "mandatory",
        "alpn",
        "no-default-alpn",
        "port",
        "ipv4hint",
        "ech",
        "ipv6hint",
        "dohpath",
    ];
    match NAMES.get(usize::from(key)) {
        Some(name) => (*name).to_owned(),
        None => format!("key{key}"),
    }
}

/// RFC 9460 section 7; `None` where the octets do not fit the key.
fn known_value(key: u16, value: &[u8]) -> Option<String> {
    let mut rest = Cursor::new(value);
    let text = match key {
        0 => list(&mut rest, |rest| rest.u16().map(key_name))?,
        1 => list(&mut rest, protocol)?,
        2 => String::new(),
        3 => rest.u16()?.to_string(),
        4 => list(&mut rest, |rest| {
            rest.array()
                .map(|octets| Ipv4Addr::from(octets).to_string())
        })?,
        5 => BASE64.encode(rest.remainder()),
        6 => list(&mut rest, |rest| {
            rest.array::<16>()
                .map(|octets| Ipv6Addr::from(octets).to_string())
        })?,
        _ => return None,
    };
    rest.is_empty().then_some(text)
}

/// One protocol id, where it needs no escaping.
fn protocol(rest: &mut Cursor<'_>) -> Option<String> {
    let id = std::str::from_utf8(rest.string()?).ok()?;
    let is_plain = id
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\",\\".contains(&byte));
    is_plain.then(|| id.to_owned())
}

fn list<'a>(
    rest: &mut Cursor<'a>,
    item: impl Fn(&mut Cursor<'a>) -> Option<String>,
) -> Option<String> {
    let mut items = Vec::new();
    while !rest.is_empty() {
        items.push(item(rest)?);
    }
    Some(items.join(","))
}
