//! Certificates of an authority of our own.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tempfile::NamedTempFile;

/// An authority, and the file that makes it trusted.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) file: NamedTempFile,
}

/// A certificate and its key.
pub(super) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        // Each by a name of its own, as authorities are.
        let name = format!("authority {:?}", &key.public_key_raw()[..8]);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            file,
        }
    }

    pub(super) fn identity(&self, name: &str) -> Identity {
        self.identity_between(name, 2000, 4000)
    }

    /// Valid from the first day of one year until the first day of another.
    pub(super) fn identity_between(&self, name: &str, from: i32, until: i32) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = params(name, from, until);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
        }
    }
}

impl Identity {
    pub(super) fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, 2000, 4000).self_signed(&key).unwrap();
        Self {
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
        }
    }

    /// A server that shows this, and speaks these protocols.
    pub(super) fn server(self, alpn: &[&[u8]]) -> ServerConfig {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain, key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }
}

fn params(name: &str, from: i32, until: i32) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}
