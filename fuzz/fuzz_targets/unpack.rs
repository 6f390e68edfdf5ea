//! Octets as a pack: to samples, and to a pack of their own.
#![no_main]

use fuzzed::store::pack::fuzzing;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzzing::unpacked(octets));
