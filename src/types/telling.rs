//! How often the changes of an open incident are told.
//!
//! Deliberately absent: whom they are told to, and how long one channel waits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When a change of an incident is worth a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Telling {
    /// The least time between two messages of which the second only says who joined and who left.
    pub group_interval: Duration,
    /// The share of those told of that must have joined or left before it is told, 0 to 1.
    pub update_threshold: f64,
    /// So many beginnings of one breach within [`Telling::flap_window`] are told as flapping; 0: never.
    pub flap_threshold: u32,
    /// See [`Telling::flap_threshold`]; also how long it must be quiet until flapping is over.
    pub flap_window: Duration,
}

impl Default for Telling {
    fn default() -> Self {
        Self {
            group_interval: Duration::from_mins(5),
            update_threshold: 0.2,
            flap_threshold: 3,
            flap_window: Duration::from_hours(1),
        }
    }
}
