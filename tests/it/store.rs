//! The store against a real `PostgreSQL`.

mod days;
mod declarations;
mod grafana;
mod incidents;
mod ingest;
mod journal;
mod judgement;
mod killed;
mod messages;
mod migration;
mod outbox;
mod packing;
mod past;
mod private_pg;
mod questions;
mod readers;
mod retention;
mod rounds;
pub(crate) mod samples;
mod schema;
mod state;
pub(crate) mod views;
