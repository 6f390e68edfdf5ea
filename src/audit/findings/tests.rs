//! Findings: each fires when it must, and none for what is healthy.

mod changes;
mod ents;
mod expected;
mod healthy;
mod names;
mod serials;
mod servers;
mod ttl;
