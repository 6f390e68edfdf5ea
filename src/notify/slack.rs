//! The Slack message: Block Kit that says what, where, since and until when, whether legal, and what to do.
//!
//! Everything that came from the wire is made inert ([`super::inert`]). Deliberately absent: threads and edits of
//! earlier messages, which an incoming webhook cannot do, and colour, which only the legacy attachments have.

mod blocks;
mod evidence;
mod headline;

use chrono::{DateTime, Utc};

pub use blocks::{Block, MOST_CHARACTERS, Message, Text};
pub use headline::headline;

use crate::{
    audit::incident::{Incident, Transition, TransitionKind},
    notify::{
        MessageContext,
        inert::{code, prose},
        next_steps::{NextStep, next_steps, utc},
        wording,
    },
};

/// The message that tells `transition`.
pub fn message(transition: &Transition, context: &MessageContext<'_>) -> Message {
    let incident = &transition.incident;
    let title = headline(transition);
    let sections = match transition.kind {
        TransitionKind::Resolved => vec![
            Some(ended(transition)),
            evidence::section("Last bad answers", incident, 3),
            evidence::authority(incident),
            names(incident),
        ],
        _ => vec![
            Some(meaning(transition)),
            evidence::section("Served", incident, 6),
            evidence::authority(incident),
            names(incident),
            Some(times(incident)),
            steps(incident, context),
            evidence::reproduce(incident),
        ],
    };
    let mut message = Message::new(&title);
    for section in sections.into_iter().flatten() {
        message.section(section);
    }
    message.footer(footer(incident, context));
    message
}

/// A test message.
pub fn test_message(vantage: &str, now: DateTime<Utc>) -> Message {
    let mut message = Message::new("dns-auditor: a test of this channel");
    message.section(format!(
        "Nothing is wrong. Sent by dns-auditor at {} on {}.",
        code(vantage, 80),
        local(now)
    ));
    message
}

/// What is wrong, in words; the evidence's own sentence; whether it is legal.
fn meaning(transition: &Transition) -> String {
    let incident = &transition.incident;
    let words = wording::of(&incident.verdict);
    let mut lines = vec![format!(
        "*{}* {}",
        prose(&incident.verdict, 60),
        words.meaning
    )];
    lines.push(prose(&incident.reason, 700));
    if transition.kind != TransitionKind::Opened && transition.reason != incident.reason {
        lines.push(format!("*Now:* {}", prose(&transition.reason, 400)));
    }
    if let Some(legal) = words.legal {
        lines.push(format!("*Legal?* {legal}."));
    }
    lines.join("\n")
}

fn ended(transition: &Transition) -> String {
    let incident = &transition.incident;
    let end = incident.resolved_at.unwrap_or(transition.at);
    format!(
        "It is over: {}\n*Lasted:* {} (from {} to {})\n*Last bad sample:* {}",
        prose(&transition.reason, 400),
        duration(end, incident.opened_at),
        local(incident.opened_at),
        local(end),
        local(incident.last_bad_at),
    )
}

/// The first names, where there is more than the headline's one.
fn names(incident: &Incident) -> Option<String> {
    let total = incident.names.len();
    if total < 2 {
        return None;
    }
    let mut text = String::new();
    let mut shown = 0;
    for name in &incident.names {
        let item = code(name.as_str(), 100);
        if text.len() + item.len() > 1000 {
            break;
        }
        if shown > 0 {
            text.push(' ');
        }
        text.push_str(&item);
        shown += 1;
    }
    let more = match total - shown {
        0 => String::new(),
        rest => format!(" +{rest} more"),
    };
    Some(format!("*Names ({total}):* {text}{more}"))
}

fn times(incident: &Incident) -> String {
    let mut lines = vec![format!("*Since:* {}", local(incident.opened_at))];
    if let Some(until) = incident.cached_until {
        lines.push(format!("*Cached until:* {} (seen)", local(until)));
    }
    if let Some(until) = incident.worst_case_until {
        lines.push(format!(
            "*Worst case until:* {} (a cache not asked yet)",
            local(until)
        ));
    }
    if let Some(at) = incident.acked_at {
        lines.push(format!("*Acknowledged:* {}", local(at)));
    }
    lines.join("\n")
}

fn steps(incident: &Incident, context: &MessageContext<'_>) -> Option<String> {
    let steps = next_steps(incident, context);
    if steps.is_empty() {
        return None;
    }
    let mut lines: Vec<String> = steps.iter().take(8).map(step_line).collect();
    if steps.len() > lines.len() {
        lines.push(format!("+{} more", steps.len() - lines.len()));
    }
    Some(format!("*Next steps*\n{}", lines.join("\n")))
}

fn step_line(step: &NextStep) -> String {
    let title = prose(&step.title, 150);
    match step.url.as_deref().and_then(link_target) {
        Some(url) => format!("• <{url}|{title}>"),
        None => format!("• {title}"),
    }
}

/// A URL that can stand inside `<…|…>`; `None` where it is no web address or too long to be one.
fn link_target(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let inert = url
        .as_str()
        .replace('|', "%7C")
        .replace('&', "&amp;")
        .replace('<', "%3C")
        .replace('>', "%3E");
    (web && inert.len() <= 300).then_some(inert)
}

fn footer(incident: &Incident, context: &MessageContext<'_>) -> String {
    let id = incident.id;
    let incident_link = context
        .incident_url(incident)
        .and_then(|url| link_target(&url));
    let shown = match incident_link {
        Some(url) => format!("<{url}|incident {id}>"),
        None => format!("incident `{id}`"),
    };
    format!(
        "{shown} · group {} · seen from {}",
        code(&incident.key.group, 60),
        code(context.vantage, 60)
    )
}

/// An instant in the reader's own time, with UTC where Slack cannot tell it.
fn local(at: DateTime<Utc>) -> String {
    let (unix, fallback) = (at.timestamp(), utc(at));
    format!("<!date^{unix}^{{date_short_pretty}} {{time_secs}}|{fallback}>")
}

fn duration(end: DateTime<Utc>, start: DateTime<Utc>) -> String {
    let seconds = (end - start).num_seconds().max(0).unsigned_abs();
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}
