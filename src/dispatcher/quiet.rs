//! What is kept quiet is held back instead of sent, and told once when the quiet is over and there is anything left to tell.
//!
//! It is decided when a message is about to be sent, so that a silence made a moment ago holds for what waits already, and
//! by the incident as it stands then: what has become worse or wider than a silence says goes out. The end of what a
//! channel was told of goes out all the same. A channel's `group_wait` is the same kind of quiet: what is over by its end is
//! told nobody. Deliberately absent: what is meant by a silence (`audit::quiet`).

use std::sync::{MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::Dispatcher;
use crate::{
    audit::{
        incident::{Incident, Status},
        quiet::{Quiet, Silence},
    },
    config::Config,
    evaluator::messages,
    store::{
        StoreError,
        outbox::{HeldBack, LeasedMessage, Settling},
    },
};

/// How often what is held back is looked at, at most: a turn of the dispatcher may be a moment after the last.
const LOOK: TimeDelta = TimeDelta::seconds(5);

impl Dispatcher {
    /// What keeps a leased message from being sent, in a sentence.
    pub(super) async fn kept_quiet_by(
        &self,
        message: &LeasedMessage,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, StoreError> {
        let (Some(config), Some(id)) = (&self.config, message.incident_id) else {
            return Ok(None);
        };
        let quiet = self.quiet(config, now).await?;
        let wait = group_wait(config, &message.channel);
        if quiet.is_empty() && wait.is_zero() {
            return Ok(None);
        }
        let Some(incident) = self.store.bare_incident(id).await? else {
            return Ok(None);
        };
        let silenced = reason(&quiet, config, &incident);
        let is_over = incident.status == Status::Resolved;
        if silenced.is_some() && !is_over {
            return Ok(silenced);
        }
        let held = silenced.or_else(|| waits(&incident, wait, now));
        if held.is_some() && self.store.was_told(id, &message.channel).await? {
            return Ok(None);
        }
        Ok(held)
    }

    /// Tells what was held back of incidents that nothing keeps quiet any more.
    pub(super) async fn tell_after_all(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(config) = &self.config else {
            return Ok(());
        };
        if !self.is_time_to_look(now) {
            return Ok(());
        }
        let held = self.store.held_back(&self.vantage).await?;
        if held.is_empty() {
            return Ok(());
        }
        let quiet = self.quiet(config, now).await?;
        for one in held {
            self.settle(config, &quiet, &one, now).await?;
        }
        Ok(())
    }

    async fn settle(
        &self,
        config: &Config,
        quiet: &Quiet,
        held: &HeldBack,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let incident = held.incident.as_ref();
        let open = incident.filter(|one| one.status != Status::Resolved);
        let wait = group_wait(config, &held.channel);
        let is_kept = |incident: &Incident| {
            let waits = || !held.was_told && is_waited_for(incident, wait, now);
            reason(quiet, config, incident).is_some() || waits()
        };
        if open.is_some_and(is_kept) {
            return Ok(());
        }
        let left = open.filter(|_| !held.is_overtaken);
        let told_by =
            left.and_then(|incident| messages::after_all(config, incident.clone(), held, now));
        let settling = Settling { held, told_by };
        self.store.settle(&settling, now).await
    }

    async fn quiet(&self, config: &Config, now: DateTime<Utc>) -> Result<Quiet, StoreError> {
        let silences = match self.store.silences(Some(now)).await {
            // One that this version cannot read must not keep everything from being told.
            Err(error) if !error.is_transient() => {
                tracing::error!(%error, "the silences cannot be read: none of them holds");
                Vec::new()
            }
            read => read?,
        };
        self.known_silences().clone_from(&silences);
        Ok(self.quiet_as_known(config, now))
    }

    /// What keeps quiet at `now`, by the silences as they were last read.
    pub(super) fn quiet_as_known(&self, config: &Config, now: DateTime<Utc>) -> Quiet {
        let windows = config.maintenance.iter();
        let open = windows.filter_map(|one| one.window(now)).collect();
        Quiet::at(now, self.known_silences().clone(), open)
    }

    fn known_silences(&self) -> MutexGuard<'_, Vec<Silence>> {
        let silences = self.silences.lock();
        silences.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the last look is long enough ago; then this is one.
    fn is_time_to_look(&self, now: DateTime<Utc>) -> bool {
        let mut last = self
            .looked_at
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_time = last.is_none_or(|at| now < at || now - at >= LOOK);
        if is_time {
            *last = Some(now);
        }
        is_time
    }
}

/// What keeps an incident quiet, in a sentence.
pub(super) fn reason(quiet: &Quiet, config: &Config, incident: &Incident) -> Option<String> {
    let mut groups = config.groups.iter();
    let group = groups.find(|group| group.name == incident.key.group);
    let none = std::collections::BTreeMap::new();
    let tags = group.map_or(&none, |group| &group.tags);
    quiet.reason(incident, tags).map(|by| by.to_string())
}

/// How long a channel waits before it is told of an incident.
fn group_wait(config: &Config, channel: &str) -> TimeDelta {
    let channel = config.channels.iter().find(|known| known.id == channel);
    let wait = channel.map(|channel| TimeDelta::from_std(channel.route.group_wait));
    wait.and_then(Result::ok).unwrap_or_default()
}

/// Whether a channel is not to be told of an incident yet.
fn is_waited_for(incident: &Incident, wait: TimeDelta, now: DateTime<Utc>) -> bool {
    now - incident.confirmed_at < wait
}

/// What a message waits for at a channel that was not told of its incident, in a sentence. One that lasted no longer than
/// the channel waits is never told there.
fn waits(incident: &Incident, wait: TimeDelta, now: DateTime<Utc>) -> Option<String> {
    let length = humantime::format_duration(wait.to_std().ok()?);
    let lasted = incident.resolved_at.map(|end| end - incident.confirmed_at);
    match lasted {
        Some(lasted) if lasted < wait => {
            Some(format!("group_wait of {length}: it was over before that"))
        }
        None if is_waited_for(incident, wait, now) => Some(format!("group_wait of {length}")),
        _ => None,
    }
}
