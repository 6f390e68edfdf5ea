//! Receivers' hosts to addresses, by the resolvers that are configured for it or the system's own, refusing what is not on
//! the public Internet.
//!
//! A name is somebody else's to change, so that every address it resolves to must be public: otherwise whoever runs
//! its zone could point the service at its own network (SSRF). An address written in the URL is the operator's own
//! word and never comes here. What an answer says is believed as far as a certificate proves it: where nothing can be
//! connected to, or nothing resolves, the address where the host was last stands in (`pins`), never where what a name leads to is
//! refused. Deliberately absent: any resolver under audit, and DNSSEC.

mod addresses;
mod pins;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use hickory_resolver::{
    ConnectionProvider, ResolverBuilder, TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
};
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

pub use addresses::{is_public, may_be_written};
use pins::Pins;

use crate::clock;

/// Longest time one host name may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest time one resolver may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Why a host name gave no address to connect to. Trying again later may help in each case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The system's resolver configuration cannot be read.
    #[error("the system's resolver configuration cannot be read: {0}")]
    NoConfiguration(String),
    /// The resolvers gave no address, and there is no earlier one to fall back on.
    #[error("`{host}` cannot be resolved: {why}")]
    NoAddress {
        /// The host name.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// An address that is not on the public Internet.
    #[error(
        "`{host}` resolves to {address}, which is not a public address; to reach it on purpose, write the address in the URL, or its network into allow_cidrs"
    )]
    NotPublic {
        /// The host name.
        host: String,
        /// The first such address.
        address: IpAddr,
    },
}

/// The resolver for webhook hosts. Cheap to clone; clones share the last good addresses.
#[derive(Clone)]
pub struct WebhookResolver {
    asked: Result<Arc<TokioResolver>, String>,
    pins: Pins,
    allow: Arc<[IpNet]>,
}

impl WebhookResolver {
    /// A resolver with the system's configuration, as it is now.
    pub fn from_system() -> Self {
        let built = TokioResolver::builder_tokio().and_then(|builder| set(builder).build());
        Self::over(built)
    }

    /// A resolver that asks these and no others; the system's, where there are none.
    pub fn asking(servers: &[SocketAddr]) -> Self {
        if servers.is_empty() {
            return Self::from_system();
        }
        let servers = servers.iter().map(|server| {
            let ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut way| {
                way.port = server.port();
                way
            });
            NameServerConfig::new(server.ip(), true, ways.to_vec())
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        let provider = TokioRuntimeProvider::default();
        Self::over(set(TokioResolver::builder_with_config(config, provider)).build())
    }

    /// The same, with the addresses that were good last kept in a file, so that a restart knows them.
    #[must_use]
    pub fn remembering_in(self, file: PathBuf) -> Self {
        Self {
            pins: Pins::kept_in(file),
            ..self
        }
    }

    fn over(asked: Result<TokioResolver, NetError>) -> Self {
        Self {
            asked: asked.map(Arc::new).map_err(|error| error.to_string()),
            pins: Pins::default(),
            allow: Arc::default(),
        }
    }

    /// The same resolver for a host that may lead into these networks, too. What clouds keep their metadata at, multicast and
    /// the like stay refused.
    #[must_use]
    pub fn allowing(&self, networks: &[IpNet]) -> Self {
        Self {
            allow: networks.into(),
            ..self.clone()
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        let inside = || self.allow.iter().any(|network| network.contains(&address));
        is_public(address) || (inside() && may_be_written(address))
    }

    /// Every address of `host`. Falls back on the last good ones where the resolvers give none, never where what they
    /// give is refused.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let host = plain(host);
        if host == "localhost" {
            // Never asked of anybody (RFC 6761 section 6.3): as explicit as the address itself.
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let now = clock::now();
        let instead = |why: &str| {
            let allowed = |address| self.allows(address);
            self.pins.stand_in(&host, why, allowed, now)
        };
        match self.look_up(&host).await {
            Ok(found) => {
                if let Some(address) = found.iter().copied().find(|address| !self.allows(*address))
                {
                    return Err(ResolveError::NotPublic { host, address });
                }
                if self.pins.is_doubted(&host)
                    && let Some(pinned) =
                        instead("it cannot be connected to where its name leads now")
                {
                    return Ok(pinned);
                }
                self.pins.found(&host, &found, now);
                Ok(found)
            }
            Err(error) => instead(&error.to_string()).ok_or(error),
        }
    }

    /// Notes that `host` showed its certificate to the last connection.
    pub(super) fn prove(&self, host: &str) {
        self.pins.prove(&plain(host), clock::now());
    }

    /// Notes that `host` could not be connected to.
    pub(super) fn doubt(&self, host: &str) {
        self.pins.doubt(&plain(host));
    }

    /// What there is to say of the address that the last connection to `host` went to.
    pub(super) fn remark(&self, host: &str) -> Option<String> {
        self.pins.remark(&plain(host))
    }

    async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let asked = self
            .asked
            .as_ref()
            .map_err(|why| ResolveError::NoConfiguration(why.clone()))?;
        let no_address = |why: String| ResolveError::NoAddress {
            host: host.to_owned(),
            why,
        };
        // A name with a dot is taken as complete: a search list could turn it into somebody else's.
        let query = if host.contains('.') {
            format!("{host}.")
        } else {
            host.to_owned()
        };
        let found = tokio::time::timeout(PATIENCE, asked.lookup_ip(query))
            .await
            .map_err(|_| no_address(format!("no answer within {} s", PATIENCE.as_secs())))?
            .map_err(|error| no_address(error.to_string()))?;
        let addresses: Vec<IpAddr> = found.iter().collect();
        if addresses.is_empty() {
            return Err(no_address("it has no address".to_owned()));
        }
        Ok(addresses)
    }
}

/// A host as it is compared.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn set<P: ConnectionProvider>(mut builder: ResolverBuilder<P>) -> ResolverBuilder<P> {
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = TIMEOUT;
    builder
}

impl Resolve for WebhookResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.addresses(name.as_str()).await?;
            // Port 0 stands for the URL's own.
            let addresses: Addrs =
                Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests;
