//! Who joins an incident and who leaves it: resolvers on the axis `name`, names on the wider ones; and how much of what is
//! asked shows it.
//!
//! Changes are gathered until they are worth a message and `group_interval` is over, and go along with any other step. Who
//! joins is known from the evidence, who leaves only where every reply is followed: findings do not say who left.
//! Deliberately absent: recovery. An incident that everybody has left recovers, which is a step of its own.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::audit::{
    incident::{Axis, Calm, Cause, Incident, Status},
    ledger::{
        Judgement,
        backends::{self, Touch},
        book::Entry,
        recovery::{CLEAN_ROUNDS, recovery_window},
    },
    verdict::{Sample, Verdict},
};

/// Most names or resolvers that one sentence lists.
const MOST_LISTED: usize = 5;

/// What a round shows of those whom an incident concerns: bad, clean, or both.
#[derive(Default)]
pub(super) struct Looks {
    members: BTreeMap<String, Look>,
}

#[derive(Default)]
struct Look {
    is_bad: bool,
    is_clean: bool,
}

impl Looks {
    /// Takes in what a sample shows, and counts it.
    pub(super) fn note(
        &mut self,
        incident: &mut Incident,
        verdict: &Verdict,
        sample: &Sample,
        touch: Touch,
    ) {
        if touch == Touch::Neither {
            return;
        }
        let is_bad = touch == Touch::Bad;
        if incident.names.contains(&verdict.question.name) {
            let look = self.members.entry(member(incident, verdict)).or_default();
            look.is_bad |= is_bad;
            look.is_clean |= !is_bad;
        }
        let tally = incident
            .tallies
            .entry(verdict.resolver.clone())
            .or_default();
        tally.note(sample.at, sample.site.as_deref(), is_bad);
    }

    /// Brings up to date who is clean, and since when.
    pub(super) fn apply(self, incident: &mut Incident, judgement: &Judgement<'_>) {
        for (name, look) in self.members {
            if look.is_bad {
                let before = incident.calm.remove(&name);
                if before.is_some_and(|calm| calm.has_left) {
                    comes_back(incident, name);
                }
            } else if look.is_clean {
                stays_clean(incident, name, judgement);
            }
        }
        for tally in incident.tallies.values_mut() {
            tally.forget(judgement.now);
        }
    }
}

/// The one of those concerned that a verdict speaks of.
fn member(incident: &Incident, verdict: &Verdict) -> String {
    match incident.key.axis {
        Axis::Name => verdict.resolver.clone(),
        _ => verdict.question.name.to_string(),
    }
}

/// Whether no backend of it is known to be bad, or was not seen since.
fn is_clean_everywhere(incident: &Incident, name: &str) -> bool {
    let mut backends = incident.backends.iter();
    incident.key.axis != Axis::Name
        || backends.all(|(backend, track)| {
            let resolver = backends::resolver_and_address(backend).map(|(resolver, _)| resolver);
            resolver != Some(name) || track.clean_rounds >= CLEAN_ROUNDS
        })
}

fn stays_clean(incident: &mut Incident, name: String, judgement: &Judgement<'_>) {
    let (now, window) = (judgement.now, recovery_window(judgement));
    let calm = incident.calm.entry(name.clone()).or_insert(Calm {
        since: now,
        rounds: 0,
        has_left: false,
    });
    calm.rounds = calm.rounds.saturating_add(1);
    let is_over = calm.rounds >= CLEAN_ROUNDS && now - calm.since >= window;
    if !is_over || calm.has_left || !is_clean_everywhere(incident, &name) {
        return;
    }
    if let Some(calm) = incident.calm.get_mut(&name) {
        calm.has_left = true;
    }
    // Nobody was told that it joined: nobody needs to be told that it left. What flaps does nothing else.
    if !incident.untold.joined.remove(&name) && incident.flapping.is_none() {
        incident.untold.left.insert(name);
    }
}

fn comes_back(incident: &mut Incident, name: String) {
    if !incident.untold.left.remove(&name) && incident.flapping.is_none() {
        incident.untold.joined.insert(name);
    }
}

/// Notes who is new to an incident that was told before.
pub(super) fn join(incident: &mut Incident, new: impl IntoIterator<Item = String>) {
    incident.untold.joined.extend(new);
}

/// Tells who joined and left: with the step of this round, or by one of its own once it is worth it.
pub(super) fn tell(entry: &mut Entry, judgement: &Judgement<'_>) {
    let incident = &mut entry.incident;
    if incident.status != Status::Open {
        incident.untold = crate::audit::incident::News::default();
    }
    // Where nobody is bad any more it recovers, or nearly: that is told instead.
    if incident.untold.is_empty() || (entry.is_quiet() && is_everybody_calm(&entry.incident)) {
        return;
    }
    let incident = &entry.incident;
    let is_due = judgement.now - incident.told_at >= group_interval(judgement);
    if !entry.is_quiet() || (is_due && is_enough(&entry.incident, judgement)) {
        let news = std::mem::take(&mut entry.incident.untold);
        let [joined, left] =
            [&news.joined, &news.left].map(|all| list(all.iter().map(String::as_str)));
        let said = match entry.incident.key.axis {
            Axis::Name => [("also at", joined), ("clean again at", left)],
            _ => [("also", joined), ("clean again", left)],
        };
        let said = said.into_iter().filter(|(_, who)| !who.is_empty());
        let said: Vec<_> = said.map(|(what, who)| format!("{what} {who}")).collect();
        entry.step(Cause::Grown, said.join("; "));
    }
}

fn is_everybody_calm(incident: &Incident) -> bool {
    incident.calm.len() >= members(incident)
}

/// How many it concerns.
fn members(incident: &Incident) -> usize {
    match incident.key.axis {
        Axis::Name => incident.resolvers.len(),
        _ => incident.names.len(),
    }
}

fn group_interval(judgement: &Judgement<'_>) -> TimeDelta {
    TimeDelta::from_std(judgement.policy.telling.group_interval).unwrap_or(TimeDelta::MAX)
}

/// Whether so many joined and left that it is worth a message, of those who were told of.
fn is_enough(incident: &Incident, judgement: &Judgement<'_>) -> bool {
    let all = members(incident);
    let news = &incident.untold;
    let told = all.saturating_sub(news.joined.len()).max(1);
    let changed = news.joined.len() + news.left.len();
    changed as f64 >= judgement.policy.telling.update_threshold * told as f64
}

/// `still open, nothing changed since …`, or without that where something did.
pub(super) fn since_last_message(incident: &Incident, told_at: DateTime<Utc>) -> String {
    if incident.untold.is_empty() {
        let last = super::recovery::instant(told_at);
        format!("still open, nothing changed since {last}")
    } else {
        "still open".to_owned()
    }
}

pub(super) fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let items: Vec<_> = items.collect();
    let more = items.len().saturating_sub(MOST_LISTED);
    let shown = items[..items.len() - more].join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}
