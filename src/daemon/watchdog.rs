//! Keeps the private PostgreSQL alive: one that died (killed, out of memory) is started again.
//!
//! Deliberately absent: a server under `database.url`, which somebody else looks after.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::database::blocking;
use crate::store::{Store, private_pg::PrivatePg};

/// How often it is looked at: asking the kernel for a child's state costs nothing.
const PERIOD: Duration = Duration::from_millis(250);

/// The pause after a start that failed.
const PAUSE: Duration = Duration::from_secs(5);

/// Watches the server until `shutdown`, and gives it back. `None`: it was lost to a defect, told before.
pub(super) async fn keep_alive(
    mut private: PrivatePg,
    store: Store,
    shutdown: CancellationToken,
) -> Option<PrivatePg> {
    let mut pause = PERIOD;
    while shutdown.run_until_cancelled(sleep(pause)).await.is_some() {
        pause = PERIOD;
        if private.is_running() {
            continue;
        }
        tracing::error!("the private PostgreSQL ended by itself; starting it again");
        let revival = blocking("starting the private PostgreSQL again", move || {
            let revived = private.revive();
            (private, revived)
        });
        let revived;
        (private, revived) = match revival.await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "the private PostgreSQL is lost");
                shutdown.cancel();
                return None;
            }
        };
        let followed = revived.map_err(|error| error.to_string()).and_then(|_| {
            store
                .follow(&private.url())
                .map_err(|error| error.to_string())
        });
        match followed {
            Ok(()) => tracing::info!("the private PostgreSQL runs again"),
            Err(error) => {
                tracing::error!(%error, "the private PostgreSQL does not come back; trying on");
                pause = PAUSE;
            }
        }
    }
    Some(private)
}
