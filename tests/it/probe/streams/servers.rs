//! unbound and dnsdist with certificates of an authority of the test's own, at free ports of the loopback network.
//!
//! Both know a host, and a name with 50 kB of text. Deliberately absent: recursion.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use dns_auditor::types::Transport;
use tempfile::TempDir;
use tokio::{net::TcpStream, time::sleep};

use crate::{
    dns::{DnsServer, Script, Zone, free_port},
    lab::{CertificateAuthority, process::Server},
};

/// The name that the certificates are for, beside the address.
pub(super) const NAME: &str = "dns.example.net";

/// A server that runs until it is dropped.
pub(super) struct RealServer {
    process: Server,
    ports: [u16; 3],
    authority: CertificateAuthority,
    _behind: Option<DnsServer>,
    _dir: TempDir,
}

impl RealServer {
    pub(super) async fn unbound() -> Self {
        let (dir, authority, [tcp, tls, https]) = prepare().await;
        let mut settings = format!(
            "server:
                interface: 127.0.0.1@{tcp}
                interface: 127.0.0.1@{tls}
                interface: 127.0.0.1@{https}
                tls-port: {tls}
                https-port: {https}
                tls-service-pem: certificate.pem
                tls-service-key: key.pem
                username: \"\"
                chroot: \"\"
                directory: {0}
                pidfile: \"\"
                use-syslog: no
                module-config: iterator
                incoming-num-tcp: 50
                local-zone: example.com. static
                local-data: \"example.com. 3600 SOA ns1.example.com. host.example.com. 7 7200 900 1209600 300\"
                local-data: \"dialer1.example.com. 300 A 192.0.2.1\"\n",
            dir.path().display()
        );
        for text in texts() {
            writeln!(settings, "local-data: 'long.example.com. 60 TXT {text}'").unwrap();
        }
        settings.push_str("remote-control:\n control-enable: no\n");
        let file = write(dir.path(), "unbound.conf", &settings);
        let args = vec!["-d".into(), "-c".into(), file];
        let process = Server::new("unbound", dir.path(), "unbound", args).out_of_confinement();
        Self::start(process, [tcp, tls, https], authority, None, dir).await
    }

    pub(super) async fn dnsdist() -> Self {
        let (dir, authority, [tcp, tls, https]) = prepare().await;
        let mut zone = "@ 3600 SOA ns1.example.com. host.example.com. 7 7200 900 1209600 300
            @       3600 NS  ns1.example.com.
            dialer1 300  A   192.0.2.1\n"
            .to_owned();
        for text in texts() {
            writeln!(zone, "long 60 TXT {text}").unwrap();
        }
        let behind =
            DnsServer::start(Script::authority().zone(Zone::new("example.com", &zone))).await;
        let certificate = "\"certificate.pem\", \"key.pem\"";
        let settings = format!(
            "setLocal('127.0.0.1:{tcp}')
             setSecurityPollSuffix('')
             newServer({{address='{}', retries=1}}):setUp()
             addTLSLocal('127.0.0.1:{tls}', {certificate})
             addDOHLocal('127.0.0.1:{https}', {certificate}, '/dns-query')\n",
            behind.address()
        );
        let file = write(dir.path(), "dnsdist.conf", &settings);
        let args = ["--supervised", "--disable-syslog", "-C"].map(OsString::from);
        let args = args.into_iter().chain([file]).collect();
        let process = Server::new("dnsdist", dir.path(), "dnsdist", args);
        Self::start(process, [tcp, tls, https], authority, Some(behind), dir).await
    }

    async fn start(
        mut process: Server,
        ports: [u16; 3],
        authority: CertificateAuthority,
        behind: Option<DnsServer>,
        dir: TempDir,
    ) -> Self {
        process.start();
        let mut server = Self {
            process,
            ports,
            authority,
            _behind: behind,
            _dir: dir,
        };
        server.until_ready().await;
        server
    }

    /// Stops it, so that every connection ends, and starts it again.
    pub(super) async fn restart(&mut self) {
        self.process.stop();
        self.process.start();
        self.until_ready().await;
    }

    /// Where it answers.
    pub(super) fn addresses(&self) -> [(Transport, SocketAddr); 3] {
        let at = |nth: usize| SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[nth]));
        [
            (Transport::Tcp, at(0)),
            (Transport::Tls, at(1)),
            (Transport::Https, at(2)),
        ]
    }

    pub(super) fn ca_file(&self) -> &Path {
        self.authority.file()
    }

    /// Waits until every port takes connections; what it does with them is the test's to see.
    async fn until_ready(&mut self) {
        for (_, address) in self.addresses() {
            while TcpStream::connect(address).await.is_err() {
                let log = fs::read_to_string(self.process.dir().join("log"));
                assert!(self.process.is_running(), "{log:?}");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// A directory with a certificate, the authority, and free ports.
async fn prepare() -> (TempDir, CertificateAuthority, [u16; 3]) {
    let dir = TempDir::new().unwrap();
    let authority = CertificateAuthority::new(dir.path()).unwrap();
    let certificate = authority.certify(NAME, Ipv4Addr::LOCALHOST.into());
    certificate.write(dir.path()).unwrap();
    let mut ports = [0; 3];
    for nth in 0..3 {
        ports[nth] = loop {
            let port = free_port(&["127.0.0.1"]).await;
            if !ports.contains(&port) {
                break port;
            }
        };
    }
    (dir, authority, ports)
}

fn write(dir: &Path, name: &str, text: &str) -> OsString {
    let file = dir.join(name);
    fs::write(&file, text).unwrap();
    file.into_os_string()
}

/// 200 texts of 220 octets, quoted.
fn texts() -> impl Iterator<Item = String> {
    (0..200).map(|nth| format!("\"{nth:0>220}\""))
}
