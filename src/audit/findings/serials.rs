//! SOA records: a server that lags behind the others, and what its zone's denials may cost before there is one.
//!
//! Deliberately absent: serials that are no sequence (the policy says so), and those of another primary: servers that
//! name different ones do not transfer from each other.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::{View, evidence};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        history::{Standing, Word},
    },
    types::{AuthorityServer, Serials, Severity, Value, Zone, show_address},
};

/// How long a server may be without a serial that another has: a refresh missed, and the retry.
const LAG_TOLERATED: TimeDelta = TimeDelta::seconds(300);

/// What is read of an SOA record (RFC 1035 section 3.3.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Soa<'h> {
    /// MNAME.
    primary: &'h str,
    /// SERIAL.
    serial: u32,
    /// MINIMUM: with the record's TTL, how long a denial may be cached (RFC 2308 section 5).
    pub(super) minimum: u32,
}

impl<'h> Soa<'h> {
    /// The only record of a value, where it is an SOA record.
    pub(super) fn of(value: &'h Value) -> Option<Self> {
        let Value::Rrset(set) = value else {
            return None;
        };
        let mut records = set.iter();
        let (record, None) = (records.next()?, records.next()) else {
            return None;
        };
        let fields: Vec<&str> = record.split_whitespace().collect();
        let [primary, _, serial, _, _, _, minimum] = fields[..] else {
            return None;
        };
        Some(Self {
            primary,
            serial: serial.parse().ok()?,
            minimum: minimum.parse().ok()?,
        })
    }

    /// Whether this is a later version of the same primary's zone.
    fn is_newer_than(self, other: Self) -> bool {
        self.primary == other.primary && is_greater(self.serial, other.serial)
    }
}

/// Serial number arithmetic (RFC 1982 section 3.2). Two numbers half the circle apart have no order.
pub(super) fn is_greater(one: u32, other: u32) -> bool {
    let ahead = one.wrapping_sub(other);
    ahead != 0 && ahead < 1 << 31
}

/// Servers that have been without a serial for more than 300 s that another server of their zone has.
pub(super) fn lag(view: &View) -> Vec<Finding> {
    if view.input.policy.serials == Serials::Ignore {
        return Vec::new();
    }
    let zones = view.own_zones();
    zones.flat_map(|zone| in_zone(view, zone)).collect()
}

fn in_zone(view: &View, zone: &Zone) -> Vec<Finding> {
    let Some(standing) = view.soa(zone) else {
        return Vec::new();
    };
    // A server that is silent is told as that.
    let replies = view.soa_replies(zone);
    let heard = |word: &&Word| replies.contains_key(&word.address);
    let words: BTreeMap<_, _> = standing
        .words()
        .iter()
        .filter(heard)
        .filter_map(|word| Some((word.address, (word, Soa::of(word.value())?))))
        .collect();
    let servers = zone.servers.iter();
    servers
        .filter_map(|server| {
            let (word, soa) = words.get(&server.address)?;
            let ahead = words
                .values()
                .filter(|(_, other)| other.is_newer_than(*soa));
            let (leader, newest) = ahead.reduce(|one, other| {
                if other.1.is_newer_than(one.1) {
                    other
                } else {
                    one
                }
            })?;
            let since = behind_since(&standing, word, *soa, *newest)?;
            (view.input.now - since > LAG_TOLERATED).then(|| {
                let shown = [word.address, leader.address];
                let shown = shown.iter().filter_map(|address| replies.get(address));
                Finding {
                    observed: shown.map(|reply| evidence(reply, 0)).collect(),
                    ..finding(view, zone, server, (*soa, *newest, since))
                }
            })
        })
        .collect()
}

/// Since when a server has been without something newer that the zone still builds on. A server that stepped back itself
/// is behind since then.
fn behind_since(standing: &Standing, word: &Word, soa: Soa, newest: Soa) -> Option<DateTime<Utc>> {
    let is_missed = |value: &Value| {
        Soa::of(value).is_some_and(|seen| {
            seen.is_newer_than(soa) && (seen == newest || newest.is_newer_than(seen))
        })
    };
    let sights = standing.words().iter().flat_map(Word::sights);
    let first = sights
        .filter(|(value, _)| is_missed(value))
        .map(|(_, at)| at);
    let stepped_back = word.sights().any(|(value, _)| is_missed(value));
    let first = first.min()?;
    Some(if stepped_back {
        first.max(word.since())
    } else {
        first
    })
}

fn finding(
    view: &View,
    zone: &Zone,
    server: &AuthorityServer,
    (soa, newest, since): (Soa, Soa, DateTime<Utc>),
) -> Finding {
    let address = show_address(server.address, 53);
    Finding {
        kind: FindingKind::SerialLag,
        severity: Severity::Warning,
        subject: Subject::Server {
            name: server.name.clone(),
            address: address.clone(),
        },
        zone: Some(zone.apex.clone()),
        questions: view.questions_in(zone),
        resolvers: Vec::new(),
        authorities: vec![server.name.clone()],
        baseline: None,
        observed: Vec::new(),
        at: view.input.now,
        reason: format!(
            "{} ({address}) serves {} with serial {}; another server has {}, and something newer since {}, more than 300 s ago",
            server.name,
            zone.apex,
            soa.serial,
            newest.serial,
            since.to_rfc3339_opts(SecondsFormat::Secs, true),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_are_compared_on_a_circle() {
        for (one, other, greater) in [
            (2, 1, true),
            (1, 2, false),
            (1, 1, false),
            (0, u32::MAX, true),
            (u32::MAX, 0, false),
            (1 << 31, 1, true),
            // Undefined (RFC 1982 section 3.2): neither is behind.
            (1 << 31, 0, false),
            (0, 1 << 31, false),
            (2_026_112_601, 2_020_083_005, true),
        ] {
            assert_eq!(is_greater(one, other), greater, "{one} {other}");
        }
    }
}
