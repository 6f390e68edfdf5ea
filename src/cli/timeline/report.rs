//! What `timeline` shows, in the order a postmortem asks: who served what, what was made of it, what was told, and how
//! well it was watched.
//!
//! Deliberately absent: single samples. A run of one answer from one backend is one line.

use std::collections::BTreeSet;

use crate::{
    cli::{
        declarations, evidence, history, incidents,
        instants::{Instants, instant, instant_or_dash},
        listing::Listing,
        output::{count, inert, wrap},
        spans, table,
        who::{self, Who},
    },
    store::{
        RecordedSpan,
        findings::FindingSpan,
        timeline::{Coverage, Timeline, VerdictSpan},
    },
    types::{RecordType, Severity, Source, SourceKind, Span},
};

/// For people.
pub(super) fn table(timeline: &Timeline) -> String {
    let mut text = format!("{}\n", who::name(&timeline.name));
    text += &served(timeline);
    if !timeline.verdicts.is_empty() {
        text += &verdicts(&timeline.verdicts);
    }
    if !timeline.findings.is_empty() {
        text += "\nFINDINGS AT THE AUTHORITY\n";
        text += &timeline.findings.iter().map(finding).collect::<String>();
    }
    if !timeline.incidents.is_empty() {
        text += "\nINCIDENTS AND WHO WAS TOLD\n";
        for incident in timeline.incidents.iter().rev() {
            text += &incidents::headline(incident);
            let events = timeline.events.iter();
            let of_incident = events.filter(|event| event.incident_id == Some(incident.id));
            text += &incidents::events(of_incident, "    ");
        }
    }
    text += &declarations::section(&timeline.declarations);
    text + &coverage(timeline)
}

/// Every run, under the backend that served it: authorities first, as what the others are held against.
fn served(timeline: &Timeline) -> String {
    let spans: Vec<&Span> = timeline
        .spans
        .iter()
        .map(|recorded| &recorded.span)
        .collect();
    if spans.is_empty() {
        return "\nWHO SERVED WHAT\nnothing was recorded in this window\n".to_owned();
    }
    let who = Who::over_sources(spans.iter().map(|span| &*span.series.source));
    let instants = Instants::over(spans.iter().flat_map(|span| {
        [
            Some(span.first_seen),
            Some(span.last_seen),
            span.cached_until,
        ]
        .into_iter()
        .flatten()
    }));
    let columns = Columns::of(&spans, instants);
    let head = columns.head();
    let mut text = format!("\nWHO SERVED WHAT ({})\n{head}\n", instants.note());
    let backends: BTreeSet<_> = spans.iter().map(|span| Backend::of(span)).collect();
    for backend in backends {
        text += &format!("{}\n", backend.label(&who));
        let of_backend = spans.iter().filter(|span| Backend::of(span) == backend);
        text += &of_backend.map(|span| columns.row(span)).collect::<String>();
    }
    text
}

/// One backend of one source, asked for one type: what one heading stands for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Backend<'a> {
    rtype: RecordType,
    is_resolver: bool,
    source: &'a Source,
    site: Option<&'a str>,
}

impl<'a> Backend<'a> {
    fn of(span: &'a Span) -> Self {
        let source = &span.series.source;
        Self {
            rtype: span.series.question.rtype,
            is_resolver: source.kind == SourceKind::Resolver,
            source,
            site: span.site.as_deref(),
        }
    }

    /// `A at resolver google (8.8.8.8), site gpdns-fra`
    fn label(&self, who: &Who<'_>) -> String {
        let kind = history::kind(self.source.kind);
        let site = self.site.map(|site| format!(", site {}", inert(site)));
        let site = site.unwrap_or_default();
        format!("{} at {kind} {}{site}", self.rtype, who.source(self.source))
    }
}

/// The columns before the answer, equally wide under every heading.
struct Columns {
    instants: Instants,
    ttl: usize,
    /// Whether every answer can stand beside them; else each stands below.
    beside: bool,
}

impl Columns {
    fn of(spans: &[&Span], instants: Instants) -> Self {
        let ttls = spans.iter().map(|span| history::ttls(span).len());
        let answers = spans.iter().map(|span| span.answer.to_string());
        let longest = |answer: String| answer.split_whitespace().map(str::len).max();
        let columns = Self {
            instants,
            ttl: ttls.max().unwrap_or_default().max(3),
            beside: true,
        };
        let room = table::WIDTH.saturating_sub(columns.line([""; 4]).len());
        Self {
            beside: answers.filter_map(longest).all(|word| word <= room),
            ..columns
        }
    }

    fn head(&self) -> String {
        let line = self.line(["FIRST SEEN", "LAST SEEN", "CACHED UNTIL", "TTL"]);
        if self.beside {
            line + "ANSWER"
        } else {
            format!("{}\n      ANSWER", line.trim_end())
        }
    }

