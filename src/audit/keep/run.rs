//! One matter over time: what was kept of it, and what occasion there is to keep more.
//!
//! Deliberately absent: messages, apart from the one that waits for the matter's end.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Ground, Kept, budget};

/// Rounds that count as a beginning.
const BEGINNING: u8 = 3;

/// Distinct answers of one run that are kept when they first appear.
const MOST_ANSWERS: usize = 16;

/// Beginnings, changes and ends within an hour.
const MOST_AN_HOUR: u8 = 12;

/// How often something that lasts is kept.
const REPEATED_AFTER: TimeDelta = TimeDelta::hours(1);

/// Why messages of this round are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// It is new.
    Begin,
    /// It says something that was not kept yet.
    Change,
    /// It lasts.
    Repeat,
    /// It is over.
    End,
}

/// One matter, from its beginning until it was over for an hour.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// What is wrong; `None` once it is over.
    standing: Option<Ground>,
    /// Rounds kept of its beginning.
    rounds: u8,
    /// Whether any message was.
    kept: bool,
    /// Digests of the answers that were kept.
    answers: HashSet<[u8; 32]>,
    last_kept: Option<DateTime<Utc>>,
    /// The beginning of the hour that is counted, and its beginnings, changes and ends.
    hour: (DateTime<Utc>, u8),
    /// The last bad message that was not kept: it is, should it turn out to be the last of all.
    held: Option<Kept>,
    seen_at: DateTime<Utc>,
}

impl Run {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            standing: None,
            rounds: 0,
            kept: false,
            answers: HashSet::new(),
            last_kept: None,
            hour: (now, 0),
            held: None,
            seen_at: now,
        }
    }

    /// A run of which an earlier process kept messages.
    pub(super) fn resumed(standing: Ground, now: DateTime<Utc>) -> Self {
        Self {
            standing: Some(standing),
            kept: true,
            ..Self::new(now)
        }
    }

    /// When it was last judged.
    pub(super) fn seen_at(&self) -> DateTime<Utc> {
        self.seen_at
    }

    pub(super) fn is_standing(&self) -> bool {
        self.standing.is_some()
    }

    /// Whether nothing is left to remember.
    pub(super) fn is_idle(&self, now: DateTime<Utc>) -> bool {
        self.standing.is_none() && now - self.hour.0 >= REPEATED_AFTER
    }

    /// What there is to keep, if `standing` is what is wrong now and these are the digests of the answers.
    pub(super) fn occasion(
        &self,
        standing: Option<Ground>,
        answers: &[[u8; 32]],
        now: DateTime<Utc>,
    ) -> Option<Occasion> {
        let (began, count) = self.hour;
        let limited = count >= MOST_AN_HOUR && now - began < REPEATED_AFTER;
        let is_new = |answer| !self.answers.contains(answer);
        let urgent = match standing {
            None => (self.is_standing() && self.kept).then_some(Occasion::End),
            Some(_) if standing != self.standing || self.rounds < BEGINNING => {
                Some(Occasion::Begin)
            }
            Some(_) if self.answers.len() < MOST_ANSWERS && answers.iter().any(is_new) => {
                Some(Occasion::Change)
            }
            Some(_) => None,
        };
        let lasts = || {
            let due = |at| now - at >= REPEATED_AFTER;
            (standing.is_some() && self.last_kept.is_none_or(due)).then_some(Occasion::Repeat)
        };
        urgent.filter(|_| !limited).or_else(lasts)
    }

    /// Octets that are kept besides when this is what is wrong now.
    pub(super) fn held_octets(&self, standing: Option<Ground>) -> u64 {
        let held = self.held.as_ref().filter(|_| standing != self.standing);
        held.map_or(0, |held| budget::octets(&held.observation))
    }

    /// Takes the round in, and gives out what was kept back of a state that has ended.
    pub(super) fn advance(
        &mut self,
        standing: Option<Ground>,
        occasion: Option<Occasion>,
        answers: &[[u8; 32]],
        now: DateTime<Utc>,
    ) -> Option<Kept> {
        self.seen_at = now;
        let mut ended = None;
        if standing != self.standing {
            ended = self.end().filter(|_| occasion.is_some());
            self.standing = standing;
        }
        let occasion = occasion?;
        self.last_kept = Some(now);
        self.held = None;
        if occasion == Occasion::Repeat {
            return ended;
        }
        if now - self.hour.0 >= REPEATED_AFTER {
            self.hour = (now, 0);
        }
        self.hour.1 += 1;
        if standing.is_some() {
            self.rounds = BEGINNING.min(self.rounds + 1);
            self.kept |= !answers.is_empty();
            self.answers.extend(answers);
        }
        ended
    }

    /// Keeps a message back until it is known whether it was the last.
    pub(super) fn hold(&mut self, message: Option<Kept>) {
        self.held = message.or_else(|| self.held.take());
    }

    /// Takes in that it was judged, and nothing else.
    pub(super) fn see(&mut self, now: DateTime<Utc>) {
        self.seen_at = now;
    }

    /// Takes in that it is over, and gives out what was kept back.
    pub(super) fn end(&mut self) -> Option<Kept> {
        self.standing = None;
        self.rounds = 0;
        self.kept = false;
        self.answers.clear();
        self.held.take()
    }
}
