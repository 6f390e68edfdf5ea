//! What reads octets from the network, and packs, as the root of a crate of its own: what `fuzz/` is built of.
//!
//! Not a module of this crate. With this little the fuzzer is built in a minute, and nothing but what it looks for slows it
//! down. Deliberately absent: anything that is not the very file that the program is built of.
#![allow(dead_code, unused_imports, reason = "only a part of each module is fuzzed")]

pub mod clock;
pub mod names;
pub mod types;

/// As [`dns_auditor::probe`], without whatever sends and waits.
pub mod probe {
    pub mod fuzzing;
    mod message;

    mod stream {
        mod framing;

        pub(super) use framing::Frames;
    }
}

/// As [`dns_auditor::store`], without the database.
pub mod store {
    pub mod pack;
}
