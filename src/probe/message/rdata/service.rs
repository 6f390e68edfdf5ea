//! SVCB and HTTPS records (RFC 9460 section 2).
//!
//! Deliberately absent: checks that the parameters make sense together.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{Cursor, quoted};

/// Priority, target, parameters in the order of the wire, which is that of their keys.
pub(super) fn text(rest: &mut Cursor<'_>) -> Option<String> {
    let mut text = format!("{} {}", rest.u16()?, rest.name()?);
    while !rest.is_empty() {
        let (key, length) = (rest.u16()?, rest.u16()?);
        let value = rest.take(usize::from(length))?;
        text.push(' ');
        text.push_str(&parameter(key, value));
    }
    Some(text)
}

fn parameter(key: u16, value: &[u8]) -> String {
    let name = key_name(key);
    match known_value(key, value) {
        Some(text) if text.is_empty() => name,
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={}", quoted(value)),
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
    let length = rest.u8()?;
    let id = std::str::from_utf8(rest.take(usize::from(length))?).ok()?;
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
