//! The real binary as a child process, with its own scheduler, private database if it is told so, and HTTP face.
//!
//! It cannot outlive the test process, nor can its database.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::setup::Setup;
use crate::{
    lab::{Lab, process::Server},
    postgres::watch,
};

/// `dns-auditor serve` with a configuration of its own.
pub(super) struct Program {
    server: Server,
    file: PathBuf,
    listen: SocketAddr,
    /// Ends a private database that a killed service left behind. After the server, so that it is dropped after it.
    _watcher: Child,
    dir: TempDir,
}

impl Program {
    /// Writes its configuration; nothing runs before [`start`](Self::start).
    pub(super) fn new(lab: &Lab, setup: &Setup<'_>) -> Self {
        let (dir, file) = setup.write(lab);
        let args = ["--config".into(), file.clone().into(), "serve".into()];
        let program = env!("CARGO_BIN_EXE_dns-auditor");
        Self {
            server: Server::new("dns-auditor", dir.path(), program, args.into()),
            file,
            listen: setup.listen,
            _watcher: watch(&dir.path().join("data")),
            dir,
        }
    }

    /// Its data directory.
    pub(super) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts it and waits until its HTTP face answers.
    pub(super) async fn start(&mut self) {
        self.server.start();
        let listen = self.listen;
        let alive = async || get(listen, "/healthz").await.is_some();
        self.server.until("answered /healthz", alive).await;
    }

    /// Kills it: no signal handler runs.
    pub(super) fn kill(&mut self) {
        self.server.stop();
    }

    /// Asks it to stop and waits until it has.
    pub(super) async fn terminate(&mut self) {
        kill_process(self.server.pid(), Signal::TERM).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.server.is_running() {
            assert!(Instant::now() < deadline, "it does not stop when asked to");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.server.stop();
    }

    /// Waits until `ready` says so; panics with its log if it ends or that never comes.
    pub(super) async fn until(&mut self, what: &str, ready: impl AsyncFnMut() -> bool) {
        self.server.until(what, ready).await;
    }

    /// What a command prints, run beside the service under the same configuration.
    pub(super) fn command(&self, args: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dns-auditor"));
        command.arg("--config").arg(&self.file).args(args);
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The body of a page; `None` where nobody answers, or not with 200.
pub(super) async fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.ok()?;
    let (head, body) = reply.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).filter(|status| *status == "200")?;
    Some(body.to_owned())
}
