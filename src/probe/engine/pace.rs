//! How fast one address is asked: a budget of questions a second, and a window that shrinks when questions get lost.
//!
//! Deliberately absent: back-off from an address that says nothing at all, which is the scheduler's business.

use std::time::Duration;

use tokio::time::Instant;

/// What may be caught up on after a late wake-up.
const BURST: Duration = Duration::from_millis(5);
/// The window never gets smaller than this by loss.
const FLOOR: usize = 8;

/// The pace of one address.
#[derive(Debug)]
pub(super) struct Pace {
    /// The earliest instant at which the next paced question may go out.
    next: Option<Instant>,
    most: usize,
    window: usize,
    /// Answers since the window last grew.
    answers: usize,
    last_answer: Option<Instant>,
    last_cut: Option<Instant>,
}

impl Pace {
    /// At most `most` questions in flight.
    pub(super) fn new(most: usize) -> Self {
        Self {
            next: None,
            most,
            window: most,
            answers: 0,
            last_answer: None,
            last_cut: None,
        }
    }

    /// How many questions may be in flight.
    pub(super) fn window(&self) -> usize {
        self.window
    }

    /// Whether loss has made the window smaller than it may be.
    pub(super) fn is_narrowed(&self) -> bool {
        self.window < self.most
    }

    /// When a question at this budget may go out; `None`: now.
    pub(super) fn wait_until(&self, max_qps: Option<u32>, now: Instant) -> Option<Instant> {
        self.next.filter(|next| max_qps.is_some() && *next > now)
    }

    /// Counts a question, or a repeated attempt, against the budget. Repeats do not wait themselves: later questions
    /// wait for them.
    pub(super) fn book(&mut self, max_qps: Option<u32>, now: Instant) {
        let Some(qps) = max_qps else { return };
        let pace = Duration::from_secs(1) / qps.max(1);
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let slot = self.next.map_or(now, |next| next.max(earliest));
        self.next = Some(slot + pace);
    }

    /// An answer came: the window grows by one for each windowful of them.
    pub(super) fn answered(&mut self, now: Instant) {
        self.last_answer = Some(now);
        if self.window >= self.most {
            return;
        }
        self.answers += 1;
        if self.answers >= self.window {
            self.answers = 0;
            self.window += 1;
        }
    }

    /// A datagram sent at `sent` was not answered in time. Says whether the window was halved: only where others were
    /// answered meanwhile (a silent peer is not a congested way), and once for everything that was under way then.
    pub(super) fn lost(&mut self, sent: Instant, now: Instant) -> bool {
        let answering = self.last_answer.is_some_and(|answer| answer >= sent);
        let told = self.last_cut.is_some_and(|cut| cut >= sent);
        if !answering || told || self.window <= FLOOR {
            return false;
        }
        self.window = (self.window / 2).max(FLOOR);
        self.answers = 0;
        self.last_cut = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    #[test]
    fn the_budget_is_kept_and_repeats_push_it_back() {
        let (mut pace, start) = (Pace::new(64), Instant::now());
        assert_eq!(pace.wait_until(Some(100), start), None);
        pace.book(Some(100), start);
        assert_eq!(pace.wait_until(Some(100), start), Some(start + STEP));
        assert_eq!(pace.wait_until(None, start), None, "no budget, no waiting");
        pace.book(Some(100), start);
        assert_eq!(pace.wait_until(Some(100), start), Some(start + STEP * 2));
        // Long idle: what was not asked is not saved up.
        let later = start + STEP * 100;
        for _ in 0..2 {
            pace.book(Some(100), later);
        }
        assert!(pace.wait_until(Some(100), later).is_some());
    }

    #[test]
    fn a_late_wake_up_is_caught_up_on_within_the_burst() {
        let (mut pace, start) = (Pace::new(64), Instant::now());
        for _ in 0..6 {
            pace.book(Some(1000), start);
        }
        let late = start + Duration::from_millis(8);
        let mut sent = 0;
        while pace.wait_until(Some(1000), late).is_none() {
            pace.book(Some(1000), late);
            sent += 1;
        }
        assert_eq!(sent, 3);
    }

    #[test]
    fn loss_beside_answers_halves_the_window_once_per_flight_down_to_the_floor() {
        let (mut pace, start) = (Pace::new(64), Instant::now());
        assert!(!pace.lost(start, start + STEP), "a silent peer");
        pace.answered(start + STEP);
        assert!(pace.lost(start, start + STEP * 2));
        assert_eq!(pace.window(), 32);
        assert!(
            !pace.lost(start + STEP, start + STEP * 2),
            "the same flight"
        );
        let mut now = start + STEP * 3;
        for _ in 0..10 {
            pace.answered(now);
            pace.lost(now, now);
            now += STEP;
        }
        assert_eq!(pace.window(), FLOOR);
    }

    #[test]
    fn the_window_grows_by_one_for_each_windowful_of_answers_up_to_the_limit() {
        let (mut pace, start) = (Pace::new(10), Instant::now());
        pace.answered(start);
        assert!(pace.lost(start, start) && pace.is_narrowed());
        for _ in 0..FLOOR {
            pace.answered(start);
        }
        assert_eq!(pace.window(), FLOOR + 1);
        for _ in 0..100 {
            pace.answered(start);
        }
        assert_eq!((pace.window(), pace.is_narrowed()), (10, false));
    }
}
