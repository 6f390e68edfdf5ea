//! Reads `[[resolver]]`, and puts the presets beside.
//!
//! Deliberately absent: overriding a preset. Its id is taken; a resolver of one's own at the same addresses, under
//! another id, may set everything.

use std::{net::SocketAddr, sync::Arc};

use super::{
    MOST_TTL, address,
    error::{Complaint, Origin, Report, suggestion},
    identity, presets,
    raw::Table,
    section::Section,
};
use crate::types::{QueryOptions, Resolver, ResolverTraits, Transport};

const WORDS: [&str; 6] = ["udp", "tcp", "tls", "https", "quic", "h3"];

/// The presets, then the resolvers of the file. Presets keep their IPv6 addresses only with `ipv6`.
pub(super) fn read(
    tables: Vec<(Origin, &Table)>,
    ipv6: bool,
    report: &mut Report,
) -> Vec<Arc<Resolver>> {
    let mut resolvers = presets::all();
    for preset in &mut resolvers {
        preset.addresses.retain(|address| ipv6 || address.is_ipv4());
    }
    for (at, table) in tables {
        let mut section = Section::new("in [[resolver]]", at, table, report);
        let resolver = resolver(&mut section, &resolvers);
        section.finish();
        resolvers.extend(resolver);
    }
    resolvers.into_iter().map(Arc::new).collect()
}

fn resolver(section: &mut Section<'_, '_>, earlier: &[Resolver]) -> Option<Resolver> {
    let id = identity::id(section, |id| {
        let taken = earlier.iter().any(|resolver| resolver.id == id);
        let complaint = Complaint::new(format!("there is already a resolver `{id}`"));
        match (taken, presets::is_preset(id)) {
            (false, _) => None,
            (true, false) => Some(complaint),
            (true, true) => Some(complaint.hint(format!(
                "it is a preset; choose another id, such as `{id}-own`, and set `operator`"
            ))),
        }
    });
    let operator = section.parsed("operator", identity::label);
    let transport = section.parsed("transport", transport);
    let addresses = addresses(section);
    let max_qps = section.integer("max_qps", 1..=10_000);
    let traits = ResolverTraits {
        filters: section.flag("filters").unwrap_or(false),
        signs_blocks: section.flag("signs_blocks").unwrap_or(false),
        ecs: section.flag("ecs").unwrap_or(false),
        ttl_cap: section
            .integer("ttl_cap", 1..=MOST_TTL)
            .map(|cap| cap as u32),
        ttl_cap_source: None,
        flush_page: section
            .parsed("flush_page", identity::page)
            .map(|page| page.value),
    };
    section.unavailable("server_name", "the encrypted transports");
    section.unavailable("path", "the encrypted transports");
    let id = id?;
    Some(Resolver {
        operator: operator.map_or_else(|| id.clone(), |operator| operator.value),
        addresses,
        transport: transport.map_or(Transport::Udp, |transport| transport.value),
        endpoint: None,
        options: QueryOptions::default(),
        max_qps: max_qps.map_or(100, |qps| qps as u32),
        traits: ResolverTraits {
            ttl_cap_source: traits.ttl_cap.map(|_| "configured".to_owned()),
            ..traits
        },
        id,
    })
}

/// `address` or `addresses`: one of them, and at least one address.
fn addresses(section: &mut Section<'_, '_>) -> Vec<SocketAddr> {
    let read = |text: &str| address::server(text, 53);
    let written = section.node("address").is_some();
    let one = section.parsed("address", read);
    let many = section.list("addresses", read);
    match (written, many) {
        (true, Some(_)) => section.complain_here(Complaint::new(
            "give either `address` or `addresses`, not both",
        )),
        (true, None) => return one.into_iter().map(|address| address.value).collect(),
        (false, Some(many)) => {
            return section.distinct("addresses", many);
        }
        (false, None) if section.node("addresses").is_some() => {}
        (false, None) => section.complain_here(Complaint::new("`address` is missing")),
    }
    Vec::new()
}

fn transport(text: &str) -> Result<Transport, Complaint> {
    match text {
        "udp" => Ok(Transport::Udp),
        "tcp" => Ok(Transport::Tcp),
        "tls" | "https" | "quic" | "h3" => Err(Complaint::new(format!(
            "the transport `{text}` is not available in this version: use udp or tcp"
        ))),
        _ => {
            Err(Complaint::new(format!("`{text}` is no transport")).hint(suggestion(text, &WORDS)))
        }
    }
}
