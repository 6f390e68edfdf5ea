//! One line that is enough to know whether to get up.
//!
//! Deliberately absent: markup. The line is plain text wherever it is shown.

use crate::{
    audit::incident::{Axis, Incident, Status, Transition, TransitionKind},
    notify::{inert::clip, wording},
};

/// `[CRITICAL] dialer7.example.com A: wrong answer at google`.
pub fn headline(transition: &Transition) -> String {
    let incident = &transition.incident;
    let words = wording::of(&incident.verdict).short;
    let names = how_many_names(incident);
    let subject = match incident.key.axis {
        Axis::Name => format!("{}: {words}{}", question(incident), places(incident)),
        Axis::Resolver => format!(
            "{}: {words} for {names} of {}",
            clip(&incident.key.subject, 60),
            incident.key.group
        ),
        Axis::Authority if incident.names.is_empty() => {
            format!("{}: {words}", clip(&incident.key.subject, 80))
        }
        Axis::Authority => format!(
            "{}: {words}, {names} of {}",
            clip(&incident.key.subject, 80),
            incident.key.group
        ),
        Axis::Vantage => format!("{}: {words}", clip(&incident.key.subject, 80)),
    };
    format!("[{}] {subject}", label(transition))
}

fn label(transition: &Transition) -> String {
    let severity = transition.incident.severity.to_string().to_uppercase();
    match (transition.kind, transition.incident.status) {
        (TransitionKind::Resolved, _) | (_, Status::Resolved) => "RESOLVED".to_owned(),
        (_, Status::Recovering) => format!("{severity}, RECOVERING"),
        (kind, _) if transition.incident.flapping.is_some() => match kind {
            TransitionKind::Reminder => format!("{severity}, STILL FLAPPING"),
            _ => format!("{severity}, FLAPPING"),
        },
        (TransitionKind::Opened, _) => severity,
        (TransitionKind::Updated, _) => format!("{severity}, UPDATE"),
        (TransitionKind::Reminder, _) => format!("{severity}, STILL OPEN"),
    }
}

/// `dialer7.example.com A`; the key's own words where the incident names more or fewer.
fn question(incident: &Incident) -> String {
    let types: Vec<String> = incident.types.iter().map(ToString::to_string).collect();
    match (incident.names.len(), incident.names.first()) {
        (1, Some(name)) => format!("{} {}", clip(name.as_str(), 80), types.join(", ")),
        _ => clip(&incident.key.subject, 80),
    }
}

/// ` at google, quad9 and 2 more`; nothing where no resolver is involved.
fn places(incident: &Incident) -> String {
    let ids: Vec<String> = incident
        .resolvers
        .iter()
        .take(2)
        .map(|id| clip(id, 30))
        .collect();
    match (ids.len(), incident.resolvers.len() - ids.len()) {
        (0, _) => String::new(),
        (_, 0) => format!(" at {}", ids.join(" and ")),
        (_, more) => format!(" at {} and {more} more", ids.join(", ")),
    }
}

fn how_many_names(incident: &Incident) -> String {
    match incident.names.len() {
        1 => "1 name".to_owned(),
        count => format!("{count} names"),
    }
}
