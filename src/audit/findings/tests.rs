//! Findings: each fires when it must, and none for what is healthy.

mod healthy;
mod names;
mod servers;
mod ttl;
