//! What the commands that read history have in common: the database for as long as it takes, and the words for spans.
//!
//! Deliberately absent: queries, which are the store's.

use chrono::{DateTime, Utc};

use super::{CliError, output::Output, signals::stop_on_signal};
use crate::{
    clock,
    config::Config,
    daemon::{self, DaemonError, with_history},
    store::{Store, StoreError},
    types::{NotAnInstant, SourceKind, Span, parse_instant},
};

/// Reads an argument that is an instant.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, NotAnInstant> {
    parse_instant(text, clock::now())
}

/// Refuses a window in which nothing can lie.
pub(super) fn in_order(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Result<(), CliError> {
    match (from, to) {
        (Some(from), Some(to)) if from > to => Err(CliError::Usage(
            "--from is later than --to: nothing lies between them".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Reads something of the history.
pub(super) async fn read<T>(
    config: &Config,
    output: Output,
    query: impl AsyncFnOnce(&Store) -> Result<T, StoreError>,
) -> Result<T, CliError> {
    Ok(with(config, output, query).await??)
}

/// Reads something of the history that a listing is of use without: nothing where there is no history yet, and nothing with
/// a word why, `without`, where it cannot be read.
pub(super) async fn read_if_any<T: Default>(
    config: &Config,
    output: Output,
    without: &str,
    query: impl AsyncFnOnce(&Store) -> Result<T, StoreError>,
) -> Result<T, CliError> {
    if !daemon::has_history(&config.database) {
        return Ok(T::default());
    }
    match read(config, output, query).await {
        Err(CliError::Daemon(DaemonError::Interrupted)) => Err(DaemonError::Interrupted.into()),
        Err(error) => {
            output.error(&format!(
                "the history cannot be read, so {without}: {error}"
            ));
            Ok(T::default())
        }
        read => read,
    }
}

/// Does something with the history, and ends in order on a signal. A private database may take seconds to start.
pub(super) async fn with<T>(
    config: &Config,
    output: Output,
    work: impl AsyncFnOnce(&Store) -> T,
) -> Result<T, CliError> {
    let stop = stop_on_signal()?;
    output.progress("opening the history…");
    let opened = async |store: &Store| {
        output.progress("");
        work(store).await
    };
    let done = with_history(&config.database, &stop, opened).await;
    output.progress("");
    Ok(done?)
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
