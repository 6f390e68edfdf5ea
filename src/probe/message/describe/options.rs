//! The OPT record as lines: version, flags, size, and every option by name.
//!
//! Deliberately absent: the extended RCODE, which the header line has.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::words;
use crate::probe::message::{
    edns::{CLIENT_SUBNET, COOKIE, EXTENDED_ERROR, NSID, Opt, Subnet, is_cookie},
    rdata::{push_hex, push_quoted},
};

pub(super) fn text(opt: &Opt<'_>) -> String {
    let dnssec = if opt.is_dnssec_ok() { " do" } else { "" };
    let reserved = match opt.flags & 0x7fff {
        0 => String::new(),
        bits => format!(" 0x{bits:04x}"),
    };
    let (version, size) = (opt.version, opt.size);
    let mut text = format!(";; EDNS: version: {version}, flags:{dnssec}{reserved}; udp: {size}\n");
    for (code, data) in opt.options() {
        let (name, value) = (words::option(code), value(code, data));
        text.push_str(&format!(";; {name}: {value}\n"));
    }
    text
}

fn value(code: u16, data: &[u8]) -> String {
    let known = match code {
        NSID if data.is_empty() => Some("asked for".to_owned()),
        CLIENT_SUBNET => subnet(data),
        COOKIE if is_cookie(data) => Some(hex(data)),
        EXTENDED_ERROR => extended_error(data),
        _ => None,
    };
    known.unwrap_or_else(|| printable(data))
}

/// Address, SOURCE and SCOPE PREFIX-LENGTH.
fn subnet(data: &[u8]) -> Option<String> {
    let subnet = Subnet::read(data)?;
    let mut octets = [0; 16];
    for (to, from) in octets.iter_mut().zip(subnet.address) {
        *to = *from;
    }
    let address = match subnet.family {
        1 => Ipv4Addr::from(*octets.first_chunk::<4>()?).to_string(),
        2 => Ipv6Addr::from(octets).to_string(),
        _ => "0".to_owned(),
    };
    Some(format!("{address}/{}/{}", subnet.source, subnet.scope))
}

fn extended_error(data: &[u8]) -> Option<String> {
    let (code, extra) = data.split_first_chunk::<2>()?;
    let code = u16::from_be_bytes(*code);
    let mut text = format!("{code} ({})", words::extended_error(code));
    if !extra.is_empty() {
        text.push_str(": ");
        push_quoted(&mut text, extra);
    }
    Some(text)
}

/// Hex, and the same as a string.
fn printable(data: &[u8]) -> String {
    if data.is_empty() {
        return "empty".to_owned();
    }
    let mut text = hex(data);
    text.push(' ');
    push_quoted(&mut text, data);
    text
}

fn hex(data: &[u8]) -> String {
    let mut text = String::with_capacity(2 * data.len());
    push_hex(&mut text, data);
    text
}
