//! The open incidents of one round in the making, and what there is to tell of each.
//!
//! Deliberately absent: every rule. That one key has one incident is the map's own doing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::audit::{
    incident::{
        Cause, Edge, Incident, IncidentKey, Recurrence, Standing, Status, Transition,
        TransitionKind,
    },
    ledger::{Ledger, evidence::Sighting, telling_order},
    verdict::Family,
};

/// An incident on its way through a round.
pub(super) struct Entry {
    /// The incident as it stands by now.
    pub(super) incident: Incident,
    standing: Standing,
    told: Option<Told>,
}

/// What one round tells of an incident.
struct Told {
    kind: TransitionKind,
    causes: Vec<Cause>,
    sentences: Vec<String>,
}

impl Entry {
    /// An incident that was told before.
    pub(super) fn new(incident: Incident) -> Self {
        Self {
            standing: Standing::of(&incident),
            incident,
            told: None,
        }
    }

    /// One that is about to be told for the first time.
    pub(super) fn candidate(incident: Incident) -> Self {
        Self {
            incident,
            standing: Standing::Candidate,
            told: None,
        }
    }

    /// Takes the incident along an edge, with a sentence to tell, in lower case and without a full stop. One round gives one
    /// step: an opening stays one, an ending replaces everything else. Where no edge leads, nothing happens.
    pub(super) fn step(&mut self, cause: Cause, sentence: impl Into<String>) {
        let Some(edge) = Edge::of(self.standing, cause) else {
            debug_assert!(false, "no edge from {:?} by {cause:?}", self.standing);
            return;
        };
        self.standing = edge.to;
        self.incident.status = edge.to.status();
        match &mut self.told {
            Some(told) if edge.told != TransitionKind::Resolved => {
                told.causes.push(cause);
                told.sentences.push(sentence.into());
            }
            told => {
                let causes = told.take().map_or_else(Vec::new, |told| told.causes);
                *told = Some(Told {
                    kind: edge.told,
                    causes: causes.into_iter().chain([cause]).collect(),
                    sentences: vec![sentence.into()],
                });
            }
        }
    }

    /// Whether this round has nothing to tell of it so far.
    pub(super) fn is_quiet(&self) -> bool {
        self.told.is_none()
    }

    /// Ends it.
    pub(super) fn resolve(
        &mut self,
        now: DateTime<Utc>,
        cause: Cause,
        sentence: impl Into<String>,
    ) {
        self.incident.resolved_at = Some(now);
        self.step(cause, sentence);
    }

    /// The step of this round, if there is one, numbered.
    pub(super) fn tell(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        let told = self.told.take()?;
        let number = self.incident.transitions;
        self.incident.transitions += 1;
        self.incident.told_at = now;
        Some(Transition {
            number,
            kind: told.kind,
            at: now,
            causes: told.causes,
            reason: told.sentences.join("; "),
            incident: self.incident.clone(),
        })
    }
}

/// Every incident that was open when the round began or opened in it.
pub(super) struct Book {
    entries: BTreeMap<IncidentKey, Entry>,
    merged: Vec<Entry>,
    recurrences: BTreeMap<IncidentKey, Vec<DateTime<Utc>>>,
}

impl Book {
    /// Takes everything out of a ledger but its candidates.
    pub(super) fn open(ledger: &mut Ledger) -> Self {
        let incidents = std::mem::take(&mut ledger.incidents).into_iter();
        let recurrences = std::mem::take(&mut ledger.recurrences).into_iter();
        Self {
            entries: incidents
                .map(|incident| (incident.key.clone(), Entry::new(incident)))
                .collect(),
            merged: Vec::new(),
            recurrences: recurrences.map(|one| (one.key, one.onsets)).collect(),
        }
    }

    /// When a breach began of late.
    pub(super) fn onsets(&mut self, key: &IncidentKey) -> &mut Vec<DateTime<Utc>> {
        self.recurrences.entry(key.clone()).or_default()
    }

    /// Forgets the beginnings for which `keep` does not say so.
    pub(super) fn retain_onsets(&mut self, keep: impl Fn(DateTime<Utc>) -> bool) {
        self.recurrences.retain(|_, onsets| {
            onsets.retain(|at| keep(*at));
            !onsets.is_empty()
        });
    }

