//! Octets as a stream: to the messages that are framed in it.
#![no_main]

use fuzzed::probe::fuzzing;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzzing::frames(octets));
