//! Who served what, from when until when: for each question a drawing, and the runs that it is drawn from.
//!
//! A run that goes on after the end of the postmortem is told up to there, so that what comes later changes nothing.
//! Deliberately absent: resolvers that no incident names.

use std::collections::BTreeMap;

use super::{concerns, question, resolvers, whom};
use crate::{
    cli::{
        history,
        instants::Instants,
        report::document::{Bad, Block, Lane, Lanes, Run},
    },
    replay::postmortem::Postmortem,
    store::{
        RecordedSpan,
        timeline::{Timeline, VerdictSpan},
    },
    types::{Question, Severity, Source, SourceKind, Span},
};

/// One backend of one source, seen from one vantage; authorities first.
type Backend<'a> = (bool, &'a Source, Option<&'a str>, &'a str);

pub(super) fn blocks(postmortem: &Postmortem) -> Vec<Block> {
    let mut blocks: Vec<Block> = postmortem
        .timelines
        .iter()
        .flat_map(|timeline| of_name(postmortem, timeline))
        .collect();
    if blocks.is_empty() {
        let none = "Nothing was recorded in this time: no data is not no problem.";
        return vec![Block::text(none)];
    }
    let note = "A run is an unbroken sequence of the same answer, from its first sight to its last. In the drawings the same colour \
         is the same answer to the question above; a red line below it is a verdict that is critical, a broken one a warning; \
         where nothing is drawn, nothing was seen. TTL: as received, the lowest and the highest of the run.";
    blocks.insert(0, Block::text(note));
    blocks
}

fn of_name(postmortem: &Postmortem, timeline: &Timeline) -> Vec<Block> {
    let named = resolvers(postmortem);
    let mut questions: BTreeMap<&Question, Vec<&RecordedSpan>> = BTreeMap::new();
    for one in &timeline.spans {
        let Source { kind, id, .. } = &*one.span.series.source;
        if *kind == SourceKind::Authority || concerns(&named, id) {
            let spans = questions.entry(&one.span.series.question);
            spans.or_default().push(one);
        }
    }
    let of_one = |(asked, mut spans): (&Question, Vec<&RecordedSpan>)| {
        spans.sort_by_key(|one| (backend(one), one.span.first_seen));
        let instants = instants(&spans);
        let verdicts = timeline.verdicts.iter();
        let verdicts: Vec<_> = verdicts.filter(|one| one.question == *asked).collect();
        [
            Block::Heading(format!("{} ({})", question(asked), instants.note())),
            Block::Lanes(lanes(postmortem, &spans, &verdicts)),
            table(postmortem, &spans, instants),
        ]
    };
    questions.into_iter().flat_map(of_one).collect()
}

fn backend(recorded: &RecordedSpan) -> Backend<'_> {
    let Span { series, site, .. } = &recorded.span;
    (
        series.source.kind == SourceKind::Resolver,
        &series.source,
        site.as_deref(),
        &recorded.vantage,
    )
}

/// How every instant of these runs is shown.
fn instants(spans: &[&RecordedSpan]) -> Instants {
    let ends = spans.iter().flat_map(|one| {
        let span = &one.span;
        [
            Some(span.first_seen),
            Some(span.last_seen),
            span.cached_until,
        ]
    });
    Instants::over(ends.flatten())
}

fn table(postmortem: &Postmortem, spans: &[&RecordedSpan], instants: Instants) -> Block {
    let rows = spans.iter().map(|RecordedSpan { vantage, span }| {
        let goes_on = span.last_seen > postmortem.to;
        let told = |text: String| if goes_on { String::new() } else { text };
        let ttls = if goes_on {
            format!("{} at first", first_ttl(span))
        } else {
            history::ttls(span)
        };
        [
            whom(&span.series.source, span.site.as_deref()),
            span.answer.to_string(),
            instants.show(span.first_seen),
            if goes_on {
                "goes on".to_owned()
            } else {
                instants.show(span.last_seen)
            },
            told(instants.show_or_dash(span.cached_until)),
            ttls,
            told(span.samples.to_string()),
            vantage.to_string(),
        ]
    });
    let head = [
        "who",
        "answer",
        "first seen",
        "last seen",
        "cached until",
        "TTL",
        "samples",
        "seen from",
    ];
    Block::table(head, rows, "")
}

fn first_ttl(span: &Span) -> String {
    let ttls = span.first_ttls.iter().flat_map(|link| link.iter()).min();
    ttls.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn lanes(postmortem: &Postmortem, spans: &[&RecordedSpan], verdicts: &[&VerdictSpan]) -> Lanes {
    let answers = answers(spans);
    let same = |one: &&RecordedSpan, other: &&RecordedSpan| backend(one) == backend(other);
    let lanes = spans.chunk_by(same).map(|runs| {
        let first = runs[0];
        let source = &first.span.series.source;
        Lane {
            label: whom(source, first.span.site.as_deref()),
            runs: runs.iter().map(|run| drawn(&run.span, &answers)).collect(),
            bad: verdicts
                .iter()
                .filter(|one| one.address == source.address && *one.vantage == *first.vantage)
                .filter(|one| one.severity >= Severity::Warning)
                .map(|one| Bad {
                    from: one.since,
                    to: one.until.unwrap_or(postmortem.to),
                    severity: one.severity,
                })
                .collect(),
        }
    });
    Lanes {
        from: postmortem.from,
        to: postmortem.to,
        all: lanes.collect(),
    }
}

/// The answers to a question in the order in which they came up, at authorities before resolvers.
fn answers(spans: &[&RecordedSpan]) -> Vec<String> {
    let mut spans: Vec<&RecordedSpan> = spans.to_vec();
    let by_resolver = |one: &RecordedSpan| one.span.series.source.kind == SourceKind::Resolver;
    spans.sort_by_key(|one| (by_resolver(one), one.span.first_seen));
    let mut answers: Vec<String> = Vec::new();
    for span in spans {
        let answer = span.span.answer.to_string();
        if !answers.contains(&answer) {
            answers.push(answer);
        }
    }
    answers
}

fn drawn(span: &Span, answers: &[String]) -> Run {
    let answer = span.answer.to_string();
    let nth = answers.iter().position(|one| *one == answer);
    Run {
        from: span.first_seen,
        to: span.last_seen,
        nth: nth.unwrap_or(usize::MAX),
        answer,
    }
}
