//! The sentences that explain a verdict, with the instants filled in.
//!
//! Deliberately absent: anything from the wire. Whoever shows a sentence need not escape it, and does so all the same.

use chrono::{DateTime, SecondsFormat, Utc};

/// RFC 3339 to the second.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `15:11:00Z + 86040 s = 2020-08-31T15:05:00Z`; `t` alone where that is what counts.
fn sum(at: DateTime<Utc>, ttl: u32, expires: DateTime<Utc>) -> String {
    if at == expires {
        return instant(at);
    }
    format!("{} + {ttl} s = {}", instant(at), instant(expires))
}

/// The sample's instants, as every sentence of row 9 needs them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instants {
    /// Receipt.
    pub(super) at: DateTime<Utc>,
    /// TTL as received, seconds.
    pub(super) ttl: u32,
    /// `x`, or `t` at a backend that repeats a constant TTL.
    pub(super) expires: DateTime<Utc>,
    /// `L(v)`.
    pub(super) end: DateTime<Utc>,
    /// `Θ(v)`, seconds.
    pub(super) theta: u32,
    /// `D(v)`.
    pub(super) deadline: DateTime<Utc>,
}

impl Instants {
    pub(super) fn legal(&self, max_ttl: u32) -> String {
        let blame = if self.theta > max_ttl {
            "the TTL at the authority is to blame"
        } else {
            "the change is still propagating"
        };
        format!(
            "{} <= {}: legal; {blame}",
            sum(self.at, self.ttl, self.expires),
            self.bound()
        )
    }

    pub(super) fn overdue(&self) -> String {
        format!(
            "{} > {}: no honest cache may still say this",
            instant(self.at),
            self.bound()
        )
    }

    pub(super) fn declared(&self) -> String {
        format!(
            "{} > {}: the resolver says itself that the answer is stale; it cannot reach the authority",
            instant(self.at),
            self.bound()
        )
    }

    pub(super) fn extended(&self) -> String {
        format!(
            "{} > {}: its TTL was reset, it will overstay",
            sum(self.at, self.ttl, self.expires),
            self.bound()
        )
    }

    /// `L(v) + Θ(v) = D(v)`, or `D(v)` alone where another epoch set it.
    fn bound(&self) -> String {
        if (self.deadline - self.end).num_seconds() == i64::from(self.theta) {
            format!(
                "{} + {} s = {}",
                instant(self.end),
                self.theta,
                instant(self.deadline)
            )
        } else {
            instant(self.deadline)
        }
    }
}
