//! Everything that is tested against real sockets, real servers and the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    dead_code,
    reason = "a test fails by panicking, and each suite uses its own part of the scripted servers"
)]

mod architecture;
mod asking;
mod calibration;
mod cli;
mod clocked;
mod deadman;
mod demo;
mod dispatcher;
mod dns;
mod http;
mod intercepted;
mod lab;
mod made_up;
mod notify;
mod postgres;
mod probe;
mod quiet;
mod replay;
mod resilience;
mod rounds;
mod routed;
mod service;
mod sink;
mod slack;
mod store;
mod storm;
mod throttled;
