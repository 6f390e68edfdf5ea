//! What is to happen after a while: one queue for each length of waiting, in each of which the first is due first.
//!
//! Deliberately absent: taking an entry back. Whoever is woken finds out whether it still matters.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

/// See the module. There are few distinct lengths: timeouts as configured, and the engine's own.
pub(super) struct Timers<T> {
    queues: BTreeMap<Duration, VecDeque<(Instant, T)>>,
}

impl<T> Timers<T> {
    pub(super) fn new() -> Self {
        Self {
            queues: BTreeMap::new(),
        }
    }

    /// `what` is due `after` from `now`; `now` never goes back.
    pub(super) fn add(&mut self, now: Instant, after: Duration, what: T) {
        let queue = self.queues.entry(after).or_default();
        queue.push_back((now + after, what));
    }

    /// When the next thing that still `matters` is due. What does not and stands first is dropped.
    pub(super) fn next(&mut self, matters: impl Fn(&T) -> bool) -> Option<Instant> {
        let mut earliest: Option<Instant> = None;
        for queue in self.queues.values_mut() {
            while queue.front().is_some_and(|(_, what)| !matters(what)) {
                queue.pop_front();
            }
            if let Some((due, _)) = queue.front() {
                earliest = Some(earliest.map_or(*due, |known| known.min(*due)));
            }
        }
        self.queues.retain(|_, queue| !queue.is_empty());
        earliest
    }

    /// Something that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<T> {
        let queue = self
            .queues
            .values_mut()
            .find(|queue| queue.front().is_some_and(|(due, _)| *due <= now))?;
        queue.pop_front().map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_and_what_no_longer_matters_wakes_nobody() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut timers = Timers::new();
        timers.add(start, second, "dead");
        timers.add(start, second * 3, "late");
        timers.add(start + second, second, "soon");
        let matters = |what: &&str| *what != "dead";
        assert_eq!(timers.next(matters), Some(start + second * 2));
        assert_eq!(timers.pop(start + second), None);
        assert_eq!(timers.pop(start + second * 3), Some("soon"));
        assert_eq!(timers.pop(start + second * 3), Some("late"));
        assert_eq!(timers.next(matters), None);
    }
}
