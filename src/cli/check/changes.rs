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
        .map(|verdict| &*verdict.observed.source);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{
            finding::{FindingKind, Subject},
            verdict::State,
        },
        cli::samples::history,
        types::Severity,
    };

    fn report(verdicts: Vec<Verdict>, findings: Vec<Finding>) -> Report {
        Report {
            questions: Vec::new(),
            checked_at: history::at("2026-11-22T19:05:00Z"),
            verdicts,
            findings,
            exposures: Vec::new(),
            messages: None,
        }
    }

    fn missing() -> Finding {
        Finding {
            kind: FindingKind::NameMissing,
            severity: Severity::Warning,
            subject: Subject::Question(history::question()),
            zone: None,
            questions: vec![history::question()],
            resolvers: Vec::new(),
            authorities: Vec::new(),
            baseline: None,
            observed: Vec::new(),
            at: history::at("2026-11-22T19:05:00Z"),
            reason: "no such name".to_owned(),
        }
    }

    #[test]
    fn findings_that_come_and_go_are_told_and_those_that_stay_are_not() {
        let [none, one] = [
            report(Vec::new(), Vec::new()),
            report(Vec::new(), vec![missing()]),
        ];
        let new = "  new finding: name_missing, warning: no such name\n";
        assert_eq!(lines(&none, &one), [new]);
        assert_eq!(lines(&one, &none), [new.replace("new", "gone")]);
        let later = Finding {
            reason: "no such name since 19:05".to_owned(),
            ..missing()
        };
        assert!(lines(&one, &report(Vec::new(), vec![later])).is_empty());
    }

    #[test]
    fn a_countdown_is_no_change_and_a_baseline_is_told_once() {
        let before = history::verdicts();
        let mut after = before.clone();
        for verdict in &mut after {
            verdict.observed.ttl = Some(1);
            verdict.observed.at = history::at("2026-11-22T19:06:00Z");
        }
        let first = report(before, Vec::new());
        assert!(lines(&first, &report(after.clone(), Vec::new())).is_empty());
        for verdict in &mut after {
            verdict.baseline = None;
        }
        after[0].state = State::Divergent;
        let told = lines(&first, &report(after, Vec::new()));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("no baseline"), "{told:?}");
        assert!(told[1].contains("divergent"), "{told:?}");
    }
}
