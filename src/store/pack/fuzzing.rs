//! An entry for `fuzz/`: octets as a pack, with what must hold of the outcome.
//!
//! No part of the interface, and called by nothing else. Deliberately absent: the checksum, which no fuzzer would find.

use super::{pack, read, unpack};

/// Reads octets as a pack without its checksum. What comes out reads back from a pack of its own.
///
/// # Panics
///
/// When it does not: that is what the fuzzer looks for.
pub fn unpacked(octets: &[u8]) {
    drop(unpack(octets));
    let Ok(samples) = read(octets) else {
        return;
    };
    let again = pack(&samples).map(|octets| unpack(&octets));
    assert_eq!(again, Some(Ok(samples)));
}
