//! The service, as a process, under what services meet: signals, kills, a database that goes away, other instances.

mod commands;
mod configuration;
mod database;
mod deaths;
mod kills;
mod learned;
mod metrics;
mod notify;
mod refusals;
mod restarts;
pub(crate) mod service;
mod stopping;
mod ticks;
mod vantages;
mod world;
