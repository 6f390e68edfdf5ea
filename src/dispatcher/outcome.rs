//! What becomes of an attempt: told in the log, counted, recorded.
//!
//! Deliberately absent: the attempt itself.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Dispatcher, backoff};
use crate::{
    metrics::DeliveryResult,
    notify::Delivery,
    store::{StoreError, outbox::LeasedMessage, patience::insist},
};

/// Longest time a receiver's `Retry-After` holds back its other messages: a later incident may be the worse one.
const LONGEST_CLOSURE: Duration = Duration::from_mins(5);
/// How long the outcome of an attempt is tried to be recorded while the database is away: as long as its lease lasts, no
/// one else sends the message.
const RECORDING: Duration = Duration::from_secs(15);
/// Attempts in vain, some three minutes of them, after which a message's fallback tells it, too.
const FALLBACK_AFTER: u32 = 4;
/// How long a channel whose receiver is gone is left alone; then its next message is another chance.
pub(super) const DISABLED_FOR: TimeDelta = TimeDelta::hours(1);

impl Dispatcher {
    pub(super) async fn record(
        &self,
        message: &LeasedMessage,
        delivery: Delivery,
        took: Duration,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let duration_ms = took.as_millis() as u64;
        let (id, channel, kind, attempt) =
            (message.id, &message.channel, &message.kind, message.attempt);
        match delivery {
            Delivery::Delivered { answer } => {
                tracing::info!(message.id = %id, %channel, %kind, attempt, duration_ms, "delivered {kind} to {channel}");
                self.count(message, DeliveryResult::Delivered);
                let late = if is_history(message, now) {
                    ", as history"
                } else {
                    ""
                };
                let detail = format!("{answer}{late}");
                insist(RECORDING, |_| self.store.delivered(id, now, &detail)).await
            }
            Delivery::Dead { why } => self.bury(message, now, &why).await,
            Delivery::Gone { why } => {
                self.disable(channel, now, &why).await?;
                self.bury(message, now, &why).await
            }
            Delivery::Retry { after, why } => {
                if let Some(wait) = after {
                    self.lanes.close(channel, wait.min(LONGEST_CLOSURE), now);
                }
                let Some(at) = backoff::next_attempt(attempt, id, now, after) else {
                    let why = format!("given up after {attempt} attempts: {why}");
                    return self.bury(message, now, &why).await;
                };
                tracing::warn!(message.id = %id, %channel, %kind, attempt, duration_ms, retry.at = %at, why, "{kind} was not taken by {channel}");
                self.count(message, DeliveryResult::Failed);
                insist(RECORDING, |_| {
                    self.store
                        .retry(id, at, now, &why, attempt >= FALLBACK_AFTER)
                })
                .await
            }
        }
    }

    /// Leaves a channel alone whose receiver is gone. Its messages go to its fallback, or wait where it has none.
    async fn disable(
        &self,
        channel: &str,
        now: DateTime<Utc>,
        why: &str,
    ) -> Result<(), StoreError> {
        let until = now + DISABLED_FOR;
        tracing::error!(%channel, %until, why, "the receiver of {channel} is gone; the channel is disabled");
        insist(RECORDING, |_| {
            self.store
                .disable_channel(&self.vantage, channel, now, until, why)
        })
        .await
    }

    pub(super) async fn bury(
        &self,
        message: &LeasedMessage,
        now: DateTime<Utc>,
        why: &str,
    ) -> Result<(), StoreError> {
        let (id, channel, kind) = (message.id, &message.channel, &message.kind);
        tracing::error!(message.id = %id, %channel, %kind, attempt = message.attempt, why, "{kind} will never reach {channel}");
        self.count(message, DeliveryResult::Buried);
        insist(RECORDING, |_| self.store.bury(id, now, why)).await
    }

    pub(super) fn count(&self, message: &LeasedMessage, result: DeliveryResult) {
        self.metrics.delivery(&message.channel, result);
    }
}

/// Whether a message that is sent now comes too late to be news.
pub(super) fn is_history(message: &LeasedMessage, now: DateTime<Utc>) -> bool {
    message.expires_at.is_some_and(|until| now > until)
}
