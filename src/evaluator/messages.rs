//! Which channels hear of an incident's step, and what they are sent.
//!
//! A channel hears of an incident that is severe enough for it and its business by its matchers, and once it was told of one
//! it hears of it to the end, whatever the incident becomes.
//!
//! Deliberately absent: sending. A message is recorded in the round's last transaction and sent by `dispatcher`.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    audit::{
        incident::{Incident, Transition, TransitionKind},
        ledger::{message_id, released_id},
        quiet::labelled,
    },
    config::{Channel, Config, Group},
    notify::{self, Form, MessageContext},
    store::{
        NewMessage, Store, StoreError,
        incidents::Told,
        outbox::{Fallback, HeldBack},
    },
};

/// How long a step is news. Told later, it says that it is history.
const NEWS: TimeDelta = TimeDelta::hours(1);

/// The channels that were told of each incident before, and when last.
pub type ToldBefore = BTreeMap<Uuid, Told>;

/// Reads it for the incidents of these steps, where it can matter: for channels with matchers or reminders of their own pace.
pub async fn told_before(
    config: &Config,
    store: &Store,
    transitions: &[Transition],
) -> Result<ToldBefore, StoreError> {
    let mut told = ToldBefore::new();
    let is_routed = |channel: &std::sync::Arc<Channel>| {
        let route = &channel.route;
        !route.matchers.is_empty() || route.repeat_interval.is_some()
    };
    if !config.channels.iter().any(is_routed) {
        return Ok(told);
    }
    for step in transitions.iter().filter(|step| step.number > 0) {
        let id = step.incident.id;
        told.insert(id, store.channels_told(id).await?);
    }
    Ok(told)
}

/// One message per step and channel of the group that wants it.
pub fn for_transitions(
    config: &Config,
    group: &Group,
    transitions: &[Transition],
    told: &ToldBefore,
) -> Vec<NewMessage> {
    let base_url = config.http.base_url();
    let context = MessageContext::of(config, &base_url, Some(group));
    let channels = group.channels.iter();
    let channels: Vec<&Channel> = channels.filter_map(|id| channel(config, id)).collect();
    let messages = transitions.iter().flat_map(|step| {
        let before = told.get(&step.incident.id);
        let last = |channel: &Channel| before?.get(&channel.id).copied();
        let labelled = || labelled(&step.incident, &group.tags);
        let wants = |channel: &&&Channel| match last(channel) {
            Some(last) => is_time(channel, step, last),
            None => channel.route.matchers.takes(&labelled()),
        };
        let channels: Vec<_> = channels.iter().filter(wants).copied().collect();
        to_each(config, step, &channels, &context)
    });
    messages.collect()
}

/// Whether a step comes late enough for a channel that was told of its incident at `last`: a reminder may come too soon.
fn is_time(channel: &Channel, step: &Transition, last: DateTime<Utc>) -> bool {
    let interval = channel.route.repeat_interval.unwrap_or_default();
    let interval = TimeDelta::from_std(interval).unwrap_or_default();
    step.kind != TransitionKind::Reminder || step.at - last >= interval
}

/// One message of a step to each of these channels that wants its severity. What a fallback hears of anyway, it is not told
/// in another's stead.
fn to_each(
    config: &Config,
    transition: &Transition,
    channels: &[&Channel],
    context: &MessageContext<'_>,
) -> Vec<NewMessage> {
    let wants = |channel: &&&Channel| transition.incident.severity >= channel.min_severity;
    let told: Vec<&Channel> = channels.iter().filter(wants).copied().collect();
    let stand_in = |one: &Channel| {
        let other = channel(config, one.fallback.as_deref()?)?;
        let hears_anyway = told.iter().any(|known| known.id == other.id);
        (!hears_anyway).then(|| Fallback {
            channel: other.id.clone(),
            body: notify::body(Form::of(&other.receiver), transition, context),
        })
    };
    let messages = told.iter().map(|channel| NewMessage {
        fallback: stand_in(channel),
        ..message(transition, channel, context)
    });
    messages.collect()
}

/// One message of a step to each of these channels that is still configured: for an incident whose group is not.
pub fn for_those_told(config: &Config, told: &Told, transition: &Transition) -> Vec<NewMessage> {
    let base_url = config.http.base_url();
    let context = MessageContext::of(config, &base_url, None);
    told.keys()
        .filter_map(|id| channel(config, id))
        .map(|channel| message(transition, channel, &context))
        .collect()
}

/// The message that tells a channel after all of an open incident that was kept quiet there, as it stands now. `None`: the
/// channel is no longer configured.
pub fn after_all(
    config: &Config,
    mut incident: Incident,
    held: &HeldBack,
    now: DateTime<Utc>,
) -> Option<NewMessage> {
    let mut groups = config.groups.iter();
    let group = groups.find(|group| group.name == incident.key.group);
    let base_url = config.http.base_url();
    let context = MessageContext::of(config, &base_url, group.map(AsRef::as_ref));
    incident.reason = format!("{} (not told until now: {})", incident.reason, held.held_by);
    let transition = Transition {
        number: incident.transitions.saturating_sub(1),
        kind: if held.was_told {
            TransitionKind::Updated
        } else {
            TransitionKind::Opened
        },
        at: now,
        causes: Vec::new(),
        reason: incident.reason.clone(),
        incident,
    };
    let channel = channel(config, &held.channel)?;
    let told = to_each(config, &transition, &[channel], &context).pop()?;
    Some(NewMessage {
        id: released_id(held.newest),
        ..told
    })
}

fn message(transition: &Transition, channel: &Channel, context: &MessageContext<'_>) -> NewMessage {
    NewMessage {
        id: message_id(transition.incident.id, transition.number, &channel.id),
        vantage: context.vantage.to_owned(),
        incident_id: Some(transition.incident.id),
        channel: channel.id.clone(),
        kind: notify::kind_name(transition).to_owned(),
        severity: transition.incident.severity,
        body: notify::body(Form::of(&channel.receiver), transition, context),
        created_at: transition.at,
        expires_at: Some(transition.at + NEWS),
        fallback: None,
    }
}

fn channel<'a>(config: &'a Config, id: &str) -> Option<&'a Channel> {
    let known = config.channels.iter().find(|channel| channel.id == *id)?;
    Some(known)
}
