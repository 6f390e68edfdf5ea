//! The Slack message: Block Kit that says what, where, since and until when, whether legal, and what to do.
//!
//! Everything that came from the wire is made inert ([`super::inert`]). Deliberately absent: threads and edits of
//! earlier messages, which an incoming webhook cannot do, and colour, which only the legacy attachments have.

mod blocks;
mod evidence;
mod headline;
mod place;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(super) use blocks::HEADER;
pub use blocks::{Block, MOST_CHARACTERS, Message, Text};
pub use headline::headline;

use crate::{
    audit::{
        incident::{Incident, Status, Transition, TransitionKind},
        short_id,
    },
    notify::{
        MessageContext,
        inert::{code, prose},
        next_steps::{NextStep, next_steps, utc},
        quieting, wording,
    },
};

/// Most steps of one message.
const MOST_STEPS: usize = 8;

/// The message that tells `transition`.
pub fn message(transition: &Transition, context: &MessageContext<'_>) -> Message {
    let incident = &transition.incident;
    let title = headline(transition);
    let sections = match transition.kind {
        TransitionKind::Resolved => vec![
            Some(ended(transition)),
            evidence::section("Last bad answers", incident, context, 3),
            evidence::authority(incident),
            place::touched(incident, context),
        ],
        _ => vec![
            Some(meaning(transition)),
            evidence::section(served(incident), incident, context, 6),
            evidence::authority(incident),
            place::operators(incident, context),
            place::touched(incident, context),
            Some(times(incident)),
            steps(incident, context),
            evidence::reproduce(incident),
            quieting::command(incident)
                .map(|command| format!("*Silence it for an hour:* {}", code(&command, 700))),
        ],
    };
    let mut message = Message::new(&title);
    for section in sections.into_iter().flatten() {
        message.section(section);
    }
    message.footer(footer(incident, context));
    message
}

/// The title above the bad replies: while it recovers they are past.
fn served(incident: &Incident) -> &'static str {
    match incident.status {
        Status::Open => "Served",
        Status::Recovering | Status::Resolved => "Last bad answers",
    }
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

/// The body that says that a test is over.
pub fn test_end_message(vantage: &str, of: Uuid, now: DateTime<Utc>) -> Message {
    let mut message = Message::new("dns-auditor: a test of this channel is over");
    message.section(format!(
        "The test {} is over. Sent by dns-auditor at {} on {}.",
        code(&short_id(of), 40),
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
    if transition.reason != incident.reason {
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
    let mut lines = vec![
        format!("It is over: {}", prose(&transition.reason, 400)),
        format!(
            "*Lasted:* {}, from {} to {}",
            duration(end, incident.opened_at),
            both(incident.opened_at),
            both(end)
        ),
        format!("*Last bad sample:* {}", both(incident.last_bad_at)),
    ];
    if let Some(until) = incident.cached_until {
        let last = until.max(incident.last_bad_at);
        lines.push(format!(
            "*Exposure:* {}; a client could hold a bad answer until {}",
            duration(last, incident.opened_at),
            both(last)
        ));
    }
    lines.join("\n")
}

fn times(incident: &Incident) -> String {
    let mut lines = vec![format!("*Since:* {}", both(incident.opened_at))];
    if let Some(until) = incident.cached_until {
        lines.push(format!("*Cached until:* {}, as seen", both(until)));
    }
    if let Some(until) = incident.worst_case_until {
        lines.push(format!(
            "*Worst case until:* {}, at a cache not asked yet",
            both(until)
        ));
    }
    if let Some(at) = incident.acked_at {
        lines.push(format!("*Acknowledged:* {}", both(at)));
    }
    lines.join("\n")
}

fn steps(incident: &Incident, context: &MessageContext<'_>) -> Option<String> {
    let steps = next_steps(incident, context);
    if steps.is_empty() {
        return None;
    }
    let mut lines: Vec<String> = steps.iter().take(MOST_STEPS).map(step_line).collect();
    lines.extend(more(steps.len() - lines.len(), incident, context));
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
    let silence = context.silence_url(incident);
    let silence = silence.and_then(|url| link_target(&url));
    let silence = silence.map_or_else(String::new, |url| format!(" · <{url}|silence it>"));
    format!(
        "{shown}{silence} · group {} · seen from {}",
        code(&incident.key.group, 60),
        code(context.vantage, 60)
    )
}

/// `+37 more`, a link where the rest can be read; `None` where nothing was left out.
fn more(rest: usize, incident: &Incident, context: &MessageContext<'_>) -> Option<String> {
    let url = context.incident_url(incident);
    match url.and_then(|url| link_target(&url)) {
        _ if rest == 0 => None,
        Some(url) => Some(format!("<{url}|+{rest} more>")),
        None => Some(format!("+{rest} more")),
    }
}

/// An instant in the reader's own time and in UTC.
fn both(at: DateTime<Utc>) -> String {
    format!("{} ({})", local(at), utc(at))
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
