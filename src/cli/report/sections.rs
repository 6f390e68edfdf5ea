//! What a postmortem says, in the order in which it is asked: what, whom, when, who was told, who served what, why, what if,
//! what is not known, and the proof.
//!
//! Deliberately absent: any form, and any word that is not read off the data.

mod changes;
mod events;
mod impact;
mod judged;
mod limits;
mod proof;
mod served;
mod summary;
mod what_if;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::document::{Document, Section};
use crate::{
    cli::{
        history, length,
        output::count,
        who::{self, question},
    },
    replay::postmortem::Postmortem,
    store::propagation::Propagation,
    types::Source,
};

/// Names that a sentence or a cell counts up.
const MOST_TOLD: usize = 12;
/// What lies no further apart belongs to one event: a round takes its time.
const APART: TimeDelta = TimeDelta::seconds(60);

/// The document.
pub(super) fn document(postmortem: &Postmortem) -> Document {
    let sections = vec![
        Section::new("Summary", summary::blocks(postmortem)),
        Section::new("Impact", impact::blocks(postmortem)),
        Section::new("What happened", events::happened(postmortem)),
        Section::new("Who was told", events::told(postmortem)),
        Section::new("Changes at the authority", changes::blocks(postmortem)),
        Section::new("Who served what", served::blocks(postmortem)),
        Section::new("Why it was judged so", judged::blocks(postmortem)),
        Section::new("With another TTL", what_if::blocks(postmortem)),
        Section::new("What was watched", limits::coverage(postmortem)),
        Section::new("Open questions", limits::open_questions(postmortem)),
        Section::new("Evidence", proof::blocks(postmortem)),
    ];
    Document {
        title: summary::title(postmortem),
        note: format!(
            "Made by dns-auditor {} from what it recorded and from nothing else. All times are UTC.",
            env!("CARGO_PKG_VERSION")
        ),
        sections,
    }
}

/// The resolvers that the incidents name; none where none does.
fn resolvers(postmortem: &Postmortem) -> BTreeSet<&String> {
    let told = postmortem.incidents.iter();
    told.flat_map(|told| &told.incident.resolvers).collect()
}

/// Whether a postmortem is about this resolver: one that its incidents name, or any where they name none.
fn concerns(resolvers: &BTreeSet<&String>, resolver: &String) -> bool {
    resolvers.is_empty() || resolvers.contains(resolver)
}

/// `a, b, c`; of very many the first, and how many more.
fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.len() <= MOST_TOLD {
        return items.join(", ");
    }
    let (told, others) = items.split_at(MOST_TOLD);
    format!("{} and {} more", told.join(", "), others.len())
}

/// `google (8.8.8.8:53)`, and its site where it says one of its own.
fn whom(source: &Source, site: Option<&str>) -> String {
    let site = site.filter(|site| *site != source.id);
    let site = site.map(|site| format!(", site {site}"));
    let site = site.unwrap_or_default();
    if source.id == source.address.to_string() {
        return format!("{} {}{site}", history::kind(source.kind), source.id);
    }
    format!("{} ({}){site}", source.id, source.address)
}

/// `1d 4h`, from one instant to another; nothing is shorter than none.
fn lasted(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    length::text((to - from).num_seconds().max(0))
}

/// `6 names of dialers`, or the name where it is one.
fn names<'a>(all: impl ExactSizeIterator<Item = &'a crate::names::DnsName>) -> String {
    let number = all.len();
    match (all.last(), number) {
        (Some(only), 1) => who::name(only),
        _ => count(number, "name"),
    }
}

/// The changes at the authority, in order of time.
fn in_order(postmortem: &Postmortem) -> Vec<&Propagation> {
    let mut changes: Vec<&Propagation> = postmortem.changes.iter().collect();
    changes.sort_by_key(|change| change.changed_at);
    changes
}

/// Parts what is in order of time where two neighbours lie further apart than one event takes.
fn events_apart<'a, T>(
    items: &'a [T],
    at: impl Fn(&T) -> DateTime<Utc> + 'a,
) -> impl Iterator<Item = &'a [T]> {
    items.chunk_by(move |one, next| at(next) - at(one) <= APART)
}
