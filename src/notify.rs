//! Telling people: an incident's step as a message for a channel, and its way there over HTTP.
//!
//! Deliberately absent: when to tell, in what order and how often to try again, which is the dispatcher's business,
//! and any record of it, which is the store's. Message bodies are types of their own, never the domain's: what is
//! judged may change shape, what receivers parse may not.
//!
//! Reading order: [`wording`] has the words for every verdict, [`next_steps`] says what to do, [`slack`] and
//! [`webhook`] make the bodies of it that are recorded (`slack_bot`: those of an app's threads), [`wire`] what each kind of receiver is sent, [`sample`] makes incidents up, [`remarks`] adds what is known only when it is sent, [`deliver`] sends one, [`resolve`] finds the host without the names under audit.

mod alertmanager;
pub mod deliver;
pub mod inert;
mod mail;
pub mod next_steps;
mod pagerduty;
mod quieting;
pub mod remarks;
pub mod resolve;
pub mod sample;
pub mod signature;
pub mod slack;
mod slack_bot;
pub mod webhook;
pub mod wire;
pub mod wording;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use remarks::Remarks;
use serde_json::Value;
use uuid::Uuid;

pub use alertmanager::STANDS_FOR;
pub use deliver::{Delivery, Notifier, Post, Thread};
pub use wire::{Form, shown};

use crate::{
    audit::incident::{Incident, Status, Transition},
    config::{Config, Group},
    types::Resolver,
};

/// What a message says besides the incident itself.
#[derive(Debug, Clone, Copy)]
pub struct MessageContext<'a> {
    /// Where this instance stands.
    pub vantage: &'a str,
    /// Where this instance's HTTP face is reached by people, such as `https://auditor.example.com`; `None`: no links
    /// to incidents.
    pub base_url: Option<&'a str>,
    /// Whether that is an address for others than this machine, so that a link to silence an incident helps.
    pub is_public: bool,
    /// What the configuration says of the incident's group; nothing where it is no longer configured.
    pub group: GroupFacts<'a>,
    /// The resolvers an incident may name, for their operators and flush pages.
    pub resolvers: &'a [Arc<Resolver>],
}

/// What a group's configuration adds to a message about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct GroupFacts<'a> {
    /// The page for whoever is woken.
    pub runbook: Option<&'a str>,
    /// The free labels.
    pub tags: Option<&'a BTreeMap<String, String>>,
    /// How many names it watches.
    pub names: Option<usize>,
    /// The highest TTL that its policy allows, seconds.
    pub max_ttl: Option<u32>,
}

impl<'a> From<&'a Group> for GroupFacts<'a> {
    fn from(group: &'a Group) -> Self {
        Self {
            runbook: group.runbook.as_deref(),
            tags: Some(&group.tags),
            names: Some(group.names.len()),
            max_ttl: Some(group.policy.max_ttl),
        }
    }
}

impl<'a> MessageContext<'a> {
    /// Of an incident of this group; of one that is no longer configured, where there is none. `base_url`: the
    /// configuration's ([`crate::config::Http::base_url`]).
    pub fn of(config: &'a Config, base_url: &'a str, group: Option<&'a Group>) -> Self {
        Self {
            vantage: &config.vantage,
            base_url: Some(base_url),
            is_public: config.http.url.is_some(),
            group: group.map_or_else(GroupFacts::default, GroupFacts::from),
            resolvers: group.map_or(&config.resolvers, |group| &group.resolvers),
        }
    }

    /// The address of the incident in the HTTP face.
    pub(crate) fn incident_url(&self, incident: &Incident) -> Option<String> {
        let base = self.base_url?.trim_end_matches('/');
        Some(format!("{base}/api/v1/incidents/{}", incident.id))
    }

    /// The address of the page that silences an incident; `None` where people cannot reach it, or it is over.
    pub(crate) fn silence_url(&self, incident: &Incident) -> Option<String> {
        let base = self.base_url.filter(|_| self.is_public)?;
        let base = base.trim_end_matches('/');
        let is_over = incident.status == Status::Resolved;
        (!is_over).then(|| format!("{base}/silence?incident={}", incident.id))
    }

    pub(crate) fn resolver(&self, id: &str) -> Option<&Resolver> {
        self.resolvers
            .iter()
            .find(|resolver| resolver.id == id)
            .map(Arc::as_ref)
    }
}

/// The body that tells `transition`, as it is recorded.
pub fn body(form: Form, transition: &Transition, context: &MessageContext<'_>) -> Value {
    match form {
        Form::Slack => slack::message(transition, context).to_value(),
        Form::SlackBot => slack_bot::message(transition, &slack::message(transition, context)),
        Form::Standard => webhook::Message::of(transition, context).to_value(),
    }
}

/// The body of a test message.
pub fn test_body(form: Form, vantage: &str, now: DateTime<Utc>) -> Value {
    match form {
        Form::Slack => slack::test_message(vantage, now).to_value(),
        Form::SlackBot => slack_bot::test_message(&slack::test_message(vantage, now)),
        Form::Standard => webhook::Message::test(vantage, now).to_value(),
    }
}

/// The body that ends an earlier test, by its id.
pub fn test_end_body(form: Form, vantage: &str, of: Uuid, now: DateTime<Utc>) -> Value {
    let slack = || slack::test_end_message(vantage, of, now);
    match form {
        Form::Slack => slack().to_value(),
        Form::SlackBot => slack_bot::test_message(&slack()),
        Form::Standard => webhook::Message::test_end(vantage, of, now).to_value(),
    }
}

/// The body of a made-up step: as [`body`], saying that it is a sample.
pub fn sample_body(form: Form, transition: &Transition, context: &MessageContext<'_>) -> Value {
    let remarks = Remarks {
        sample: true,
        ..Remarks::default()
    };
    remarks.on(form, body(form, transition, context))
}

/// The message kind as `NewMessage` and the webhook name it, such as `incident.opened`.
pub fn kind_name(transition: &Transition) -> &'static str {
    use crate::audit::incident::TransitionKind as Kind;
    match transition.kind {
        Kind::Opened => "incident.opened",
        Kind::Updated => "incident.updated",
        Kind::Reminder => "incident.reminder",
        Kind::Resolved => "incident.resolved",
    }
}
