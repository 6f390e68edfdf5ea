//! The public resolvers that are known by name.
//!
//! Deliberately absent: reading them from anywhere. An address here is a published fact of the operator, and so is a
//! transport: what nobody has published is not offered. A TTL cap is a measurement, and carries its date and source.

use std::{net::SocketAddr, sync::Arc};

use super::DNS_QUERY;
use crate::types::{Endpoint, QueryOptions, Resolver, ResolverTraits, Transport};

/// Questions a second to one address of a public resolver that never come near any operator's limit.
const POLITE_QPS: u32 = 10;

struct Preset {
    id: &'static str,
    operator: &'static str,
    addresses: [&'static str; 4],
    filters: bool,
    signs_blocks: bool,
    ecs: bool,
    cap: Option<(u32, &'static str)>,
    nsid_suffix: Option<&'static str>,
    flush_page: Option<&'static str>,
    /// The encrypted transports beside UDP and TCP, each with the name that its certificate is for. All of these serve
    /// HTTP at the usual path.
    encrypted: &'static [(Transport, &'static str)],
}

const MEASURED: &str = "measured 2023-03, nullrouted.space";
const QUAD9_CAP: Option<(u32, &str)> = Some((43_200, MEASURED));
/// Quad9 publishes that whoever hears anything else is redirected.
const QUAD9_NSID: Option<&str> = Some(".rrdns.pch.net");

const PRESETS: [Preset; 7] = [
    // Quad9 has no flush page and honours no flush requests.
    Preset {
        id: "quad9",
        operator: "Quad9",
        addresses: ["9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9"],
        filters: true,
        signs_blocks: true,
        ecs: false,
        cap: QUAD9_CAP,
        nsid_suffix: QUAD9_NSID,
        flush_page: None,
        encrypted: &[
            (Transport::Tls, "dns.quad9.net"),
            (Transport::Https, "dns.quad9.net"),
            (Transport::Quic, "dns.quad9.net"),
            (Transport::H3, "dns.quad9.net"),
        ],
    },
    Preset {
        id: "quad9-unfiltered",
        operator: "Quad9",
        addresses: [
            "9.9.9.10",
            "149.112.112.10",
            "2620:fe::10",
            "2620:fe::fe:10",
        ],
        filters: false,
        signs_blocks: false,
        ecs: false,
        cap: QUAD9_CAP,
        nsid_suffix: QUAD9_NSID,
        flush_page: None,
        encrypted: &[
            (Transport::Tls, "dns10.quad9.net"),
            (Transport::Https, "dns10.quad9.net"),
        ],
    },
    Preset {
        id: "quad9-ecs",
        operator: "Quad9",
        addresses: [
            "9.9.9.11",
            "149.112.112.11",
            "2620:fe::11",
            "2620:fe::fe:11",
        ],
        filters: true,
        signs_blocks: true,
        ecs: true,
        cap: QUAD9_CAP,
        nsid_suffix: QUAD9_NSID,
        flush_page: None,
        encrypted: &[
            (Transport::Tls, "dns11.quad9.net"),
            (Transport::Https, "dns11.quad9.net"),
        ],
    },
    Preset {
        id: "cloudflare",
        operator: "Cloudflare",
        addresses: [
            "1.1.1.1",
            "1.0.0.1",
            "2606:4700:4700::1111",
            "2606:4700:4700::1001",
        ],
        filters: false,
        signs_blocks: false,
        ecs: false,
        cap: None,
        nsid_suffix: None,
        flush_page: Some("https://one.one.one.one/purge-cache/"),
        encrypted: &[
            (Transport::Tls, "one.one.one.one"),
            (Transport::Https, "cloudflare-dns.com"),
        ],
    },
    Preset {
        id: "google",
        operator: "Google",
        addresses: [
            "8.8.8.8",
            "8.8.4.4",
            "2001:4860:4860::8888",
            "2001:4860:4860::8844",
        ],
        filters: false,
        signs_blocks: false,
        ecs: true,
        cap: Some((21_600, MEASURED)),
        nsid_suffix: None,
        flush_page: Some("https://dns.google/cache"),
        encrypted: &[
            (Transport::Tls, "dns.google"),
            (Transport::Https, "dns.google"),
        ],
    },
    Preset {
        id: "opendns",
        operator: "OpenDNS",
        addresses: [
            "208.67.222.222",
            "208.67.220.220",
            "2620:119:35::35",
            "2620:119:53::53",
        ],
        filters: true,
        signs_blocks: false,
        ecs: true,
        cap: Some((3600, MEASURED)),
        nsid_suffix: None,
        flush_page: Some("https://cachecheck.opendns.com/"),
        encrypted: &[
            (Transport::Tls, "dns.opendns.com"),
            (Transport::Https, "doh.opendns.com"),
        ],
    },
    Preset {
        id: "adguard-unfiltered",
        operator: "AdGuard",
        addresses: [
            "94.140.14.140",
            "94.140.14.141",
            "2a10:50c0::1:ff",
            "2a10:50c0::2:ff",
        ],
        filters: false,
        signs_blocks: false,
        ecs: false,
        cap: None,
        nsid_suffix: None,
        flush_page: None,
        encrypted: &[
            (Transport::Tls, "unfiltered.adguard-dns.com"),
            (Transport::Https, "unfiltered.adguard-dns.com"),
            (Transport::Quic, "unfiltered.adguard-dns.com"),
        ],
    },
];

