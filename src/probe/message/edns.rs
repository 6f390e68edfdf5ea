//! The OPT record: what is sent, and what is read from a reply's.
//!
//! An option whose own data is bad is passed over, and makes the reply irregular. Deliberately absent: padding and
//! keep-alive, which say nothing of the answer.

use ipnet::IpNet;

use super::{Manner, Reading, Record};
use crate::types::{Ede, Flags};

pub(super) const OPT: u16 = 41;
pub(super) const NSID: u16 = 3;
pub(super) const CLIENT_SUBNET: u16 = 8;
pub(super) const COOKIE: u16 = 10;
pub(super) const EXTENDED_ERROR: u16 = 15;

const DNSSEC_OK: u16 = 0x8000;
/// Owner, type, size, extended RCODE and version, flags, length.
const FIXED_OCTETS: usize = 11;
/// Code and length of an option.
const OPTION_HEADER: usize = 4;

/// Octets that [`write_record`] writes.
pub(super) fn record_octets(manner: &Manner) -> usize {
    if manner.edns {
        FIXED_OCTETS + options_octets(manner)
    } else {
        0
    }
}

fn options_octets(manner: &Manner) -> usize {
    let subnet = manner.ecs.map_or(0, |net| 4 + address_octets(net));
    let cookie = manner.cookie.as_ref().map_or(0, Vec::len);
    let options = 1 + usize::from(manner.ecs.is_some()) + usize::from(manner.cookie.is_some());
    OPTION_HEADER * options + subnet + cookie
}

fn address_octets(net: IpNet) -> usize {
    usize::from(net.prefix_len()).div_ceil(8)
}

/// Writes the OPT record of a query: version 0, one empty NSID option, and what else is wanted (RFC 6891 section 6.1).
pub(super) fn write_record(bytes: &mut Vec<u8>, payload: u16, manner: &Manner) {
    let flags = if manner.dnssec { DNSSEC_OK } else { 0 };
    bytes.push(0);
    for field in [OPT, payload, 0, flags, options_octets(manner) as u16] {
        bytes.extend(field.to_be_bytes());
    }
    write_option(bytes, NSID, 0);
    if let Some(net) = manner.ecs {
        write_subnet(bytes, net);
    }
    if let Some(cookie) = &manner.cookie {
        write_option(bytes, COOKIE, cookie.len());
        bytes.extend(cookie);
    }
}

fn write_option(bytes: &mut Vec<u8>, code: u16, octets: usize) {
    bytes.extend(code.to_be_bytes());
    bytes.extend((octets as u16).to_be_bytes());
}

/// Family, SOURCE PREFIX-LENGTH, SCOPE PREFIX-LENGTH 0, and as many octets of the address as the prefix touches, what
/// lies beyond it cleared (RFC 7871 section 6).
fn write_subnet(bytes: &mut Vec<u8>, net: IpNet) {
    let octets = address_octets(net);
    write_option(bytes, CLIENT_SUBNET, 4 + octets);
    let family = if matches!(net, IpNet::V4(_)) { 1 } else { 2 };
    bytes.extend([0, family, net.prefix_len(), 0]);
    match net.network() {
        std::net::IpAddr::V4(address) => bytes.extend(address.octets().iter().take(octets)),
        std::net::IpAddr::V6(address) => bytes.extend(address.octets().iter().take(octets)),
    }
}

/// A reply's OPT record, whose options are whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opt<'a> {
    pub(super) size: u16,
    pub(super) rcode_high: u8,
    pub(super) version: u8,
    pub(super) flags: u16,
    options: &'a [u8],
}

impl<'a> Opt<'a> {
    /// Reads the record; `None` where an option runs over its end.
    pub(super) fn read(record: &Record, data: &'a [u8]) -> Option<Self> {
        let [rcode_high, version, high, low] = record.ttl.to_be_bytes();
        let opt = Self {
            size: record.class,
            rcode_high,
            version,
            flags: u16::from_be_bytes([high, low]),
            options: data,
        };
        let mut rest = data;
        while !rest.is_empty() {
            (_, rest) = split_option(rest)?;
        }
        Some(opt)
    }

    /// DO.
    pub(super) fn is_dnssec_ok(&self) -> bool {
        self.flags & DNSSEC_OK != 0
    }

    /// Codes and data in the order received, repeats too.
    pub(super) fn options(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let mut rest = self.options;
        std::iter::from_fn(move || {
            let (option, after) = split_option(rest)?;
            rest = after;
            Some(option)
        })
    }

    /// Adds what the record says to a reading. Of NSID, ECS and COOKIE the first sound one counts.
    pub(super) fn fill(&self, reading: &mut Reading) {
        reading.edns_size = Some(self.size);
        reading.edns_version = Some(self.version);
        for (code, data) in self.options() {
            if take_option(reading, code, data).is_none() {
                reading.flags = reading.flags.with(Flags::IRREGULAR, true);
            }
        }
    }
}

type CodedOption<'a> = (u16, &'a [u8]);

fn split_option(rest: &[u8]) -> Option<(CodedOption<'_>, &[u8])> {
    let (&[code_high, code_low, high, low], rest) = rest.split_first_chunk()?;
    let (data, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some(((u16::from_be_bytes([code_high, code_low]), data), rest))
}

fn take_option(reading: &mut Reading, code: u16, data: &[u8]) -> Option<()> {
    match code {
        NSID => {
            reading.nsid.get_or_insert_with(|| data.to_vec());
        }
        CLIENT_SUBNET => {
            let scope = Subnet::read(data)?.scope;
            reading.ecs_scope.get_or_insert(scope);
        }
        COOKIE => {
            is_cookie(data).then_some(())?;
            reading.cookie.get_or_insert_with(|| data.to_vec());
        }
        EXTENDED_ERROR => reading.ede.push(extended_error(data)?),
        _ => {}
    }
    Some(())
}

/// The client's eight octets, alone or with eight to 32 of the server's (RFC 7873 section 4).
pub(super) fn is_cookie(data: &[u8]) -> bool {
    matches!(data.len(), 8 | 16..=40)
}

/// RFC 8914 section 2; `None` where the code is cut short.
pub(super) fn extended_error(data: &[u8]) -> Option<Ede> {
    let (code, text) = data.split_first_chunk::<2>()?;
    let text = String::from_utf8_lossy(text);
    Some(Ede {
        code: u16::from_be_bytes(*code),
        text: text.trim_end_matches('\0').to_owned(),
    })
}

/// A client subnet option.
pub(super) struct Subnet<'a> {
    pub(super) family: u16,
    pub(super) source: u8,
    pub(super) scope: u8,
    pub(super) address: &'a [u8],
}

impl<'a> Subnet<'a> {
    /// Reads the option (RFC 7871 section 6); `None` where family, prefixes and address do not fit each other. Family 0
    /// is nobody's address: it goes with the prefix 0 alone, which some clients send.
    pub(super) fn read(data: &'a [u8]) -> Option<Self> {
        let (&[high, low, source, scope], address) = data.split_first_chunk()?;
        let family = u16::from_be_bytes([high, low]);
        let longest = match family {
            0 => 0,
            1 => 32,
            2 => 128,
            _ => return None,
        };
        let fits = source <= longest
            && scope <= longest
            && address.len() == usize::from(source).div_ceil(8);
        fits.then_some(Self {
            family,
            source,
            scope,
            address,
        })
    }
}
