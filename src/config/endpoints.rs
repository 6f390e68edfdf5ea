//! Reads whom an encrypted transport must find: `server_name`, `path` and `ca_file` of a `[[resolver]]`.
//!
//! Deliberately absent: reading the certificates, which is `probe`'s, and looking a server's name up. It is compared with
//! the certificate, never resolved.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    DNS_QUERY,
    error::Complaint,
    section::{Located, Section},
};
use crate::{
    names::DnsName,
    types::{Endpoint, Transport},
};

/// The endpoint of a resolver. `directory` is where a relative path begins.
pub(super) fn read(
    section: &mut Section<'_, '_>,
    transport: Transport,
    directory: &Path,
) -> Option<Arc<Endpoint>> {
    let named = section.node("server_name").is_some();
    let server_name = section.parsed("server_name", |text| {
        server_name(text).map_err(Complaint::new)
    });
    let path = section.parsed("path", |text| path(text).map_err(Complaint::new));
    let ca_file = section.parsed("ca_file", |text| match text {
        "" => Err(Complaint::new("`ca_file` must not be empty")),
        text => Ok(PathBuf::from(text)),
    });
    refuse(
        section,
        "server_name",
        server_name.as_ref(),
        transport,
        transport.is_encrypted(),
    );
    refuse(
        section,
        "ca_file",
        ca_file.as_ref(),
        transport,
        transport.is_encrypted(),
    );
    refuse(
        section,
        "path",
        path.as_ref(),
        transport,
        transport.is_http(),
    );
    if !transport.is_encrypted() {
        return None;
    }
    if !named {
        section.complain_here(
            Complaint::new(format!("`server_name` is missing: over {transport} a server shows a certificate"))
                .hint("give the name that the certificate is for, or the address itself where it is for that"),
        );
    }
    Some(Arc::new(Endpoint {
        server_name: server_name?.value,
        path: path.map_or_else(|| DNS_QUERY.to_owned(), |path| path.value),
        ca_file: ca_file.map(|file| directory.join(file.value)),
    }))
}

/// Notes a key that says nothing over this transport.
fn refuse<T>(
    section: &mut Section<'_, '_>,
    key: &str,
    written: Option<&Located<T>>,
    transport: Transport,
    takes_it: bool,
) {
    let Some(written) = written.filter(|_| !takes_it) else {
        return;
    };
    let (what, instead) = if key == "path" {
        ("there is no path", "https or h3")
    } else {
        ("no server shows a certificate", "tls, https, quic or h3")
    };
    let complaint = Complaint::new(format!("`{key}` says nothing over {transport}: {what}")).hint(
        format!("set `transport` to {instead}, or take `{key}` away"),
    );
    section.complain(&written.at, complaint);
}

/// Reads a name that a certificate can be for, or an address.
///
/// # Errors
///
/// It is neither; says so in words.
pub fn server_name(text: &str) -> Result<String, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name = text.parse::<DnsName>().map(|name| name.to_string());
    name.ok()
        .filter(|name| name != "." && name.chars().all(plain))
        .ok_or_else(|| {
            format!(
                "`{text}` is no server name: write dns.example.net, or an address without a port"
            )
        })
}

/// Reads the path that HTTP questions go to.
///
/// # Errors
///
/// It is none; says so in words.
pub fn path(text: &str) -> Result<String, String> {
    if text.contains('{') {
        return Err(format!(
            "`{text}` is a template: questions are POSTed, so write it without its braces"
        ));
    }
    let plain = |c: char| c.is_ascii_graphic() && !"#\"<>\\^`|}".contains(c);
    if text.starts_with('/') && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is no path: write {DNS_QUERY}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_names_are_names_or_addresses() {
        for (text, expected) in [
            ("dns.example.net", Some("dns.example.net")),
            ("DNS.Example.net.", Some("dns.example.net")),
            ("192.0.2.53", Some("192.0.2.53")),
            ("2001:DB8:0::53", Some("2001:db8::53")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("192.0.2.53:853", None),
            ("*.example.net", None),
            (".", None),
            ("", None),
        ] {
            assert_eq!(server_name(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn paths_begin_with_a_slash_and_are_no_templates() {
        for good in ["/", "/dns-query", "/p0", "/dns-query?key=a%20b"] {
            assert_eq!(path(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "dns-query",
            "/dns query",
            "/dns-query{?dns}",
            "/é",
            "/a#b",
            "https://dns.google/dns-query",
        ] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }
}
