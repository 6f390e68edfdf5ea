//! What happened, in a few sentences and a table of facts.
//!
//! Deliberately absent: what the other sections show in full.

use super::{concerns, lasted, list, names, question, resolvers};
use crate::{
    audit::{
        incident::{Axis, Incident, Status},
        short_id,
        what_if::HeldAnswer,
    },
    cli::{
        evidence,
        instants::{instant, instant_or_dash},
        length,
        output::count,
        report::document::Block,
    },
    notify::wording::{self, Wording},
    replay::postmortem::{Postmortem, Told},
    store::incidents::{EventKind, IncidentEvent},
    types::Severity,
};

/// `Postmortem: isp-a: old answer still cached, 2020-08-30`
pub(super) fn title(postmortem: &Postmortem) -> String {
    let day = |at: chrono::DateTime<chrono::Utc>| at.date_naive();
    match postmortem.incidents.as_slice() {
        [Told { incident, .. }] => format!(
            "Postmortem: {}: {}, {}",
            incident.key.subject,
            wording::of(&incident.verdict).short,
            day(incident.opened_at)
        ),
        all => format!(
            "Postmortem: {}, {} to {}",
            count(all.len(), "incident"),
            instant(postmortem.from),
            instant(postmortem.to)
        ),
    }
}

pub(super) fn blocks(postmortem: &Postmortem) -> Vec<Block> {
    let mut blocks = match postmortem.incidents.as_slice() {
        [] => vec![Block::text(format!(
            "There was no incident from {} to {}. What was watched of that time is told below.",
            instant(postmortem.from),
            instant(postmortem.to)
        ))],
        [told] => one(told),
        all => many(postmortem, all),
    };
    let after = blocks.len().min(2);
    let held = held(postmortem).map(Block::Text);
    blocks.splice(after..after, held);
    blocks
}

fn one(told: &Told) -> Vec<Block> {
    let incident = &told.incident;
    vec![
        Block::Text(sentence(incident)),
        Block::Text(meaning(wording::of(&incident.verdict))),
        Block::Text(detection(told)),
        facts(told),
    ]
}

/// When, what, where.
fn sentence(incident: &Incident) -> String {
    let (first, last) = (incident.opened_at, incident.last_bad_at);
    let when = if incident.status == Status::Resolved {
        format!(
            "From {} to {} ({})",
            instant(first),
            instant(last),
            lasted(first, last)
        )
    } else {
        format!("Since {}, last seen at {},", instant(first), instant(last))
    };
    let whom = match incident.key.axis {
        Axis::Vantage => String::new(),
        _ if !incident.resolvers.is_empty() => format!(" at {}", list(&incident.resolvers)),
        _ if !incident.authorities.is_empty() => {
            format!(" at the authority ({})", list(&incident.authorities))
        }
        _ => String::new(),
    };
    let was = if incident.names.len() == 1 {
        "was"
    } else {
        "were"
    };
    format!(
        "{when} {} of the group {} {was} affected{whom}: {} ({}). Seen from {}.",
        names(incident.names.iter()),
        incident.key.group,
        wording::of(&incident.verdict).short,
        incident.verdict,
        list(&incident.vantages)
    )
}

