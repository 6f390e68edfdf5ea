//! Webhook hosts to addresses, by the system's own resolvers, refusing what is not on the public Internet.
//!
//! A name is somebody else's to change, so that every address it resolves to must be public: otherwise whoever runs
//! its zone could point the service at its own network (SSRF). An address written in the URL is the operator's own
//! word and never comes here. Deliberately absent: any resolver under audit, and DNSSEC.

mod addresses;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::LookupIpStrategy,
    net::{NetError, runtime::TokioRuntimeProvider},
};
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

pub use addresses::{is_public, may_be_written};

/// Longest time one host name may take.
const PATIENCE: Duration = Duration::from_secs(5);

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
    system: Result<Arc<TokioResolver>, String>,
    last_good: Arc<Mutex<HashMap<String, Vec<IpAddr>>>>,
    allow: Arc<[IpNet]>,
}

impl WebhookResolver {
    /// A resolver with the system's configuration, as it is now.
    pub fn from_system() -> Self {
        let system = TokioResolver::builder_tokio().and_then(|mut builder| {
            let options = builder.options_mut();
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            options.timeout = Duration::from_secs(2);
            builder.build()
        });
        Self::over(system)
    }

    fn over(system: Result<hickory_resolver::Resolver<TokioRuntimeProvider>, NetError>) -> Self {
        Self {
            system: system.map(Arc::new).map_err(|error| error.to_string()),
            last_good: Arc::default(),
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
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if host == "localhost" {
            // Never asked of anybody (RFC 6761 section 6.3): as explicit as the address itself.
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        match self.look_up(&host).await {
            Ok(found) => {
                if let Some(address) = found.iter().copied().find(|address| !self.allows(*address))
                {
                    return Err(ResolveError::NotPublic { host, address });
                }
                self.remembered().insert(host, found.clone());
                Ok(found)
            }
            Err(error) => {
                let earlier = self.remembered().get(&host).cloned();
                if earlier.is_some() {
                    tracing::warn!(%host, %error, "webhook host does not resolve; using its last good addresses");
                }
                earlier.ok_or(error)
            }
        }
    }

    async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let system = self
            .system
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
        let found = tokio::time::timeout(PATIENCE, system.lookup_ip(query))
            .await
            .map_err(|_| no_address(format!("no answer within {} s", PATIENCE.as_secs())))?
            .map_err(|error| no_address(error.to_string()))?;
        let addresses: Vec<IpAddr> = found.iter().collect();
        if addresses.is_empty() {
            return Err(no_address("it has no address".to_owned()));
        }
        Ok(addresses)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<IpAddr>>> {
        self.last_good
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
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
