//! How long one resolver address has failed a question, and since when it answers the same question with CD=1.
//!
//! Deliberately absent: what follows from that, which is a verdict's business.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Site, few::Few};

/// Unbroken failures by backend, and unbroken answers to our asides, of one question at one address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Failures {
    plain: Few<Site, Unbroken>,
    unchecked: Option<Unbroken>,
}

/// When something was first and last seen without anything else between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Unbroken {
    since: DateTime<Utc>,
    last: DateTime<Utc>,
}

impl Unbroken {
    /// `before` gone on, or begun anew where more than `gap` lies between.
    fn carried_on(before: Option<Self>, at: DateTime<Utc>, gap: Duration) -> Self {
        // What a later one overtook lies before it, and breaks nothing.
        let is_near = |before: &Self| {
            let silent = (at - before.last).to_std().unwrap_or_default();
            silent <= gap
        };
        match before {
            Some(before) if is_near(&before) => Self {
                last: before.last.max(at),
                ..before
            },
            _ => Self {
                since: at,
                last: at,
            },
        }
    }
}

impl Failures {
    /// A backend replied: with SERVFAIL, or in another way. Silence says nothing.
    pub(super) fn see(&mut self, site: &Site, is_servfail: bool, at: DateTime<Utc>, gap: Duration) {
        if is_servfail {
            let before = self.plain.get(site).copied();
            let unbroken = Unbroken::carried_on(before, at, gap);
            self.plain.insert(site.clone(), unbroken);
        } else if !self.plain.is_empty() {
            self.plain.retain(|failing, _| failing != site);
        }
    }

    /// An aside with CD=1 was replied to: with data or a denial, or in vain.
    pub(super) fn see_unchecked(&mut self, is_answered: bool, at: DateTime<Utc>, gap: Duration) {
        self.unchecked = is_answered.then(|| Unbroken::carried_on(self.unchecked, at, gap));
    }

    /// Since when the backend has failed the question at every sight, and the address has answered it with CD=1; `None`
    /// where not both are so.
    pub(super) fn unchecked_since(&self, site: Option<&str>) -> Option<DateTime<Utc>> {
        let site: Site = site.map(Arc::from);
        let failing = self.plain.get(&site)?;
        Some(failing.since.max(self.unchecked?.since))
    }
}
