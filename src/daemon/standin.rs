//! The journal that stands in for the database while that is away: opened at the start, and told from before an end.
//!
//! Deliberately absent: what is written there.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::database::blocking;
use crate::{
    clock,
    config::Config,
    dispatcher::Dispatcher,
    notify::Notifier,
    store::{
        Store, StoreError,
        journal::{Journal, JournalError},
    },
};

/// How long an instance that is just ending may hold the journal.
const PATIENCE: Duration = Duration::from_secs(6);

/// How long what waits may take to be told, before a start without a database is given up.
const LAST_CHANCE: Duration = Duration::from_secs(20);

/// Opens the vantage's journal. Without one that can be written the service runs all the same, and says what that means; one
/// that somebody else has, or is none, is refused.
pub(super) async fn open(config: &Config) -> Result<Journal, JournalError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let (data_dir, vantage) = (config.database.data_dir.clone(), config.vantage.clone());
        let opening = blocking("opening the journal", move || {
            Journal::open(&data_dir, &vantage)
        });
        match opening.await.unwrap_or(Err(JournalError::Absent)) {
            Err(JournalError::InUse { .. }) if Instant::now() < until => {
                sleep(Duration::from_millis(100)).await;
            }
            Err(error @ (JournalError::Io { .. } | JournalError::Absent)) => {
                tracing::warn!(%error, "no journal: while the database is away, nothing is told");
                return Ok(Journal::absent(&config.vantage));
            }
            opened => return opened,
        }
    }
}

/// Tells what an earlier life left in the journal, since the database that would take it over is away: whoever starts this
/// program again and again gets everything told at its time all the same.
pub(super) async fn tell_what_waits(config: &Config, error: &StoreError) {
    let Some(url) = config
        .database
        .url
        .as_ref()
        .filter(|_| error.is_transient())
    else {
        return;
    };
    let path = Journal::path(&config.database.data_dir, &config.vantage);
    if !path.exists() {
        return;
    }
    let (Ok(journal), Ok(store)) = (open(config).await, Store::unopened(&url.expose_str())) else {
        return;
    };
    let channels = config.channels.iter().cloned();
    let dispatcher = Dispatcher::new(
        store,
        Notifier::default(),
        channels,
        &config.vantage,
        &config.vantage,
    );
    let dispatcher = dispatcher.with_journal(journal);
    let telling =
        async { while let Ok(true) = dispatcher.step_from_journal(clock::now()).await {} };
    let _ = tokio::time::timeout(LAST_CHANCE, telling).await;
}
