//! What the commands that read history have in common: the database for as long as it takes, and the words for spans.
//!
//! Deliberately absent: queries, which are the store's.

use chrono::{DateTime, Utc};

use super::{CliError, output::Output};
use crate::{
    config::Config,
    daemon::OpenDatabase,
    store::{Store, StoreError},
    types::{NotAnInstant, SourceKind, Span, parse_instant},
};

/// Reads an argument that is an instant.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, NotAnInstant> {
    parse_instant(text, Utc::now())
}

/// Opens the database, reads, and closes it again.
pub(super) async fn read<T>(
    config: &Config,
    output: Output,
    query: impl AsyncFnOnce(&Store) -> Result<T, StoreError>,
) -> Result<T, CliError> {
    let database = open(config, output).await?;
    let found = query(&database.store).await;
    database.close().await?;
    Ok(found?)
}

/// Opens the database; a private one may take seconds to start.
pub(super) async fn open(config: &Config, output: Output) -> Result<OpenDatabase, CliError> {
    output.progress("opening the history…");
    let database = OpenDatabase::borrow(&config.database).await;
    output.progress("");
    Ok(database?)
}

/// The TTLs of a run as received: `300`, or `12-300`.
pub(super) fn ttls(span: &Span) -> String {
    match (span.ttl_min, span.ttl_max) {
        (Some(low), Some(high)) if low != high => format!("{low}-{high}"),
        (Some(ttl), _) => ttl.to_string(),
        _ => "-".to_owned(),
    }
}

/// `resolver` or `authority`.
pub(super) fn kind(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Resolver => "resolver",
        SourceKind::Authority => "authority",
    }
}
