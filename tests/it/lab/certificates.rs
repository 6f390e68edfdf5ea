//! The lab's own certificate authority, made anew for each lab.
//!
//! Deliberately without anything wrong: a test that wants an expired or foreign certificate says what shall be in it.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

/// The authority: its certificate lies in the lab's directory, its key only in memory.
pub(crate) struct CertificateAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl CertificateAuthority {
    /// Makes one, and writes its certificate to `ca.pem`.
    pub(crate) fn new(dir: &Path) -> io::Result<Self> {
        let mut params = CertificateParams::default();
        // No two of one name: a signature by the other would look forged, and not foreign.
        params
            .distinguished_name
            .push(DnType::CommonName, dir.display().to_string());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let file = dir.join("ca.pem");
        fs::write(&file, issuer.pem())?;
        Ok(Self { issuer, file })
    }

    /// The file that a client of the lab must trust.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Certifies a new key for a name and an address.
    pub(crate) fn certify(&self, name: &str, address: IpAddr) -> Certificate {
        self.sign(&CertificateParams::new([name.to_owned(), address.to_string()]).unwrap())
    }

    /// Certifies a new key for whatever is said.
    pub(crate) fn sign(&self, params: &CertificateParams) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certificate {
            pem: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A certificate and its key, both PEM.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) key: String,
}

impl Certificate {
    /// Writes both into a server's directory, as `certificate.pem` and `key.pem`.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        fs::write(dir.join("certificate.pem"), &self.pem)?;
        fs::write(dir.join("key.pem"), &self.key)
    }
}
