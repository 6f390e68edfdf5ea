//! A recursive server of the lab: four makes, each as a public resolver that recurses from the private root.
//!
//! Three of them speak TLS and HTTPS, too, and unbound has a front for QUIC and HTTP/3. Deliberately without forwarders and prefetching: what a cache holds, and until when, is the zone's doing; and
//! nothing is validated unless [`signing`](super::signing) says so.

use std::{
    ffi::OsString,
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
};

use hickory_proto::rr::RecordType;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use super::{
    certificates::{Certificate, CertificateAuthority},
    dig,
    front::Front,
    process::{Server, control, control_reading},
};

/// A make of recursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    /// The only one that a wrong address can be planted in.
    Unbound,
    PdnsRecursor,
    KnotResolver,
    Bind,
}

impl Make {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [
        Self::Unbound,
        Self::PdnsRecursor,
        Self::KnotResolver,
        Self::Bind,
    ];

    /// The resolver's id in the lab and in configurations.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::PdnsRecursor => "pdns-recursor",
            Self::KnotResolver => "knot-resolver",
            Self::Bind => "bind",
        }
    }

    /// Who is said to run it: each an operator, one voice in a quorum.
    pub(crate) fn operator(self) -> &'static str {
        match self {
            Self::Unbound => "NLnet Labs",
            Self::PdnsRecursor => "PowerDNS",
            Self::KnotResolver => "CZ.NIC",
            Self::Bind => "ISC",
        }
    }

    /// Its host number in the lab's network.
    pub(super) fn host(self) -> u8 {
        match self {
            Self::Unbound => 11,
            Self::PdnsRecursor => 12,
            Self::KnotResolver => 13,
            Self::Bind => 14,
        }
    }

    /// The name in its certificate.
    pub(crate) fn server_name(self) -> String {
        format!("{}.lab.test", self.id())
    }

    /// How it can be asked, each with its port, in the order and the words of `check --transport`. HTTP is at `/dns-query`.
    pub(crate) fn transports(self) -> &'static [(&'static str, u16)] {
        const ALL: [(&str, u16); 6] = [
            ("udp", 53),
            ("tcp", 53),
            ("tls", 853),
            ("https", 443),
            ("quic", 853),
            ("h3", 443),
        ];
        match self {
            Self::Unbound => &ALL,
            Self::KnotResolver | Self::Bind => &ALL[..4],
            Self::PdnsRecursor => &ALL[..2],
        }
    }

    /// Its configuration files as name and template.
    fn templates(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Unbound => &[("unbound.conf", include_str!("../../lab/unbound.conf"))],
            Self::PdnsRecursor => &[],
            Self::KnotResolver => &[("kresd.lua", include_str!("../../lab/kresd.lua"))],
            Self::Bind => &[
                ("named.conf", include_str!("../../lab/named.conf")),
                ("rndc.conf", include_str!("../../lab/rndc.conf")),
            ],
        }
    }

    /// The server over a directory that holds its files, each run in the foreground as the user who started the lab.
    fn server(self, dir: &Path, address: SocketAddr, settings: &str) -> Server {
        let file = |name: &str| dir.join(name).into_os_string();
        let server =
            |program: &str, args: Vec<OsString>| Server::new(self.id(), dir, program, args);
        match self {
            Self::Unbound => server(
                "unbound",
                vec!["-d".into(), "-c".into(), file("unbound.conf")],
            )
            .out_of_confinement(),
            Self::PdnsRecursor => server("pdns_recursor", pdns_settings(dir, address, settings)),
            Self::KnotResolver => server(
                "kresd",
                vec!["-n".into(), "-c".into(), file("kresd.lua"), dir.into()],
            ),
            Self::Bind => {
                let args = ["-g", "-n", "1", "-c"].map(OsString::from).into_iter();
                server("named", args.chain([file("named.conf")]).collect())
                    .out_of_confinement()
                    .with_last_will(format!(
                        "PATH=$PATH:/usr/sbin:/sbin ip address del {}/32 dev lo",
                        address.ip()
                    ))
            }
        }
    }
}

