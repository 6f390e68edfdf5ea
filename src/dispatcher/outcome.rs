//! What becomes of an attempt: told in the log, counted, recorded.
//!
//! Recorded in the outbox; where that is away, in the journal. Deliberately absent: the attempt itself.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Dispatcher, backoff};
use crate::{
    metrics::DeliveryResult,
    notify::Delivery,
    store::{
        StoreError,
        journal::{Outcome, Record, Tried},
        outbox::LeasedMessage,
        patience::insist,
    },
};

/// Longest time a receiver's `Retry-After` holds back its other messages: a later incident may be the worse one.
const LONGEST_CLOSURE: Duration = Duration::from_mins(5);
/// How long the outcome of an attempt is tried to be recorded while the database is away: as long as its lease lasts, no
/// one else sends the message.
pub(super) const RECORDING: Duration = Duration::from_secs(15);
/// Attempts in vain, some three minutes of them, after which a message's fallback tells it, too.
const FALLBACK_AFTER: u32 = 4;
/// How long a channel whose receiver is gone is left alone; then its next message is another chance.
pub(super) const DISABLED_FOR: Duration = Duration::from_hours(1);

impl Dispatcher {
    /// Says in the log, and counts, what became of an attempt that took so long, and decides what follows.
    pub(super) fn weigh(
        &self,
        message: &LeasedMessage,
        delivery: &Delivery,
        took: Duration,
        now: DateTime<Utc>,
    ) -> Outcome {
        let duration_ms = took.as_millis() as u64;
        let (id, channel, kind, attempt) =
            (message.id, &message.channel, &message.kind, message.attempt);
        match delivery {
            Delivery::Delivered { answer } => {
                tracing::info!(message.id = %id, %channel, %kind, attempt, duration_ms, "delivered {kind} to {channel}");
                self.count(message, DeliveryResult::Delivered);
                self.lanes.took(channel);
                let late = if is_history(message, now) {
                    ", as history"
                } else {
                    ""
                };
                let detail = format!("{answer}{late}");
                Outcome::Delivered { detail }
            }
            Delivery::Dead { why } => self.give_up(message, why.clone()),
            Delivery::Gone { why } => {
                if message.incident_id.is_none() || self.has_fallback(channel) {
                    return self.give_up(message, why.clone());
                }
                // Nobody else tells it: it waits for the channel's next chance.
                self.try_again(message, Some(DISABLED_FOR), now, why)
            }
            Delivery::Retry { after, why } => {
                if let Some(wait) = after {
                    self.lanes.close(channel, (*wait).min(LONGEST_CLOSURE), now);
                }
                self.try_again(message, *after, now, why)
            }
        }
    }

    /// A message is tried again at its time, not before `after` is over, or given up after the last attempt.
    fn try_again(
        &self,
        message: &LeasedMessage,
        after: Option<Duration>,
        now: DateTime<Utc>,
        why: &str,
    ) -> Outcome {
        let (id, channel, kind, attempt) =
            (message.id, &message.channel, &message.kind, message.attempt);
        self.lanes.failed(channel, now);
        let at = match message.ahead_of {
            Some(at) => Some(at.max(now + backoff::delay(after.unwrap_or_default()))),
            None => backoff::next_attempt(message.used_up(), id, now, after),
        };
        let Some(again_at) = at else {
            return self.give_up(message, format!("given up after {attempt} attempts: {why}"));
        };
        tracing::warn!(message.id = %id, %channel, %kind, attempt, retry.at = %again_at, why, "{kind} was not taken by {channel}");
        self.count(message, DeliveryResult::Failed);
        Outcome::Failed {
            again_at,
            tell_fallback: attempt >= FALLBACK_AFTER,
            detail: why.to_owned(),
        }
    }

    pub(super) fn give_up(&self, message: &LeasedMessage, why: String) -> Outcome {
        let (id, channel, kind) = (message.id, &message.channel, &message.kind);
        tracing::error!(message.id = %id, %channel, %kind, attempt = message.attempt, why, "{kind} will never reach {channel}");
        self.count(message, DeliveryResult::Buried);
        Outcome::Buried { detail: why }
    }

    pub(super) fn hold(&self, message: &LeasedMessage, by: String) -> Outcome {
        let (id, channel, kind) = (message.id, &message.channel, &message.kind);
        tracing::info!(message.id = %id, %channel, %kind, by, "held back {kind} from {channel}");
        self.count(message, DeliveryResult::Held);
        Outcome::Held { by }
    }

    /// Records what became of an attempt: in the outbox, or in the journal where the outbox is away for longer.
    pub(super) async fn record(
        &self,
        message: &LeasedMessage,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tried = tried(message, outcome, now);
        let recorded = insist(RECORDING, |_| {
            self.store.record_attempt(message.id, &tried.outcome, now)
        });
        match recorded.await {
            Ok(()) => {
                self.journal.recorded(&tried);
                // The journal took it over meanwhile: it must not tell it, too.
                if self.journal.holds(message.id) {
                    self.note(tried).await;
                }
                Ok(())
            }
            Err(error) if error.is_transient() && self.journal.is_there() => {
                if self.note(tried).await {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Writes to the journal what became of an attempt. `false`: it does not take it.
    async fn note(&self, tried: Tried) -> bool {
        let entered = self.journal.enter().await;
        let written = entered.append(Record::Tried(tried)).await;
        if let Err(error) = &written {
            tracing::error!(%error, "the journal does not take what became of an attempt");
        }
        written.is_ok()
    }

    /// Leaves a channel alone whose receiver is gone. Its messages go to its fallback, or wait where it has none.
    pub(super) async fn disable(
        &self,
        channel: &str,
        now: DateTime<Utc>,
        why: &str,
    ) -> Result<(), StoreError> {
        let until = now + backoff::delay(DISABLED_FOR);
        tracing::error!(%channel, %until, why, "the receiver of {channel} is gone; the channel is disabled");
        insist(RECORDING, |_| {
            self.store
                .disable_channel(&self.vantage, channel, now, until, why)
        })
        .await
    }

    pub(super) fn count(&self, message: &LeasedMessage, result: DeliveryResult) {
        self.metrics.delivery(&message.channel, result);
    }
}

/// What became of an attempt, as the journal has it.
pub(super) fn tried(message: &LeasedMessage, outcome: Outcome, at: DateTime<Utc>) -> Tried {
    Tried {
        message_id: message.id,
        attempt: message.attempt,
        at,
        outcome,
    }
}

/// Whether a message that is sent now comes too late to be news.
pub(super) fn is_history(message: &LeasedMessage, now: DateTime<Utc>) -> bool {
    message.expires_at.is_some_and(|until| now > until)
}

/// The end of an attempt that began at `now`.
pub(super) fn ended(now: DateTime<Utc>, took: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(took).unwrap_or_default()
}
