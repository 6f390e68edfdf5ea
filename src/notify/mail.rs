//! The message as a mail: a subject, and plain text that reads well in eighty columns.
//!
//! Everything that came from the wire is made plain ([`super::inert`]). Deliberately absent: HTML, and the envelope, which is
//! made when it is sent ([`super::deliver`]).

use chrono::{DateTime, Utc};

use super::{
    inert::{clip, plain},
    next_steps::utc,
    webhook::{Data, IncidentBody, Message, Observed},
    wording,
};

/// Most names, and most rows of evidence.
const MOST_ROWS: usize = 20;
/// Most characters of a subject.
const SUBJECT: usize = 200;

/// A mail without its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mail {
    /// One line.
    pub(super) subject: String,
    /// The text.
    pub(super) text: String,
    /// The incident that gathers it with others.
    pub(super) thread: Option<String>,
}

/// The mail that tells `message`.
pub(super) fn mail(message: &Message) -> Mail {
    let subject = clip(&message.summary(), SUBJECT);
    match &message.data {
        Data::Message(text) => Mail {
            subject: "dns-auditor: a test of this channel".to_owned(),
            text: plain(text) + "\n",
            thread: None,
        },
        Data::Incident(incident) => Mail {
            text: text(message, incident),
            thread: Some(incident.id.to_string()),
            subject,
        },
    }
}

fn text(message: &Message, incident: &IncidentBody) -> String {
    let paragraphs = [
        remarks(message),
        Some(meaning(incident)),
        evidence(incident),
        right(incident),
        Some(facts(message.timestamp, incident)),
        steps(incident),
        incident.url.clone(),
    ];
    let paragraphs: Vec<String> = paragraphs.into_iter().flatten().collect();
    paragraphs.join("\n\n") + "\n"
}

fn remarks(message: &Message) -> Option<String> {
    let note = message.delivery.as_ref()?;
    let mut lines = Vec::new();
    if note.sample {
        lines.push(
            "A sample: nothing is wrong. It shows what such a message looks like.".to_owned(),
        );
    }
    if note.history {
        lines.push(format!(
            "History, not news: written {} and not taken until now.",
            utc(message.timestamp)
        ));
    }
    if let Some(channel) = &note.instead_of {
        lines.push(format!(
            "Told here because the channel {} does not take it.",
            plain(channel)
        ));
    }
    Some(lines.join("\n"))
}

fn meaning(incident: &IncidentBody) -> String {
    if incident.resolved_at.is_some() {
        return format!("It is over: {}", plain(&incident.reason));
    }
    let words = wording::of(&incident.verdict);
    let mut lines = vec![words.meaning.to_owned(), plain(&incident.reason)];
    lines.extend(words.legal.map(|legal| format!("Legal? {legal}.")));
    lines.join("\n")
}

fn evidence(incident: &IncidentBody) -> Option<String> {
    if incident.observed.is_empty() {
        return None;
    }
    let rows = incident.observed.iter().take(MOST_ROWS).map(row);
    let title = match incident.status.as_str() {
        "open" => "Served:",
        _ => "Last bad answers:",
    };
    let mut lines = vec![title.to_owned()];
    lines.extend(rows);
    lines.extend(more(incident.observed.len(), MOST_ROWS));
    Some(lines.join("\n"))
}

/// `  google (fra3), dialer7.example.com: 198.51.100.66, TTL 86100 s, cached until …`
fn row(seen: &Observed) -> String {
    let site = seen.site.as_deref().map(plain);
    let site = site.map_or_else(String::new, |site| format!(" ({})", clip(&site, 40)));
    let mut said = vec![records(&seen.records, &seen.rcode)];
    said.extend(seen.ttl.map(|ttl| format!("TTL {ttl} s")));
    said.extend(
        seen.cached_until
            .map(|until| format!("cached until {}", utc(until))),
    );
    let ede = seen.ede.first();
    said.extend(ede.map(|ede| format!("EDE {} {}", ede.code, clip(&plain(&ede.text), 80))));
    let (who, name) = (plain(&seen.resolver), plain(&seen.name));
    format!("  {who}{site}, {name}: {}", said.join(", "))
}

fn records(records: &[String], rcode: &str) -> String {
    match records {
        [] if rcode == "NOERROR" => "NODATA".to_owned(),
        [] => plain(rcode),
        records => clip(&plain(&records.join(" ")), 150),
    }
}

fn right(incident: &IncidentBody) -> Option<String> {
    let baseline = incident.baseline.as_ref()?;
    // Where the authority's own answer is what is wrong, it stands in the rows.
    let rows = incident.observed.first();
    if incident.resolvers.is_empty() && rows.is_some_and(|seen| seen.records == baseline.records) {
        return None;
    }
    let ttl = baseline.ttl;
    let ttl = ttl.map_or_else(String::new, |ttl| format!(", TTL {ttl} s"));
    let what = match baseline.records.as_slice() {
        [] => "a denial".to_owned(),
        all => clip(&plain(&all.join(" ")), 150),
    };
    let whose = match baseline.kind.as_str() {
        "declared" => "by the configuration",
        "quorum" => "by most operators",
        _ => "by the authority",
    };
    Some(format!("Right, {whose}: {what}{ttl}"))
}

fn facts(at: DateTime<Utc>, incident: &IncidentBody) -> String {
    let mut lines = vec![format!("Since:             {}", utc(incident.opened_at))];
    if let Some(end) = incident.resolved_at {
        lines.push(format!("Over:              {}", utc(end)));
    } else if incident.status != "open" {
        lines.push(format!(
            "{:<18} {}",
            format!("{}:", incident.status),
            utc(at)
        ));
    }
    let open = incident
        .worst_case_until
        .filter(|_| incident.resolved_at.is_none());
    if let Some(until) = open {
        lines.push(format!("Worst case until:  {}", utc(until)));
    }
    let names = incident.names.iter().take(MOST_ROWS);
    let names: Vec<&str> = names.map(String::as_str).collect();
    let rest = more(incident.names_total, MOST_ROWS).unwrap_or_default();
    let label = format!("Names ({}):", incident.names_total);
    lines.push(format!("{label:<18} {}{rest}", plain(&names.join(" "))));
    lines.push(format!("Group:             {}", incident.group));
    for (key, value) in &incident.tags {
        lines.push(format!("  {}={}", plain(key), plain(value)));
    }
    lines.push(format!(
        "Seen from:         {}",
        incident.vantages.join(", ")
    ));
    lines.join("\n")
}

fn more(total: usize, most: usize) -> Option<String> {
    let rest = total.saturating_sub(most);
    (rest > 0).then(|| format!("  +{rest} more"))
}

fn steps(incident: &IncidentBody) -> Option<String> {
    if incident.next_steps.is_empty() {
        return None;
    }
    let mut lines = vec!["Next steps:".to_owned()];
    for step in &incident.next_steps {
        lines.push(format!("- {}", plain(&step.title)));
        lines.extend(step.url.as_deref().map(|url| format!("  {}", plain(url))));
    }
    Some(lines.join("\n"))
}
