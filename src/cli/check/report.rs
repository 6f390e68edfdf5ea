//! What `check` shows: question by question, then what is wrong at the authorities, then the sum.
//!
//! Deliberately absent: whether it is bad; verdicts and findings say so themselves.

use std::net::SocketAddr;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    Debug, agreement,
    messages::{self, Exchange},
};
use crate::cli::{
    evidence, exposure,
    instants::{Instants, instant},
    listing::{Listing, exact_or_empty, or_empty},
    output::{count, inert, wrap},
    table,
    who::{self, Who},
};
use crate::{
    audit::{
        exposure::Exposure,
        finding::Finding,
        verdict::{State, Verdict},
    },
    types::{Question, Source, Transport},
};

/// One check as `--format json` shows it. Stable.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// When it was made.
    pub(super) checked_at: DateTime<Utc>,
    /// What was asked, in the order in which it is shown to people.
    #[serde(skip)]
    pub(super) questions: Vec<Question>,
    /// One per question and resolver address.
    pub(super) verdicts: Vec<Verdict>,
    /// What is wrong at the authorities.
    pub(super) findings: Vec<Finding>,
    /// For how long a bad answer fetched now could live: one per question that authorities answered.
    pub(super) exposures: Vec<Exposure>,
    /// Every query and its response, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) messages: Option<Vec<Exchange>>,
}

/// For people. The line on top says the day that the instants below belong to.
pub(super) fn table(report: &Report, debug: Option<Debug>) -> String {
    let cached = report
        .verdicts
        .iter()
        .filter_map(|verdict| verdict.cached_until);
    let instants = Instants::over(cached.chain([report.checked_at]));
    let mut text = format!("checked at {}\n\n", instant(report.checked_at));
    for question in &report.questions {
        let of_question = |verdict: &&Verdict| verdict.question == *question;
        let mut verdicts: Vec<_> = report.verdicts.iter().filter(of_question).collect();
        verdicts.sort_by_key(|verdict| place(&verdict.observed.source));
        let mut exposures = report.exposures.iter();
        let exposure = exposures.find(|exposure| exposure.question == *question);
        text += &section(question, &verdicts, exposure, instants);
        text.push('\n');
    }
    for finding in &report.findings {
        let line = format!("{}: {}", finding.kind, inert(&finding.reason));
        text += &wrap(&line, &format!("{}  ", finding.severity));
    }
    if !report.findings.is_empty() {
        text.push('\n');
    }
    text += &agreement::lines(&report.verdicts);
    text += &summary(report);
    let exchanges = report.messages.iter().zip(debug);
    text.extend(exchanges.map(|(exchanges, how)| messages::text(exchanges, how)));
    text
}

/// The transports of one address stand together, in their usual order.
fn place(source: &Source) -> (&str, SocketAddr, Transport) {
    let address = SocketAddr::new(source.address.ip(), 0);
    (agreement::base(source), address, source.transport)
}

fn section(
    question: &Question,
    verdicts: &[&Verdict],
    exposure: Option<&Exposure>,
    instants: Instants,
) -> String {
    let who = Who::over_sources(verdicts.iter().map(|verdict| &*verdict.observed.source));
    let rows = verdicts.iter().map(|verdict| {
        let seen = &verdict.observed;
        let facts = [
            who.source(&seen.source),
            verdict.state.to_string(),
            evidence::ttl(seen.ttl),
            instants.show_or_dash(verdict.cached_until),
        ];
        let site = inert(seen.site.as_deref().unwrap_or_default());
        (facts, [site, evidence::answer(seen)])
    });
    let head = ["RESOLVER", "VERDICT", "TTL", "CACHED UNTIL"];
    let mut text = format!("{}\n", who::question(question));
    text += &wrap(&baseline(verdicts), "  ");
    text += &exposure.map_or_else(String::new, |exposure| {
        let lives = exposure::text(exposure);
        wrap(
            &format!("a bad answer fetched now could live: {lives}"),
            "  ",
        )
    });
    text += &table::render(head, ["SITE", "ANSWER"], rows);
    let remarkable = verdicts
        .iter()
        .filter(|verdict| verdict.state != State::Consistent || !verdict.flags.is_empty());
    let reasons =
        remarkable.map(|verdict| (who.source(&verdict.observed.source), &*verdict.reason));
    text + &evidence::reasons(reasons)
}

fn baseline(verdicts: &[&Verdict]) -> String {
    let mut baselines = verdicts
        .iter()
        .filter_map(|verdict| verdict.baseline.as_ref());
    baselines
        .next()
        .map_or_else(|| "(no authority answered)".to_owned(), evidence::baseline)
}

/// The sum, on one line.
pub(super) fn summary(report: &Report) -> String {
    let total = report.verdicts.len();
    let consistent = |verdict: &&Verdict| verdict.state == State::Consistent;
    let consistent = report.verdicts.iter().filter(consistent).count();
    format!(
        "{consistent} of {} consistent, {}\n",
        count(total, "answer"),
        count(report.findings.len(), "finding")
    )
}

/// One row per question and resolver address.
pub(super) fn listing(report: &Report) -> Listing {
    let headings = [
        "name",
        "type",
        "resolver",
        "address",
        "site",
        "state",
        "severity",
        "ttl",
        "cached_until",
        "answer",
        "reason",
    ];
    let row = |verdict: &Verdict| {
        let seen = &verdict.observed;
        [
            verdict.question.name.to_string(),
            verdict.question.rtype.to_string(),
            verdict.resolver.clone(),
            seen.source.address.to_string(),
            or_empty(seen.site.as_deref()),
            verdict.state.to_string(),
            verdict.severity.to_string(),
            or_empty(seen.ttl),
            exact_or_empty(verdict.cached_until),
            seen.answer_text(),
            verdict.reason.clone(),
        ]
    };
    Listing::new(headings, report.verdicts.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples::{fits, history};

    #[test]
    fn a_resolver_is_shown_by_address_where_it_has_several() {
        let report = Report {
            checked_at: history::at("2026-11-22T19:05:00Z"),
            questions: vec![history::question()],
            verdicts: history::verdicts(),
            findings: Vec::new(),
            exposures: history::exposures(),
            messages: None,
        };
        let text = table(&report, None);
        insta::assert_snapshot!(text);
        assert!(fits(&text));
    }
}
