//! What is served against what should be: the rows of evidence, and a command that shows it again.
//!
//! Replies that say the same stand in one row. Deliberately absent: verdicts of single rows. The incident holds bad replies
//! only.

use std::collections::BTreeSet;

use crate::{
    audit::{
        evidence::{BaselineKind, Observed},
        incident::{Axis, Incident},
    },
    notify::{
        MessageContext,
        inert::{clip, code, shell_word},
        slack::{both, local, more},
    },
    types::{SourceKind, Transport},
};

/// Most characters of all rows together.
const ROWS: usize = 2200;
/// Most sites named in one row.
const MOST_SITES: usize = 3;

/// The bad replies under `title`, at most `most` rows; `None` where there is none.
pub(super) fn section(
    title: &str,
    incident: &Incident,
    context: &MessageContext<'_>,
    most: usize,
) -> Option<String> {
    let groups = alike(&incident.observed);
    if groups.is_empty() {
        return None;
    }
    let mut lines = vec![format!("*{title}*")];
    let (mut characters, mut shown) = (0, 0);
    for replies in groups.iter().take(most) {
        let row = row(replies, incident);
        characters += row.chars().count();
        if characters > ROWS {
            break;
        }
        lines.push(row);
        shown += replies.len();
    }
    lines.extend(more(incident.observed.len() - shown, incident, context));
    Some(lines.join("\n"))
}

/// Replies of one address with one answer, in the order of the evidence.
fn alike(observed: &[Observed]) -> Vec<Vec<&Observed>> {
    let mut groups: Vec<Vec<&Observed>> = Vec::new();
    let said = |seen: &Observed| {
        (
            seen.source.clone(),
            seen.records.clone(),
            seen.rcode.clone(),
        )
    };
    for seen in observed {
        match groups.iter_mut().find(|group| said(group[0]) == said(seen)) {
            Some(group) => group.push(seen),
            None => groups.push(vec![seen]),
        }
    }
    groups
}

/// `• google (8.8.8.8), site gpdns-fra: 198.51.100.66 for 34 questions, TTL 86100 s, last seen …, cached until …`
fn row(replies: &[&Observed], incident: &Incident) -> String {
    let Some(first) = replies.first() else {
        return String::new();
    };
    let mut place = vec![code(&first.source.to_string(), 80)];
    place.extend(sites(replies, incident));
    let mut said = vec![format!("{}{}", answer(first), of_what(replies, incident))];
    let ttl = replies.iter().filter_map(|seen| seen.ttl).max();
    said.extend(ttl.map(|ttl| format!("TTL {ttl} s")));
    let last = replies.iter().map(|seen| seen.at).max();
    said.extend(last.map(|at| format!("last seen {}", local(at))));
    let until = replies.iter().filter_map(|seen| seen.cached_until).max();
    said.extend(until.map(|until| format!("cached until {}", both(until))));
    let ede = replies.iter().find_map(|seen| seen.ede.first());
    said.extend(ede.map(|ede| format!("EDE {} {}", ede.code, code(&ede.text, 80))));
    format!("• {}: {}", place.join(", "), said.join(", "))
}

/// Of which question, or of how many; nothing where the incident is of one alone.
fn of_what(replies: &[&Observed], incident: &Incident) -> String {
    let questions: BTreeSet<_> = replies.iter().map(|seen| &seen.question).collect();
    match (questions.first(), questions.len()) {
        _ if incident.names.len() == 1 && incident.types.len() == 1 => String::new(),
        (Some(question), 1) => format!(" for {}", code(&question.to_string(), 80)),
        (_, many) => format!(" for {many} questions"),
    }
}

