//! How long old and wrong answers lasted, and would have lasted under another TTL: for each event at the authority by itself.
//!
//! Deliberately absent: any reckoning.

use super::{events_apart, question};
use crate::{
    audit::what_if::{HeldAnswer, WhatIf},
    cli::{instants::instant, length, report::document::Block},
    replay::postmortem::Postmortem,
};

pub(super) fn blocks(postmortem: &Postmortem) -> Vec<Block> {
    let all = postmortem.what_if.iter();
    let all = all.filter(|what_if| !what_if.held.is_empty());
    let mut blocks: Vec<Block> = all.flat_map(of_vantage).collect();
    if blocks.is_empty() {
        let none = "No resolver was seen to hand out what no authority served.";
        blocks.push(Block::text(none));
    }
    blocks
}

fn of_vantage(what_if: &WhatIf) -> Vec<Block> {
    let mut held: Vec<&HeldAnswer> = what_if.held.iter().collect();
    held.sort_by_key(|one| (one.since, &one.question, &one.resolver, one.address));
    let events = events_apart(&held, |one| one.since);
    let mut blocks: Vec<Block> = events
        .flat_map(|event| of_event(event, what_if.ttl))
        .collect();
    blocks.push(Block::Text(format!("Assumed: {}", what_if.model)));
    blocks
}

/// What outlived one event at the authority.
fn of_event(event: &[&HeldAnswer], ttl: u32) -> Vec<Block> {
    let longest = |of: fn(&HeldAnswer) -> i64| event.iter().map(|one| of(one)).max();
    let lasted = length::text(longest(|one| one.lasted_s).unwrap_or_default());
    let would = length::text(longest(|one| one.would_last_s).unwrap_or_default());
    let never = event.iter().all(|one| one.authority_ttl.is_none());
    let since = instant(event[0].since);
    let text = if never {
        format!(
            "What no authority was ever seen to serve, and was first seen at {since}, could be kept for {lasted} at the longest. \
             Another TTL at the authority would have changed nothing."
        )
    } else {
        format!(
            "What no authority served any more from {since} on lasted {lasted} at the longest. With a TTL of {ttl} s it would \
             have been {would}."
        )
    };
    let mut by_question: Vec<&&HeldAnswer> = event.iter().collect();
    by_question.sort_by_key(|one| (&one.question, &one.resolver, one.address));
    let rows = by_question.into_iter().map(|one| {
        let theta = one.authority_ttl;
        let theta = theta.map_or_else(|| "never served".to_owned(), |ttl| ttl.to_string());
        [
            question(&one.question),
            format!("{} ({})", one.resolver, one.address),
            one.value.clone(),
            theta,
            instant(one.until),
            length::text(one.lasted_s),
            length::text(one.would_last_s),
        ]
    });
    let head = [
        "question",
        "who",
        "old or wrong answer",
        "authority's TTL",
        "could be kept until",
        "lasted",
        "would have lasted",
    ];
    vec![Block::Text(text), Block::table(head, rows, "")]
}