    pub(super) fn get(&self, key: &IncidentKey) -> Option<&Incident> {
        self.entries.get(key).map(|entry| &entry.incident)
    }

    /// Every incident of the round so far, in the order of their keys.
    pub(super) fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.entries.values().map(|entry| &entry.incident)
    }

    pub(super) fn entry(&mut self, key: &IncidentKey) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        self.entries.insert(entry.incident.key.clone(), entry);
    }

    /// The incident a sighting belongs to as things stand: the one it is aimed at, else the one it has by itself.
    pub(super) fn standing(&self, sighting: &Sighting<'_>) -> Option<&Incident> {
        self.get(&sighting.target)
            .or_else(|| self.get(&sighting.home))
    }

    /// The incidents a round says something of: where only one family counts, those of that.
    pub(super) fn in_view(&mut self, only: Option<Family>) -> impl Iterator<Item = &mut Entry> {
        let entries = self.entries.values_mut();
        entries.filter(move |entry| only.is_none_or(|family| entry.incident.key.family == family))
    }

    /// The incidents that are open and not clean at the moment.
    pub(super) fn open_entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        let entries = self.entries.values_mut();
        entries.filter(|entry| entry.incident.status == Status::Open && !entry.incident.is_calm())
    }

    /// Every incident, to be changed.
    pub(super) fn entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut()
    }

    /// Takes out the incidents for which `part` says so, to be merged into another.
    pub(super) fn take_where(&mut self, mut part: impl FnMut(&mut Incident) -> bool) -> Vec<Entry> {
        self.entries
            .extract_if(.., |_, entry| part(&mut entry.incident))
            .map(|(_, entry)| entry)
            .collect()
    }

    /// Keeps merged incidents for their last step.
    pub(super) fn lay_aside(&mut self, merged: Vec<Entry>) {
        self.merged.extend(merged);
    }

    /// Writes back what is still open and gives every step of the round.
    pub(super) fn close(self, ledger: &mut Ledger, now: DateTime<Utc>) -> Vec<Transition> {
        let mut told = Vec::new();
        let mut recurrences = self.recurrences;
        for mut entry in self.merged.into_iter().chain(self.entries.into_values()) {
            let step = entry.tell(now);
            if step.as_ref().is_some_and(is_for_good) {
                recurrences.remove(&entry.incident.key);
            }
            told.extend(step);
            if entry.incident.status != Status::Resolved {
                ledger.incidents.push(entry.incident);
            }
        }
        let recurrences = recurrences.into_iter();
        ledger.recurrences = recurrences
            .map(|(key, onsets)| Recurrence { key, onsets })
            .collect();
        told.sort_by(|a, b| telling_order(a).cmp(&telling_order(b)));
        told
    }
}

/// Whether a step ends what a person has mended, or nobody asks for: if it begins again, that is something else.
fn is_for_good(step: &Transition) -> bool {
    let last = step.causes.last();
    last.is_some_and(|cause| matches!(cause, Cause::Flushed | Cause::ByHand | Cause::Unasked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::ledger::{growth, unwatched_key};

    fn at(minute: u32) -> DateTime<Utc> {
        format!("2026-11-22T19:{minute:02}:00Z").parse().unwrap()
    }

    #[test]
    fn a_round_tells_one_step_of_an_incident_and_an_ending_replaces_what_else_there_was() {
        let key = unwatched_key("us-west-2", "dialers");
        let mut entry = Entry::candidate(growth::empty(&key, at(0), "us-west-2", at(1)));
        assert!(entry.tell(at(1)).is_none());
        entry.step(Cause::Confirmed, "it is bad");
        entry.step(Cause::Throttled, "it is asked less");
        let opened = entry.tell(at(1)).unwrap();
        assert_eq!((opened.number, opened.kind), (0, TransitionKind::Opened));
        assert_eq!(opened.reason, "it is bad; it is asked less");
        entry.step(Cause::Worse, "now it is critical");
        entry.resolve(at(2), Cause::Over, "it was not seen since");
        let ended = entry.tell(at(2)).unwrap();
        assert_eq!((ended.number, ended.kind), (1, TransitionKind::Resolved));
        assert_eq!(ended.reason, "it was not seen since");
        assert_eq!(ended.causes, [Cause::Worse, Cause::Over]);
        assert_eq!(ended.incident.resolved_at, Some(at(2)));
    }
}
