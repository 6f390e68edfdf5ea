//! What was watched, and what the data cannot answer.
//!
//! Deliberately absent: guesses.

use std::collections::BTreeSet;

use super::{concerns, list, resolvers};
use crate::{
    audit::{incident::Status, short_id},
    cli::{instants::instant, length, output::count, report::document::Block},
    replay::postmortem::{Postmortem, Told},
    store::{outbox::MessageState, watched::Watched},
    types::{SourceKind, Span},
};

pub(super) fn coverage(postmortem: &Postmortem) -> Vec<Block> {
    let stretches = |watch: &Watched| {
        let told = watch.stretches.iter();
        let told = told.map(|one| format!("{} to {}", instant(one.from), instant(one.to)));
        told.collect::<Vec<_>>().join("; ")
    };
    let rows = postmortem.coverage.iter().map(|watch| {
        [
            watch.group.clone(),
            watch.vantage.clone(),
            watch.finished.to_string(),
            watch.missed.to_string(),
            watch.abandoned.to_string(),
            watch.late.to_string(),
            watch
                .usual_period_s
                .map_or_else(|| "-".to_owned(), length::text),
            stretches(watch),
        ]
    });
    let head = [
        "group",
        "seen from",
        "rounds",
        "missed",
        "cut off",
        "late",
        "usually every",
        "watched",
    ];
    let unwatched = "No round was due in this time: no data is not no problem.";
    let note = format!(
        "This document tells of {} to {}. Outside of the times below nothing was seen in it: that is not no problem. Between two \
         rounds nothing was seen either; an instant is known to within one round.",
        instant(postmortem.from),
        instant(postmortem.to)
    );
    vec![Block::Text(note), Block::table(head, rows, unwatched)]
}

pub(super) fn open_questions(postmortem: &Postmortem) -> Vec<Block> {
    let mut open: Vec<String> = postmortem.incidents.iter().flat_map(of_incident).collect();
    open.extend(postmortem.coverage.iter().filter_map(gaps));
    open.extend(of_view(postmortem));
    open.extend(left_out(postmortem));
    open.extend(postmortem.incidents.iter().flat_map(cut));
    if open.is_empty() {
        return vec![Block::text("None that the data show.")];
    }
    vec![Block::List(open)]
}

fn of_incident(told: &Told) -> Vec<String> {
    let incident = &told.incident;
    let subject = &incident.key.subject;
    let mut open = Vec::new();
    if incident.status != Status::Resolved {
        open.push(format!(
            "{subject} is not over: this is what is known so far."
        ));
    }
    if told.rounds.iter().any(|round| !round.is_exact) {
        open.push(format!(
            "{subject}: not everything that was known then is stored any more; what is judged again may differ from what was said then."
        ));
    }
    let undelivered = told.messages.iter();
    // What was held back on purpose is no failure: the list of messages says by what.
    let undelivered =
        undelivered.filter(|one| matches!(one.state, MessageState::Waiting | MessageState::Buried));
    let channels: BTreeSet<&String> = undelivered.clone().map(|one| &one.channel).collect();
    if !channels.is_empty() {
        open.push(format!(
            "{subject}: {} never reached {}.",
            count(undelivered.count(), "message"),
            list(channels)
        ));
    }
    if let (Some(seen), Some(worst)) = (incident.cached_until, incident.worst_case_until)
        && worst > seen
    {
        open.push(format!(
                "{subject}: a cache that was never sampled may have kept it longer than was seen, until {} at worst.",
                instant(worst)
            ));
    }
    open
}

/// What there is more of than is told of an incident here, and how to read it.
fn cut(told: &Told) -> Vec<String> {
    let incident = &told.incident;
    let subject = &incident.key.subject;
    let mut cut = Vec::new();
    if told.more_messages {
        cut.push(format!(
            "{subject}: more messages were written for channels than the newest {} told here; `dns-auditor incidents show {}` \
             tells every one.",
            told.messages.len(),
            short_id(incident.id)
        ));
    }
    if told.rounds_left_out > 0 {
        cut.push(format!(
            "{subject}: {} that changed it are not judged again here, those between the first and the last; `dns-auditor \
             explain NAME --at INSTANT` judges any.",
            count(told.rounds_left_out, "round")
        ));
    }
    if told.more_kept {
        cut.push(format!(
            "{subject}: more messages were kept than the proofs here were chosen from; `dns-auditor evidence NAME --from \
             INSTANT --to INSTANT` shows them.",
        ));
    }
    cut
}

