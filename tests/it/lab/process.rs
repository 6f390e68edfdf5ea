//! One server of the lab as a child process that cannot outlive the test process.
//!
//! Deliberately absent: any knowledge of DNS, and of when a server is ready; who starts one asks it with real packets.

use std::{
    ffi::OsString,
    fs,
    io::{self, BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;

/// How long a server may take to do what was asked of it, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program with its directory, running or not.
pub(crate) struct Server {
    name: String,
    dir: PathBuf,
    program: PathBuf,
    args: Vec<OsString>,
    last_will: String,
    running: Option<Running>,
}

/// Both ends of the leash: the shell that holds the server, and the pipe whose closing ends it.
struct Running {
    leash: Child,
    hold: ChildStdin,
    server: Pid,
    frozen: bool,
}

impl Server {
    /// A server that is not running yet. Its log is `log` in `dir`, which must exist.
    pub(crate) fn new(name: &str, dir: &Path, program: &str, args: Vec<OsString>) -> Self {
        Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            program: find(program).unwrap_or_else(|| panic!("{program} is not installed")),
            args,
            last_will: String::new(),
            running: None,
        }
    }

    /// Lets it run from a copy of the program: Debian and Ubuntu confine some servers, by the path of their binary, to directories
    /// below `/etc` and `/var`, where a test has no business.
    pub(crate) fn out_of_confinement(mut self) -> Self {
        let copy = self.dir.join(self.program.file_name().unwrap());
        // By another process: a file this one had open for writing is busy for whatever a test forks meanwhile.
        let copied = Command::new("cp").arg(&self.program).arg(&copy).status();
        assert!(
            copied.is_ok_and(|status| status.success()),
            "{}",
            copy.display()
        );
        self.program = copy;
        self
    }

    /// A shell command to run when the server has ended, however that came.
    pub(crate) fn with_last_will(mut self, command: String) -> Self {
        self.last_will = command;
        self
    }

    /// Its directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The server's process id; panics if it does not run.
    pub(crate) fn pid(&self) -> Pid {
        let running = self.running.as_ref();
        running
            .unwrap_or_else(|| panic!("{} is not running", self.name))
            .server
    }

    /// Starts it; if it runs, only ends a [`freeze`](Self::freeze).
    pub(crate) fn start(&mut self) {
        if self.running.is_some() {
            return self.thaw();
        }
        let mut leash = Command::new("sh")
            .args(["-c", include_str!("../../lab/leash.sh"), "leash"])
            .arg(&self.program)
            .args(&self.args)
            .env("LAB_LOG", self.log_file())
            .env("LAB_LAST_WILL", &self.last_will)
            .current_dir(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C at a terminal reaches the process that owns the lab, and not each of its servers.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let mut pid = String::new();
        BufReader::new(leash.stdout.take().unwrap())
            .read_line(&mut pid)
            .unwrap();
        self.running = Some(Running {
            server: Pid::from_raw(pid.trim().parse().unwrap()).unwrap(),
            hold: leash.stdin.take().unwrap(),
            leash,
            frozen: false,
        });
    }

    /// Kills it and waits until it is gone, so that its port refuses.
    pub(crate) fn stop(&mut self) {
        if let Some(Running {
            mut leash, hold, ..
        }) = self.running.take()
        {
            drop(hold);
            let _ = leash.wait();
        }
    }

    /// Whether it was started and has not ended by itself.
    pub(crate) fn is_running(&mut self) -> bool {
        self.running
            .as_mut()
            .is_some_and(|running| matches!(running.leash.try_wait(), Ok(None)))
    }

    /// Whether it runs and is not frozen.
    pub(crate) fn is_answering(&mut self) -> bool {
        self.is_running() && self.running.as_ref().is_some_and(|running| !running.frozen)
    }

    /// Makes it silent: its port stays open, and nothing is answered until [`thaw`](Self::thaw).
    pub(crate) async fn freeze(&mut self) {
        self.signal(Signal::STOP);
        // The signal only asks: a thread on another processor may still answer a question that was put after it.
        let tasks = PathBuf::from(format!("/proc/{}/task", self.pid()));
        self.until("stopped every thread", async || all_stopped(&tasks))
            .await;
    }

    /// Ends a [`freeze`](Self::freeze). What was asked meanwhile is answered now. A server that does not run stays so.
    pub(crate) fn thaw(&mut self) {
        if self.is_running() {
            self.signal(Signal::CONT);
        }
    }

    fn signal(&mut self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        if let Some(running) = &mut self.running {
            running.frozen = signal == Signal::STOP;
        }
    }

    /// Waits until `ready` says so; panics with the server's log if it ends or is never ready.
    pub(crate) async fn until(&mut self, what: &str, mut ready: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !ready().await {
            let why = match (self.is_running(), Instant::now() < deadline) {
                (true, true) => {
                    // A closed port refuses at once: without a breath this would spin until the server has bound it.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
                (false, _) => "it ended",
                (true, false) => "it did not in time",
            };
            panic!(
                "{} should have {what}, but {why}. Its log:\n{}",
                self.name,
                self.log()
            );
        }
    }

    fn log_file(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether every thread of a process is in state `T` (proc(5), `stat`: the state follows the name in parentheses).
fn all_stopped(tasks: &Path) -> bool {
    let stopped = |task: PathBuf| {
        let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_none_or(|(_, rest)| rest.starts_with('T'))
    };
    let mut tasks = fs::read_dir(tasks).into_iter().flatten().flatten();
    tasks.all(|task| stopped(task.path()))
}

/// Runs a control program to its end; panics with what it said if it fails.
pub(crate) async fn control(program: &str, args: &[&str]) -> String {
    control_reading(program, args, "").await
}

/// As [`control`], with what the program reads.
pub(crate) async fn control_reading(program: &str, args: &[&str], input: &str) -> String {
    let path = find(program).unwrap_or_else(|| panic!("{program} is not installed"));
    let ran = run(path, args, input).await;
    let output = ran.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {args:?}: {said}{errors}"
    );
    said
}

/// Runs a program to its end with what it reads.
pub(super) async fn run(program: PathBuf, args: &[&str], input: &str) -> io::Result<Output> {
    let mut child = tokio::process::Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    child.wait_with_output().await
}

/// Where a program is: on the path, or where servers live, which an ordinary user's path leaves out.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}
