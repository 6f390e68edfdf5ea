//! Where a lab stands: a loopback network of its own on this machine, and the programs it is made of.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use super::process::find;

/// Everything the lab runs, and where Debian and Ubuntu keep it.
const PROGRAMS: [(&str, &str); 9] = [
    ("knotd", "knot"),
    ("knotc", "knot"),
    ("unbound", "unbound"),
    ("unbound-control", "unbound"),
    ("pdns_recursor", "pdns-recursor"),
    ("kresd", "knot-resolver"),
    ("named", "bind9"),
    ("rndc", "bind9-utils"),
    ("ip", "iproute2"),
];

/// A loopback network `127.a.b.0/24` that no other lab of this machine uses.
pub(crate) struct Place {
    network: [u8; 2],
    /// Holds the network: whoever binds port 53 of its last address owns it.
    _claim: UdpSocket,
}

impl Place {
    /// Takes the first free network. Networks 64 to 127 keep clear of 127.0.0.1, systemd-resolved and Docker.
    pub(crate) fn claim() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut refused = None;
        for _ in 0..256 {
            let turn = NEXT.fetch_add(1, Ordering::Relaxed);
            let number = process::id().wrapping_mul(61).wrapping_add(turn);
            let network = [64 + (number >> 8) as u8 % 64, number as u8];
            match UdpSocket::bind(in_network(network, 254)) {
                Ok(claim) => {
                    return Ok(Self {
                        network,
                        _claim: claim,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(|| io::Error::other("no loopback network is free")))
    }

    /// Port 53 of one address.
    pub(crate) fn address(&self, host: u8) -> SocketAddr {
        in_network(self.network, host)
    }
}

fn in_network([a, b]: [u8; 2], host: u8) -> SocketAddr {
    (Ipv4Addr::new(127, a, b, host), 53).into()
}

/// Panics, naming the command, if a program of the lab is not installed.
pub(crate) fn check_programs() {
    let missing: Vec<_> = PROGRAMS
        .iter()
        .filter(|(program, _)| find(program).is_none())
        .collect();
    if missing.is_empty() {
        return;
    }
    let programs: Vec<_> = missing.iter().map(|(program, _)| *program).collect();
    let mut packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    panic!(
        "the lab of real DNS servers needs {}, not installed here: run `make test`, which installs what is missing, or \
         `sudo apt-get install --no-install-recommends {}`",
        programs.join(", "),
        packages.join(" ")
    );
}