/// Every preset over UDP, with all its addresses, IPv4 before IPv6.
pub fn all() -> Vec<Resolver> {
    PRESETS.iter().map(Preset::resolver).collect()
}

/// Whether an id is a preset's, over whatever transport: `quad9`, `quad9+tls`.
pub fn is_preset(id: &str) -> bool {
    preset(id.split('+').next().unwrap_or(id)).is_some()
}

/// The transports that the operator of a preset is known to offer; none where it is no preset.
pub fn transports(id: &str) -> Vec<Transport> {
    let Some(preset) = preset(id) else {
        return Vec::new();
    };
    let offered = |transport: &Transport| preset.server_name(*transport).is_some();
    let encrypted = Transport::ALL.into_iter().filter(offered);
    [Transport::Udp, Transport::Tcp]
        .into_iter()
        .chain(encrypted)
        .collect()
}

/// Whom a preset's encrypted transport must find; `None` where it is not known to offer it, and for UDP and TCP.
pub fn endpoint(id: &str, transport: Transport) -> Option<Endpoint> {
    Some(Endpoint {
        server_name: preset(id)?.server_name(transport)?.to_owned(),
        path: DNS_QUERY.to_owned(),
        ca_file: None,
    })
}

/// A preset over another transport: at the same addresses, each at that transport's port, under the id `quad9+tls`.
/// `None` where the operator is not known to offer it.
pub fn over(preset: &Resolver, transport: Transport) -> Option<Resolver> {
    let endpoint = endpoint(&preset.id, transport).map(Arc::new);
    if transport.is_encrypted() && endpoint.is_none() {
        return None;
    }
    let addresses = preset.addresses.iter();
    Some(Resolver {
        id: format!("{}+{transport}", preset.id),
        addresses: addresses
            .map(|address| SocketAddr::new(address.ip(), transport.usual_port()))
            .collect(),
        transport,
        endpoint,
        ..preset.clone()
    })
}

fn preset(id: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.id == id)
}

impl Preset {
    fn server_name(&self, transport: Transport) -> Option<&'static str> {
        let mut encrypted = self.encrypted.iter();
        let (_, name) = encrypted.find(|(offered, _)| *offered == transport)?;
        Some(name)
    }

    fn resolver(&self) -> Resolver {
        let addresses = self.addresses.iter().filter_map(|text| text.parse().ok());
        Resolver {
            id: self.id.to_owned(),
            operator: self.operator.to_owned(),
            addresses: addresses.map(|ip| SocketAddr::new(ip, 53)).collect(),
            transport: Transport::Udp,
            endpoint: None,
            options: QueryOptions::default(),
            max_qps: POLITE_QPS,
            traits: ResolverTraits {
                filters: self.filters,
                signs_blocks: self.signs_blocks,
                ecs: self.ecs,
                ttl_cap: self.cap.map(|(seconds, _)| seconds),
                ttl_cap_source: self.cap.map(|(_, source)| source.to_owned()),
                is_public: true,
                nsid_suffix: self.nsid_suffix.map(str::to_owned),
                flush_page: self.flush_page.map(str::to_owned),
                ..ResolverTraits::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_preset_has_two_addresses_of_each_family_that_no_other_has() {
        let mut seen = BTreeSet::new();
        for preset in all() {
            let v4 = preset.addresses.iter().filter(|address| address.is_ipv4());
            assert_eq!(v4.count(), 2, "{}", preset.id);
            assert_eq!(preset.addresses.len(), 4, "{}", preset.id);
            assert!(preset.addresses.iter().all(|address| seen.insert(*address)));
            assert!(is_preset(&preset.id));
        }
        assert!(is_preset("quad9+tls"));
        assert!(!is_preset("office") && !is_preset("office+tls"));
    }

    #[test]
    fn a_preset_over_another_transport_is_the_same_operator_at_that_port() {
        let presets = all();
        let google = presets.iter().find(|preset| preset.id == "google").unwrap();
        let secure = over(google, Transport::Https).unwrap();
        assert_eq!((&*secure.id, &*secure.operator), ("google+https", "Google"));
        assert_eq!(secure.addresses[0].to_string(), "8.8.8.8:443");
        let endpoint = secure.endpoint.unwrap();
        assert_eq!(
            (&*endpoint.server_name, &*endpoint.path),
            ("dns.google", "/dns-query")
        );
        assert_eq!(over(google, Transport::Tcp).unwrap().endpoint, None);
        assert_eq!(over(google, Transport::Quic), None);
    }

    #[test]
    fn every_preset_offers_what_its_operator_has_published() {
        for preset in all() {
            let offered = transports(&preset.id);
            assert_eq!(offered[..2], [Transport::Udp, Transport::Tcp]);
            for transport in Transport::ALL {
                let over = over(&preset, transport);
                assert_eq!(over.is_some(), offered.contains(&transport));
            }
        }
        assert_eq!(transports("quad9"), Transport::ALL);
        assert!(transports("office").is_empty());
    }

    #[test]
    fn the_three_services_of_quad9_are_one_voice() {
        let operators: BTreeSet<_> = all()
            .into_iter()
            .filter(|preset| preset.id.starts_with("quad9"))
            .map(|preset| preset.operator)
            .collect();
        assert_eq!(operators.len(), 1);
    }
}
