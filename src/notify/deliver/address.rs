//! The addresses of receivers: which are any, whose host, and how a text is kept free of what is secret in them.
//!
//! Deliberately absent: asking where a host is, which is `notify::resolve`'s.

use std::net::IpAddr;

use url::{Host, Url};

use crate::{
    config::{Receiver, Secret},
    notify::resolve::may_be_written,
};

/// The host of an address, where it is a name.
pub(super) fn host_name(url: &Secret) -> Option<String> {
    let url = Url::parse(url.expose_str().trim()).ok()?;
    // Of schemes that it does not know the parser leaves the host as it is written.
    match url.host_str().and_then(|host| Host::parse(host).ok())? {
        Host::Domain(host) => Some(host),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// Where the receiver takes messages, below its address.
pub(super) fn path_of(receiver: &Receiver, mut url: Url) -> Url {
    if let Receiver::Alertmanager { .. } = receiver {
        let path = format!("{}/api/v2/alerts", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    url
}

/// The URL, unless it is none, or names an address that is never a receiver.
pub(super) fn target(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim())
        .map_err(|error| format!("the channel's URL is not valid: {error}"))?;
    let address: Option<IpAddr> = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(_)) => None,
        None => return Err("the channel's URL has no host".to_owned()),
    };
    match address {
        Some(address) if !may_be_written(address) => {
            Err(format!("{address} is never a receiver's address"))
        }
        _ => Ok(url),
    }
}

/// `text` without any part of the URL that may be a secret: a server may well repeat the path it was asked for.
pub(super) fn redact(text: &str, url: &Url) -> String {
    let pairs = url.query_pairs().map(|(_, value)| value.into_owned());
    let parts = url
        .path_segments()
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .chain(pairs)
        .chain(url.password().map(str::to_owned))
        .chain([url.username().to_owned()])
        .filter(|part| part.len() >= 4);
    let mut parts: Vec<String> = parts.collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
        .iter()
        .fold(text.to_owned(), |text, part| text.replace(part, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_url_survives_in_a_text_about_it() {
        let url = Url::parse(
            "https://user:hunter22@hooks.example.com/services/T0AB/B0CD/secretsecret?token=abcdef",
        )
        .unwrap();
        let text = format!("Not found: {url} (/services/T0AB/B0CD/secretsecret, hunter22, abcdef)");
        let out = redact(&text, &url);
        for secret in [
            "T0AB",
            "B0CD",
            "secretsecret",
            "hunter22",
            "abcdef",
            "user:",
        ] {
            assert!(!out.contains(secret), "{secret} in {out}");
        }
    }

    /// How 127.0.0.1 can be written: dotted, short, decimal, hexadecimal, octal, mixed, as a complete name, encoded, in
    /// other digits and with other dots.
    const LOOPBACK: [&str; 14] = [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "2130706433.",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0x7F.0X0.0.01",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
    ];

    #[test]
    fn an_address_is_recognised_however_it_is_spelt_and_never_asked_of_a_resolver() {
        for host in LOOPBACK {
            for scheme in ["http", "https"] {
                let url = target(&format!("{scheme}://{host}:9/hook")).unwrap();
                let here = Host::Ipv4(std::net::Ipv4Addr::LOCALHOST);
                assert_eq!(url.host(), Some(here), "{scheme}://{host}");
            }
            for scheme in ["http", "https", "smtp", "smtps"] {
                let url = Secret::new(format!("{scheme}://{host}:9"));
                assert_eq!(host_name(&url), None, "{scheme}://{host}");
            }
        }
        for host in ["127.0.0.1.example.com", "0x7f.example", "localhost."] {
            let url = Secret::new(format!("https://{host}/"));
            assert_eq!(host_name(&url).as_deref(), Some(host));
        }
    }

    #[test]
    fn what_looks_like_an_address_and_is_none_is_refused() {
        for host in [
            "256.1.1.1",
            "127.0.0.0.1",
            "0x1ffffffff",
            "4294967296",
            "1.2.3.08",
            "127..1",
            "[::ffff:127.1]",
            "[127.0.0.1]",
        ] {
            assert!(target(&format!("https://{host}/")).is_err(), "{host}");
        }
    }

    #[test]
    fn addresses_that_are_never_receivers_are_refused_however_they_are_spelt() {
        for text in [
            "http://169.254.169.254/latest",
            "http://169.254.169.254./",
            "http://169.254.43518/",
            "http://169.16689662/",
            "http://0xa9fea9fe/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://0251.0376.0251.0376/",
            "http://025177524776/",
            "http://2852039166/",
            "http://0x64.0x64.25800/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[fd00:ec2:0::254]/",
            "http://0/",
            "http://0x/",
            "http://0.0.0.0./",
        ] {
            assert!(target(text).is_err(), "{text}");
        }
        assert!(target("http://127.0.0.1:9000/hook").is_ok());
        assert!(target("https://hooks.slack.com/services/x").is_ok());
        assert!(target("not a url").is_err());
    }
}
