//! unbound, a recursor, over TLS or HTTPS: the names are its local data, so that it asks nobody.
//!
//! Deliberately absent: its cache, and recursion.

use std::{fmt::Write as _, fs, net::SocketAddr, path::Path};

use dns_auditor::types::Transport;

use super::Start;
use crate::ground::{NAMES, ZONE, address, name};

pub(super) fn prepare(directory: &Path, at: SocketAddr, transport: Transport) -> Start {
    let file = directory.join("unbound.conf");
    let (ip, port) = (at.ip(), at.port());
    let kind = match transport {
        Transport::Https => "https-port",
        _ => "tls-port",
    };
    let mut configuration = format!(
        "server:\n    interface: {ip}@{port}\n    {kind}: {port}\n    tls-service-key: key.pem\n    \
         tls-service-pem: certificate.pem\n    directory: \"{}\"\n    chroot: \"\"\n    username: \"\"\n    pidfile: \
         \"\"\n    use-syslog: no\n    do-daemonize: no\n    num-threads: 1\n    incoming-num-tcp: 256\n    local-zone: \
         \"{ZONE}.\" static\n",
        directory.display()
    );
    for nth in 0..NAMES {
        let (name, address) = (name(nth), address(nth));
        writeln!(
            configuration,
            "    local-data: \"{name}. 300 IN A {address}\""
        )
        .unwrap();
    }
    configuration += "remote-control:\n    control-enable: no\n";
    fs::write(&file, configuration).unwrap();
    Start {
        program: "unbound".into(),
        arguments: vec!["-d".into(), "-c".into(), file.into()],
    }
}
