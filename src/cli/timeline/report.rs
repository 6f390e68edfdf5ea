//! What `timeline` shows, in the order a postmortem asks: who served what, what was made of it, what was told, and how
//! well it was watched.
//!
//! Deliberately absent: single samples. A run of one answer from one backend is one line.

use std::collections::BTreeSet;

use crate::{
    cli::{
        evidence, history, incidents,
        instants::{Instants, instant},
        listing::{Listing, exact, exact_or_empty, or_empty},
        output::{inert, wrap},
        table,
        who::{self, Who},
    },
    store::{
        RecordedSpan,
        timeline::{Coverage, FindingSpan, Timeline, VerdictSpan},
    },
    types::{RecordType, SeriesKey, Severity, Source, SourceKind, Span},
};

/// For people.
pub(super) fn table(timeline: &Timeline) -> String {
    let mut text = format!("{}\n", who::name(&timeline.name));
    text += &spans(timeline);
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
    text + &coverage(&timeline.coverage)
}

/// Every run, under the backend that served it: authorities first, as what the others are held against.
fn spans(timeline: &Timeline) -> String {
    let spans: Vec<&Span> = timeline
        .spans
        .iter()
        .map(|recorded| &recorded.span)
        .collect();
    if spans.is_empty() {
        return "\nWHO SERVED WHAT\nnothing was recorded in this window\n".to_owned();
    }
    let who = Who::over_sources(spans.iter().map(|span| &span.series.source));
    let instants = Instants::over(spans.iter().flat_map(|span| {
        [
            Some(span.first_seen),
            Some(span.last_seen),
            span.cached_until,
        ]
        .into_iter()
        .flatten()
    }));
    let width = spans.iter().map(|span| history::ttls(span).len()).max();
    let columns = Columns {
        instants,
        ttl: width.unwrap_or_default().max(3),
    };
    let mut text = format!(
        "\nWHO SERVED WHAT ({})\n{}\n",
        instants.note(),
        columns.head()
    );
    let backends: BTreeSet<_> = spans.iter().map(|span| Backend::of(span)).collect();
    for backend in backends {
        text += &format!("{}\n", backend.label(&who));
        for span in spans.iter().filter(|span| Backend::of(span) == backend) {
            text += &wrap(&inert(&span.answer.to_string()), &columns.row(span));
        }
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
}

impl Columns {
    fn head(&self) -> String {
        let [first, last, until] = ["FIRST SEEN", "LAST SEEN", "CACHED UNTIL"];
        self.line([first, last, until, "TTL"]) + "ANSWER"
    }

    fn row(&self, span: &Span) -> String {
        let [first, last] = [span.first_seen, span.last_seen].map(|at| self.instants.show(at));
        let until = self.instants.show_or_dash(span.cached_until);
        self.line([&first, &last, &until, &history::ttls(span)])
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
        [
            instants.show(verdict.since),
            instants.show_or_dash(verdict.until),
            who.label(&verdict.resolver, verdict.address),
            verdict.question.rtype.to_string(),
            verdict.state.to_string(),
            verdict.severity.to_string(),
            verdict.flags.join(" "),
        ]
    });
    let head = [
        "SINCE", "UNTIL", "RESOLVER", "TYPE", "VERDICT", "SEVERITY", "FLAGS",
    ];
    let mut text = format!("\nVERDICTS ({}; - stands now)\n", instants.note());
    text += &table::render(head, &[2, 6], rows);
    let bad = verdicts
        .iter()
        .filter(|span| span.severity > Severity::None);
    let label = |span: &VerdictSpan| who.label(&span.resolver, span.address);
    text + &evidence::reasons(bad.map(|span| (label(span), reason(&span.evidence))))
}

/// The sentence of a verdict or finding as it was written then.
fn reason(evidence: &serde_json::Value) -> &str {
    let reason = evidence.get("reason").and_then(serde_json::Value::as_str);
    reason.unwrap_or_default()
}

fn finding(finding: &FindingSpan) -> String {
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
fn coverage(coverage: &[Coverage]) -> String {
    if coverage.is_empty() {
        let never = "no round ever judged this name: no data is not no problem";
        return format!("\nCOVERAGE\n{never}\n");
    }
    let ends = |one: &Coverage| [one.first_at, one.last_at, one.longest_gap_from];
    let instants = Instants::over(coverage.iter().flat_map(ends).flatten());
    let rows = coverage.iter().map(|one| {
        [
            one.group.clone(),
            one.vantage.clone(),
            one.finished.to_string(),
            one.missed.to_string(),
            one.abandoned.to_string(),
            instants.show_or_dash(one.first_at),
            instants.show_or_dash(one.last_at),
            longest_gap(one, instants),
        ]
    });
    let head = [
        "GROUP",
        "VANTAGE",
        "ROUNDS",
        "MISSED",
        "CUT OFF",
        "FIRST",
        "LAST",
        "LONGEST GAP",
    ];
    format!("\nCOVERAGE ({})\n", instants.note()) + &table::render(head, &[0, 1], rows)
}

/// `5m from 19:05:00Z`
fn longest_gap(coverage: &Coverage, instants: Instants) -> String {
    let (Some(from), Some(to)) = (coverage.longest_gap_from, coverage.longest_gap_to) else {
        return "-".to_owned();
    };
    let seconds = (to - from).num_seconds().unsigned_abs();
    let length = humantime::format_duration(std::time::Duration::from_secs(seconds));
    format!("{length} from {}", instants.show(from))
}

/// One row per run, in the order of the table.
pub(super) fn listing(timelines: &[Timeline]) -> Listing {
    let headings = [
        "vantage",
        "name",
        "type",
        "kind",
        "source",
        "address",
        "site",
        "first_seen",
        "last_seen",
        "samples",
        "ttl_min",
        "ttl_max",
        "cached_until",
        "answer",
    ];
    let row = |RecordedSpan { vantage, span }: &RecordedSpan| {
        let SeriesKey { question, source } = &span.series;
        [
            vantage.clone(),
            question.name.to_string(),
            question.rtype.to_string(),
            history::kind(source.kind).to_owned(),
            source.id.clone(),
            source.address.to_string(),
            or_empty(span.site.as_deref()),
            exact(span.first_seen),
            exact(span.last_seen),
            span.samples.to_string(),
            or_empty(span.ttl_min),
            or_empty(span.ttl_max),
            exact_or_empty(span.cached_until),
            span.answer.to_string(),
        ]
    };
    let of_timeline = |timeline: &'_ Timeline| {
        let mut spans: Vec<_> = timeline.spans.iter().collect();
        spans.sort_by_key(|recorded| Backend::of(&recorded.span));
        spans.into_iter().map(row).collect::<Vec<_>>()
    };
    Listing::new(headings, timelines.iter().flat_map(of_timeline))
}
