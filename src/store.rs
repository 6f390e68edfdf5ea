//! History in `PostgreSQL`: written once a round, read by every face.
//!
//! A round is written in chunks ([`Store::record`]: observations and spans; [`messages`]: what proves them) and closed by one transaction
//! ([`Store::finish_round`]: verdicts, findings, incidents, messages, completion). Questions about the past are answered
//! from spans alone ([`timeline`], [`state`], [`diff`], [`propagation`], [`service_level`], [`who_served`]), how well it was watched
//! from rounds ([`watched`]), of closed days summed up; what it takes to judge it again stands in [`replay`]. People's own SQL reads [`views`]. Messages wait in the [`outbox`] under short leases.
//!
//! Deliberately absent: judgement, clocks (`now` is always an argument) and rendering. No `sqlx` type leaves this
//! module except inside [`StoreError`]. No call is repeated by itself: [`StoreError::is_transient`] says whether that
//! can help, and [`patience`] does it for those who want to.
//!
//! Queries are checked when they are compiled, against the descriptions in `.sqlx`, but for those that bring thousands of rows by
//! COPY (`copied`), which tests hold. After changing one, or a migration:
//!
//! ```sh
//! createdb dns_auditor_dev && cat migrations/*.sql | psql -v ON_ERROR_STOP=1 -d dns_auditor_dev
//! rm -rf .sqlx && mkdir .sqlx && touch src/lib.rs
//! SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$PWD/.sqlx DATABASE_URL=postgres:///dns_auditor_dev cargo check
//! ```

mod apart;
mod calibrations;
pub mod closing;
mod columns;
mod connect;
mod copied;
pub mod declarations;
mod denied;
pub mod diff;
mod error;
pub mod findings;
mod finish;
pub mod incidents;
mod intern;
pub mod journal;
mod judgement;
mod learned_caps;
pub mod messages;
pub mod observations;
pub mod outbox;
mod own_file;
pub mod pack;
mod partition;
pub mod patience;
pub mod private_pg;
pub mod propagation;
mod record;
mod referred;
pub mod replay;
pub mod retention;
mod retire;
pub mod round;
pub mod service_level;
mod silences;
mod spans;
mod standing;
pub mod state;
pub mod status;
mod streamed;
pub mod timeline;
pub mod views;
pub mod watched;
pub mod who_served;
mod within;

use std::sync::Arc;

use sqlx::PgPool;

pub use connect::Schema;
pub use error::StoreError;
pub use finish::RoundOutcome;
pub use outbox::NewMessage;
pub use round::RoundId;
pub use spans::RecordedSpan;
pub use within::Within;

/// The database. Cheap to clone; all clones share connections and caches.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    interned: Arc<intern::Interned>,
    written_spans: Arc<spans::WrittenSpans>,
    partitions: Arc<partition::Known>,
    schema: Schema,
}
