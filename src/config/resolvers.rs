//! Reads `[[resolver]]`, and puts the presets beside.
//!
//! Deliberately absent: overriding a preset. Its id is taken; a resolver of one's own at the same addresses, under
//! another id, may set everything.

use std::{net::SocketAddr, path::Path, sync::Arc};

use ipnet::Ipv6Net;

use super::{
    MOST_TTL, address, endpoints,
    error::{Complaint, Origin, Report},
    identity, named, presets,
    raw::Table,
    section::Section,
};
use crate::{
    names::DnsName,
    types::{Resolver, ResolverTraits, Transport},
};

/// The presets, then the resolvers of the file. Presets keep their IPv6 addresses only with `ipv6`; relative paths begin
/// at `directory`.
pub(super) fn read(
    tables: Vec<(Origin, &Table)>,
    ipv6: bool,
    directory: &Path,
    report: &mut Report,
) -> Vec<Arc<Resolver>> {
    let mut resolvers = presets::all();
    for preset in &mut resolvers {
        preset.addresses.retain(|address| ipv6 || address.is_ipv4());
    }
    for (at, table) in tables {
        let mut section = Section::new("in [[resolver]]", at, table, report);
        let resolver = resolver(&mut section, &resolvers, directory);
        section.finish();
        resolvers.extend(resolver);
    }
    resolvers.into_iter().map(Arc::new).collect()
}

fn resolver(
    section: &mut Section<'_, '_>,
    earlier: &[Resolver],
    directory: &Path,
) -> Option<Resolver> {
    let id = id(section, earlier);
    let operator = section.parsed("operator", identity::label);
    let transport = section.parsed("transport", named::transport);
    let transport = transport.map_or(Transport::Udp, |transport| transport.value);
    let addresses = addresses(section, transport);
    let endpoint = endpoints::read(section, transport, directory);
    let max_qps = section.integer("max_qps", 1..=10_000);
    let (options, ecs) = section.options_of_resolver();
    let traits = ResolverTraits {
        filters: section.flag("filters").unwrap_or(false),
        signs_blocks: section.flag("signs_blocks").unwrap_or(false),
        ecs,
        ttl_cap: section
            .integer("ttl_cap", 1..=MOST_TTL)
            .map(|cap| cap as u32),
        ttl_cap_source: None,
        single_cache: section.flag("single_cache").unwrap_or(false),
        flush_page: section
            .parsed("flush_page", identity::page)
            .map(|page| page.value),
        dns64_prefix: section
            .parsed("dns64_prefix", dns64_prefix)
            .map(|prefix| prefix.value),
        ..ResolverTraits::default()
    };
    let id = id?;
    Some(Resolver {
        operator: operator.map_or_else(|| id.clone(), |operator| operator.value),
        addresses,
        transport,
        endpoint,
        options,
        max_qps: max_qps.map_or(100, |qps| qps as u32),
        traits: ResolverTraits {
            ttl_cap_source: traits.ttl_cap.map(|_| "configured".to_owned()),
            ..traits
        },
        id,
    })
}

fn id(section: &mut Section<'_, '_>, earlier: &[Resolver]) -> Option<String> {
    identity::id(section, |id| {
        let taken = earlier.iter().any(|resolver| resolver.id == id);
        let complaint = Complaint::new(format!("there is already a resolver `{id}`"));
        match (taken, presets::is_preset(id)) {
            (false, _) => None,
            (true, false) => Some(complaint),
            (true, true) => Some(complaint.hint(format!(
                "it is a preset; choose another id, such as `{id}-own`, and set `operator`"
            ))),
        }
    })
}

/// The lengths that RFC 6052 section 2.2 allows, and no others.
fn dns64_prefix(text: &str) -> Result<Ipv6Net, Complaint> {
    let lengths = [32, 40, 48, 56, 64, 96];
    let prefix: Option<Ipv6Net> = text.parse().ok();
    let fits =
        |prefix: &Ipv6Net| lengths.contains(&prefix.prefix_len()) && prefix.trunc() == *prefix;
    prefix.filter(fits).ok_or_else(|| {
        let complaint = Complaint::new(format!("`{text}` is no prefix of a DNS64"));
        complaint.hint(
            "write an IPv6 network of 32, 40, 48, 56, 64 or 96 bits, such as 2001:db8:64::/96",
        )
    })
}

/// `address` or `addresses`: one of them, and at least one address.
fn addresses(section: &mut Section<'_, '_>, transport: Transport) -> Vec<SocketAddr> {
    let read = |text: &str| server(text, transport);
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

/// An address at the transport's port. What somebody wrote in its place is told where it belongs.
fn server(text: &str, transport: Transport) -> Result<SocketAddr, Complaint> {
    let complaint = match address::server(text, transport.usual_port()) {
        Ok(address) => return Ok(address),
        Err(complaint) => complaint,
    };
    let is_name = |text: &str| {
        text.contains(|c: char| c.is_ascii_alphabetic()) && text.parse::<DnsName>().is_ok()
    };
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    Err(if text.contains("://") {
        complaint.hint("no URL stands here: give `transport`, `address`, `server_name` and `path`")
    } else if is_name(host) {
        complaint.hint(
            "host names are not resolved: give `address`, and the name as `server_name` where the \
             transport is encrypted",
        )
    } else {
        complaint
    })
}
