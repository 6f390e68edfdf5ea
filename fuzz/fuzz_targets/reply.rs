//! Octets as a reply: to the parts of an observation, and to the text that describes them.
#![no_main]

use fuzzed::probe::fuzzing;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzzing::reply(octets));
