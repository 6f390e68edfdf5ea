//! What was found within a window, as commands and API show it.
//!
//! Deliberately absent: pages. What a window holds is shown whole.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// The items of a window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Within<T> {
    /// The beginning of the window.
    pub from: DateTime<Utc>,
    /// Its end.
    pub to: DateTime<Utc>,
    /// What overlaps it.
    pub items: Vec<T>,
}
