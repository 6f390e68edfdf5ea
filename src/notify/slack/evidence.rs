//! What is served against what should be: the rows of evidence, and a command that shows it again.
//!
//! Deliberately absent: verdicts of single rows. The incident holds bad replies only.

use crate::{
    audit::{
        evidence::{BaselineKind, Observed},
        incident::{Axis, Incident},
    },
    notify::{
        inert::{clip, code, plain},
        slack::local,
    },
    types::{SourceKind, Transport},
};

/// Most characters of all rows together.
const ROWS: usize = 2600;

/// The bad replies under `title`, at most `most` rows; `None` where there is none.
pub(super) fn section(title: &str, incident: &Incident, most: usize) -> Option<String> {
    let total = incident.observed.len();
    if total == 0 {
        return None;
    }
    let mut lines = vec![format!("*{title}*")];
    let mut characters = 0;
    for seen in incident.observed.iter().take(most) {
        let row = row(seen, incident);
        characters += row.chars().count();
        if characters > ROWS {
            break;
        }
        lines.push(row);
    }
    let shown = lines.len() - 1;
    if shown < total {
        lines.push(format!("+{} more", total - shown));
    }
    Some(lines.join("\n"))
}

/// `• google (8.8.8.8), site gpdns-fra: 198.51.100.66, TTL 86100 s, seen …, cached until …`
fn row(seen: &Observed, incident: &Incident) -> String {
    let mut place = vec![code(&seen.source.to_string(), 80)];
    place.extend(
        seen.site
            .iter()
            .map(|site| format!("site {}", code(site, 40))),
    );
    if incident.names.len() != 1 || incident.types.len() != 1 {
        place.push(code(&seen.question.to_string(), 80));
    }
    let mut said = vec![answer(seen)];
    said.extend(seen.ttl.map(|ttl| format!("TTL {ttl} s")));
    said.push(format!("seen {}", local(seen.at)));
    said.extend(
        seen.cached_until
            .map(|until| format!("cached until {}", local(until))),
    );
    said.extend(
        seen.ede
            .first()
            .map(|ede| format!("EDE {} {}", ede.code, code(&ede.text, 80))),
    );
    format!("• {}: {}", place.join(", "), said.join(", "))
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
    Some(format!("*Reproduce:* {}", code(&command, 2000)))
}

/// `None` where the name cannot be typed into a shell and shown in Slack unchanged.
fn dig(seen: &Observed) -> Option<String> {
    let address = seen.source.address;
    let name = shell_word(seen.question.name.as_str())?;
    let mut words = vec![format!("dig @{}", address.ip())];
    if address.port() != 53 {
        words.push(format!("-p {}", address.port()));
    }
    words.push(format!("{name} {} +nsid", seen.question.rtype));
    if seen.source.kind == SourceKind::Authority {
        words.push("+norecurse".to_owned());
    }
    if seen.source.transport == Transport::Tcp {
        words.push("+tcp".to_owned());
    }
    Some(words.join(" "))
}

/// The name as one word of a shell's input. A name may hold quotes and semicolons, and `dig` has words of its own.
fn shell_word(name: &str) -> Option<String> {
    let tame = |here: char| here.is_ascii_alphanumeric() || "._-".contains(here);
    if name.starts_with(['-', '+', '@']) || name.len() > 255 || plain(name) != name {
        return None;
    }
    Some(if name.chars().all(tame) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    })
}
