//! Which channels hear of an incident's step, and what they are sent.
//!
//! Deliberately absent: sending. A message is recorded in the round's last transaction and sent by `dispatcher`.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        incident::{Incident, Transition, TransitionKind},
        ledger::{message_id, released_id},
    },
    config::{Channel, Config, Group},
    notify::{self, Form, MessageContext},
    store::{
        NewMessage,
        outbox::{Fallback, HeldBack},
    },
};

/// How long a step is news. Told later, it says that it is history.
const NEWS: TimeDelta = TimeDelta::hours(1);

/// One message per step and channel of the group that wants its severity.
pub fn for_transitions(
    config: &Config,
    group: &Group,
    transitions: &[Transition],
) -> Vec<NewMessage> {
    let base_url = config.http.base_url();
    let context = MessageContext::of(config, &base_url, Some(group));
    let channels = group.channels.iter();
    let channels: Vec<&Channel> = channels.filter_map(|id| channel(config, id)).collect();
    transitions
        .iter()
        .flat_map(|transition| to_each(config, transition, &channels, &context))
        .collect()
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
pub fn for_those_told(
    config: &Config,
    told: &[String],
    transition: &Transition,
) -> Vec<NewMessage> {
    let base_url = config.http.base_url();
    let context = MessageContext::of(config, &base_url, None);
    told.iter()
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
