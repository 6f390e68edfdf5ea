//! A query and its reply as one compressed body: they share their question, so that the reply compresses by the query.
//!
//! One zstd frame over the query's length (two octets, network order), the query and the reply. Its checksum tells octets
//! that the disk has changed. Deliberately absent: a dictionary, without which old bodies could not be read.

use crate::{store::StoreError, types::Wire};

/// Higher levels gain nothing on a few hundred octets.
const LEVEL: i32 = 3;

/// The longest body: two messages of 64 KiB, and a length.
const LONGEST: usize = 2 + 2 * 65_535;

pub(super) fn pack(wire: &Wire) -> Result<Vec<u8>, StoreError> {
    let wrong = |error| StoreError::unreadable("message", error);
    let length = u16::try_from(wire.query.len())
        .map_err(|_| StoreError::unreadable("message", "a query of more than 65535 octets"))?;
    let octets = [&length.to_be_bytes(), &*wire.query, &*wire.reply].concat();
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(wrong)?;
    compressor
        .set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))
        .map_err(wrong)?;
    compressor.compress(&octets).map_err(wrong)
}

/// Reads [`pack`] back: query and reply.
pub(super) fn unpack(body: &[u8]) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    let octets = zstd::bulk::decompress(body, LONGEST)
        .map_err(|error| StoreError::unreadable("message", error))?;
    let split = octets.split_first_chunk::<2>().and_then(|(length, rest)| {
        let (query, reply) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        Some((query.to_vec(), reply.to_vec()))
    });
    split.ok_or_else(|| StoreError::unreadable("message", "shorter than its query"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &[u8], reply: &[u8]) -> Vec<u8> {
        let wire = Wire {
            query: query.into(),
            reply: reply.into(),
        };
        let body = pack(&wire).unwrap();
        assert_eq!(unpack(&body).unwrap(), (query.to_vec(), reply.to_vec()));
        body
    }

    #[test]
    fn messages_of_every_length_read_back_octet_by_octet() {
        check(b"", b"");
        check(b"q", b"");
        check(&vec![0; 65_535], &vec![255; 65_535]);
        let odd: Vec<u8> = (0..65_535_u32).map(|n| ((n * n) >> 7) as u8).collect();
        check(&odd[..512], &odd);
    }

    #[test]
    fn a_single_changed_bit_is_told() {
        let body = check(b"a query of some length", b"a reply of some length");
        for bit in 0..body.len() * 8 {
            let mut changed = body.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok((query, reply)) = unpack(&changed) {
                // A bit that the format leaves unused.
                assert_eq!(query, b"a query of some length", "bit {bit}");
                assert_eq!(reply, b"a reply of some length", "bit {bit}");
            }
        }
        assert!(unpack(b"").is_err());
        assert!(unpack(b"no frame").is_err());
    }
}
