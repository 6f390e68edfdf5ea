//! For how long each question was bad at each resolver.
//!
//! Deliberately absent: who asked meanwhile, which nobody tells a resolver's clients from outside.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use super::{concerns, question, resolvers};
use crate::{
    cli::{length, report::document::Block},
    notify::wording,
    replay::postmortem::Postmortem,
    store::timeline::VerdictSpan,
    types::{Question, Severity},
};

/// A question at a resolver, seen from a vantage.
type Place<'a> = (&'a str, &'a Question, SocketAddr, &'a str);

pub(super) fn blocks(postmortem: &Postmortem) -> Vec<Block> {
    let places = places(postmortem);
    if places.is_empty() {
        let is_bad = |one: &VerdictSpan| one.severity >= Severity::Warning;
        let all = postmortem.timelines.iter();
        let none = if all.flat_map(|one| &one.verdicts).any(is_bad) {
            "Nothing was bad for as long as a second of the time that is told here and was watched."
        } else {
            "No resolver's answer was judged bad while it was watched."
        };
        return vec![Block::text(none)];
    }
    let mut rows: Vec<(&Place, i64, &BTreeMap<&str, i64>)> = places
        .iter()
        .map(|(place, states)| (place, states.values().sum(), states))
        .collect();
    rows.sort_by_key(|(place, bad_s, _)| (place.0, -bad_s, place.1));
    let rows = rows.into_iter().map(|(place, bad_s, states)| {
        let (resolver, asked, address, vantage) = *place;
        let as_what = states.iter();
        let as_what = as_what.map(|(state, s)| format!("{state} {}", length::text(*s)));
        [
            format!("{resolver} ({address})"),
            question(asked),
            length::text(bad_s),
            as_what.collect::<Vec<_>>().join(", "),
            vantage.to_owned(),
        ]
    });
    let note = "Counted is the time during which a verdict of severity warning or worse stood and rounds ran. How many \
         clients asked these resolvers meanwhile cannot be seen from outside.";
    let head = ["resolver", "question", "bad for", "as", "seen from"];
    vec![
        Block::text(note),
        Block::table(head, rows, ""),
        meanings(&places),
    ]
}

/// What the verdicts of the table mean.
fn meanings(places: &BTreeMap<Place, BTreeMap<&str, i64>>) -> Block {
    let states: BTreeSet<&str> = places.values().flat_map(BTreeMap::keys).copied().collect();
    let meaning = |state: &str| format!("{state}: {}", wording::of(state).meaning);
    Block::List(states.into_iter().map(meaning).collect())
}

/// Bad seconds by state of each question at each resolver, over all months.
fn places(postmortem: &Postmortem) -> BTreeMap<Place<'_>, BTreeMap<&str, i64>> {
    let named = resolvers(postmortem);
    let mut places: BTreeMap<Place, BTreeMap<&str, i64>> = BTreeMap::new();
    let levels = postmortem.service_levels.iter();
    for level in levels.filter(|level| concerns(&named, &level.resolver)) {
        for bad in &level.bad {
            let place = (
                level.resolver.as_str(),
                &bad.question,
                bad.address,
                level.vantage.as_str(),
            );
            let states = places.entry(place).or_default();
            for (state, seconds) in &bad.states {
                *states.entry(state.as_str()).or_default() += seconds;
            }
        }
    }
    places
}
