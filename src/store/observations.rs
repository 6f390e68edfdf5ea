//! Single samples read back, for evidence and for judging the past again: those that are raw and those that are packed,
//! alike.
//!
//! Deliberately absent: what retention has let go.

mod known;
mod packed;
mod raw;

use chrono::{DateTime, Utc};

pub(super) use raw::Row;

use super::{Store, StoreError, pack::Sample};
use crate::{names::DnsName, types::Observation};

/// Which samples of one vantage.
#[derive(Debug, Clone)]
pub struct ObservationQuery {
    /// Seen from here.
    pub vantage: String,
    /// From this instant on.
    pub from: DateTime<Utc>,
    /// Before this one.
    pub to: DateTime<Utc>,
    /// Of this group's rounds; `None`: of all.
    pub group: Option<String>,
    /// Of this name; `None`: of all.
    pub name: Option<DnsName>,
}

/// A sample and the round it was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedObservation {
    /// The group of the round.
    pub group: String,
    /// When the round was due: with the group it names the round.
    pub due_at: DateTime<Utc>,
    /// The sample.
    pub observation: Observation,
}

/// A sample as it is stored, raw or packed.
pub(super) struct Stored {
    pub(super) series_id: i32,
    pub(super) sample: Sample,
}

impl Store {
    /// Every sample in order of receipt. Keep the window short: all of it is held in memory.
    pub async fn observations(
        &self,
        query: &ObservationQuery,
    ) -> Result<Vec<RecordedObservation>, StoreError> {
        let vantage_id = self.intern_vantage(&query.vantage).await?;
        let name = query.name.as_ref().map(ToString::to_string);
        // One snapshot: an hour that is packed meanwhile is found once, in its old place or in the new one.
        let snapshot = "begin isolation level repeatable read read only";
        let mut transaction = self.pool.begin_with(snapshot).await?;
        let mut stored = packed::read(&mut transaction, vantage_id, query, name.as_ref()).await?;
        stored.extend(raw::read(&mut transaction, vantage_id, query, name.as_ref()).await?);
        let known = known::read(&mut transaction, &stored).await?;
        transaction.commit().await?;
        stored.sort_by_key(|one| (one.sample.at, one.sample.round_id, one.series_id));
        let of_group = |recorded: &RecordedObservation| {
            query
                .group
                .as_ref()
                .is_none_or(|group| recorded.group == *group)
        };
        let recorded = stored.into_iter().map(|one| known.recorded(one));
        recorded
            .filter(|recorded| recorded.as_ref().map_or(true, of_group))
            .collect()
    }
}
