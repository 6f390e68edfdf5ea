//! What changed at the authority and how the caches followed, and what was wrong there.
//!
//! Deliberately absent: single servers, which the section of who served what has.

use std::collections::{BTreeMap, BTreeSet};

use super::{events_apart, in_order, list, names, question};
use crate::{
    cli::{instants::instant, length, output::count, report::document::Block, timeline::reason},
    replay::postmortem::Postmortem,
    store::{findings::FindingSpan, propagation::Propagation},
};

pub(super) fn blocks(postmortem: &Postmortem) -> Vec<Block> {
    let changes = in_order(postmortem);
    let together = events_apart(&changes, |change| change.changed_at);
    let mut blocks: Vec<Block> = together.flat_map(followed).collect();
    if blocks.is_empty() {
        let none = "No authoritative server was seen to change its answer in this time.";
        blocks.push(Block::text(none));
    }
    let findings = findings(postmortem);
    if !findings.is_empty() {
        blocks.push(Block::Heading("Found at the authority".to_owned()));
        let head = ["finding", "since", "until", "names", "what"];
        blocks.push(Block::table(head, findings, ""));
    }
    blocks
}

/// One event at the authority, and who followed when.
fn followed(together: &[&Propagation]) -> [Block; 2] {
    let mut by_question: Vec<&&Propagation> = together.iter().collect();
    by_question.sort_by_key(|change| (&change.question, &change.vantage));
    let all = together.iter().map(|change| &change.question.name);
    let heading = format!(
        "{}: {} changed",
        instant(together[0].changed_at),
        names(all)
    );
    let rows = by_question.into_iter().map(|change| {
        let missing = if change.ended_at.is_some() {
            "not before the next change"
        } else {
            "not yet"
        };
        let share = |seconds: Option<i64>| seconds.map_or_else(|| missing.to_owned(), length::text);
        let last = change.backends.last();
        [
            question(&change.question),
            change.to.to_string(),
            count(change.backends.len(), "cache"),
            share(change.t50_s),
            share(change.t95_s),
            share(change.t100_s),
            last.map_or_else(|| "-".to_owned(), |last| last.resolver.clone()),
        ]
    });
    let head = [
        "question",
        "new answer",
        "served something else",
        "half followed after",
        "95 of 100",
        "all",
        "last",
    ];
    [Block::Heading(heading), Block::table(head, rows, "")]
}

/// Findings, once for all names that show the same from the same round to the same round.
fn findings(postmortem: &Postmortem) -> Vec<[String; 5]> {
    let mut alike: BTreeMap<_, Vec<&FindingSpan>> = BTreeMap::new();
    for finding in postmortem.timelines.iter().flat_map(|one| &one.findings) {
        let key = (finding.since, &finding.kind, finding.until);
        alike.entry(key).or_default().push(finding);
    }
    let row = |((since, kind, until), all): ((_, &String, Option<_>), Vec<&FindingSpan>)| {
        let named: BTreeSet<&String> = all.iter().flat_map(|one| &one.names).collect();
        let reasons: BTreeSet<&str> = all.iter().map(|one| reason(&one.evidence)).collect();
        let more = reasons.len().saturating_sub(1);
        let more = (more > 0).then(|| format!("; {more} more alike"));
        let until = until.filter(|until| *until <= postmortem.to);
        [
            kind.clone(),
            instant(since),
            until.map_or_else(|| "not in this time".to_owned(), instant),
            list(named),
            reasons.first().copied().unwrap_or_default().to_owned() + &more.unwrap_or_default(),
        ]
    };
    alike.into_iter().map(row).collect()
}