/// The recursor's settings, all as arguments: 4.x reads one kind of file, 5.2 and later another, both the same arguments.
fn pdns_settings(dir: &Path, address: SocketAddr, settings: &str) -> Vec<OsString> {
    let dir = dir.display();
    let usual = [
        format!("--config-dir={dir}"),
        format!("--socket-dir={dir}"),
        format!("--hint-file={dir}/root.hints"),
        format!("--local-address={}", address.ip()),
        "--local-port=53".to_owned(),
        "--server-id=pdns-recursor-1".to_owned(),
        "--dont-query=".to_owned(),
        "--dnssec=off".to_owned(),
        "--security-poll-suffix=".to_owned(),
        // A lost packet must not cost a minute of failures (RFC 9520 allows five) where rounds take a second.
        "--packetcache-servfail-ttl=1".to_owned(),
        "--dont-throttle-netmasks=127.0.0.0/8".to_owned(),
        "--threads=1".to_owned(),
        "--daemon=no".to_owned(),
        "--write-pid=no".to_owned(),
        "--setuid=".to_owned(),
        "--setgid=".to_owned(),
    ];
    let more = settings.split_whitespace().map(OsString::from);
    usual.into_iter().map(OsString::from).chain(more).collect()
}

/// Ten hosts up, where unbound has what its [`Front`] hands through.
fn behind(address: SocketAddr) -> IpAddr {
    let IpAddr::V4(address) = address.ip() else {
        panic!("{address}: a lab is 127.a.b.0/24")
    };
    Ipv4Addr::from_bits(address.to_bits() + 10).into()
}

/// A recursor and where it answers.
pub(crate) struct Recursor {
    make: Make,
    address: SocketAddr,
    ns1: SocketAddr,
    certificate: Certificate,
    server: Server,
    front: Option<Front>,
}

impl Recursor {
    /// Writes its files below `base`; nothing runs before [`start`](Self::start). The root is where it begins to ask,
    /// ns1 what it must have found when it works. `settings` stand in its configuration beside the lab's.
    pub(super) fn new(
        (make, settings): (Make, &str),
        dir: &Path,
        address: SocketAddr,
        root: SocketAddr,
        ns1: SocketAddr,
        authority: &CertificateAuthority,
    ) -> io::Result<Self> {
        fs::create_dir(dir)?;
        let certificate = authority.certify(&make.server_name(), address.ip());
        certificate.write(dir)?;
        let hints = format!(". 3600 IN NS a.root.\na.root. 3600 IN A {}\n", root.ip());
        fs::write(dir.join("root.hints"), hints)?;
        for (name, template) in make.templates() {
            let text = template
                .replace("@ADDRESS@", &address.ip().to_string())
                .replace("@BEHIND@", &behind(address).to_string())
                .replace("@ROOT@", &root.ip().to_string())
                .replace("@DIR@", &dir.display().to_string())
                .replace("@SETTINGS@", settings);
            fs::write(dir.join(name), text)?;
        }
        let server = make.server(dir, address, settings);
        Ok(Self {
            make,
            address,
            ns1,
            certificate,
            server,
            front: None,
        })
    }

    /// What it is.
    pub(crate) fn make(&self) -> Make {
        self.make
    }

    /// Where its files are.
    pub(super) fn dir(&self) -> &Path {
        self.server.dir()
    }

