//! `timeline` and `state`: the past of names, for people and as JSON.
//!
//! Deliberately absent: queries. The API reads the same ones.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::{
    CliError, EXIT_OK,
    output::{Output, inert, instant, instant_or_dash, wrap},
    over_history, table,
};
use crate::{
    config::Config,
    names::DnsName,
    store::{
        incidents::{EventKind, IncidentEvent},
        state::StateRow,
        timeline::{Coverage, Timeline, TimelineQuery, VerdictSpan},
    },
    types::{RecordType, SourceKind, Span, parse_instant},
};

#[derive(Debug, Args)]
pub(super) struct TimelineArgs {
    /// The name
    name: DnsName,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<RecordType>,
    /// From this instant: RFC 3339, or relative such as -2h
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true)]
    from: Option<String>,
    /// Up to this instant
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true)]
    to: Option<String>,
    /// Only this resolver (authorities are shown all the same)
    #[arg(long, value_name = "ID")]
    resolver: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct StateArgs {
    /// As of this instant: RFC 3339, or relative such as -2h
    #[arg(
        long,
        value_name = "INSTANT",
        default_value = "now",
        allow_hyphen_values = true
    )]
    at: String,
    /// Only this name
    name: Option<DnsName>,
}

/// The JSON shape of `state`.
#[derive(Debug, Serialize)]
struct Snapshot {
    at: DateTime<Utc>,
    states: Vec<StateRow>,
}

pub(super) async fn timeline(
    args: &TimelineArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let query = TimelineQuery {
        name: args.name.clone(),
        rtype: args.rtype,
        from: args.from.as_deref().map(read_instant).transpose()?,
        to: args.to.as_deref().map(read_instant).transpose()?,
        resolver: args.resolver.clone(),
    };
    let timeline = over_history(config, async |store| store.timeline(&query).await).await?;
    output.print(&timeline?, render_timeline)?;
    Ok(EXIT_OK)
}

pub(super) async fn state(
    args: &StateArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let at = read_instant(&args.at)?;
    let name = args.name.as_ref();
    let states = over_history(config, async |store| store.state_at(at, name).await).await?;
    output.print(
        &Snapshot {
            at,
            states: states?,
        },
        render_state,
    )?;
    Ok(EXIT_OK)
}

fn read_instant(text: &str) -> Result<DateTime<Utc>, CliError> {
    parse_instant(text, Utc::now()).map_err(|error| CliError::Usage(error.to_string()))
}

/// Everything of one name, in the order a postmortem asks: who served what, what was made of it, what was told.
fn render_timeline(timeline: &Timeline) -> String {
    let mut text = format!("{}\n\nWHO SERVED WHAT\n", timeline.name);
    if timeline.spans.is_empty() {
        text += "nothing was recorded in this window\n";
    } else {
        text += &spans(timeline);
    }
    if !timeline.verdicts.is_empty() {
        text += "\nVERDICTS\n";
        text += &verdicts(&timeline.verdicts);
    }
    if !timeline.findings.is_empty() {
        text += "\nFINDINGS AT THE AUTHORITY\n";
        text += &findings(timeline);
    }
    if !timeline.incidents.is_empty() {
        text += "\nINCIDENTS\n";
        for incident in timeline.incidents.iter().rev() {
            text += &super::incidents::headline(incident);
            text += &events(&timeline.events, incident.id);
        }
    }
    text += "\nCOVERAGE\n";
    text + &coverage(&timeline.coverage)
}

fn spans(timeline: &Timeline) -> String {
    let rows = timeline.spans.iter().map(|recorded| {
        let span = &recorded.span;
        [
            instant(span.first_seen),
            instant(span.last_seen),
            who(span),
            span.series.question.rtype.to_string(),
            inert(&span.answer.to_string()),
            ttls(span),
            instant_or_dash(span.cached_until),
        ]
    });
    table::render(
        [
            "FIRST SEEN",
            "LAST SEEN",
            "WHO",
            "TYPE",
            "ANSWER",
            "TTL",
            "CACHED UNTIL",
        ],
        rows,
    )
}

fn who(span: &Span) -> String {
    let source = &span.series.source;
    let mark = if source.kind == SourceKind::Authority {
        "*"
    } else {
        ""
    };
    match &span.site {
        Some(site) => format!("{mark}{source} {}", inert(site)),
        None => format!("{mark}{source}"),
    }
}

fn ttls(span: &Span) -> String {
    match (span.ttl_min, span.ttl_max) {
        (Some(low), Some(high)) if low != high => format!("{low}-{high}"),
        (Some(ttl), _) => ttl.to_string(),
        _ => "-".to_owned(),
    }
}

