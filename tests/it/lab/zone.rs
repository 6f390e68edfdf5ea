//! A zone's content as data, written out as a master file (RFC 1035 section 5).
//!
//! Deliberately unchecked: the server that loads it is the judge.

use std::{fmt, net::IpAddr};

/// A zone without its name server records, which the lab adds: it alone knows the addresses.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    /// Its name, absolute.
    pub(crate) apex: String,
    /// The SOA serial; raised by every change the lab is asked for.
    pub(crate) serial: u32,
    /// SOA TTL and SOA MINIMUM, in seconds: how long a "no" may be cached (RFC 2308 section 5).
    pub(crate) negative_ttl: u32,
    records: Vec<Record>,
    /// A whole master file instead, written by somebody else.
    text: Option<String>,
}

#[derive(Debug, Clone)]
struct Record {
    owner: String,
    ttl: u32,
    rtype: &'static str,
    data: String,
}

impl Zone {
    /// An empty zone.
    pub(crate) fn new(apex: &str) -> Self {
        Self {
            apex: absolute(apex, "."),
            serial: 1,
            negative_ttl: 300,
            records: Vec::new(),
            text: None,
        }
    }

    /// A zone as somebody else wrote it, SOA record and all.
    pub(crate) fn verbatim(apex: &str, text: String) -> Self {
        let mut soa = text.split_whitespace().skip_while(|word| *word != "SOA");
        let serial = soa.nth(3).and_then(|word| word.parse().ok());
        Self {
            serial: serial.unwrap_or_else(|| panic!("no SOA record in {text}")),
            text: Some(text),
            ..Self::new(apex)
        }
    }

    /// `example.com` with forty dialers, every kind of healthy name among them: one address (1 to 20, the odd ones with
    /// IPv6 too), three in rotation (21 to 30), an alias inside the zone (31 to 35), an alias into
    /// [`example.net`](Self::cdn) (36 to 40); and `webphone`. TTLs in seconds.
    pub(crate) fn dialers(ttl: u32) -> Self {
        let mut zone = Self::new("example.com");
        for n in 1..=20 {
            zone.add(&format!("dialer{n}"), ttl, "A", &format!("192.0.2.{n}"));
        }
        for n in (1..=20).step_by(2) {
            zone.add(
                &format!("dialer{n}"),
                ttl,
                "AAAA",
                &format!("2001:db8::{n:x}"),
            );
        }
        for n in 21..=30 {
            for network in ["192.0.2", "198.51.100", "203.0.113"] {
                zone.add(&format!("dialer{n}"), ttl, "A", &format!("{network}.{n}"));
            }
        }
        for n in 31..=40 {
            let (target, at_home) = if n <= 35 {
                ("example.com", true)
            } else {
                ("example.net", false)
            };
            zone.add(
                &format!("dialer{n}"),
                ttl,
                "CNAME",
                &format!("edge{n}.{target}."),
            );
            if at_home {
                zone.add(&format!("edge{n}"), ttl, "A", &format!("192.0.2.{n}"));
            }
        }
        zone.add("webphone", ttl, "A", "192.0.2.200");
        zone
    }

    /// `example.net`, the foreign zone that dialers 36 to 40 are aliases into.
    pub(crate) fn cdn(ttl: u32) -> Self {
        let mut zone = Self::new("example.net");
        for n in 36..=40 {
            zone.add(&format!("edge{n}"), ttl, "A", &format!("203.0.113.{n}"));
        }
        zone
    }

    /// Adds a record. The name is below the apex, or absolute; `@` is the apex.
    pub(crate) fn add(&mut self, name: &str, ttl: u32, rtype: &'static str, data: &str) {
        let owner = absolute(name, &self.apex);
        self.records.push(Record {
            owner,
            ttl,
            rtype,
            data: data.to_owned(),
        });
    }

    /// Removes every record of a name.
    pub(crate) fn remove(&mut self, name: &str) {
        let owner = absolute(name, &self.apex);
        self.records.retain(|record| record.owner != owner);
    }

    /// Gives a name exactly these addresses, keeping the TTL it had (300 if it is new).
    pub(crate) fn set_addresses(&mut self, name: &str, addresses: &[IpAddr]) {
        let ttl = self.ttl(name).unwrap_or(300);
        self.remove(name);
        for address in addresses {
            let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
            self.add(name, ttl, rtype, &address.to_string());
        }
    }

    /// Sets the TTL of every record of a name, in seconds.
    pub(crate) fn set_ttl(&mut self, name: &str, ttl: u32) {
        let owner = absolute(name, &self.apex);
        for record in self
            .records
            .iter_mut()
            .filter(|record| record.owner == owner)
        {
            record.ttl = ttl;
        }
    }

    /// The TTL of a name's first record; `None` where the zone does not hold the name.
    pub(crate) fn ttl(&self, name: &str) -> Option<u32> {
        let owner = absolute(name, &self.apex);
        self.records
            .iter()
            .find(|record| record.owner == owner)
            .map(|record| record.ttl)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            return f.write_str(text);
        }
        let Self {
            apex,
            serial,
            negative_ttl,
            ..
        } = self;
        let server = self.records.iter().find(|record| record.rtype == "NS");
        let server = server.map_or(apex, |record| &record.data);
        let soa = format!(
            "{server} {} {serial} 1800 900 604800 {negative_ttl}",
            absolute("hostmaster", apex)
        );
        writeln!(f, "{apex} {negative_ttl} IN SOA {soa}")?;
        for Record {
            owner,
            ttl,
            rtype,
            data,
        } in &self.records
        {
            writeln!(f, "{owner} {ttl} IN {rtype} {data}")?;
        }
        Ok(())
    }
}

/// The absolute form of a name as a master file reads it: what does not end with the apex is below it, with or without
/// the final dot.
pub(crate) fn absolute(name: &str, apex: &str) -> String {
    let dotted = format!("{name}.");
    match name {
        "@" => apex.to_owned(),
        _ if name.ends_with('.') => name.to_owned(),
        _ if apex == "." || dotted == apex || dotted.ends_with(&format!(".{apex}")) => dotted,
        _ => dotted + apex,
    }
}
