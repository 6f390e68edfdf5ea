//! What a journal holds, one record for each thing that happened.
//!
//! Deliberately absent: how it is written to the disk, and how it gets into the database.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    audit::{
        incident::Transition,
        ledger::{Ledger, fallback_id},
    },
    store::NewMessage,
};

/// One thing that happened while the database was away. In JSON, `what` says which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Record {
    /// Steps of a group's incidents, and the messages that tell them.
    Judged(Judged),
    /// Messages that the database holds and cannot be asked for.
    Waiting {
        /// In the order of telling.
        messages: Vec<Carried>,
    },
    /// An attempt to tell a message.
    Tried(Tried),
}

/// What a judgement came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The group.
    pub group: String,
    /// Its incidents and candidates afterwards.
    pub ledger: Ledger,
    /// The steps, with the evidence in their incidents.
    pub steps: Vec<Transition>,
    /// The messages that tell them.
    pub messages: Vec<NewMessage>,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// The message.
    pub message: NewMessage,
    /// The channel that was meant, where this one tells it instead.
    pub instead_of: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// From when on it may be sent.
    pub available_at: DateTime<Utc>,
}

impl Carried {
    /// A message that was never tried.
    pub fn new(message: NewMessage) -> Self {
        Self {
            available_at: message.created_at,
            message,
            instead_of: None,
            attempts: 0,
        }
    }

    /// The message that tells it at its fallback, from `now` on; `None` where it has none.
    pub(super) fn stand_in(&self, now: DateTime<Utc>) -> Option<Self> {
        let fallback = self.message.fallback.clone()?;
        Some(Self {
            message: NewMessage {
                id: fallback_id(self.message.id),
                channel: fallback.channel,
                body: fallback.body,
                fallback: None,
                ..self.message.clone()
            },
            instead_of: Some(self.message.channel.clone()),
            attempts: 0,
            available_at: now,
        })
    }
}

/// An attempt to tell a message, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The message's id.
    pub message_id: Uuid,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// How it went.
    pub outcome: Outcome,
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The channel took it.
    Delivered {
        /// What it answered.
        detail: String,
    },
    /// It did not, this time.
    Failed {
        /// When it is tried again.
        again_at: DateTime<Utc>,
        /// Whether its fallback tells it, too.
        tell_fallback: bool,
        /// Why.
        detail: String,
    },
    /// The message is given up at this channel.
    Buried {
        /// Why.
        detail: String,
    },
    /// It was not sent: something keeps it quiet.
    Held {
        /// What does.
        by: String,
    },
}