/// What the verdict means, and whether the cache was within its rights.
fn meaning(wording: Wording) -> String {
    let legal = wording
        .legal
        .map(|legal| format!(" Does the protocol allow it? {}.", capital(legal)));
    format!(
        "What this verdict means: {}{}",
        wording.meaning,
        legal.unwrap_or_default()
    )
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// When it was known, and by whom it was taken.
fn detection(told: &Told) -> String {
    let incident = &told.incident;
    let after = |at| lasted(incident.opened_at, at);
    let first = delivered(told).map_or_else(
        || "No channel was told.".to_owned(),
        |event| {
            format!(
                "It was first told {} after the first bad sample, to {}.",
                after(event.at),
                event.channel.as_deref().unwrap_or("-")
            )
        },
    );
    let acked = told
        .events
        .iter()
        .find(|event| event.kind == EventKind::Acked);
    let acked = acked.map_or_else(
        || "Nobody acknowledged it in dns-auditor.".to_owned(),
        |event| {
            format!(
                "{} acknowledged it after {}.",
                event.detail,
                after(event.at)
            )
        },
    );
    format!("{first} {acked}")
}

fn delivered(told: &Told) -> Option<&IncidentEvent> {
    let mut events = told.events.iter();
    events.find(|event| event.kind == EventKind::Delivered)
}

/// The answer that was handed out for longest after its end, and what another TTL would have made of it.
fn held(postmortem: &Postmortem) -> Option<String> {
    let named = resolvers(postmortem);
    let all = postmortem.what_if.iter();
    let held = all.flat_map(|what_if| what_if.held.iter().map(move |held| (what_if.ttl, held)));
    let held = held.filter(|(_, held)| concerns(&named, &held.resolver));
    let (ttl, longest) = held.max_by_key(|(_, held)| held.lasted_s)?;
    Some(match longest.authority_ttl {
        Some(theta) => past(longest, theta, ttl),
        None => format!(
            "For longest, {} handed out {} for {}, which no authority was seen to serve: from {} to {}, and whoever asked \
             last could keep it until {}.",
            longest.resolver,
            longest.value,
            question(&longest.question),
            instant(longest.since),
            instant(longest.last_seen),
            instant(longest.until)
        ),
    })
}

fn past(longest: &HeldAnswer, theta: u32, ttl: u32) -> String {
    let would = if ttl < theta {
        format!(
            " The authority's TTL was {theta} s; with {ttl} s it would have been {}.",
            length::text(longest.would_last_s)
        )
    } else {
        format!(" The authority's TTL was {theta} s.")
    };
    format!(
        "For longest, {} handed out {} for {}: the authority ended it at {}, the last reply with it was seen at {}, and whoever \
         asked then could keep it until {}. That is {} after its end.{would}",
        longest.resolver,
        longest.value,
        question(&longest.question),
        instant(longest.since),
        instant(longest.last_seen),
        instant(longest.until),
        length::text(longest.lasted_s)
    )
}

fn facts(told: &Told) -> Block {
    let incident = &told.incident;
    let after = |at| format!("{} (after {})", instant(at), lasted(incident.opened_at, at));
    let right = incident.baseline.as_ref().map(evidence::baseline);
    let first = delivered(told).map(|event| after(event.at));
    let rows = [
        ("incident", incident.id.to_string()),
        ("severity, at its worst", incident.severity.to_string()),
        ("status", incident.status.as_str().to_owned()),
        ("names", list(&incident.names)),
        (
            "right answer, for the worst of them",
            right.unwrap_or_else(|| "-".to_owned()),
        ),
        ("first bad sample", instant(incident.opened_at)),
        ("confirmed", after(incident.confirmed_at)),
        ("first told", first.unwrap_or_else(|| "never".to_owned())),
        ("acknowledged", instant_or_dash(incident.acked_at)),
        ("last bad sample", instant(incident.last_bad_at)),
        (
            "a client could keep it until",
            instant_or_dash(incident.cached_until),
        ),
        (
            "at worst, anywhere, until",
            instant_or_dash(incident.worst_case_until),
        ),
        ("resolved", instant_or_dash(incident.resolved_at)),
    ];
    let rows = rows.map(|(what, value)| [what.to_owned(), value]);
    Block::table(["what", "value"], rows, "")
}

fn many(postmortem: &Postmortem, all: &[Told]) -> Vec<Block> {
    let critical = all
        .iter()
        .filter(|told| told.incident.severity == Severity::Critical);
    let open = all
        .iter()
        .filter(|told| told.incident.status != Status::Resolved);
    let text = format!(
        "From {} to {} there were {}, {} of them critical; {}.",
        instant(postmortem.from),
        instant(postmortem.to),
        count(all.len(), "incident"),
        critical.count(),
        match open.count() {
            0 => "all are over".to_owned(),
            1 => "1 is not over".to_owned(),
            more => format!("{more} are not over"),
        }
    );
    let rows = all.iter().map(|told| {
        let incident = &told.incident;
        [
            short_id(incident.id),
            incident.key.subject.clone(),
            wording::of(&incident.verdict).short.to_owned(),
            incident.severity.to_string(),
            names(incident.names.iter()),
            instant(incident.opened_at),
            instant(incident.last_bad_at),
            instant_or_dash(incident.cached_until),
            instant_or_dash(incident.resolved_at),
            delivered(told).map_or_else(
                || "never".to_owned(),
                |event| format!("after {}", lasted(incident.opened_at, event.at)),
            ),
        ]
    });
    let head = [
        "incident",
        "about",
        "what",
        "severity",
        "names",
        "first bad",
        "last bad",
        "cached until",
        "resolved",
        "told",
    ];
    vec![Block::Text(text), Block::table(head, rows, "")]
}
