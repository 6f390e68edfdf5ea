//! What a service record leads to.
//!
//! Deliberately absent: reading it off the record, which is [`crate::audit::targets`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Question;

/// A question that is asked because a service record of the group leads there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// What is asked: the target's addresses, or the next service record.
    pub question: Question,
    /// The question of the group that led there.
    pub service: Question,
    /// Until when caches may lead there that hold the record as it was; `None` while authorities do.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}
