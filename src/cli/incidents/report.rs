//! What `incidents` shows: the list, one incident with its evidence, and the record of what happened.
//!
//! Deliberately absent: advice; messages carry next steps.

use std::collections::BTreeSet;

use crate::{
    audit::{
        evidence::Observed,
        incident::{Axis, Incident, Status},
        short_id,
    },
    cli::{
        evidence,
        instants::{Instants, instant, instant_or_dash},
        listing::{Listing, exact, exact_or_empty},
        output::{count, inert, wrap},
        table,
        who::{self, Who},
    },
    store::incidents::{EventKind, IncidentEvent, IncidentPage, IncidentRow},
};

/// Names and the like shown of one incident; the JSON has them all.
const MOST: usize = 20;

/// The list for people.
pub(super) fn list(page: &IncidentPage, all: bool) -> String {
    if page.incidents.is_empty() {
        return if all {
            "no incidents\n".to_owned()
        } else {
            "no open incidents; --all lists the resolved ones, too\n".to_owned()
        };
    }
    let instants = Instants::over(page.incidents.iter().map(|incident| incident.opened_at));
    let rows = page.incidents.iter().map(|incident| {
        let facts = [
            short_id(incident.id),
            instants.show(incident.opened_at),
            standing(incident.status, incident.acked_at.is_some()),
            incident.severity.to_string(),
            incident.verdict.clone(),
        ];
        (facts, [about(incident)])
    });
    let head = ["ID", "SINCE", "STATUS", "SEVERITY", "VERDICT"];
    let older = page.next.as_ref();
    let older = older.map_or("", |_| "; there are older ones, --limit shows more");
    format!(
        "{}, newest first ({}){older}\n\n{}",
        count(page.incidents.len(), "incident"),
        instants.note(),
        table::render(head, ["ABOUT"], rows)
    )
}

/// `dialer7.example.com A at google quad9`; a resolver's own incident names it once.
fn about(incident: &IncidentRow) -> String {
    let mut text = inert(&incident.subject);
    if incident.axis != Axis::Resolver && !incident.resolvers.is_empty() {
        text += &format!(" at {}", incident.resolvers.join(" "));
    }
    text
}

fn standing(status: Status, acked: bool) -> String {
    let acked = if acked && status != Status::Resolved {
        ", acked"
    } else {
        ""
    };
    format!("{}{acked}", status.as_str())
}

/// The list as rows.
pub(super) fn listing(page: &IncidentPage) -> Listing {
    let headings = [
        "id",
        "vantage",
        "group",
        "axis",
        "subject",
        "status",
        "verdict",
        "severity",
        "names",
        "resolvers",
        "opened_at",
        "resolved_at",
        "acked_at",
        "reason",
    ];
    let row = |incident: &IncidentRow| {
        [
            incident.id.to_string(),
            incident.vantage.clone(),
            incident.group.clone(),
            incident.axis.as_str().to_owned(),
            incident.subject.clone(),
            standing(incident.status, false),
            incident.verdict.clone(),
            incident.severity.to_string(),
            incident.names.join(" "),
            incident.resolvers.join(" "),
            exact(incident.opened_at),
            exact_or_empty(incident.resolved_at),
            exact_or_empty(incident.acked_at),
            incident.reason.clone(),
        ]
    };
    Listing::new(headings, page.incidents.iter().map(row))
}

/// An incident within another page: one line. What happened says why.
pub(in crate::cli) fn headline(incident: &IncidentRow) -> String {
    let line = format!(
        "{} {} {}, {}, {}",
        incident.severity,
        incident.verdict,
        about(incident),
        standing(incident.status, incident.acked_at.is_some()),
        incident.id,
    );
    wrap(&line, "")
}

/// One incident for people. `why`: the explanations of its verdicts, a sentence each.
pub(super) fn whole(incident: &Incident, why: &str, events: &[IncidentEvent]) -> String {
    let mut text = format!(
        "{} {}, {}\n{}\n",
        incident.severity,
        incident.verdict,
        standing(incident.status, incident.acked_at.is_some()),
        wrap(&inert(&incident.reason), "")
    );
    for (label, value) in facts(incident) {
        text += &wrap(&value, &format!("{label:<17} "));
    }
    if !incident.observed.is_empty() {
        text += &seen(&incident.observed);
    }
    if !why.is_empty() {
        text += &format!("\nWHY, WHEN IT WAS CONFIRMED\n{why}");
    }
    text += "\nWHAT HAPPENED\n";
    text + &self::events(events, "")
}

