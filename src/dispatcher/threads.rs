//! What a Slack app is told goes into its incident's thread, which is remembered with what it shows.
//!
//! Deliberately absent: the calls, which are `notify`'s. Of every other receiver nothing is remembered.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Dispatcher, outcome::RECORDING};
use crate::{
    config::{Broadcast, Channel, Receiver, SlackBot},
    notify::{Delivery, Post, Thread},
    store::{
        StoreError,
        outbox::{LeasedMessage, SlackThread},
        patience::insist,
    },
};

impl Dispatcher {
    /// Makes one attempt at a message, whose remarks are in `body`. Where the database is away no thread is known, and the
    /// message begins one.
    pub(super) async fn deliver(
        &self,
        message: &LeasedMessage,
        channel: &Channel,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Delivery {
        let Receiver::SlackBot(bot) = &channel.receiver else {
            return self.notifier.deliver(channel, message.id, body, now).await;
        };
        let read = self.thread_of(message, bot).await;
        if let Err(error) = &read {
            tracing::warn!(%error, "the incident's thread is not known while the database is away; its message begins another");
        }
        let can_remember = read.is_ok();
        let known = read.unwrap_or_default();
        let post = Post {
            id: message.id,
            incident: message.incident_id,
            body,
            written_at: message.created_at,
            attempt: message.attempt,
            is_newest: known
                .as_ref()
                .is_none_or(|known| message.created_at >= known.shown_at),
            aloud: is_aloud(message, bot, known.as_ref()),
        };
        let thread = known.as_ref().map(|known| Thread {
            conversation: known.conversation.clone(),
            ts: known.ts.clone(),
        });
        let (delivery, stands) = self
            .notifier
            .tell_in_thread(channel, bot, &post, thread.as_ref(), now)
            .await;
        if let (Delivery::Delivered { .. }, Some(stands), true) = (&delivery, stands, can_remember)
            && let Err(error) = self.remember(message, stands, known).await
        {
            tracing::error!(%error, "the incident's thread cannot be remembered; its next message begins another");
        }
        delivery
    }

    /// The thread of a message's incident in the conversation that is configured now.
    async fn thread_of(
        &self,
        message: &LeasedMessage,
        bot: &SlackBot,
    ) -> Result<Option<SlackThread>, StoreError> {
        let Some(incident) = message.incident_id else {
            return Ok(None);
        };
        let known = self
            .store
            .slack_thread(&self.vantage, &message.channel, incident)
            .await?;
        Ok(known.filter(|known| known.conversation == bot.channel))
    }

    async fn remember(
        &self,
        message: &LeasedMessage,
        stands: Thread,
        known: Option<SlackThread>,
    ) -> Result<(), StoreError> {
        let Some(incident) = message.incident_id else {
            return Ok(());
        };
        // A message that was sent again later than younger ones does not say how things stand.
        let later =
            known.filter(|known| message.created_at < known.shown_at && known.ts == stands.ts);
        let thread = SlackThread {
            conversation: stands.conversation,
            ts: stands.ts,
            shown_at: later
                .as_ref()
                .map_or(message.created_at, |known| known.shown_at),
            severity: later.map_or(message.severity, |known| known.severity),
        };
        insist(RECORDING, |_| {
            self.store
                .keep_slack_thread(&self.vantage, &message.channel, incident, &thread)
        })
        .await
    }
}

/// Whether the whole conversation is to see a reply.
fn is_aloud(message: &LeasedMessage, bot: &SlackBot, known: Option<&SlackThread>) -> bool {
    let resolved = message.kind == "incident.resolved";
    let worse = !resolved && known.is_some_and(|known| message.severity > known.severity);
    (worse && bot.broadcast.contains(&Broadcast::Worse))
        || (resolved && bot.broadcast.contains(&Broadcast::Resolved))
}
