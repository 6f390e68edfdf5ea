//! The history in memory, with every change of it numbered: a replay makes the same changes in the same order.
//!
//! A *step* is one change: a batch of replies taken in, or a round judged. Steps count from the start of the process (its
//! *session*), over all groups, since groups share links. Now and then the whole history is set aside as a *checkpoint*, so
//! that a replay can begin there. Deliberately absent: writing any of it down.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        context::{self, Place, RoundContext, Setting},
        history::{Cap, History, SpanChange},
        ledger::Ledger,
        round::Conclusion,
        targets,
    },
    clock,
    config::Group,
    store::replay::Checkpoint,
    types::{Observation, Source, Target},
};

/// How much a replay may have to go through before it comes to the instant that is wanted.
const BETWEEN_CHECKPOINTS: TimeDelta = TimeDelta::hours(1);

/// The history, and the number of its last change.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) history: History,
    step: i64,
    checkpoint_due: DateTime<Utc>,
    /// The groups that have judged a round since the last checkpoint.
    judged: BTreeSet<String>,
    /// When each group's last round was judged.
    judged_at: BTreeMap<String, DateTime<Utc>>,
    /// What is stored of the caps that were learned.
    stored_caps: BTreeMap<Source, Cap>,
}

/// What a replay must know of the place of a judgement in the history.
#[derive(Debug)]
pub(super) struct JudgedAt {
    pub(super) step: i64,
    /// Whether a replay from the last checkpoint finds the group's ledger in no earlier round.
    pub(super) is_first: bool,
    pub(super) checkpoint: Option<Checkpoint>,
}

impl Memory {
    /// The history of a new session, set aside as its first checkpoint.
    pub(super) fn begin(history: History, now: DateTime<Utc>) -> Self {
        let caps = history.caps();
        Self {
            stored_caps: caps
                .map(|(source, cap)| (source.clone(), cap.clone()))
                .collect(),
            history,
            step: 0,
            checkpoint_due: now + BETWEEN_CHECKPOINTS,
            judged: BTreeSet::new(),
            judged_at: BTreeMap::new(),
        }
    }

    /// What the service records of the group lead to at `now`.
    pub(super) fn targets(&self, group: &Group, now: DateTime<Utc>) -> Vec<Target> {
        let questions: Vec<_> = group.questions().collect();
        let gap = context::longest_gap(&group.policy);
        targets::of(&self.history, &questions, gap, now)
    }

    /// Takes in a batch of replies.
    pub(super) fn absorb(
        &mut self,
        setting: &Setting,
        observations: &[Observation],
    ) -> (Vec<SpanChange>, i64) {
        let changes = context::absorb(&mut self.history, setting.longest_gap(), observations);
        self.step += 1;
        (changes, self.step)
    }

    /// The instant as which a group's round is judged that had heard everybody at `heard_at`: later than the last one's,
    /// although that may have heard somebody later.
    pub(super) fn instant_after_last(&self, group: &str, heard_at: DateTime<Utc>) -> DateTime<Utc> {
        let last = self.judged_at.get(group);
        last.map_or(heard_at, |last| {
            heard_at.max(*last + TimeDelta::microseconds(1))
        })
    }

    /// Judges a round, and drops what no deadline needs any more.
    pub(super) fn conclude(
        &mut self,
        place: Place<'_>,
        context: &RoundContext,
        observations: &[Observation],
        ledger: &mut Ledger,
    ) -> (Conclusion, JudgedAt) {
        let conclusion = context.conclude(&self.history, ledger, observations, place);
        self.history.forget_before(place.now - context::REMEMBERED);
        self.step += 1;
        self.judged_at.insert(place.group.to_owned(), place.now);
        let judged = JudgedAt {
            step: self.step,
            is_first: self.judged.insert(place.group.to_owned()),
            checkpoint: (place.now >= self.checkpoint_due).then(|| self.checkpoint(place.now)),
        };
        (conclusion, judged)
    }

    /// What was learned of caps and is not stored, in order of source.
    pub(super) fn new_caps(&self) -> Vec<(Source, Cap)> {
        let is_new = |(source, cap): &(&Source, &Cap)| self.stored_caps.get(source) != Some(cap);
        let new = self.history.caps().filter(is_new);
        let new: BTreeMap<_, _> = new
            .map(|(source, cap)| (source.clone(), cap.clone()))
            .collect();
        new.into_iter().collect()
    }

    /// These have been stored.
    pub(super) fn caps_are_stored(&mut self, caps: Vec<(Source, Cap)>) {
        self.stored_caps.extend(caps);
    }

    /// A replay cannot know of what could not be written down: it must be able to begin anew.
    pub(super) fn has_lost_a_round(&mut self, now: DateTime<Utc>) {
        self.checkpoint_due = now;
    }

    fn checkpoint(&mut self, now: DateTime<Utc>) -> Checkpoint {
        self.checkpoint_due = now + BETWEEN_CHECKPOINTS;
        self.judged.clear();
        Checkpoint {
            step: self.step,
            taken_at: now,
            history: self.history.clone(),
        }
    }
}

/// What a round heard and did not record is missing in every replay: while this is armed and dropped, the history says so.
pub(super) struct Loss<'a>(pub(super) Option<&'a Mutex<Memory>>);

impl Drop for Loss<'_> {
    fn drop(&mut self) {
        if let Some(memory) = self.0 {
            let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.has_lost_a_round(clock::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_judged_as_of_when_it_had_heard_everybody_but_never_before_an_earlier_one() {
        let at = |second: u32| -> DateTime<Utc> {
            format!("2026-11-22T19:00:{second:02}Z").parse().unwrap()
        };
        let mut memory = Memory::begin(History::default(), at(0));
        let mut judged = |group: &str, heard_at| {
            let now = memory.instant_after_last(group, heard_at);
            memory.judged_at.insert(group.to_owned(), now);
            now
        };
        assert_eq!(judged("dialers", at(9)), at(9));
        let tick = TimeDelta::microseconds(1);
        assert_eq!(judged("dialers", at(8)), at(9) + tick);
        assert_eq!(judged("dialers", at(9) + tick), at(9) + tick + tick);
        assert_eq!(judged("others", at(8)), at(8));
        assert_eq!(judged("dialers", at(10)), at(10));
    }
}
