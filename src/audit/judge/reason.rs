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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::at;

    /// B until 15:10 with a TTL of 300, seen at 15:11 with 240.
    fn seen() -> Instants {
        Instants {
            at: at("15:11"),
            ttl: 240,
            expires: at("15:15"),
            end: at("15:10"),
            theta: 300,
            deadline: at("15:15"),
        }
    }

    const SUM: &str = "2020-08-30T15:11:00Z + 240 s = 2020-08-30T15:15:00Z";
    const BOUND: &str = "2020-08-30T15:10:00Z + 300 s = 2020-08-30T15:15:00Z";

    #[test]
    fn the_inequality_is_filled_in_and_names_whose_ttl_it_is() {
        let propagating = format!("{SUM} <= {BOUND}: legal; the change is still propagating");
        assert_eq!(seen().legal(300), propagating);
        let blamed = format!("{SUM} <= {BOUND}: legal; the TTL at the authority is to blame");
        assert_eq!(seen().legal(299), blamed);
        let overstays = format!("{SUM} > {BOUND}: its TTL was reset, it will overstay");
        assert_eq!(seen().extended(), overstays);
        let instant = "2020-08-30T15:11:00Z";
        let overdue = format!("{instant} > {BOUND}: no honest cache may still say this");
        assert_eq!(seen().overdue(), overdue);
        let declared = format!(
            "{instant} > {BOUND}: the resolver says itself that the answer is stale; it cannot reach the authority"
        );
        assert_eq!(seen().declared(), declared);
    }

    #[test]
    fn what_plays_no_part_in_it_is_left_out() {
        let constant = Instants {
            expires: at("15:11"),
            ..seen()
        };
        assert!(
            constant.legal(300).starts_with("2020-08-30T15:11:00Z <= "),
            "{}",
            constant.legal(300)
        );
        let other_epoch = Instants {
            deadline: at("15:20"),
            ..seen()
        };
        assert!(
            other_epoch.overdue().contains("> 2020-08-30T15:20:00Z:"),
            "{}",
            other_epoch.overdue()
        );
    }
}
