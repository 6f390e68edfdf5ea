//! Why verdicts were what they were: rounds judged again with the inequality filled in, and everything that was recorded as
//! bad, from when until when.
//!
//! Deliberately absent: verdicts that found nothing wrong.

use super::{concerns, question, resolvers, whom};
use crate::{
    cli::{
        instants::{instant, instant_or_dash},
        report::document::Block,
        timeline::reason,
    },
    replay::{explain::ExplainedRound, postmortem::Postmortem},
    store::timeline::VerdictSpan,
    types::Severity,
};

pub(super) fn blocks(postmortem: &Postmortem) -> Vec<Block> {
    let mut rounds: Vec<&ExplainedRound> = postmortem
        .incidents
        .iter()
        .flat_map(|told| &told.rounds)
        .collect();
    rounds.sort_by_key(|round| (round.judged_at, &round.group));
    let verdicts = verdicts(postmortem);
    let mut blocks = Vec::new();
    if !rounds.is_empty() {
        blocks.extend(again(&rounds));
    }
    if !verdicts.is_empty() {
        blocks.push(Block::Heading(
            "Every bad verdict, as it was recorded".to_owned(),
        ));
        let head = [
            "question", "who", "verdict", "severity", "since", "until", "because",
        ];
        blocks.push(Block::table(head, verdicts, ""));
    }
    if blocks.is_empty() {
        let none = "No resolver was judged bad in this time. What was found at the authority says itself why.";
        blocks.push(Block::text(none));
    }
    blocks
}

/// The rounds that told of an incident or changed it.
fn again(rounds: &[&ExplainedRound]) -> Vec<Block> {
    let exact = if rounds.iter().all(|round| round.is_exact) {
        "Everything that was known then is still stored, so that the same rules give the same verdicts."
    } else {
        "Not everything that was known then is still stored: these verdicts may differ from those of then, which stand below."
    };
    let model = "An answer seen at t with TTL θ is legal while t + θ ≤ L + Θ + 5 s: L is the last instant at which an authority may \
         have served it, Θ the TTL that the authority served it with.";
    let rows = rounds.iter().flat_map(|round| {
        let bad = round.verdicts.iter();
        let bad = bad.filter(|one| one.severity >= Severity::Warning);
        bad.map(|one| {
            [
                instant(round.judged_at),
                question(&one.question),
                whom(&one.source, None),
                format!("{} (row {})", one.state, one.row),
                one.sentence.clone(),
                instant_or_dash(one.cached_until),
                instant_or_dash(one.worst_case_until),
            ]
        })
    });
    let mut rows: Vec<[String; 7]> = rows.collect();
    // Two incidents may have been told of by the same round.
    rows.dedup();
    let head = [
        "judged at",
        "question",
        "who",
        "verdict",
        "because",
        "cached until",
        "at worst until",
    ];
    let none = "In the rounds that told of it nothing is judged bad now.";
    vec![
        Block::Text(format!(
            "{model} The rounds that told of the incident, or of its getting worse, judged again. {exact}"
        )),
        Block::table(head, rows, none),
    ]
}

fn verdicts(postmortem: &Postmortem) -> Vec<[String; 7]> {
    let named = resolvers(postmortem);
    let all = postmortem.timelines.iter();
    let bad = all
        .flat_map(|timeline| &timeline.verdicts)
        .filter(|one| one.severity >= Severity::Warning && concerns(&named, &one.resolver));
    let mut bad: Vec<&VerdictSpan> = bad.collect();
    bad.sort_by_key(|one| (&one.question, &one.resolver, one.address, one.since));
    let row = |one: &VerdictSpan| {
        let until = one.until.filter(|until| *until <= postmortem.to);
        [
            question(&one.question),
            format!("{} ({})", one.resolver, one.address),
            one.state.to_string(),
            one.severity.to_string(),
            instant(one.since),
            until.map_or_else(|| "not in this time".to_owned(), instant),
            reason(&one.evidence).to_owned(),
        ]
    };
    bad.into_iter().map(row).collect()
}
