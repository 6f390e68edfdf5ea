//! The words of the program as types: questions, sources, answers, observations, spans.
//!
//! Deliberately absent: wire formats, rows and judgement. What a reply means is `audit`'s business, how it is sent
//! `probe`'s, how it is kept `store`'s.

mod answer;
mod instant;
mod matcher;
mod mostly;
mod network;
mod observation;
mod policy;
mod pool;
mod query_options;
mod record_type;
mod routing;
mod rrset;
mod severity;
mod source;
mod span;
mod target;
mod telling;

pub use crate::clock::now;
pub use answer::{Answer, Link, NoReply, Rcode, Status, TlsFailure, Value};
pub use instant::{NotAnInstant, parse_instant};
pub use matcher::{Labelled, Matcher, Matchers, NotAMatcher};
pub use mostly::Mostly;
pub use network::parse_network;
pub(crate) use observation::site_of;
pub use observation::{Ede, Flags, Observation, Transport, Wire};
pub use policy::{Expect, Mode, NotAValue, Policy, Serials};
pub(crate) use pool::Pool;
pub use query_options::{ClientSubnet, QueryOptions};
pub use record_type::{RecordType, UnknownRecordType};
pub use routing::Routing;
pub use rrset::Rrset;
pub use severity::Severity;
pub(crate) use source::show_address;
pub use source::{
    AuthorityServer, Endpoint, Listed, Question, Resolver, ResolverTraits, Source, SourceKind, Zone,
};
pub use span::{SeriesKey, Span, Ttls};
pub use target::Target;
pub use telling::Telling;
