//! Which channels hear of an incident's step, and what they are sent.
//!
//! Deliberately absent: sending. A message is recorded in the round's last transaction and sent by `dispatcher`.

use std::sync::Arc;

use crate::{
    audit::{incident::Transition, ledger::message_id},
    config::{Channel, Config, Group},
    notify::{self, MessageContext},
    store::NewMessage,
};

/// One message per step and channel of the group that wants its severity.
pub fn for_transitions(
    config: &Config,
    group: &Group,
    transitions: &[Transition],
) -> Vec<NewMessage> {
    let listening = || format!("http://{}", config.http.listen);
    let base_url = config.http.url.clone().unwrap_or_else(listening);
    let context = MessageContext {
        vantage: &config.vantage,
        base_url: Some(&base_url),
        runbook: group.runbook.as_deref(),
        resolvers: &group.resolvers,
    };
    let channels: Vec<&Arc<Channel>> = group
        .channels
        .iter()
        .filter_map(|id| config.channels.iter().find(|channel| channel.id == *id))
        .collect();
    transitions
        .iter()
        .flat_map(|transition| channels.iter().map(move |channel| (transition, channel)))
        .filter(|(transition, channel)| transition.incident.severity >= channel.min_severity)
        .map(|(transition, channel)| NewMessage {
            id: message_id(transition.incident.id, transition.number, &channel.id),
            incident_id: Some(transition.incident.id),
            channel: channel.id.clone(),
            kind: notify::kind_name(transition).to_owned(),
            severity: transition.incident.severity,
            body: notify::body(channel.kind, transition, &context),
            created_at: transition.at,
        })
        .collect()
}
