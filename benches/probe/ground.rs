//! What every server and client of a run is given: the names, a certificate authority, a directory.
//!
//! Deliberately absent: processes.

use std::{fmt::Write as _, fs, net::Ipv4Addr, path::PathBuf};

use tempfile::TempDir;

use crate::it::lab::{Certificate, CertificateAuthority};

/// Names in the zone.
pub const NAMES: usize = 10_000;
/// The zone, and the name in every certificate.
pub const ZONE: &str = "bench.test";

pub struct Ground {
    /// The names and types as dnsperf reads them.
    pub questions: PathBuf,
    pub directory: TempDir,
    authority: CertificateAuthority,
}

impl Ground {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let questions = directory.path().join("questions");
        let names = (0..NAMES).fold(String::new(), |mut lines, nth| {
            writeln!(lines, "{} A", name(nth)).unwrap();
            lines
        });
        fs::write(&questions, names).unwrap();
        Self {
            questions,
            authority: CertificateAuthority::new(directory.path()).unwrap(),
            directory,
        }
    }

    /// Whom a client must trust.
    pub fn ca_file(&self) -> &str {
        self.authority.file().to_str().unwrap()
    }

    pub fn certificate(&self) -> Certificate {
        self.authority.certify(ZONE, Ipv4Addr::LOCALHOST.into())
    }
}

/// The nth name of the zone.
pub fn name(nth: usize) -> String {
    format!("host{nth:05}.{ZONE}")
}

/// What it has.
pub fn address(nth: usize) -> Ipv4Addr {
    let nth = u16::try_from(nth).unwrap().to_be_bytes();
    Ipv4Addr::new(198, 18, nth[0], nth[1])
}

/// The zone as a master file.
pub fn zone() -> String {
    let mut zone = format!(
        "@ 3600 IN SOA ns.{ZONE}. host.{ZONE}. 1 7200 900 1209600 300\n@ 3600 IN NS ns.{ZONE}.\n\
         ns.{ZONE}. 3600 IN A 127.0.0.1\n"
    );
    for nth in 0..NAMES {
        writeln!(zone, "{}. 300 IN A {}", name(nth), address(nth)).unwrap();
    }
    zone
}
