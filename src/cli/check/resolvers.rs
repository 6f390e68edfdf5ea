//! Whom `check` asks, and over which transports.
//!
//! Deliberately absent: trying a transport first. Whether it works is what the check shows.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use clap::Args;

use super::CliError;
use crate::{
    config::{Config, DNS_QUERY, presets, read_path, read_server_name},
    types::{Endpoint, QueryOptions, Resolver, ResolverTraits, Transport},
};

/// Resolvers asked when none are named.
const USUAL: [&str; 3] = ["quad9", "cloudflare", "google"];

#[derive(Debug, Args)]
pub(in crate::cli) struct Whom {
    /// Resolver ids and addresses (`9.9.9.9`, `192.0.2.1:5353`), each over one transport with `+`: `quad9+tls`,
    /// `192.0.2.1:8853+tls` [default: quad9,cloudflare,google]
    #[arg(long = "resolver", value_delimiter = ',', value_name = "ID|ADDRESS")]
    pub(super) resolvers: Vec<String>,
    /// Transports that those without `+` are asked over: udp, tcp, tls, https, quic, h3; `all`: every one that a preset is
    /// known to offer, and all six of an address [default: the resolver's own]
    #[arg(long = "transport", value_delimiter = ',', value_name = "TRANSPORT", value_parser = over)]
    transports: Vec<Over>,
    /// The name that certificates must be for [default: a preset's own; of an address the address itself]
    #[arg(long, value_name = "NAME", value_parser = read_server_name)]
    server_name: Option<String>,
    /// Where questions go over https and h3 [default: /dns-query]
    #[arg(long, value_name = "PATH", value_parser = read_path)]
    path: Option<String>,
    /// A PEM file of certificate authorities that are trusted beside the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// What `--transport` can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    All,
    One(Transport),
}

fn over(text: &str) -> Result<Over, String> {
    if text == "all" {
        return Ok(Over::All);
    }
    transport(text).map(Over::One).ok_or_else(|| {
        let known = Transport::ALL.map(Transport::as_str).join(", ");
        format!("write {known} or all")
    })
}

fn transport(text: &str) -> Option<Transport> {
    let mut all = Transport::ALL.into_iter();
    all.find(|transport| transport.as_str() == text)
}

impl Whom {
    /// Resolvers by id or address alone, for commands without the other options.
    pub(in crate::cli) fn named_only(resolvers: Vec<String>) -> Self {
        Self {
            resolvers,
            transports: Vec::new(),
            server_name: None,
            path: None,
            ca_file: None,
        }
    }

    /// Each resolver once over each of its transports. An address that two of them share over one transport would be
    /// asked for both at once: that is refused.
    pub(in crate::cli) fn resolvers(
        &self,
        config: &Config,
    ) -> Result<Vec<Arc<Resolver>>, CliError> {
        let usual: Vec<String> = USUAL.iter().map(ToString::to_string).collect();
        let wanted = if self.resolvers.is_empty() {
            &usual
        } else {
            &self.resolvers
        };
        let mut asked: Vec<Arc<Resolver>> = Vec::new();
        for text in wanted {
            for resolver in self.named(text, config)? {
                add(&mut asked, resolver).map_err(|error| wrong(text, &error))?;
            }
        }
        self.refuse_idle(&asked)?;
        Ok(asked)
    }

    /// What one `--resolver` stands for.
    fn named(&self, text: &str, config: &Config) -> Result<Vec<Arc<Resolver>>, CliError> {
        let (name, word) = match text.rsplit_once('+') {
            Some((name, word)) => (name, Some(word)),
            None => (text, None),
        };
        let wrong = |error: String| wrong(text, &error);
        let (resolver, has_port) = match (config.resolver(name), address(name)) {
            (Some(resolver), _) => (resolver.clone(), false),
            (None, Some(address)) => (Arc::new(by_address(name, address)), has_port(name)),
            (None, None) => return Err(wrong(unknown(config))),
        };
        let transports = match word {
            Some(word) => vec![over(word).map_err(wrong)?],
            None if self.transports.is_empty() => return Ok(vec![self.own(resolver)]),
            None => self.transports.clone(),
        };
        let mut found = Vec::new();
        for transport in transports.into_iter().flat_map(|over| expanded(over, name)) {
            let resolver = self
                .carried(&resolver, transport, has_port)
                .map_err(wrong)?;
            if !found.contains(&resolver) {
                found.push(resolver);
            }
        }
        Ok(found)
    }

    /// A resolver as it is configured, but for what the command line says of its certificate.
    fn own(&self, resolver: Arc<Resolver>) -> Arc<Resolver> {
        match &resolver.endpoint {
            Some(endpoint) => Arc::new(Resolver {
                endpoint: Some(Arc::new(self.said_of((**endpoint).clone()))),
                ..(*resolver).clone()
            }),
            None => resolver,
        }
    }