fn verdicts(verdicts: &[VerdictSpan]) -> String {
    let rows = verdicts.iter().map(|verdict| {
        [
            instant(verdict.since),
            instant_or_dash(verdict.until),
            format!("{} ({})", verdict.resolver, verdict.address.ip()),
            verdict.question.rtype.to_string(),
            verdict.state.to_string(),
            verdict.severity.to_string(),
        ]
    });
    let mut text = table::render(
        ["SINCE", "UNTIL", "RESOLVER", "TYPE", "VERDICT", "SEVERITY"],
        rows,
    );
    let mut told = Vec::new();
    for verdict in verdicts
        .iter()
        .filter(|verdict| verdict.severity > crate::types::Severity::None)
    {
        let reason = verdict
            .evidence
            .get("reason")
            .and_then(|reason| reason.as_str())
            .unwrap_or_default();
        let line = format!(
            "{} at {}: {}",
            verdict.state,
            verdict.resolver,
            inert(reason)
        );
        if !told.contains(&line) {
            text += &wrap(&line, "  ", 100);
            text.push('\n');
            told.push(line);
        }
    }
    text
}

fn findings(timeline: &Timeline) -> String {
    let mut text = String::new();
    for finding in &timeline.findings {
        let reason = finding
            .evidence
            .get("reason")
            .and_then(|reason| reason.as_str())
            .unwrap_or_default();
        let line = format!(
            "{} to {}  {} {}: {}",
            instant(finding.since),
            instant_or_dash(finding.until),
            finding.severity,
            finding.kind,
            inert(reason)
        );
        text += &wrap(&line, "", 100);
        text.push('\n');
    }
    text
}

/// What happened to one incident, its deliveries included.
pub(super) fn events(events: &[IncidentEvent], id: uuid::Uuid) -> String {
    let mut text = String::new();
    for event in events.iter().filter(|event| event.incident_id == Some(id)) {
        let to = match (&event.channel, event.attempt) {
            (Some(channel), Some(attempt)) => format!(" {channel}, attempt {attempt}"),
            (Some(channel), None) => format!(" {channel}"),
            _ => String::new(),
        };
        let what = match event.kind {
            EventKind::Opened => "opened",
            EventKind::Updated => "updated",
            EventKind::Reminder => "reminded",
            EventKind::Resolved => "resolved",
            EventKind::Acked => "acknowledged",
            EventKind::Closed => "closed by hand",
            EventKind::Delivered => "delivered",
            EventKind::DeliveryFailed => "delivery failed",
            EventKind::DeliveryBuried => "delivery given up",
        };
        let line = format!(
            "{}  {what}{to}: {}",
            instant(event.at),
            inert(&event.detail)
        );
        text += &wrap(line.trim_end_matches(": "), "    ", 100);
        text.push('\n');
    }
    text
}

/// Where there were no rounds, nothing was seen: that is never no problem.
fn coverage(coverage: &[Coverage]) -> String {
    if coverage.is_empty() {
        return "no round ever judged this name: no data is not no problem\n".to_owned();
    }
    let mut text = String::new();
    for one in coverage {
        text += &format!(
            "{} at {}: {} rounds finished, {} missed, {} cut off; first {}, last {}\n",
            one.group,
            one.vantage,
            one.finished,
            one.missed,
            one.abandoned,
            instant_or_dash(one.first_at),
            instant_or_dash(one.last_at)
        );
        if let (Some(from), Some(to)) = (one.longest_gap_from, one.longest_gap_to) {
            text += &format!("  longest gap {} to {}\n", instant(from), instant(to));
        }
    }
    text
}

fn render_state(snapshot: &Snapshot) -> String {
    if snapshot.states.is_empty() {
        return format!("nothing was recorded by {}\n", instant(snapshot.at));
    }
    let rows = snapshot.states.iter().map(|row| {
        let span = &row.span.span;
        [
            span.series.question.to_string(),
            who(span),
            inert(&span.answer.to_string()),
            ttls(span),
            row.verdict
                .as_ref()
                .map_or_else(|| "-".to_owned(), |verdict| verdict.state.to_string()),
            instant_or_dash(span.cached_until),
            humantime::format_duration(std::time::Duration::from_secs(
                row.age_seconds.unsigned_abs(),
            ))
            .to_string(),
        ]
    });
    let head = [
        "QUESTION",
        "WHO",
        "ANSWER",
        "TTL",
        "VERDICT",
        "CACHED UNTIL",
        "AGE",
    ];
    format!(
        "as of {}; * is an authoritative server\n\n{}",
        instant(snapshot.at),
        table::render(head, rows)
    )
}
