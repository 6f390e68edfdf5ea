//! Which addresses a webhook may be sent to.
//!
//! From the IANA special-purpose registries (RFC 6890). Deliberately absent: documentation networks, which lead nowhere
//! and are therefore nobody's secret.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a *name* may lead to this address: it is unicast and of the public Internet, and so is any IPv4 address
/// embedded in it.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Whether this address may be *written* in a channel's URL. Loopback and private networks may: whoever writes the
/// address means it. Link-local ones (where clouds keep their metadata), multicast and the like never are receivers.
pub fn may_be_written(address: IpAddr) -> bool {
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    if is_metadata(address) {
        return false;
    }
    match address {
        IpAddr::V4(v4) => is_public_v4(v4) || v4.is_loopback() || v4.is_private() || is_shared(v4),
        IpAddr::V6(v6) => is_public_v6(v6) || v6.is_loopback() || v6.is_unique_local(),
    }
}

/// Where clouds tell a machine its own secrets, within networks that are otherwise its owner's. (Most do so at link-local
/// addresses.)
fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets() == [100, 100, 100, 200],
        IpAddr::V6(v6) => v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a >= 224
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || is_shared(address)
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && b & 0xfe == 18))
}

/// 100.64.0.0/10, between a carrier and its customers (RFC 6598).
fn is_shared(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    a == 100 && b & 0xc0 == 64
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // IPv4-mapped (RFC 4291 section 2.5.5.2), and NAT64's well-known prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo (RFC 4380) and the rest of 2001::/23, set aside for protocols.
        [0x2001, second, ..] if second < 0x200 => false,
        // Global unicast is 2000::/3 so far (RFC 4291 section 2.4); all else is local, multicast or unassigned.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], public: bool, written: bool) {
        for text in texts {
            let address = text.parse().unwrap();
            assert_eq!(is_public(address), public, "{text} public");
            assert_eq!(may_be_written(address), written, "{text} written");
        }
    }

    #[test]
    fn public_addresses_pass() {
        let public = [
            "9.9.9.9",
            "172.15.255.255",
            "172.32.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2620:fe::fe",
            "2a00:1450::1",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "::ffff:8.8.8.8",
            "2001:4860:4860::8888",
        ];
        check(&public, true, true);
    }

    #[test]
    fn own_networks_may_be_written_but_not_resolved_to() {
        let own = [
            "127.0.0.1",
            "127.255.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "::ffff:127.0.0.1",
        ];
        check(&own, false, true);
    }

    #[test]
    fn metadata_multicast_and_embedded_private_addresses_never_pass() {
        let never = [
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "198.19.255.255",
            "::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "::ffff:169.254.169.254",
            "100.100.100.200",
            "fd00:ec2::254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "2001::1",
            "::7f00:1",
            "100::1",
        ];
        check(&never, false, false);
    }
}
