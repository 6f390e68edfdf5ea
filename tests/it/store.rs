//! The store against a real `PostgreSQL`.

mod incidents;
mod ingest;
mod judgement;
mod outbox;
mod private_pg;
mod questions;
mod rounds;
mod samples;
mod schema;
