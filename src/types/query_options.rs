//! What is said beside a question.
//!
//! Deliberately absent: the octets, which are `probe`'s.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// What is said beside a question; `None` is "as usual", which the field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct QueryOptions {
    /// DO: signatures are wanted (RFC 3225). Usually not.
    pub dnssec: Option<bool>,
    /// CD: the resolver must not validate (RFC 4035 section 3.2.2). Usually not.
    pub checking_disabled: Option<bool>,
    /// RD. Usually set to a resolver and clear to an authority; clear to a resolver, only its cache is looked at.
    pub recursion_desired: Option<bool>,
    /// The client subnet (RFC 7871). Usually none; with [`ClientSubnet::Hidden`] to resolvers that pass subnets on.
    pub ecs: Option<ClientSubnet>,
    /// DNS cookies over UDP (RFC 7873). Usually to authorities.
    pub cookies: Option<bool>,
    /// The letters of the name in random case over UDP (0x20, draft-vixie-dnsext-dns0x20). Usually not.
    pub case_randomization: Option<bool>,
}

/// What a resolver is told of the client's address (RFC 7871).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientSubnet {
    /// Nothing is said, so that the resolver may say what it likes.
    Unsaid,
    /// Nothing may be told to authorities: SOURCE PREFIX-LENGTH 0 (section 7.1.2).
    Hidden,
    /// This network.
    Of(IpNet),
}

impl QueryOptions {
    /// These options, and those of `base` where these leave one open.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        Self {
            dnssec: self.dnssec.or(base.dnssec),
            checking_disabled: self.checking_disabled.or(base.checking_disabled),
            recursion_desired: self.recursion_desired.or(base.recursion_desired),
            ecs: self.ecs.or(base.ecs),
            cookies: self.cookies.or(base.cookies),
            case_randomization: self.case_randomization.or(base.case_randomization),
        }
    }
}
