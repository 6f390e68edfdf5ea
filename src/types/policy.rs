//! What a group of names is judged by.
//!
//! Deliberately absent: schedules, channels and everything else that does not change a verdict.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    names::DnsName,
    types::{RecordType, Severity, Telling, Value},
};

/// What "in an epoch" means for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The whole `RRset` must be one that an authority served.
    #[default]
    Exact,
    /// Each address must have been served by an authority within the window, or be declared. A subset passes.
    Pool,
    /// As [`Mode::Pool`], for authorities that answer by place: what they said to this vantage within the window counts.
    /// An answer that was made for a client subnet (a SCOPE above 0, RFC 7871) must be what they said for that scope, where
    /// they were asked with one. Addresses of other places must be declared; the wider the pool, the less is noticed.
    Geo,
}

/// What the serial numbers of a zone's servers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Serials {
    /// A server with a lower one lags behind (RFC 1982).
    #[default]
    Compare,
    /// Nothing: they are no sequence.
    Ignore,
}

/// Declared values: addresses, networks, or RDATA texts (an alias target, say).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Expect {
    /// Addresses (as host networks) and networks.
    pub networks: Vec<IpNet>,
    /// Any other RDATA in canonical presentation form.
    pub texts: Vec<String>,
}

/// The text declares nothing that an answer could hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address, nor a network, nor record data")]
pub struct NotAValue(pub String);

impl NotAValue {
    /// What to write instead.
    pub const HINT: &str = "write 192.0.2.1, 192.0.2.0/24 or lb.example.net";
}

impl Expect {
    /// Adds an address, a network, an alias target, or RDATA as text; returns it in canonical form.
    pub fn declare(&mut self, text: &str) -> Result<String, NotAValue> {
        if let Ok(address) = text.parse::<IpAddr>() {
            self.networks.push(address.into());
            return Ok(address.to_string());
        }
        if let Ok(network) = text.parse::<IpNet>() {
            self.networks.push(network.trunc());
            return Ok(network.trunc().to_string());
        }
        // What looks like an address and is none would else pass as a name that never matches.
        let digits = text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let data = text.starts_with('"') || text.contains(char::is_whitespace);
        if digits || !data && text.contains([':', '/']) {
            return Err(NotAValue(text.to_owned()));
        }
        let name = text.parse::<DnsName>().map(|name| name.to_string());
        let text = name.unwrap_or_else(|_| text.to_owned());
        self.texts.push(text.clone());
        Ok(text)
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.texts.is_empty()
    }

    /// Whether data of a type is declared at all: IPv4 networks say nothing of AAAA records.
    pub fn speaks_of(&self, rtype: RecordType) -> bool {
        let mut networks = self.networks.iter();
        match rtype {
            RecordType::A => networks.any(|network| network.addr().is_ipv4()),
            RecordType::AAAA => networks.any(|network| network.addr().is_ipv6()),
            _ => !self.is_empty(),
        }
    }

    /// Whether one RDATA is declared.
    pub fn contains(&self, rdata: &str) -> bool {
        match rdata.parse::<IpAddr>() {
            Ok(address) => self
                .networks
                .iter()
                .any(|network| network.contains(&address)),
            Err(_) => self.texts.iter().any(|text| text == rdata),
        }
    }

    /// Whether the value is positive and every record of it is declared.
    pub fn covers(&self, value: &Value) -> bool {
        let records = value.records();
        !records.is_empty() && records.iter().all(|rdata| self.contains(rdata))
    }

    /// Whether any record of the value is declared.
    pub fn touches(&self, value: &Value) -> bool {
        value.records().iter().any(|rdata| self.contains(rdata))
    }
}

/// The thresholds and declarations a group is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Highest allowed TTL at the authority, seconds.
    pub max_ttl: u32,
    /// Highest allowed min(SOA TTL, SOA MINIMUM), seconds.
    pub max_negative_ttl: u32,
    /// Highest allowed NS and glue TTL, seconds; `None` is off.
    pub max_delegation_ttl: Option<u32>,
    /// How values are compared.
    pub mode: Mode,
    /// Declared values.
    pub expect: Expect,
    /// Values that are wrong wherever they are seen.
    pub known_bad: Expect,
    /// How much an authority's change without a declared one matters; `None`: not at all.
    #[serde(default)]
    pub unexpected_change: Severity,
    /// Whether SOA serials are compared.
    #[serde(default)]
    pub serials: Serials,
    /// How long no bad sample must be seen before an incident is resolved.
    pub recovery_window: Duration,
    /// The share of a group's names above which a breach belongs to the resolver or the authority, 0 to 1.
    pub axis_threshold: f64,
    /// How long an unanswered authoritative server keeps counting.
    pub authority_blind_limit: Duration,
    /// How often an open incident is told again.
    pub repeat_interval: Duration,
    /// When a change of an open incident is told.
    #[serde(default)]
    pub telling: Telling,
    /// The longest time between two rounds of the group's schedule.
    pub period: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_ttl: 300,
            max_negative_ttl: 300,
            max_delegation_ttl: None,
            mode: Mode::Exact,
            expect: Expect::default(),
            known_bad: Expect::default(),
            unexpected_change: Severity::None,
            serials: Serials::default(),
            recovery_window: Duration::from_mins(10),
            axis_threshold: 0.3,
            authority_blind_limit: Duration::from_hours(1),
            repeat_interval: Duration::from_hours(4),
            telling: Telling::default(),
            period: Duration::from_mins(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_is_read_as_what_it_looks_like() {
        let mut expect = Expect::default();
        assert!(expect.is_empty());
        for (text, read) in [
            ("192.0.2.7", Ok("192.0.2.7")),
            ("192.0.2.9/24", Ok("192.0.2.0/24")),
            ("LB.example.net.", Ok("lb.example.net")),
            ("10 mail.example.com", Ok("10 mail.example.com")),
            (
                "\"v=spf1 ip4:192.0.2.0/24\"",
                Ok("\"v=spf1 ip4:192.0.2.0/24\""),
            ),
            ("10 a:b", Ok("10 a:b")),
            ("192.0.2.256", Err(())),
            ("192.0.2.0/33", Err(())),
            ("2001:db8::/129", Err(())),
            ("lb.example.net:53", Err(())),
        ] {
            let found = expect.declare(text).map_err(drop);
            assert_eq!(found, read.map(str::to_owned), "{text}");
        }
        assert_eq!((expect.networks.len(), expect.texts.len()), (2, 4));
        let one = |text: &str| {
            let mut one = Expect::default();
            one.declare(text).map(|_| one.is_empty())
        };
        assert_eq!(one("192.0.2.7"), Ok(false));
        assert_eq!(one("lb.example.net"), Ok(false));
    }

    #[test]
    fn addresses_of_one_family_say_nothing_of_the_other() {
        let speaks_of = |text: &str| {
            let mut one = Expect::default();
            one.declare(text).unwrap();
            [RecordType::A, RecordType::AAAA, RecordType::CNAME].map(|rtype| one.speaks_of(rtype))
        };
        assert_eq!(speaks_of("192.0.2.0/24"), [true, false, true]);
        assert_eq!(speaks_of("2001:db8::1"), [false, true, true]);
        assert_eq!(speaks_of("lb.example.net"), [false, false, true]);
    }
}