/// `sites fra3, ams1 (clean again) +2 more`; `None` where no backend says where it is.
fn sites(replies: &[&Observed], incident: &Incident) -> Option<String> {
    let sites: BTreeSet<&str> = replies
        .iter()
        .filter_map(|seen| seen.site.as_deref())
        .collect();
    let source = &replies.first()?.source;
    let shown = sites.iter().take(MOST_SITES).map(|site| {
        let backend = format!("{} {} {site}", source.id, source.address);
        let track = incident.backends.get(&backend);
        let clean = track.is_some_and(|track| track.clean_rounds > 0);
        let remark = if clean { " (clean again)" } else { "" };
        format!("{}{remark}", code(site, 40))
    });
    let shown: Vec<String> = shown.collect();
    let word = if sites.len() == 1 { "site" } else { "sites" };
    match sites.len() - shown.len() {
        _ if sites.is_empty() => None,
        0 => Some(format!("{word} {}", shown.join(", "))),
        rest => Some(format!("{word} {} +{rest} more", shown.join(", "))),
    }
}

fn answer(seen: &Observed) -> String {
    match seen.records.as_slice() {
        [] if seen.rcode == "NOERROR" => "`NODATA`".to_owned(),
        [] => code(&seen.rcode, 30),
        records => record_list(records),
    }
}

/// The first records as one code span, and how many more there are.
fn record_list(records: &[String]) -> String {
    let first: Vec<String> = records
        .iter()
        .take(4)
        .map(|record| clip(record, 60))
        .collect();
    let shown = code(&first.join(" "), 150);
    match records.len() - first.len() {
        0 => shown,
        more => format!("{shown} +{more} more"),
    }
}

/// What should be served, and on whose word.
pub(super) fn authority(incident: &Incident) -> Option<String> {
    let right = incident.baseline.as_ref()?;
    // Where the authority's own answer is what is wrong, it stands in the rows.
    let rows = incident.observed.first();
    if incident.resolvers.is_empty() && rows.is_some_and(|seen| seen.records == right.records) {
        return None;
    }
    let who = match right.kind {
        BaselineKind::Declared => "Declared in the configuration",
        BaselineKind::Authority => "Served by the authority",
        BaselineKind::Quorum => "Served by most operators (no authority answered)",
    };
    let what = match right.records.as_slice() {
        [] if right.rcode == "NOERROR" => "`NODATA`".to_owned(),
        [] => code(&right.rcode, 30),
        records => record_list(records),
    };
    let ttl = right
        .ttl
        .map_or(String::new(), |ttl| format!(", TTL {ttl} s"));
    let of_one = match (incident.key.axis, incident.names.len()) {
        // The baseline is that of the worst evidence; it would not be true of all the names.
        (axis, names) if axis != Axis::Name && names > 1 => " for one of the names",
        _ => "",
    };
    Some(format!("*{who}{of_one}:* {what}{ttl}"))
}

/// A `dig` command that asks the first bad question again.
pub(super) fn reproduce(incident: &Incident) -> Option<String> {
    let command = dig(incident.observed.first()?)?;
    Some(format!("*Reproduce:* {}", code(&command, 1400)))
}

/// `None` where the name cannot be typed into a shell and shown in Slack unchanged.
fn dig(seen: &Observed) -> Option<String> {
    let address = seen.source.address;
    let name = name_word(seen.question.name.as_str())?;
    let mut words = vec![format!("dig @{}", address.ip())];
    if address.port() != seen.source.transport.usual_port() {
        words.push(format!("-p {}", address.port()));
    }
    words.push(format!("{name} {} +nsid", seen.question.rtype));
    if seen.source.kind == SourceKind::Authority {
        words.push("+norecurse".to_owned());
    }
    words.extend(match seen.source.transport {
        Transport::Udp => None,
        Transport::Tcp => Some("+tcp".to_owned()),
        Transport::Tls => Some("+tls".to_owned()),
        Transport::Https => Some("+https".to_owned()),
        // No dig speaks these.
        Transport::Quic | Transport::H3 => return None,
    });
    Some(words.join(" "))
}

/// The name as one word of a shell's input that `dig` takes for a name: it has words of its own.
fn name_word(name: &str) -> Option<String> {
    let is_name = !name.starts_with(['-', '+', '@']) && name.len() <= 255;
    is_name.then(|| shell_word(name)).flatten()
}
