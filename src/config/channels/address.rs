//! The address of a channel's receiver: which form it may have, and where it may be written.
//!
//! Deliberately absent: looking the host up.

use std::net::IpAddr;

use url::{Host, Url};

use super::secrets::{Vault, stored};
use crate::config::{Secret, error::Complaint, section::Section};

/// What an address may look like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// The scheme that encrypts, and the one that does not.
    pub(super) schemes: [&'static str; 2],
    /// Whether the address is a secret by itself, as a Slack webhook's is: then it stands in the file for loopback only.
    pub(super) secret: bool,
    /// Whether the scheme without encryption may be used beyond loopback.
    pub(super) plaintext: bool,
}

impl Form {
    pub(super) const SECRET: Self = Self {
        schemes: ["https", "http"],
        secret: true,
        plaintext: false,
    };
}

/// Exactly one of `url`, `url_env` and `url_file`; `or`, if there is one, where none is given.
pub(super) fn read(
    section: &mut Section<'_, '_>,
    vault: &Vault<'_>,
    form: Form,
    or: Option<&str>,
) -> Option<Secret> {
    let given = ["url", "url_env", "url_file"].map(|key| section.node(key).is_some());
    let literal = section.parsed("url", |text| {
        let url = checked(text, "`url`", form)?;
        let bare = url.username().is_empty() && url.password().is_none();
        if is_loopback(&url) || (!form.secret && bare) {
            return Ok(Secret::new(text));
        }
        let what = if form.secret {
            "a literal `url` is allowed for loopback addresses only: it is a secret"
        } else {
            "a literal `url` must hold no user and no password"
        };
        Err(Complaint::new(what)
            .hint("give `url_env`, the name of a variable, or `url_file`, the path of a file"))
    });
    let stored = stored(section, ["url_env", "url_file"], vault, |text, origin| {
        checked(text, origin, form).map(|_| text.as_bytes().to_vec())
    });
    match given.iter().filter(|given| **given).count() {
        1 => {}
        0 if or.is_some() => return or.map(Secret::new),
        0 => section.complain_here(
            Complaint::new("this channel has no address").hint("give `url_env` or `url_file`"),
        ),
        _ => section.complain_here(Complaint::new(
            "give exactly one of `url`, `url_env` and `url_file`",
        )),
    }
    literal.map(|url| url.value).or_else(|| stored?.value)
}

fn checked(text: &str, origin: &str, form: Form) -> Result<Url, Complaint> {
    let [encrypted, plain] = form.schemes;
    let bad = |what: String| Complaint::new(format!("{origin} {what}"));
    let url = Url::parse(text).ok().filter(Url::has_host).ok_or_else(|| {
        bad(format!(
            "does not hold an address such as {encrypted}://host/path"
        ))
    })?;
    match url.scheme() {
        scheme if scheme == encrypted => Ok(url),
        // SMTP turns to encryption by itself; that it must is for whoever connects.
        "smtp" if plain == "smtp" => Ok(url),
        scheme if scheme == plain && (form.plaintext || is_loopback(&url)) => Ok(url),
        scheme if scheme == plain => Err(bad(format!(
            "must hold an {encrypted} address: {plain} is allowed for loopback only"
        ))),
        _ => Err(bad(format!("must hold an {encrypted} address"))),
    }
}

/// Whether the address is this machine's own.
pub(super) fn is_loopback(url: &Url) -> bool {
    // Of schemes that it does not know the parser leaves the host as it is written.
    match url.host_str().and_then(|host| Host::parse(host).ok()) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}
