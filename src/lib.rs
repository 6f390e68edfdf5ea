//! tmp
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]
pub mod audit;
pub mod config;
pub mod dispatcher;
pub mod names;
pub mod notify;
pub mod store;
pub mod types;
