//! Alertmanager forgets an alert that is not told again: what stands there is told every minute while it is not over.
//!
//! It says nothing new, so that it passes by the outbox and is recorded nowhere. Deliberately absent: news, and whatever its
//! channel has not taken yet.

use std::{
    collections::HashSet,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::Dispatcher;
use crate::{
    clock,
    config::Receiver,
    notify::Delivery,
    store::{StoreError, outbox::StandingMessage},
};

/// From one time to the next: a few may fail before what stands is forgotten ([`crate::notify::STANDS_FOR`]).
const EVERY: Duration = Duration::from_mins(1);

impl Dispatcher {
    /// Tells once more what stands at every Alertmanager. Returns how many alerts were taken.
    pub async fn refresh(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let forgetful = self
            .channels
            .iter()
            .filter(|channel| matches!(channel.receiver, Receiver::Alertmanager { .. }));
        let ids: Vec<String> = forgetful.map(|channel| channel.id.clone()).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let (mut taken, mut silent) = (0, HashSet::new());
        for message in self.standing(&ids).await? {
            let known = self
                .channels
                .iter()
                .find(|known| known.id == message.channel);
            let Some(channel) = known.filter(|channel| !silent.contains(&channel.id)) else {
                continue;
            };
            match self
                .notifier
                .deliver(channel, message.id, &message.body, now)
                .await
            {
                Delivery::Delivered { .. } => taken += 1,
                Delivery::Retry { why, .. } | Delivery::Dead { why } | Delivery::Gone { why } => {
                    tracing::warn!(channel = %channel.id, why, "what stands at {} could not be told again", channel.id);
                    silent.insert(&channel.id);
                }
            }
        }
        Ok(taken)
    }

    /// What stands there; while the database is away, what stood there before and what the journal told since.
    async fn standing(&self, channels: &[String]) -> Result<Vec<StandingMessage>, StoreError> {
        match self.store.standing_messages(&self.vantage, channels).await {
            Ok(standing) => {
                self.last_standing().clone_from(&standing);
                Ok(standing)
            }
            Err(error) if error.is_transient() && self.journal.is_there() => {
                let before = self.last_standing().clone();
                Ok(self.journal.standing(before, channels))
            }
            Err(error) => Err(error),
        }
    }

    fn last_standing(&self) -> MutexGuard<'_, Vec<StandingMessage>> {
        let standing = self.standing.lock();
        standing.unwrap_or_else(PoisonError::into_inner)
    }

    /// [`Dispatcher::refresh`] every minute until `shutdown`.
    pub(super) async fn keep_fresh(self, shutdown: CancellationToken) {
        let again = async {
            loop {
                clock::sleep(EVERY).await;
                if let Err(error) = self.refresh(clock::now()).await {
                    tracing::warn!(%error, "what stands at Alertmanager cannot be read");
                }
            }
        };
        shutdown.run_until_cancelled(again).await;
    }
}
