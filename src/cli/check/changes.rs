//! What is different from one check to the next.
//!
//! Deliberately absent: TTLs that count down, and instants; they change by themselves.

use crate::{
    audit::{finding::Finding, verdict::Verdict},
    cli::{
        check::report::Report,
        evidence,
        output::{inert, wrap},
        who::{self, Who},
    },
};

/// One line a change: baselines, then answers and verdicts, then findings.
pub(super) fn lines(before: &Report, after: &Report) -> Vec<String> {
    let sources = after
        .verdicts
        .iter()
        .map(|verdict| &verdict.observed.source);
    let who = Who::over_sources(sources);
    let (mut lines, mut answers) = (Vec::new(), Vec::new());
    for verdict in &after.verdicts {
        let is_same = |earlier: &&Verdict| {
            earlier.question == verdict.question
                && earlier.observed.source == verdict.observed.source
        };
        let Some(earlier) = before.verdicts.iter().find(is_same) else {
            continue;
        };
        let question = who::question(&verdict.question);
        let baselines = [earlier, verdict].map(baseline);
        if baselines[0] != baselines[1] {
            lines.push(changed(&question, &baselines));
        }
        let stands = [earlier, verdict].map(stand);
        if stands[0] != stands[1] {
            let subject = format!("{question}, {}", who.source(&verdict.observed.source));
            answers.push(changed(&subject, &stands));
        }
    }
    // Every verdict of a question has its baseline.
    lines.dedup();
    lines.extend(answers);
    lines.extend(appeared(&before.findings, &after.findings, "new"));
    lines.extend(appeared(&after.findings, &before.findings, "gone"));
    lines
}

fn changed(subject: &str, [before, after]: &[String; 2]) -> String {
    wrap(&format!("{subject}: {before} -> {after}"), "  ")
}

fn baseline(verdict: &Verdict) -> String {
    let baseline = verdict.baseline.as_ref();
    baseline.map_or_else(|| "no baseline".to_owned(), evidence::baseline)
}

fn stand(verdict: &Verdict) -> String {
    format!("{} {}", verdict.state, evidence::answer(&verdict.observed))
}

/// The findings that `of` has and `besides` has not.
fn appeared<'a>(
    besides: &'a [Finding],
    of: &'a [Finding],
    word: &'a str,
) -> impl Iterator<Item = String> + 'a {
    let known = |finding: &Finding| {
        let mut besides = besides.iter();
        besides.any(|other| other.kind == finding.kind && other.subject == finding.subject)
    };
    let new = of.iter().filter(move |finding| !known(finding));
    new.map(move |finding| {
        let line = format!(
            "{}, {}: {}",
            finding.kind,
            finding.severity,
            inert(&finding.reason)
        );
        wrap(&line, &format!("  {word} finding: "))
    })
}
