//! The public resolvers that are known by name.
//!
//! Deliberately absent: reading them from anywhere. An address here is a published fact of the operator; a TTL cap is a
//! measurement, and carries its date and source.

use std::net::SocketAddr;

use crate::types::{QueryOptions, Resolver, ResolverTraits, Transport};

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
    flush_page: Option<&'static str>,
}

const MEASURED: &str = "measured 2023-03, nullrouted.space";
const QUAD9_CAP: Option<(u32, &str)> = Some((43_200, MEASURED));

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
        flush_page: None,
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
        flush_page: None,
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
        flush_page: None,
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
        flush_page: Some("https://one.one.one.one/purge-cache/"),
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
        flush_page: Some("https://dns.google/cache"),
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
        flush_page: Some("https://cachecheck.opendns.com/"),
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
        flush_page: None,
    },
];

/// Every preset, with all its addresses, IPv4 before IPv6.
pub fn all() -> Vec<Resolver> {
    PRESETS.iter().map(Preset::resolver).collect()
}

/// Whether an id is a preset's.
pub fn is_preset(id: &str) -> bool {
    PRESETS.iter().any(|preset| preset.id == id)
}

impl Preset {
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
                flush_page: self.flush_page.map(str::to_owned),
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
        assert!(!is_preset("office"));
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
