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
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            _ = hang_up.recv() => "SIGHUP",
        };
        tracing::info!("{name}: stopping");
        cancelled.cancel();
    });
    Ok(stop)
}
