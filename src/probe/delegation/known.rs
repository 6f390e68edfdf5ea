//! A zone as last found, and what is kept of it when it is found again.
//!
//! Deliberately absent: any question.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::RETRY;
use crate::types::{AuthorityServer, Listed, Zone};

/// The longest that a server is still asked after it is no longer listed.
const LONGEST_FAREWELL: TimeDelta = TimeDelta::days(2);

/// A zone as last found.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) zone: Arc<Zone>,
    /// The highest TTL of its NS sets, seconds: how long a cache may go on using them.
    pub(super) ns_ttl: u32,
    /// Set when finding it again failed: when to try next.
    pub(super) retry_at: Option<DateTime<Utc>>,
}

impl Known {
    /// Whether it need not be found again yet.
    pub(super) fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        now < self.retry_at.unwrap_or(self.zone.refresh_at)
    }

    /// The same, with the next try put off.
    pub(super) fn kept(self, now: DateTime<Utc>) -> Self {
        tracing::warn!(dns.zone = %self.zone.apex, "its servers could not be found again; those last found stay in use");
        Self {
            retry_at: Some(now + RETRY),
            ..self
        }
    }

    /// Adds to a zone just found the servers that were listed until now: for one NS TTL caches may still hold the old
    /// set.
    pub(super) fn bid_farewell(&self, zone: &mut Zone, now: DateTime<Utc>) {
        let farewell = TimeDelta::seconds(i64::from(self.ns_ttl)).min(LONGEST_FAREWELL);
        for old in &self.zone.servers {
            let until = match old.listed {
                Listed::Configured => continue,
                Listed::Delegated { .. } => now + farewell,
                Listed::Removed { until } => until,
            };
            let is_listed = zone
                .servers
                .iter()
                .any(|server| server.address == old.address);
            if !is_listed && until > now {
                zone.servers.push(AuthorityServer {
                    listed: Listed::Removed { until },
                    ..old.clone()
                });
            }
        }
    }
}
