//! The signals that ask a process to stop: SIGTERM, SIGINT, and SIGHUP of a terminal that was closed.
//!
//! Deliberately absent: stopping. A service and a command each end in their own order.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first of the signals. They end the process no more by themselves.
pub(super) fn stop_on_signal() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = if hang_up_is_ignored() {
        None
    } else {
        Some(signal(SignalKind::hangup())?)
    };
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            Some(()) = async { hang_up.as_mut()?.recv().await } => "SIGHUP",
        };
        tracing::info!("{name}: stopping");
        cancelled.cancel();
    });
    Ok(stop)
}

/// Whether whoever started this process wants it to outlive the terminal (`nohup`). Where the system does not say so,
/// the signal is left as it is.
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is signal 1, and so the lowest bit.
    mask.is_none_or(|mask| mask & 1 == 1)
}
