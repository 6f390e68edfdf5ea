//! The whole service on a lab of real DNS servers: what is told, and what is not, when something happens to them.
//!
//! [`auditor`] runs it inside the test, its rounds driven by hand, so that "within that round" is exact; [`program`]
//! runs the real binary with its own scheduler. Both tell a real HTTP receiver. Every test states the whole list of
//! messages, never a part of it.

mod auditor;
mod program;
mod setup;
mod told;

mod crash;
mod declared;
mod dnssec;
mod ents;
mod healthy;
mod services;
mod silent;
mod soak;
mod ttls;
mod wrong;
