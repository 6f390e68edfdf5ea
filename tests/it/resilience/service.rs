//! The real binary as a child process, and what can be asked of it from outside.

use std::{
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything here may take on a busy machine before a test gives up.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// Looks again and again until there is something.
///
/// # Panics
/// When there is nothing after [`PATIENCE`].
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The product's binary with a configuration.
pub(super) fn program(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dns-auditor"));
    command
        .arg("--config")
        .arg(config)
        .env_remove("DATABASE_URL")
        .env("RUST_LOG", "info,sqlx=warn,hickory_proto=warn")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end, away from the test's own threads.
pub(super) async fn run(config: &Path, args: &[&str]) -> Output {
    let mut command = program(config);
    command.args(args);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// A running `serve`. Killed when dropped.
pub(super) struct Service {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Service {
    /// Starts it and waits until it says where it listens.
    pub(super) async fn start(config: &Path) -> Self {
        let mut service = Self::spawn(config);
        service.address = until("the service starts", async || {
            let log = service.log();
            assert!(service.is_running(), "the service ended:\n{log}");
            let rest = log.split_once("look here   http://")?.1;
            rest.split_once('/')?.0.parse().ok()
        })
        .await;
        service
    }

    /// Starts it and waits for nothing.
    pub(super) fn spawn(config: &Path) -> Self {
        let mut child = program(config)
            .arg("serve")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()), log.clone());
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                *kept.lock().unwrap() += &format!("{line}\n");
            }
        });
        Self {
            child,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            log,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything it has said so far.
    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Sends a signal and waits for the end: how it ended, and how long that took.
    pub(super) async fn end(&mut self, signal: Signal) -> (ExitStatus, Duration) {
        let began = Instant::now();
        self.signal(signal);
        let status = until("the service ends", async || self.child.try_wait().unwrap()).await;
        (status, began.elapsed())
    }

    /// Stops it as a service manager does.
    pub(super) async fn stop(mut self) {
        let (status, _) = self.end(Signal::TERM).await;
        assert!(status.success(), "{status}:\n{}", self.log());
    }

    /// Kills it as a machine does that loses its power. Returns what it has said.
    pub(super) async fn kill(mut self) -> String {
        self.end(Signal::KILL).await;
        self.log()
    }

    /// Status and body of a page.
    pub(super) async fn get(&self, path: &str) -> (u16, String) {
        let (address, path) = (self.address, path.to_owned());
        tokio::task::spawn_blocking(move || get(address, &path).unwrap())
            .await
            .unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("the service said:\n{}", self.log());
        }
    }
}

fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok((status, body.to_owned()))
}
