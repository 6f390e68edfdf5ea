//! dns-auditor: watches what public resolvers and authoritative servers really answer.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod audit;
pub mod config;
pub mod names;
pub mod probe;
pub mod types;
