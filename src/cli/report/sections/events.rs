//! What happened when, changes at the authority and declarations among it, and who was told of it.
//!
//! Deliberately absent: what caches served, which is a section of its own.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{events_apart, in_order, list, names};
use crate::{
    cli::{
        declarations, incidents,
        instants::{instant, instant_or_dash},
        report::document::Block,
    },
    notify::wording,
    replay::postmortem::Postmortem,
    store::outbox::{LogRow, MessageState},
};

/// When, of what, what.
type Line = (DateTime<Utc>, String, String);

pub(super) fn happened(postmortem: &Postmortem) -> Vec<Block> {
    let mut lines: Vec<Line> = changed(postmortem);
    lines.extend(declared(postmortem));
    for told in &postmortem.incidents {
        let subject = &told.incident.key.subject;
        // Deliveries have a section of their own.
        let steps = told.events.iter().filter(|event| event.channel.is_none());
        lines.extend(steps.map(|event| {
            let what = incidents::event_text(event);
            (event.at, subject.clone(), what)
        }));
    }
    lines.sort_by_key(|line| line.0);
    let rows = lines
        .into_iter()
        .map(|(at, of, what)| [instant(at), of, what]);
    let head = ["at", "of", "what"];
    vec![Block::table(head, rows, "Nothing was recorded.")]
}

/// What changed at the authority, one line for everything that changed together.
fn changed(postmortem: &Postmortem) -> Vec<Line> {
    let changes = in_order(postmortem);
    events_apart(&changes, |change| change.changed_at)
        .map(|together| {
            let what = together.iter().map(|change| {
                let asked = &change.question;
                format!("{} {} to {}", asked.name, asked.rtype, change.to)
            });
            let what: BTreeSet<String> = what.collect();
            let all = together.iter().map(|change| &change.question.name);
            let text = format!("{} changed: {}", names(all), list(what));
            (together[0].changed_at, "the authority".to_owned(), text)
        })
        .collect()
}

fn declared(postmortem: &Postmortem) -> impl Iterator<Item = Line> {
    let mut all: Vec<_> = postmortem
        .timelines
        .iter()
        .flat_map(|timeline| &timeline.declarations)
        .collect();
    all.sort_by_key(|one| (one.declared_at, one.id));
    all.dedup_by_key(|one| one.id);
    all.into_iter().map(|one| {
        let what = format!("declared: {}", declarations::matter(one));
        (one.declared_at, one.declared_by.clone(), what)
    })
}

pub(super) fn told(postmortem: &Postmortem) -> Vec<Block> {
    let all = postmortem.incidents.iter();
    let rows = all.flat_map(|told| {
        let incident = &told.incident;
        let what = wording::of(&incident.verdict).short;
        told.messages.iter().map(move |message| {
            let (outcome, at) = outcome(message);
            [
                instant(message.created_at),
                channel(message),
                format!("{} {}", message.severity, message.kind),
                format!("{}: {what}", incident.key.subject),
                outcome,
                instant_or_dash(at),
                message.attempts.to_string(),
            ]
        })
    });
    let mut rows: Vec<[String; 7]> = rows.collect();
    rows.sort();
    let head = [
        "written", "channel", "message", "about", "outcome", "at", "attempts",
    ];
    let none = "No channel was told: no message was written for any.";
    vec![Block::table(head, rows, none)]
}

fn channel(message: &LogRow) -> String {
    let meant = message.instead_of.as_ref();
    let meant = meant.map(|meant| format!(" (instead of {meant})"));
    format!("{}{}", message.channel, meant.unwrap_or_default())
}

fn outcome(message: &LogRow) -> (String, Option<DateTime<Utc>>) {
    let error = message.last_error.as_ref();
    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
    let by = message.held_by.as_ref();
    let by = by.map(|by| format!(": {by}")).unwrap_or_default();
    match message.state {
        MessageState::Delivered => ("delivered".to_owned(), message.ended_at),
        MessageState::Buried => (format!("given up{error}"), message.ended_at),
        MessageState::Waiting => (format!("not yet delivered{error}"), None),
        MessageState::Held => (format!("held back{by}"), None),
        MessageState::Silenced => (format!("not told{by}"), message.ended_at),
    }
}
