//! The messages that a journal holds and nobody has told yet, in their order.
//!
//! Deliberately absent: how long to wait between attempts.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::record::{Carried, Outcome, Record, Tried};

/// Messages in the order of telling, as the outbox keeps it: a message that waits holds back the younger ones of its incident
/// and channel, one that is given up or kept quiet does not.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Carried>);

impl Waiting {
    /// Takes in what happened.
    pub(super) fn note(&mut self, record: &Record) {
        match record {
            Record::Judged(judged) => {
                for message in &judged.messages {
                    self.add(Carried::new(message.clone()));
                }
            }
            Record::Waiting { messages } => {
                for message in messages {
                    self.add(message.clone());
                }
            }
            Record::Tried(tried) => self.tried(tried),
        }
    }

    /// Whether a message is among them.
    pub(super) fn has(&self, message: Uuid) -> bool {
        self.0.iter().any(|one| one.message.id == message)
    }

    fn add(&mut self, carried: Carried) {
        if !self.has(carried.message.id) {
            self.0.push(carried);
        }
    }

    fn tried(&mut self, tried: &Tried) {
        let mut waiting = self.0.iter();
        let Some(at) = waiting.position(|one| one.message.id == tried.message_id) else {
            return;
        };
        let mut one = self.0.remove(at);
        match &tried.outcome {
            Outcome::Delivered { .. } => self.wake(&one.message.channel, tried.at),
            Outcome::Held { .. } => {}
            Outcome::Buried { .. } => {
                one.stand_in(tried.at)
                    .into_iter()
                    .for_each(|one| self.add(one));
            }
            Outcome::Failed {
                again_at,
                tell_fallback,
                ..
            } => {
                one.attempts = tried.attempt;
                one.available_at = *again_at;
                let stand_in = one.stand_in(tried.at).filter(|_| *tell_fallback);
                // It was told there once; from then on the channel alone is tried.
                if stand_in.is_some() {
                    one.message.fallback = None;
                }
                self.0.insert(at, one);
                if let Some(stand_in) = stand_in {
                    self.add(stand_in);
                }
            }
        }
    }

    /// A channel that takes a message takes the others, too.
    fn wake(&mut self, channel: &str, now: DateTime<Utc>) {
        let theirs = self
            .0
            .iter_mut()
            .filter(|one| one.message.channel == *channel);
        theirs.for_each(|one| one.available_at = one.available_at.min(now));
    }

    /// The first message that may be sent now, whose channel is not among `except`; of those of `probe`, the oldest may be
    /// sent before its time.
    pub(super) fn due(
        &self,
        under_way: &HashSet<Uuid>,
        except: &[String],
        probe: &[String],
        now: DateTime<Utc>,
    ) -> Option<&Carried> {
        let (mut held_up, mut seen) = (HashSet::new(), HashSet::new());
        for one in &self.0 {
            let (channel, incident) = (&one.message.channel, one.message.incident_id);
            let is_oldest = seen.insert(channel);
            let is_first = incident.is_none_or(|incident| held_up.insert((incident, channel)));
            let is_time = one.available_at <= now || (is_oldest && probe.contains(channel));
            let is_free = !under_way.contains(&one.message.id) && !except.contains(channel);
            if is_first && is_time && is_free {
                return Some(one);
            }
        }
        None
    }

    /// How many wait, and since when the oldest does.
    pub(super) fn depth(&self) -> (u64, Option<DateTime<Utc>>) {
        let oldest = self.0.iter().map(|one| one.message.created_at).min();
        (self.0.len() as u64, oldest)
    }
}