fn gaps(watch: &Watched) -> Option<String> {
    let Watched { group, vantage, .. } = watch;
    let lost = watch.missed + watch.abandoned;
    match (&*watch.stretches, lost) {
        ([_], 0) => None,
        ([], _) => Some(format!("{group} at {vantage} was not watched at all.")),
        (stretches, _) => Some(format!(
            "{group} at {vantage} was not watched all the time: {} missed or cut off; {} without a gap.",
            count(usize::try_from(lost).unwrap_or(usize::MAX), "round"),
            count(stretches.len(), "stretch of time")
        )),
    }
}

/// What cannot be seen from where it was looked.
fn of_view(postmortem: &Postmortem) -> Vec<String> {
    let mut open = Vec::new();
    let vantages: BTreeSet<&String> = postmortem.coverage.iter().map(|one| &one.vantage).collect();
    if let Some(only) = vantages.first().filter(|_| vantages.len() == 1) {
        open.push(format!(
            "All of it was seen from one place, {only}: caches elsewhere behind the same addresses may have held something else."
        ));
    }
    let named = resolvers(postmortem);
    let spans = postmortem.timelines.iter().flat_map(|one| &one.spans);
    let spans = spans
        .map(|one| &one.span)
        .filter(|span| concerns(&named, &span.series.source.id));
    open.extend(uncounted(spans));
    open
}

/// The resolvers that do not say which cache answers.
fn uncounted<'s>(spans: impl Iterator<Item = &'s Span>) -> Option<String> {
    let nameless: BTreeSet<&String> = spans
        .filter(|span| span.site.is_none() && span.answer.is_data())
        .map(|span| &span.series.source)
        .filter(|source| source.kind == SourceKind::Resolver)
        .map(|source| &source.id)
        .collect();
    (!nameless.is_empty()).then(|| {
        format!(
            "How many caches stand behind {} is not known: the replies do not say which one they come from (no NSID).",
            list(nameless)
        )
    })
}

fn left_out(postmortem: &Postmortem) -> Vec<String> {
    let mut open = Vec::new();
    if postmortem.more_incidents {
        open.push(format!(
            "There were more incidents in this time than the {} told here: a shorter window tells the others.",
            postmortem.incidents.len()
        ));
    }
    if postmortem.names_left_out > 0 {
        open.push(format!(
            "The past of {} is left out here; `dns-auditor timeline NAME` tells it.",
            count(postmortem.names_left_out, "more name")
        ));
    }
    open
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Told, cut, uncounted};
    use crate::cli::samples::history;

    #[test]
    fn whose_caches_cannot_be_counted_is_said_of_resolvers_that_gave_data_without_an_nsid() {
        let told = |site: Option<&str>| {
            let mut spans = history::timeline().spans;
            for one in &mut spans {
                one.span.site = site.map(Arc::from);
            }
            uncounted(spans.iter().map(|one| &one.span))
        };
        assert_eq!(told(Some("fra3")), None);
        let sentence = told(None).unwrap();
        let begin = "How many caches stand behind adguard-unfiltered is not known";
        assert!(sentence.starts_with(begin), "{sentence}");
    }

    #[test]
    fn what_is_left_out_of_an_incident_is_said_with_where_to_read_it() {
        let whole = Told {
            incident: history::incident(),
            events: Vec::new(),
            messages: Vec::new(),
            more_messages: false,
            rounds: Vec::new(),
            rounds_left_out: 0,
            proofs: Vec::new(),
            more_kept: false,
        };
        assert_eq!(cut(&whole), [""; 0]);
        let parts = Told {
            more_messages: true,
            rounds_left_out: 7,
            more_kept: true,
            ..whole
        };
        let told = cut(&parts);
        let commands = [
            "incidents show ",
            "explain NAME --at",
            "evidence NAME --from",
        ];
        assert_eq!(told.len(), commands.len());
        for (sentence, command) in told.iter().zip(commands) {
            assert!(sentence.contains(command), "{sentence}");
        }
        assert!(told[1].contains("7 rounds that changed it"), "{told:?}");
    }
}
