//! What sources and names are called in tables.
//!
//! Deliberately absent: whether a source is right.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use super::output::inert;
use crate::{
    names::DnsName,
    types::{Question, Source, Transport, show_address},
};

/// How the sources of one table are told apart: by id, and by address where an id is asked at several.
#[derive(Debug, Default)]
pub(super) struct Who<'a> {
    addresses: BTreeMap<&'a str, BTreeSet<SocketAddr>>,
}

impl<'a> Who<'a> {
    /// Over every source that the table shows, by id and address.
    pub(super) fn over(sources: impl IntoIterator<Item = (&'a str, SocketAddr)>) -> Self {
        let mut who = Self::default();
        for (id, address) in sources {
            who.addresses.entry(id).or_default().insert(address);
        }
        who
    }

    /// [`Who::over`] whole sources.
    pub(super) fn over_sources(sources: impl IntoIterator<Item = &'a Source>) -> Self {
        let pair = |source: &'a Source| (source.id.as_str(), source.address);
        Self::over(sources.into_iter().map(pair))
    }

    /// `google`, or `google (8.8.4.4)`.
    pub(super) fn label(&self, id: &str, address: SocketAddr) -> String {
        self.label_at(id, address, usual_port(id))
    }

    /// [`Who::label`] of a source, and the transport where the id does not say it: `office over tls`.
    pub(super) fn source(&self, source: &Source) -> String {
        let label = self.label_at(&source.id, source.address, source.transport.usual_port());
        let suffix = source.id.rsplit_once('+').map(|(_, word)| word);
        if source.transport.is_encrypted() && suffix != Some(source.transport.as_str()) {
            format!("{label} over {}", source.transport)
        } else {
            label
        }
    }

    fn label_at(&self, id: &str, address: SocketAddr, usual_port: u16) -> String {
        let several = self.addresses.get(id).is_some_and(|all| all.len() > 1);
        if several {
            format!("{id} ({})", show_address(address, usual_port))
        } else {
            id.to_owned()
        }
    }
}

/// The port that goes without saying, by the transport at the end of an id: 853 for `quad9+tls`.
fn usual_port(id: &str) -> u16 {
    let word = id.rsplit_once('+').map(|(_, word)| word);
    let mut all = Transport::ALL.into_iter();
    all.find(|transport| Some(transport.as_str()) == word)
        .map_or(53, Transport::usual_port)
}

/// A name both ways where its labels are internationalised: `bücher.example (xn--bcher-kva.example)`.
pub(super) fn name(name: &DnsName) -> String {
    let unicode = name.to_unicode();
    if unicode == name.as_str() {
        unicode
    } else {
        format!("{} ({name})", inert(&unicode))
    }
}

/// [`name`] with the type.
pub(super) fn question(question: &Question) -> String {
    format!("{} {}", name(&question.name), question.rtype)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{SourceKind, Transport};

    #[test]
    fn an_address_is_shown_where_the_id_alone_would_be_ambiguous() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let who = Who::over([
            ("google", at("8.8.8.8:53")),
            ("google", at("8.8.4.4:53")),
            ("lab", at("127.0.0.1:5353")),
            ("lab", at("127.0.0.1:5353")),
        ]);
        assert_eq!(who.label("google", at("8.8.4.4:53")), "google (8.8.4.4)");
        assert_eq!(who.label("lab", at("127.0.0.1:5353")), "lab");
    }

    #[test]
    fn an_encrypted_transport_is_said() {
        let over = |transport, address: &str| Source {
            kind: SourceKind::Resolver,
            id: "office".to_owned(),
            address: address.parse().unwrap(),
            transport,
        };
        let plain = over(Transport::Tcp, "9.9.9.9:53");
        let tls = over(Transport::Tls, "9.9.9.9:853");
        let who = Who::over_sources([&plain, &tls]);
        assert_eq!(who.source(&plain), "office (9.9.9.9)");
        assert_eq!(who.source(&tls), "office (9.9.9.9) over tls");
        assert_eq!(Who::over_sources([&tls]).source(&tls), "office over tls");
        let preset = Source {
            id: "quad9+tls".to_owned(),
            ..tls
        };
        assert_eq!(Who::over_sources([&preset]).source(&preset), "quad9+tls");
    }

    #[test]
    fn an_internationalised_name_is_shown_both_ways() {
        let shown = |text: &str| name(&text.parse().unwrap());
        assert_eq!(
            shown("bücher.example"),
            "bücher.example (xn--bcher-kva.example)"
        );
        assert_eq!(shown("dialer1.example.com"), "dialer1.example.com");
    }
}
