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

    #[test]
    fn addresses_that_are_never_receivers_are_refused_however_they_are_spelt() {
        for text in [
            "http://169.254.169.254/latest",
            "http://0xa9fea9fe/",
            "http://2852039166/",
            "http://[::ffff:169.254.169.254]/",
            "http://0/",
        ] {
            assert!(target(text).is_err(), "{text}");
        }
        assert!(target("http://127.0.0.1:9000/hook").is_ok());
        assert!(target("https://hooks.slack.com/services/x").is_ok());
        assert!(target("not a url").is_err());
    }
}
