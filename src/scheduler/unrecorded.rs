//! Ticks that were not run, or whose round could not be recorded: kept until the database takes note of them.
//!
//! Deliberately absent: surviving the process. The next start abandons what it finds running.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::{
    clock,
    store::{Store, StoreError},
};

/// Most ticks kept while the database is away.
const MOST_KEPT: usize = 10_000;

/// One group's ticks that the database does not know of.
#[derive(Debug, Default)]
pub(super) struct Unrecorded {
    ticks: Mutex<Vec<DateTime<Utc>>>,
    /// Held while they are written: one attempt at a time is enough.
    writing: tokio::sync::Mutex<()>,
}

impl Unrecorded {
    pub(super) fn add(&self, ticks: impl IntoIterator<Item = DateTime<Utc>>) {
        let mut kept = self.lock();
        kept.extend(ticks);
        let surplus = kept.len().saturating_sub(MOST_KEPT);
        kept.drain(..surplus);
    }

    /// Writes them, unless somebody is just doing so. What cannot be written is kept.
    pub(super) async fn write(
        &self,
        store: &Store,
        vantage: &str,
        group: &str,
    ) -> Result<(), StoreError> {
        let Ok(_writing) = self.writing.try_lock() else {
            return Ok(());
        };
        let ticks = self.lock().clone();
        if ticks.is_empty() {
            return Ok(());
        }
        store
            .give_up_rounds(vantage, group, &ticks, clock::now())
            .await?;
        self.lock().retain(|tick| !ticks.contains(tick));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<DateTime<Utc>>> {
        self.ticks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
