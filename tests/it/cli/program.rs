//! The program, run as a person runs it; what it printed, with the instants, ports and ids of this run taken out.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use insta::Settings;

/// How wide a table may be.
const WIDTH: usize = 100;

/// What became of one run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Everything a person sees, for a snapshot.
    pub(super) fn shown(&self) -> String {
        let stderr = match self.stderr.as_str() {
            "" => String::new(),
            text => format!("--- stderr\n{text}"),
        };
        format!("{}{stderr}--- exit code {}", self.stdout, self.code)
    }

    /// [`Ran::shown`], after a look at its width.
    pub(crate) fn fits(&self) -> String {
        for line in self.stdout.lines() {
            assert!(line.chars().count() <= WIDTH, "too wide: {line}");
        }
        self.shown()
    }
}

/// The program, in an empty directory and with nothing in its environment but the path.
pub(crate) fn program(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dns-auditor"));
    command
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory)
        .env("USER", "ann")
        .stdin(Stdio::null());
    command
}

/// Runs the program, apart from the runtime on which the test's servers answer.
pub(crate) async fn finish(mut command: Command) -> Ran {
    let output = tokio::task::spawn_blocking(move || command.output());
    let Output {
        status,
        stdout,
        stderr,
    } = output.await.unwrap().unwrap();
    Ran {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// [`program`] where there is no history: what a service of this machine has recorded is not read.
pub(super) fn newcomer(directory: &Path) -> Command {
    let mut command = program(directory);
    command.env("DNS_AUDITOR__DATABASE__DATA_DIR", directory.join("data"));
    command
}

/// Runs the program in a directory of its own.
pub(super) async fn run(args: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let mut command = newcomer(directory.path());
    command.args(args);
    finish(command).await
}

/// What differs from run to run taken out: instants, ids, ports, and seconds gone by.
pub(super) fn redacted() -> Settings {
    let mut settings = Settings::clone_current();
    for (pattern, replacement) in [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[ID]"),
        (r"(?m)^[0-9a-f]{8}  ", "[ID]  "),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[RFC 3339]"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "YYYY-MM-DD hh:mm:ssZ"),
        (r"(127(?:\.\d+){3}):\d{5}", "$1:PORT"),
        // What is left of five minutes or a day after a few seconds.
        (r"\b2[5-9]\d(-300)?\b", "300"),
        (r"\b86[34]\d\d(-86400)?\b", "86400"),
        (
            r#"("age_seconds": |"longest_silence_s": |\[RFC 3339\](?:,| \| ))\d{1,2}\b"#,
            "${1}1",
        ),
        (r"\b\d+\.\d ms, \d+ octets", "[TIME] ms, [SIZE] octets"),
        (r"/tmp/\.tmp\w+/", "[DIR]/"),
        (r"\bby rules \d+", "by rules N"),
        (r"rules( +)\d+ then, \d+ now", "rules${1}N then, N now"),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings
}

/// [`redacted`] for tables of instants: their form depends on the time of day, and the widths on their form. The unit
/// tests of each table look at those.
pub(super) fn redacted_apart_from_widths() -> Settings {
    let mut settings = redacted();
    for (pattern, replacement) in [
        (r"(\b\d\d-\d\d )?\b\d\d:\d\d:\d\dZ", "hh:mm:ssZ"),
        (r"UTC, \d{4}(-\d\d-\d\d)?", "UTC"),
        (r"  \d+s  ", "  1s  "),
        (r"(\S) {2,}", "$1  "),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings
}

/// Holds what a run printed against its snapshot.
macro_rules! assert_prints {
    ($name:expr, $text:expr) => {
        crate::cli::program::redacted().bind(|| insta::assert_snapshot!($name, $text))
    };
}

/// [`assert_prints`], whatever the widths of the columns.
macro_rules! assert_tells {
    ($name:expr, $text:expr) => {
        crate::cli::program::redacted_apart_from_widths()
            .bind(|| insta::assert_snapshot!($name, $text))
    };
}

pub(super) use {assert_prints, assert_tells};
