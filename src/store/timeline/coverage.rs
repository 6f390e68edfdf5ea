//! How well a window was watched, so that absence of data is never read as absence of a problem.
//!
//! Deliberately absent: what the schedule would have wanted. A stretch without rounds is shown by its ends.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::store::watched::Counted;

/// The rounds of one group at one vantage within a window, by the instants they were due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The vantage.
    pub vantage: String,
    /// The group.
    pub group: String,
    /// Judged to the end.
    pub finished: u64,
    /// Due and never begun.
    pub missed: u64,
    /// Cut off by a crash.
    pub abandoned: u64,
    /// Under way.
    pub running: u64,
    /// The first finished one.
    pub first_at: Option<DateTime<Utc>>,
    /// The last finished one.
    pub last_at: Option<DateTime<Utc>>,
    /// The finished round before the longest stretch without one; `None` where fewer than two finished.
    pub longest_gap_from: Option<DateTime<Utc>>,
    /// The finished round after that stretch.
    pub longest_gap_to: Option<DateTime<Utc>>,
}

impl From<Counted> for Coverage {
    fn from(counted: Counted) -> Self {
        Self {
            vantage: counted.vantage,
            group: counted.group,
            finished: counted.finished,
            missed: counted.missed,
            abandoned: counted.abandoned,
            running: counted.running,
            first_at: counted.first_at,
            last_at: counted.last_at,
            longest_gap_from: counted.gap_from,
            longest_gap_to: counted.gap_to,
        }
    }
}