    /// Where it answers over UDP and TCP.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Where it answers over each of its [`transports`](Make::transports).
    pub(crate) fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        let transports = self.make.transports().iter();
        let at = |&(name, port)| (name, (self.address.ip(), port).into());
        transports.map(at).collect()
    }

    /// Starts it, its cache empty, and waits until it resolves through the private tree.
    pub(crate) async fn start(&mut self) {
        if self.make == Make::Bind {
            // BIND listens only on what an interface carries. The server's last will takes the address off again.
            let address = format!("{}/32", self.address.ip());
            control("ip", &["address", "replace", &address, "dev", "lo"]).await;
        }
        self.server.start();
        let address = self.address;
        // A name that only this lab answers so, and that is no dialer: those are in no cache before a test asks.
        let lab = [self.ns1.ip().to_string()];
        let resolving = async || {
            let reply = dig::ask(address, "ns1.example.com.", RecordType::A).await;
            reply.is_ok_and(|reply| reply.addresses == lab)
        };
        self.server
            .until("resolved ns1.example.com", resolving)
            .await;
        if self.make == Make::Unbound && self.front.is_none() {
            self.front = Some(Front::start(address, behind(address), &self.certificate).await);
        }
    }

    /// Kills it, its cache forgotten: its port refuses from now on.
    pub(crate) fn stop(&mut self) {
        self.front = None;
        self.server.stop();
    }

    /// Makes it silent: what is asked times out.
    pub(crate) async fn freeze(&mut self) {
        self.server.freeze().await;
    }

    /// Ends a [`freeze`](Self::freeze).
    pub(crate) fn thaw(&mut self) {
        self.server.thaw();
    }

    /// Whether it runs and is not frozen.
    pub(crate) fn is_answering(&mut self) -> bool {
        self.server.is_answering()
    }

    /// Makes it serve one wrong address for a name, at a constant TTL in seconds; other types stay right.
    pub(crate) async fn plant(&self, name: &str, address: &str, ttl: u32) {
        // An address planted before would be served beside this one.
        self.unplant(name).await;
        let rtype = if address.contains(':') { "AAAA" } else { "A" };
        self.unbound_control(&["local_zone", name, "typetransparent"])
            .await;
        self.unbound_control(&["local_data", &format!("{name} {ttl} IN {rtype} {address}")])
            .await;
    }

    /// Ends every [`plant`](Self::plant) of a name.
    pub(crate) async fn unplant(&self, name: &str) {
        self.unbound_control(&["local_zone_remove", name]).await;
    }

    /// Makes it deny a name and every type of it, out of its own head: NXDOMAIN without an SOA record.
    pub(crate) async fn deny(&self, name: &str) {
        self.unbound_control(&["local_zone", name, "always_nxdomain"])
            .await;
    }

    /// Puts a wrong address into its cache, where the TTL, in seconds, counts down, and aliases of the name lead to it.
    pub(crate) async fn poison(&self, name: &str, address: &str, ttl: u32) {
        self.flush(name).await;
        let rtype = if address.contains(':') { "AAAA" } else { "A" };
        // In the form of its own dump: the set of records, of the trust of an authority's answer (8), and a message that
        // consists of it (flags 32896: a reply, recursion available).
        let set = format!(";rrset {ttl} 1 0 8 0\n{name}\t{ttl}\tIN\t{rtype}\t{address}\n");
        let message = format!("msg {name} IN {rtype} 32896 1 {ttl} 0 1 0 0\n{name} IN {rtype} 0\n");
        let cache = format!(
            "START_RRSET_CACHE\n{set}END_RRSET_CACHE\nSTART_MSG_CACHE\n{message}END_MSG_CACHE\nEOF\n"
        );
        self.unbound_control_reading(&["load_cache"], &cache).await;
    }

    /// Drops a name from its cache, as an operator's flush page does.
    pub(crate) async fn flush(&self, name: &str) {
        let dir = self.server.dir().display().to_string();
        match self.make {
            Make::Unbound => drop(self.unbound_control(&["flush", name]).await),
            Make::PdnsRecursor => {
                let args = [format!("--config-dir={dir}"), format!("--socket-dir={dir}")];
                control("rec_control", &[&args[0], &args[1], "wipe-cache", name]).await;
            }
            Make::KnotResolver => {
                let socket = self
                    .server
                    .dir()
                    .join(format!("control/{}", self.server.pid()));
                let said = kresd_control(&socket, &format!("cache.clear('{name}', true)")).await;
                said.unwrap_or_else(|error| panic!("{}: {error}", socket.display()));
            }
            Make::Bind => {
                control(
                    "rndc",
                    &["-c", &format!("{dir}/rndc.conf"), "flushname", name],
                )
                .await;
            }
        }
    }

    pub(super) async fn unbound_control(&self, command: &[&str]) -> String {
        self.unbound_control_reading(command, "").await
    }

    async fn unbound_control_reading(&self, command: &[&str], input: &str) -> String {
        assert_eq!(self.make, Make::Unbound, "only unbound takes such orders");
        let config = self.server.dir().join("unbound.conf");
        let args = [&["-c", config.to_str().unwrap()], command].concat();
        control_reading("unbound-control", &args, input).await
    }
}

/// One line to kresd's control socket, and what it says to that.
async fn kresd_control(socket: &Path, line: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    let mut said = [0; 4096];
    let length = stream.read(&mut said).await?;
    Ok(String::from_utf8_lossy(&said[..length]).into_owned())
}