    /// A resolver over a transport, under the id `quad9+tls`. A port that is not the usual one stays.
    fn carried(
        &self,
        resolver: &Resolver,
        transport: Transport,
        has_port: bool,
    ) -> Result<Arc<Resolver>, String> {
        let id = &resolver.id;
        let port = |address: &SocketAddr| {
            let usual = address.port() == resolver.transport.usual_port() && !has_port;
            if usual {
                transport.usual_port()
            } else {
                address.port()
            }
        };
        let addresses = resolver.addresses.iter();
        Ok(Arc::new(Resolver {
            id: format!("{id}+{transport}"),
            addresses: addresses
                .map(|address| SocketAddr::new(address.ip(), port(address)))
                .collect(),
            transport,
            endpoint: self.endpoint(resolver, transport)?.map(Arc::new),
            ..resolver.clone()
        }))
    }

    fn endpoint(
        &self,
        resolver: &Resolver,
        transport: Transport,
    ) -> Result<Option<Endpoint>, String> {
        let id = &resolver.id;
        if !transport.is_encrypted() {
            return Ok(None);
        }
        if presets::is_preset(id) {
            let known = presets::endpoint(id, transport);
            let offered = || {
                presets::transports(id)
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
            };
            let endpoint = known.ok_or_else(|| {
                format!(
                    "`{id}` is not known to offer {transport}; it offers {}",
                    offered().join(", ")
                )
            })?;
            return Ok(Some(self.said_of(endpoint)));
        }
        let endpoint = match (&resolver.endpoint, resolver.addresses.as_slice()) {
            (Some(endpoint), _) => (**endpoint).clone(),
            (None, [address]) => named_by(address.ip().to_string()),
            (None, _) => match &self.server_name {
                Some(name) => named_by(name.clone()),
                None => return Err(format!("`{id}` has several addresses: give --server-name")),
            },
        };
        Ok(Some(self.said_of(endpoint)))
    }

    /// What the command line says wins.
    fn said_of(&self, endpoint: Endpoint) -> Endpoint {
        Endpoint {
            server_name: self.server_name.clone().unwrap_or(endpoint.server_name),
            path: self.path.clone().unwrap_or(endpoint.path),
            ca_file: self.ca_file.clone().or(endpoint.ca_file),
        }
    }

    /// What nobody would hear is a mistake.
    fn refuse_idle(&self, asked: &[Arc<Resolver>]) -> Result<(), CliError> {
        let encrypted = asked
            .iter()
            .any(|resolver| resolver.transport.is_encrypted());
        let http = asked.iter().any(|resolver| resolver.transport.is_http());
        for (given, heard, option, instead) in [
            (
                self.server_name.is_some(),
                encrypted,
                "--server-name",
                "tls, https, quic or h3",
            ),
            (
                self.ca_file.is_some(),
                encrypted,
                "--ca-file",
                "tls, https, quic or h3",
            ),
            (self.path.is_some(), http, "--path", "https or h3"),
        ] {
            if given && !heard {
                return Err(CliError::Usage(format!(
                    "{option}: nobody is asked over {instead}; name one of them with --transport"
                )));
            }
        }
        Ok(())
    }
}

fn named_by(server_name: String) -> Endpoint {
    Endpoint {
        server_name,
        path: DNS_QUERY.to_owned(),
        ca_file: None,
    }
}

fn wrong(text: &str, error: &str) -> CliError {
    CliError::Usage(format!("--resolver {text}: {error}"))
}

fn unknown(config: &Config) -> String {
    let known: Vec<_> = config
        .resolvers
        .iter()
        .map(|resolver| resolver.id.as_str())
        .collect();
    format!(
        "neither an address nor a known id; known are {}",
        known.join(", ")
    )
}

/// The transports that `all` stands for depend on whose they are.
fn expanded(over: Over, id: &str) -> Vec<Transport> {
    match over {
        Over::One(transport) => vec![transport],
        Over::All if presets::is_preset(id) => presets::transports(id),
        Over::All => Transport::ALL.to_vec(),
    }
}

fn add(asked: &mut Vec<Arc<Resolver>>, resolver: Arc<Resolver>) -> Result<(), String> {
    if asked.iter().any(|known| known.id == resolver.id) {
        return Ok(());
    }
    let shares = |known: &&Arc<Resolver>| {
        let mut addresses = known.addresses.iter();
        known.transport == resolver.transport
            && addresses.any(|address| resolver.addresses.contains(address))
    };
    if let Some(other) = asked.iter().find(shares) {
        return Err(format!(
            "`{}` is asked at the same address; name one of them",
            other.id
        ));
    }
    asked.push(resolver);
    Ok(())
}

/// Somebody at an address, of whom nothing is known.
fn by_address(text: &str, address: SocketAddr) -> Resolver {
    Resolver {
        id: text.to_owned(),
        operator: text.to_owned(),
        addresses: vec![address],
        transport: Transport::Udp,
        endpoint: None,
        options: QueryOptions::default(),
        max_qps: 100,
        traits: ResolverTraits::default(),
    }
}

fn has_port(text: &str) -> bool {
    text.parse::<SocketAddr>().is_ok()
}

/// An address with its port, or 53.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    let host = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    text.parse()
        .ok()
        .or_else(|| Some(SocketAddr::new(host.unwrap_or(text).parse().ok()?, 53)))
        .filter(|address| address.port() != 0)
}

#[cfg(test)]
mod tests;
