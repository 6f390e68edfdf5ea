//! The authority: knot on a free loopback port, with 10,000 names, stopped when dropped.
//!
//! Deliberately absent: tuning. One worker each, so that the client has a core of its own on a machine with two.

use std::{
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Names in the zone.
pub const NAMES: usize = 10_000;

/// A running server.
pub struct Knot {
    pub address: SocketAddr,
    /// The names and types as dnsperf reads them.
    pub questions: PathBuf,
    process: Child,
    _directory: TempDir,
}

/// The nth name of the zone.
pub fn name(nth: usize) -> String {
    format!("host{nth:05}.bench.test")
}

impl Knot {
    /// Starts it and waits until it answers.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let address = free_address();
        let mut zone = "@ 3600 SOA ns.bench.test. host.bench.test. 1 7200 900 1209600 300\n\
                        @ 3600 NS ns.bench.test.\nns 3600 A 127.0.0.1\n"
            .to_owned();
        let mut questions = String::new();
        for nth in 0..NAMES {
            let octets = (nth / 250, nth % 250 + 1);
            writeln!(zone, "{}. 300 A 192.0.{}.{}", name(nth), octets.0, octets.1).unwrap();
            writeln!(questions, "{} A", name(nth)).unwrap();
        }
        fs::write(path.join("bench.test.zone"), zone).unwrap();
        fs::write(path.join("questions"), questions).unwrap();
        let here = path.display();
        let configuration = format!(
            "server:\n    rundir: \"{here}\"\n    listen: {}@{}\n    udp-workers: 1\n    tcp-workers: 1\n    \
             background-workers: 1\ndatabase:\n    storage: \"{here}\"\ntemplate:\n  - id: default\n    storage: \
             \"{here}\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\nzone:\n  - domain: \
             bench.test\n    file: bench.test.zone\n",
            address.ip(),
            address.port()
        );
        fs::write(path.join("knot.conf"), configuration).unwrap();
        let process = Command::new("knotd")
            .arg("-c")
            .arg(path.join("knot.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("knotd is installed: packaging/install-deps bench");
        let knot = Self {
            address,
            questions: path.join("questions"),
            process,
            _directory: directory,
        };
        knot.wait();
        knot
    }

    fn wait(&self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        socket.connect(self.address).unwrap();
        // `bench.test SOA`.
        let query = b"\0\x01\0\0\0\x01\0\0\0\0\0\0\x05bench\x04test\0\0\x06\0\x01";
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut reply = [0; 512];
        loop {
            let _ = socket.send(query);
            match socket.recv(&mut reply) {
                Ok(_) if reply[3] % 16 == 0 => return,
                _ => assert!(Instant::now() < deadline, "knot does not answer"),
            }
        }
    }
}

impl Drop for Knot {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> SocketAddr {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}