fn facts(incident: &Incident) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("id", incident.id.to_string()),
        ("about", inert(&incident.key.subject)),
        ("group", incident.key.group.clone()),
        ("names", first_of(incident.names.iter().map(who::name))),
        ("resolvers", first_of(incident.resolvers.iter().cloned())),
        (
            "authorities",
            first_of(incident.authorities.iter().cloned()),
        ),
        ("seen from", first_of(incident.vantages.iter().cloned())),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    // Of several questions it would be the right answer to one.
    if let (1, Some(baseline)) = (incident.names.len(), &incident.baseline) {
        facts.push(("right", evidence::baseline(baseline)));
    }
    if let Some(flapping) = &incident.flapping {
        let (count, since) = (flapping.onsets, instant(flapping.since));
        facts.push(("flapping", format!("bad {count} times since {since}")));
    }
    let throttled = incident.throttled.iter().map(|(who, throttle)| {
        let who = inert(who.trim_end_matches(" *"));
        let since = instant(throttle.since);
        let until = throttle
            .until
            .map(|until| format!(" until {}", instant(until)));
        format!("{who} since {since}{}", until.unwrap_or_default())
    });
    let throttled: Vec<_> = throttled.collect();
    if !throttled.is_empty() {
        facts.push(("throttled", throttled.join(", ")));
    }
    facts.extend([
        ("first bad", instant(incident.opened_at)),
        ("last bad", instant(incident.last_bad_at)),
        ("cached until", instant_or_dash(incident.cached_until)),
        (
            "worst case until",
            instant_or_dash(incident.worst_case_until),
        ),
        ("resolved", instant_or_dash(incident.resolved_at)),
        ("acknowledged", instant_or_dash(incident.acked_at)),
    ]);
    facts
}

/// The first of them, and how many more there are; nothing where there are none.
fn first_of(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(MOST);
    let mut words: Vec<String> = items.take(MOST).map(|item| inert(&item)).collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(" ")
}

/// The bad replies. Questions are named where there are several.
fn seen(observed: &[Observed]) -> String {
    let who = Who::over_sources(observed.iter().map(|seen| &*seen.source));
    let instants = Instants::over(
        observed
            .iter()
            .flat_map(|seen| [Some(seen.at), seen.cached_until])
            .flatten(),
    );
    let questions: BTreeSet<_> = observed.iter().map(|seen| &seen.question).collect();
    let rows = observed.iter().map(|seen| {
        let facts = [
            instants.show(seen.at),
            instants.show_or_dash(seen.cached_until),
            evidence::ttl(seen.ttl),
            who.source(&seen.source),
        ];
        let site = inert(seen.site.as_deref().unwrap_or_default());
        let question = (questions.len() > 1).then(|| who::question(&seen.question));
        let question = question.unwrap_or_default();
        (facts, [site, question, evidence::answer(seen)])
    });
    let head = ["AT", "CACHED UNTIL", "TTL", "WHO"];
    let table = table::render(head, ["SITE", "QUESTION", "ANSWER"], rows);
    format!("\nSEEN ({})\n{table}", instants.note())
}

/// What happened, deliveries included, each line after `indent`.
pub(in crate::cli) fn events<'a>(
    events: impl IntoIterator<Item = &'a IncidentEvent>,
    indent: &str,
) -> String {
    events.into_iter().map(|one| event(one, indent)).collect()
}

/// What happened, in a word or two.
pub(in crate::cli) fn happened(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Opened => "opened",
        EventKind::Updated => "updated",
        EventKind::Reminder => "reminded",
        EventKind::Resolved => "resolved",
        EventKind::Acked => "acknowledged",
        EventKind::Closed => "closed by hand",
        EventKind::Delivered => "delivered",
        EventKind::DeliveryFailed => "delivery failed",
        EventKind::DeliveryBuried => "delivery given up",
        EventKind::Replayed => "delivery begun again",
        EventKind::Held => "held back",
        EventKind::Released => "released",
    }
}

fn event(event: &IncidentEvent, indent: &str) -> String {
    let line = inert(&event_text(event));
    wrap(&line, &format!("{indent}{}  ", instant(event.at)))
}

/// What happened, in words: `delivered to voip-ops, attempt 2: HTTP 200`.
pub(in crate::cli) fn event_text(event: &IncidentEvent) -> String {
    let mut what = happened(event.kind).to_owned();
    if let Some(channel) = &event.channel {
        let to = if event.kind == EventKind::Held {
            "from"
        } else {
            "to"
        };
        what += &format!(" {to} {channel}");
    }
    if let Some(attempt) = event.attempt.filter(|attempt| *attempt > 1) {
        what += &format!(", attempt {attempt}");
    }
    let detail = match event.kind {
        _ if event.detail.is_empty() => String::new(),
        EventKind::Acked | EventKind::Closed | EventKind::Replayed => {
            format!(" by {}", event.detail)
        }
        _ => format!(": {}", event.detail),
    };
    what + &detail
}

#[cfg(test)]
mod tests {
    use crate::{
        cli::samples::{fits, history},
        store::incidents::{IncidentPage, PageKey},
    };

    #[test]
    fn a_long_list_says_that_there_is_more() {
        let row = history::row();
        let next = PageKey {
            opened_at: row.opened_at,
            id: row.id,
        };
        let page = IncidentPage {
            incidents: vec![row],
            next: Some(next),
        };
        let text = super::list(&page, false);
        insta::assert_snapshot!(text);
        assert!(fits(&text));
    }

    #[test]
    fn an_incident_of_many_names_has_room() {
        let text = super::whole(&history::incident(), "", &history::events());
        insta::assert_snapshot!(text);
        assert!(fits(&text));
    }
}
