//! The open incidents of one round in the making, and what there is to tell of each.
//!
//! Deliberately absent: every rule. That one key has one incident is the map's own doing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::audit::{
    incident::{Incident, IncidentKey, Status, Transition, TransitionKind},
    ledger::{evidence::Sighting, telling_order},
    verdict::Family,
};

/// An incident on its way through a round.
pub(super) struct Entry {
    /// The incident as it stands by now.
    pub(super) incident: Incident,
    told: Option<(TransitionKind, Vec<String>)>,
}

impl Entry {
    pub(super) fn new(incident: Incident) -> Self {
        Self {
            incident,
            told: None,
        }
    }

    /// Notes a sentence to tell, in lower case and without a full stop. One round gives one step: an opening stays one, an ending replaces everything else.
    pub(super) fn say(&mut self, kind: TransitionKind, sentence: impl Into<String>) {
        match &mut self.told {
            Some((_, sentences)) if kind != TransitionKind::Resolved => {
                sentences.push(sentence.into());
            }
            _ => self.told = Some((kind, vec![sentence.into()])),
        }
    }

    /// Whether this round has nothing to tell of it so far.
    pub(super) fn is_quiet(&self) -> bool {
        self.told.is_none()
    }

    /// Ends it.
    pub(super) fn resolve(&mut self, now: DateTime<Utc>, sentence: impl Into<String>) {
        self.incident.status = Status::Resolved;
        self.incident.resolved_at = Some(now);
        self.say(TransitionKind::Resolved, sentence);
    }

    /// The step of this round, if there is one, numbered.
    pub(super) fn tell(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        let (kind, sentences) = self.told.take()?;
        let number = self.incident.transitions;
        self.incident.transitions += 1;
        self.incident.told_at = now;
        Some(Transition {
            number,
            kind,
            at: now,
            reason: sentences.join("; "),
            incident: self.incident.clone(),
        })
    }
}

/// Every incident that was open when the round began or opened in it.
pub(super) struct Book {
    entries: BTreeMap<IncidentKey, Entry>,
    merged: Vec<Entry>,
}

impl Book {
    pub(super) fn open(incidents: Vec<Incident>) -> Self {
        Self {
            entries: incidents
                .into_iter()
                .map(|incident| (incident.key.clone(), Entry::new(incident)))
                .collect(),
            merged: Vec::new(),
        }
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

    /// The incidents that are open and not recovering.
    pub(super) fn open_entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        let entries = self.entries.values_mut();
        entries.filter(|entry| entry.incident.status == Status::Open)
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
    pub(super) fn close(
        self,
        incidents: &mut Vec<Incident>,
        now: DateTime<Utc>,
    ) -> Vec<Transition> {
        let mut told = Vec::new();
        for mut entry in self.merged.into_iter().chain(self.entries.into_values()) {
            told.extend(entry.tell(now));
            if entry.incident.status != Status::Resolved {
                incidents.push(entry.incident);
            }
        }
        told.sort_by(|a, b| telling_order(a).cmp(&telling_order(b)));
        told
    }
}
