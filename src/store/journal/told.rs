//! What is known of incidents from the journal alone.
//!
//! Deliberately absent: incidents that took no step since the database went away.

use std::collections::HashSet;

use uuid::Uuid;

use super::{Journal, Record};
use crate::{
    audit::incident::{Incident, Status},
    store::outbox::StandingMessage,
};

impl Journal {
    /// The incident that a message of the journal tells of, as its last step here left it.
    pub fn incident(&self, id: Uuid) -> Option<Incident> {
        let kept = self.lock();
        let judged = kept.records.iter().rev().filter_map(|record| match record {
            Record::Judged(judged) => Some(judged),
            _ => None,
        });
        let mut steps = judged.flat_map(|judged| judged.steps.iter().rev());
        let step = steps.find(|step| step.incident.id == id)?;
        Some(step.incident.clone())
    }

    /// What stands at these channels by now, where `before` did when the database was asked last.
    pub fn standing(
        &self,
        mut before: Vec<StandingMessage>,
        channels: &[String],
    ) -> Vec<StandingMessage> {
        let kept = self.lock();
        let judged = kept.records.iter().filter_map(|record| match record {
            Record::Judged(judged) => Some(judged),
            _ => None,
        });
        for judged in judged {
            for message in &judged.messages {
                let Some(incident_id) = message.incident_id else {
                    continue;
                };
                if !channels.contains(&message.channel) || kept.waiting.has(message.id) {
                    continue;
                }
                before.retain(|one| {
                    (one.incident_id, &one.channel) != (incident_id, &message.channel)
                });
                before.push(StandingMessage {
                    id: message.id,
                    incident_id,
                    channel: message.channel.clone(),
                    body: message.body.clone(),
                });
            }
            let over = judged.steps.iter().map(|step| &step.incident);
            let over = over.filter(|incident| incident.status == Status::Resolved);
            let over: HashSet<Uuid> = over.map(|incident| incident.id).collect();
            before.retain(|one| !over.contains(&one.incident_id));
        }
        before
    }
}
