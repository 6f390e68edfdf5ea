//! Programs of others that tests hold messages against, and where they were installed.
//!
//! Deliberately absent: skipping. Where one is missing the test says what installs it, and fails.

use std::{path::PathBuf, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// The Python that has the libraries of `packaging/test-requirements.txt`.
fn python() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let python = target.join("python/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run packaging/install-deps test",
        python.display()
    );
    python
}

fn script(name: &str) -> Command {
    let mut command = Command::new(python());
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/notify/python");
    command
        .arg(format!("{directory}/{name}"))
        .kill_on_drop(true);
    command
}

/// Runs a script on this input; what it printed, or what it complained of.
pub(super) async fn run(name: &str, input: &str) -> Result<String, String> {
    let mut child = script(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let ended = child.wait_with_output().await.unwrap();
    if ended.status.success() {
        Ok(String::from_utf8(ended.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8(ended.stderr).unwrap())
    }
}

/// A script that goes on running, and what it prints; it ends with this.
pub(super) struct Running {
    _child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(super) fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child = script(name)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            _child: child,
            said,
        }
    }

    /// Its next line.
    pub(super) async fn line(&mut self) -> String {
        self.said.next_line().await.unwrap().expect("it has ended")
    }
}