    fn row(&self, span: &Span) -> String {
        let [first, last] = [span.first_seen, span.last_seen].map(|at| self.instants.show(at));
        let until = self.instants.show_or_dash(span.cached_until);
        let line = self.line([&first, &last, &until, &history::ttls(span)]);
        let answer = inert(&span.answer.to_string());
        if self.beside {
            wrap(&answer, &line)
        } else {
            format!("{}\n{}", line.trim_end(), wrap(&answer, "      "))
        }
    }

    fn line(&self, [first, last, until, ttl]: [&str; 4]) -> String {
        let (wide, narrow) = (self.instants.width().max(12), self.ttl);
        format!("  {first:<wide$}  {last:<wide$}  {until:<wide$}  {ttl:<narrow$}  ")
    }
}

fn verdicts(verdicts: &[VerdictSpan]) -> String {
    let who = Who::over(verdicts.iter().map(|span| (&*span.resolver, span.address)));
    let ends = |span: &VerdictSpan| [Some(span.since), span.until].into_iter().flatten();
    let instants = Instants::over(verdicts.iter().flat_map(ends));
    let rows = verdicts.iter().map(|verdict| {
        let facts = [
            instants.show(verdict.since),
            instants.show_or_dash(verdict.until),
            who.label(&verdict.resolver, verdict.address),
            verdict.state.to_string(),
        ];
        let severity = verdict.severity.to_string();
        let rtype = verdict.question.rtype.to_string();
        (facts, [rtype, severity, verdict.flags.join(" ")])
    });
    let head = ["SINCE", "UNTIL", "RESOLVER", "VERDICT"];
    let mut text = format!("\nVERDICTS ({}; - stands now)\n", instants.note());
    text += &table::render(head, ["TYPE", "SEVERITY", "FLAGS"], rows);
    let bad = verdicts
        .iter()
        .filter(|span| span.severity > Severity::None);
    let label = |span: &VerdictSpan| who.label(&span.resolver, span.address);
    text + &evidence::reasons(bad.map(|span| (label(span), reason(&span.evidence))))
}

/// The sentence of a verdict or finding as it was written then.
pub(in crate::cli) fn reason(evidence: &serde_json::Value) -> &str {
    let reason = evidence.get("reason").and_then(serde_json::Value::as_str);
    reason.unwrap_or_default()
}

/// A finding with its time and its sentence.
pub(in crate::cli) fn finding(finding: &FindingSpan) -> String {
    let until = finding.until.map_or_else(
        || "still there".to_owned(),
        |until| format!("to {}", instant(until)),
    );
    format!(
        "{} {}, {} {until}\n{}",
        finding.severity,
        finding.kind,
        instant(finding.since),
        wrap(&inert(reason(&finding.evidence)), "  ")
    )
}

/// Where there were no rounds, nothing was seen: that is never no problem.
fn coverage(timeline: &Timeline) -> String {
    let heading = heading(timeline);
    if timeline.coverage.is_empty() {
        let never = "no round ever judged this name: no data is not no problem";
        return format!("\n{heading}\n{never}\n");
    }
    let lines: String = timeline.coverage.iter().map(rounds).collect();
    format!("\n{heading}\n{lines}")
}

/// Only rounds within the window are counted, and it is said where one was asked for.
fn heading(timeline: &Timeline) -> String {
    match (timeline.from, timeline.to) {
        (None, None) => "COVERAGE".to_owned(),
        (Some(from), None) => format!("COVERAGE (of this window: from {})", instant(from)),
        (None, Some(to)) => format!("COVERAGE (of this window: to {})", instant(to)),
        (Some(from), Some(to)) => {
            let (from, to) = (instant(from), instant(to));
            format!("COVERAGE (of this window: {from} to {to})")
        }
    }
}

fn rounds(coverage: &Coverage) -> String {
    let mut line = format!(
        "group {} at {}: {} finished, {} missed, {} cut off; first {}, last {}",
        coverage.group,
        coverage.vantage,
        count(coverage.finished as usize, "round"),
        coverage.missed,
        coverage.abandoned,
        instant_or_dash(coverage.first_at),
        instant_or_dash(coverage.last_at)
    );
    if let (Some(from), Some(to)) = (coverage.longest_gap_from, coverage.longest_gap_to) {
        line += &format!("; longest gap {} to {}", instant(from), instant(to));
    }
    wrap(&line, "")
}

/// One row per run, in the order of the table.
pub(super) fn listing(timelines: &[Timeline]) -> Listing {
    spans::listing(timelines.iter().flat_map(in_order))
}

fn in_order(timeline: &Timeline) -> Vec<&RecordedSpan> {
    let mut spans: Vec<_> = timeline.spans.iter().collect();
    spans.sort_by_key(|recorded| Backend::of(&recorded.span));
    spans
}

#[cfg(test)]
mod tests {
    use crate::cli::samples::{fits, history::timeline};

    #[test]
    fn long_names_sites_and_answers_have_room() {
        let text = super::table(&timeline());
        insta::assert_snapshot!(text);
        assert!(fits(&text));
    }
}
