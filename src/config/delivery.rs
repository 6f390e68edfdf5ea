//! Reads `[delivery]`: whom receivers' hosts are asked of.
//!
//! Deliberately absent: the receivers, which are channels, and any resolver under audit.

use std::net::SocketAddr;

use super::{
    address,
    error::{Origin, Report},
    raw::Table,
    section::Section,
};

/// How messages find their way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The resolvers that are asked where a receiver's host is, over UDP and TCP; empty: the system's own.
    pub resolvers: Vec<SocketAddr>,
}

/// Reads the section.
pub(super) fn read(written: Option<(Origin, &Table)>, report: &mut Report) -> Delivery {
    let Some((at, table)) = written else {
        return Delivery::default();
    };
    let mut section = Section::new("in [delivery]", at, table, report);
    let resolvers = section.list("resolvers", |text| address::server(text, 53));
    let resolvers = resolvers.map(|list| section.without_repeats("resolvers", list));
    section.finish();
    Delivery {
        resolvers: resolvers.unwrap_or_default(),
    }
}
