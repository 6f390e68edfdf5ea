//! A program of this machine as a receiver: the message on its standard input, its exit status as the answer.
//!
//! No shell stands between, and of the environment it gets `PATH` alone: this process has secrets in its own. Deliberately
//! absent: programs that were not named in the configuration, from the root on.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};
use uuid::Uuid;

use super::outcome::{Delivery, one_line};
use crate::config::Exec;

/// Most bytes of what it says that are read.
const MOST_SAID: u64 = 4096;

/// Runs the program once, for at most `patience`; then it is killed. Success is exit status 0.
pub(super) async fn run(exec: &Exec, message: &[u8], id: Uuid, patience: Duration) -> Delivery {
    match tokio::time::timeout(patience, attempt(exec, message, id)).await {
        Ok(Ok(delivery)) => delivery,
        Ok(Err(error)) => Delivery::retry(format!("the program cannot be run: {error}")),
        Err(_) => Delivery::retry(format!(
            "the program did not end within {}",
            humantime::format_duration(patience)
        )),
    }
}

async fn attempt(exec: &Exec, message: &[u8], id: Uuid) -> std::io::Result<Delivery> {
    let mut command = Command::new(&exec.program);
    command
        .args(&exec.arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("DNS_AUDITOR_MESSAGE_ID", id.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let (input, errors) = (child.stdin.take(), child.stderr.take());
    let write = async {
        if let Some(mut input) = input {
            // One that ends without reading has its reasons, and a status.
            let _ = input.write_all(message).await;
        }
    };
    let read = async {
        let mut said = Vec::new();
        if let Some(errors) = errors {
            let _ = errors.take(MOST_SAID).read_to_end(&mut said).await;
        }
        said
    };
    let ((), said) = tokio::join!(write, read);
    let status = child.wait().await?;
    let said = one_line(&String::from_utf8_lossy(&said));
    let what = if said.is_empty() {
        status.to_string()
    } else {
        format!("{status}: {said}")
    };
    Ok(if status.success() {
        Delivery::Delivered { answer: what }
    } else {
        Delivery::retry(what)
    })
}
