//! Addresses as they are written: an IP address, with or without a port.
//!
//! Deliberately absent: host names. Whom to ask is never left to somebody else's DNS.

use std::net::{IpAddr, SocketAddr};

use super::error::Complaint;

/// Reads `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:5353`.
pub(super) fn server(text: &str, usual_port: u16) -> Result<SocketAddr, Complaint> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = text
        .parse()
        .or_else(|_| bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, usual_port)))
        .map_err(|_| {
            Complaint::new(format!("`{text}` is not an IP address, with or without a port"))
                .hint("write it as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:5353; host names are not resolved")
        })?;
    let ip = address.ip();
    if ip.is_unspecified() || ip.is_multicast() || address.port() == 0 {
        return Err(Complaint::new(format!("nobody can be asked at `{text}`")));
    }
    Ok(address)
}

/// Reads the address to listen on: an IP address and a port.
pub(super) fn listen(text: &str) -> Result<SocketAddr, Complaint> {
    text.parse().map_err(|_| {
        Complaint::new(format!("`{text}` is not an IP address with a port"))
            .hint("write it as 127.0.0.1:8053 or [::1]:8053")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_a_port() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1:53"),
            ("192.0.2.1:5353", "192.0.2.1:5353"),
            ("2001:db8::1", "[2001:db8::1]:53"),
            ("[2001:db8::1]", "[2001:db8::1]:53"),
            ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
        ] {
            assert_eq!(server(text, 53).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn host_names_and_addresses_of_nobody_are_refused() {
        for text in [
            "dns.google",
            "localhost:53",
            "192.0.2.256",
            "",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "192.0.2.1:0",
        ] {
            assert!(server(text, 53).is_err(), "{text}");
        }
    }
}
