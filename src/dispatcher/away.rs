//! Telling while the database is away: from the journal, whose records are on the disk before anything of them is sent.
//!
//! Order, backoff, fallbacks and paces are those of the outbox. Silences hold as they were last read. Deliberately absent:
//! writing down what there is to tell, which whoever judges does.

use std::{sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;

use super::{Dispatcher, MOST_UNDER_WAY, lanes::Pass, outcome};
use crate::{
    clock,
    config::Channel,
    notify::Delivery,
    store::{
        NewMessage,
        journal::{Carried, Entered, JournalError, Outcome, Record, UnderWay},
        outbox::LeasedMessage,
    },
};
/// A message of the journal on its way.
struct Job {
    carried: Carried,
    entered: Entered,
    under_way: UnderWay,
    channel: Option<(Arc<Channel>, Pass)>,
}

impl Dispatcher {
    /// Starts a delivery for every message of the journal that can go now. `true`: there was one.
    pub(super) async fn fill_from_journal(
        &self,
        under_way: &mut JoinSet<()>,
    ) -> Result<bool, JournalError> {
        let mut any = false;
        while under_way.len() < MOST_UNDER_WAY {
            let now = clock::now();
            let Some(job) = self.take_from_journal(now).await? else {
                break;
            };
            any = true;
            let this = self.clone();
            under_way.spawn(async move { this.carry_out_from_journal(job, now).await });
        }
        Ok(any)
    }

    /// Makes one attempt at the oldest message of the journal that is due at `now`. `Ok(false)`: there was none.
    pub async fn step_from_journal(&self, now: DateTime<Utc>) -> Result<bool, JournalError> {
        let Some(job) = self.take_from_journal(now).await? else {
            return Ok(false);
        };
        self.carry_out_from_journal(job, now).await;
        Ok(true)
    }

    async fn take_from_journal(&self, now: DateTime<Utc>) -> Result<Option<Job>, JournalError> {
        let _turn = self.turn.lock().await;
        let entered = self.journal.enter().await;
        entered.take_over().await?;
        let (busy, probe) = (self.busy(now), self.lanes.to_be_probed(now));
        let Some((carried, under_way)) = self.journal.take_due(&busy, &probe, now) else {
            return Ok(None);
        };
        let channel = self.enter(&carried.message.channel, now);
        Ok(Some(Job {
            carried,
            entered,
            under_way,
            channel,
        }))
    }

    async fn carry_out_from_journal(&self, job: Job, now: DateTime<Utc>) {
        let Job {
            carried,
            entered,
            under_way: _under_way,
            channel,
        } = job;
        let message = leased(&carried, now);
        let begun = Instant::now();
        let outcome = match &channel {
            None => self.give_up(&message, "the channel is no longer configured".to_owned()),
            Some((channel, _pass)) => match self.kept_quiet_as_known(&message, now) {
                Some(by) => self.hold(&message, by),
                None => self.attempt(channel, &message, now).await,
            },
        };
        let tried = outcome::tried(&message, outcome, outcome::ended(now, begun.elapsed()));
        if let Err(error) = entered.append(Record::Tried(tried)).await {
            tracing::error!(%error, "the journal does not take what became of an attempt; it will be repeated");
        }
    }

    async fn attempt(
        &self,
        channel: &Channel,
        message: &LeasedMessage,
        now: DateTime<Utc>,
    ) -> Outcome {
        let (delivery, took) = self.send(channel, message, now).await;
        if matches!(delivery, Delivery::Gone { .. }) && !self.has_fallback(&channel.id) {
            self.lanes.close(&channel.id, outcome::DISABLED_FOR, now);
        }
        self.weigh(message, &delivery, took, outcome::ended(now, took))
    }

    /// What keeps a message of the journal from being sent, by the silences as they were last read.
    fn kept_quiet_as_known(&self, message: &LeasedMessage, now: DateTime<Utc>) -> Option<String> {
        let config = self.config.as_ref()?;
        let incident = self.journal.incident(message.incident_id?)?;
        let quiet = self.quiet_as_known(config, now);
        super::quiet::reason(&quiet, config, &incident)
    }
}

/// A message of the journal as if it had been leased.
fn leased(carried: &Carried, now: DateTime<Utc>) -> LeasedMessage {
    let NewMessage {
        id,
        incident_id,
        channel,
        kind,
        severity,
        body,
        created_at,
        expires_at,
        ..
    } = carried.message.clone();
    LeasedMessage {
        id,
        incident_id,
        channel,
        kind,
        severity,
        body,
        created_at,
        expires_at,
        instead_of: carried.instead_of.clone(),
        attempt: carried.attempts + 1,
        probes: 0,
        ahead_of: (carried.available_at > now).then_some(carried.available_at),
    }
}

/// A leased message as it is remembered, should the database go away before it is told. Whoever wrote it knows its fallback.
pub(super) fn remembered(message: &LeasedMessage, vantage: &str) -> Carried {
    let LeasedMessage {
        id,
        incident_id,
        channel,
        kind,
        severity,
        body,
        created_at,
        expires_at,
        instead_of,
        attempt,
        ahead_of,
        ..
    } = message.clone();
    Carried {
        message: NewMessage {
            id,
            vantage: vantage.to_owned(),
            incident_id,
            channel,
            kind,
            severity,
            body,
            created_at,
            expires_at,
            fallback: None,
        },
        instead_of,
        attempts: attempt - 1,
        available_at: ahead_of.unwrap_or(created_at),
    }
}
