//! Whom we trust to vouch for a server: the system's roots, and the file of an endpoint.
//!
//! Deliberately absent: fetching anything.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::{
    ClientConfig, Error,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, ServerName,
        pem::{self, PemObject as _},
    },
    version::{TLS12, TLS13},
};
use rustls_platform_verifier::Verifier;

use crate::types::{Endpoint, NoReply, TlsFailure};

/// What is wrong with an endpoint as configured. Asking it again changes nothing: the configuration or the file must be
/// mended.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Neither a host name nor an address.
    #[error(
        "server name {0:?} is neither a host name nor an IP address; write it as in dns.example.net"
    )]
    ServerName(String),
    /// The file cannot be read, or its PEM is broken.
    #[error("cannot read the CA file {}: {why}; check ca_file and the file's rights", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What reading said.
        why: pem::Error,
    },
    /// The file holds no certificate.
    #[error("the CA file {} holds no certificate; it must be PEM (\"-----BEGIN CERTIFICATE-----\")", .0.display())]
    Empty(PathBuf),
    /// A certificate that cannot vouch for anybody.
    #[error("the CA file {} holds a certificate that cannot be used: {why}; put the authority's own certificate there", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What TLS said.
        why: Error,
    },
}

/// Whether an endpoint can be used as configured: its server name, and its CA file. Reads the file: not for a runtime's
/// thread while it serves.
pub fn check_endpoint(endpoint: &Endpoint) -> Result<(), EndpointError> {
    if ServerName::try_from(endpoint.server_name.as_str()).is_err() {
        return Err(EndpointError::ServerName(endpoint.server_name.clone()));
    }
    let Some(path) = &endpoint.ca_file else {
        return Ok(());
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in read(path)? {
        roots
            .add(certificate)
            .map_err(|why| EndpointError::Unusable {
                path: path.clone(),
                why,
            })?;
    }
    Ok(())
}

/// The client's side of every handshake: TLS 1.2 and 1.3 by ring. Where trust cannot be read, nobody is trusted, and the log
/// says why.
pub(super) fn client(ca_file: Option<&Path>) -> Result<ClientConfig, NoReply> {
    let nobody = NoReply::Tls(TlsFailure::UnknownIssuer);
    let own = ca_file.map(read).transpose().map_err(|error| {
        tracing::error!(%error, "nobody is trusted behind this file");
        nobody
    })?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(own.unwrap_or_default(), Arc::clone(&provider))
        .map_err(|error| {
        say_once(&error);
        nobody
    })?;
    configured(provider, verifier).map_err(|error| {
        tracing::error!(%error, "TLS cannot be used on this host");
        NoReply::NoRoute
    })
}

fn configured(provider: Arc<CryptoProvider>, verifier: Verifier) -> Result<ClientConfig, Error> {
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, EndpointError> {
    let unreadable = |why| EndpointError::Unreadable {
        path: path.to_owned(),
        why,
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(EndpointError::Empty(path.to_owned()));
    }
    Ok(certificates)
}

/// A host without roots is one fault, not one for each server.
fn say_once(error: &Error) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        tracing::error!(%error, "no certificate authority is trusted on this host: install its root certificates (Debian: ca-certificates), or set ca_file");
    }
}
