//! DNS record types by number, with the names people use.
//!
//! Deliberately absent: what RDATA of a type looks like.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A record type (QTYPE), as its IANA number. Shown as its mnemonic, or `TYPEnnn` (RFC 3597 section 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(pub u16);

const NAMES: [(u16, &str); 15] = [
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (43, "DS"),
    (48, "DNSKEY"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (257, "CAA"),
];

impl RecordType {
    /// IPv4 address (RFC 1035).
    pub const A: Self = Self(1);
    /// Authoritative name server (RFC 1035).
    pub const NS: Self = Self(2);
    /// Canonical name (RFC 1035).
    pub const CNAME: Self = Self(5);
    /// Start of a zone of authority (RFC 1035).
    pub const SOA: Self = Self(6);
    /// Mail exchange (RFC 1035).
    pub const MX: Self = Self(15);
    /// Text (RFC 1035).
    pub const TXT: Self = Self(16);
    /// IPv6 address (RFC 3596).
    pub const AAAA: Self = Self(28);
    /// Service location (RFC 2782).
    pub const SRV: Self = Self(33);
    /// Naming authority pointer (RFC 3403).
    pub const NAPTR: Self = Self(35);
    /// Service binding (RFC 9460).
    pub const SVCB: Self = Self(64);
    /// The same for HTTPS (RFC 9460).
    pub const HTTPS: Self = Self(65);

    /// Whether its records lead to further names that a client asks for: MX, SRV, NAPTR, SVCB and HTTPS.
    pub fn is_service(self) -> bool {
        [Self::MX, Self::SRV, Self::NAPTR, Self::SVCB, Self::HTTPS].contains(&self)
    }

    /// Every mnemonic that can be written, for hints in errors.
    pub fn known_names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(_, name)| *name)
    }
}

/// The text is neither a known mnemonic nor `TYPEnnn`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a record type: write a mnemonic such as A, AAAA or SRV, or TYPEnnn")]
pub struct UnknownRecordType(pub String);

impl FromStr for RecordType {
    type Err = UnknownRecordType;

    fn from_str(text: &str) -> Result<Self, UnknownRecordType> {
        let upper = text.to_ascii_uppercase();
        NAMES
            .iter()
            .find(|(_, name)| *name == upper)
            .map(|(number, _)| Self(*number))
            .or_else(|| upper.strip_prefix("TYPE")?.parse().ok().map(Self))
            .ok_or_else(|| UnknownRecordType(text.to_owned()))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.pad(name),
            None => f.pad(&format!("TYPE{}", self.0)),
        }
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RecordType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_as_it_is_shown() {
        for number in (0..300).chain([65_280, u16::MAX]) {
            assert_eq!(
                RecordType(number).to_string().parse(),
                Ok(RecordType(number))
            );
        }
        assert_eq!("aaaa".parse(), Ok(RecordType::AAAA));
        assert_eq!("type28".parse(), Ok(RecordType::AAAA));
        assert!("TYPE65536".parse::<RecordType>().is_err());
        assert!("BOGUS".parse::<RecordType>().is_err());
        assert_eq!(format!("{:?}", RecordType::AAAA), "AAAA");
    }

    #[test]
    fn every_name_that_a_hint_offers_can_be_written() {
        let known: Vec<_> = RecordType::known_names().collect();
        assert!(known.contains(&"NAPTR"), "{known:?}");
        assert_eq!(known.len(), NAMES.len());
        for name in known {
            let read: RecordType = name.parse().unwrap();
            assert_eq!(read.to_string(), name);
        }
    }

    #[test]
    fn only_records_that_name_a_host_lead_on() {
        let service = RecordType::known_names().filter(|name| {
            let rtype: RecordType = name.parse().unwrap();
            rtype.is_service()
        });
        let service: Vec<_> = service.collect();
        assert_eq!(service, ["MX", "SRV", "NAPTR", "SVCB", "HTTPS"]);
    }
}
