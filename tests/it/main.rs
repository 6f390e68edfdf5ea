//! Tests of the whole against real servers and real packets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod postgres;
mod store;
