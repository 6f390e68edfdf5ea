//! Rings when a message was queued, so that it leaves at once and not at the next look.
//!
//! Deliberately absent: any promise. A lost connection loses rings, and the dispatcher looks by itself as well.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

/// Time between two attempts to listen.
const PAUSE: Duration = Duration::from_secs(5);

/// Rings when a message was queued.
pub(super) struct Bell(Arc<Notify>);

impl Bell {
    /// Listens to the store until `shutdown`, over a connection of its own.
    pub(super) fn hang(store: Store, shutdown: CancellationToken) -> Self {
        let notify = Arc::new(Notify::new());
        let ringer = Arc::clone(&notify);
        tokio::spawn(shutdown.run_until_cancelled_owned(async move {
            loop {
                if let Err(error) = listen(&store, &ringer).await {
                    tracing::warn!(%error, "the outbox cannot be listened to; looking every few seconds instead");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }));
        Self(notify)
    }

    /// Returns at the next ring, or at once if there was one since the last call.
    pub(super) async fn rung(&self) {
        self.0.notified().await;
    }
}

async fn listen(store: &Store, ringer: &Notify) -> Result<(), StoreError> {
    let mut listener = store.outbox_listener().await?;
    loop {
        // What was queued while nobody listened.
        ringer.notify_one();
        listener.changed().await?;
    }
}
