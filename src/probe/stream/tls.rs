//! What a server must show, and how a session is taken up again: the client side of TLS 1.2 and 1.3.
//!
//! Trusted are the system's roots and an endpoint's own file. Deliberately absent: the handshake's sockets, and a way to trust
//! less than a valid certificate for the right name.

mod failure;
mod trust;

pub(super) use failure::{classify, reason};
pub use trust::{EndpointError, check_endpoint};

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{ClientConfig, client::Resumption, pki_types::ServerName};
use tokio::{sync::OnceCell, time::Instant};

use super::Target;
use crate::types::NoReply;

/// How long a configuration is used. Afterwards trust is read again, and every server must show its certificate again: a
/// resumed session does not.
const LIFETIME: Duration = Duration::from_hours(1);

/// The protocol that is agreed on (RFC 7301), by its registered name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Alpn {
    /// DNS over TLS (RFC 7858).
    Dot,
    /// HTTP/2 (RFC 9113).
    H2,
    /// DNS over QUIC (RFC 9250).
    Doq,
    /// HTTP/3 (RFC 9114).
    H3,
}

impl Alpn {
    /// The name on the wire.
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Dot => b"dot",
            Self::H2 => b"h2",
            Self::Doq => b"doq",
            Self::H3 => b"h3",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    ca_file: Option<PathBuf>,
    alpn: Alpn,
    resume: bool,
}

/// The client configurations in use, each made once. Cheap to clone; the clones share them.
#[derive(Clone, Default)]
pub(super) struct Configs {
    made: Arc<Mutex<HashMap<Key, Made>>>,
}

struct Made {
    at: Instant,
    config: Arc<OnceCell<Result<Arc<ClientConfig>, NoReply>>>,
}

impl Configs {
    /// The configuration for a target and a protocol. With `resume`, all who ask share one store of sessions; without, the
    /// handshake is a full one.
    pub(super) async fn client(
        &self,
        target: &Target,
        alpn: Alpn,
        resume: bool,
    ) -> Result<Arc<ClientConfig>, NoReply> {
        let key = Key {
            ca_file: target
                .endpoint
                .as_ref()
                .and_then(|endpoint| endpoint.ca_file.clone()),
            alpn,
            resume,
        };
        let cell = self.cell(&key);
        cell.get_or_init(|| make(key)).await.clone()
    }

    fn cell(&self, key: &Key) -> Arc<OnceCell<Result<Arc<ClientConfig>, NoReply>>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|_, made| made.at.elapsed() < made.lifetime());
        let made = made.entry(key.clone()).or_insert_with(|| Made {
            at: Instant::now(),
            config: Arc::default(),
        });
        Arc::clone(&made.config)
    }
}

impl Made {
    /// What could not be made is tried again soon: somebody may have mended the file.
    fn lifetime(&self) -> Duration {
        match self.config.get() {
            Some(Err(_)) => Duration::from_secs(10),
            _ => LIFETIME,
        }
    }
}

/// Reads what is trusted, off the runtime's threads.
async fn make(key: Key) -> Result<Arc<ClientConfig>, NoReply> {
    let read = tokio::task::spawn_blocking(move || {
        let mut config = trust::client(key.ca_file.as_deref())?;
        config.alpn_protocols = vec![key.alpn.name().to_vec()];
        if !key.resume {
            config.resumption = Resumption::disabled();
        }
        Ok(Arc::new(config))
    });
    read.await.unwrap_or(Err(NoReply::NoRoute))
}

/// Whom the certificate must be valid for: the endpoint's server name, else the address itself. An address is no SNI
/// (RFC 6066 section 3).
pub(super) fn server_name(target: &Target) -> Result<ServerName<'static>, NoReply> {
    let Some(endpoint) = &target.endpoint else {
        return Ok(ServerName::from(target.address.ip()));
    };
    ServerName::try_from(endpoint.server_name.clone())
        .map_err(|_| NoReply::Tls(crate::types::TlsFailure::WrongName))
}
