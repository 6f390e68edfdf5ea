//! Commands that are killed at work: each a little later than the one before, until one comes to its end.
//!
//! Deliberately absent: what must hold after each, which every test says itself.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use crate::cli::program::program;

/// Runs the command with `[retention]` and kills it, again and again, until `after` says that all is done.
pub(super) async fn again_and_again(
    url: &str,
    command: &[&str],
    retention: &str,
    mut after: impl AsyncFnMut() -> bool,
) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auditor.toml");
    let config = format!("vantage = \"here\"\n[retention]\n{retention}\n");
    std::fs::write(&file, config).unwrap();
    for nth in 1_u32..400 {
        let mut command = {
            let mut program = program(directory.path());
            program.args(command).arg("--config").arg(&file);
            program.env("DATABASE_URL", url).stdout(Stdio::null());
            program.spawn().unwrap()
        };
        let until = Instant::now() + Duration::from_millis(15) * nth;
        while Instant::now() < until && command.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        command.kill().unwrap();
        command.wait().unwrap();
        if after().await {
            return;
        }
    }
    panic!("it never comes to an end");
}
