//! How fast one address is asked: a budget of questions a second, and a window that opens with answers and shrinks with loss.
//!
//! A server's socket holds a few hundred datagrams (Linux: 277 of a query's size), and what comes on top is dropped without
//! a word, to be missed a second later. So the window begins below that. It grows beyond only where the way is long and
//! answers still come promptly, and slowly: a queue at the far end shows in their time before it overflows. Deliberately
//! absent: back-off from an address that says nothing at all, which is the scheduler's business.

use std::time::Duration;

use tokio::time::Instant;

/// What may be caught up on after a late wake-up.
const BURST: Duration = Duration::from_millis(5);
/// The window never gets smaller than this by loss.
const FLOOR: usize = 8;
/// The window of an address that has not answered yet, and by how much it widens while none does.
const OPENING: usize = 128;
/// How long an address is waited for before its window widens unanswered: silence is no sign of a crowded way.
const STEP: Duration = Duration::from_millis(20);
/// An address that answered before counts as silent after this long.
const SILENT: Duration = Duration::from_secs(1);
/// Nearer than this the opening window keeps any server busy: it makes 25,000 questions a second.
const NEAR: Duration = Duration::from_millis(5);
/// An answer is prompt that took longer than the quickest by at most this part of it.
const PROMPT: u32 = 4;

/// The pace of one address.
#[derive(Debug)]
pub(super) struct Pace {
    /// The earliest instant at which the next paced question may go out.
    next: Option<Instant>,
    most: usize,
    window: usize,
    /// Answers that count since the window last grew.
    answers: usize,
    quickest: Option<Duration>,
    last_answer: Option<Instant>,
    last_cut: Option<Instant>,
    /// When the window was found full, or last widened, with nobody answering.
    waited_since: Option<Instant>,
}

impl Pace {
    /// At most `most` questions in flight.
    pub(super) fn new(most: usize) -> Self {
        Self {
            next: None,
            most,
            window: most.min(OPENING),
            answers: 0,
            quickest: None,
            last_answer: None,
            last_cut: None,
            waited_since: None,
        }
    }

    /// How many questions may be in flight.
    pub(super) fn window(&self) -> usize {
        self.window
    }

    /// Whether loss has made the window smaller than it may be.
    pub(super) fn is_narrowed(&self) -> bool {
        self.last_cut.is_some() && self.window < self.most
    }

    /// When the window, which is full, may [widen](Self::widen) with nothing answered meanwhile; `None` where only answers and
    /// the ends of questions make room.
    pub(super) fn widens_at(&mut self, now: Instant) -> Option<Instant> {
        if self.window >= self.most || self.last_cut.is_some() {
            return None;
        }
        let step = *self.waited_since.get_or_insert(now) + STEP;
        let silent = self.last_answer.map(|answer| answer + SILENT);
        Some(silent.map_or(step, |silent| silent.max(step)))
    }

    /// Widens the window of an address that says nothing.
    pub(super) fn widen(&mut self, now: Instant) {
        self.waited_since = Some(now);
        self.window = self.most.min(self.window + OPENING);
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

    /// An answer came after `rtt`: the window grows by one for each windowful of them. Beyond the opening it takes prompt ones
    /// from afar.
    pub(super) fn answered(&mut self, now: Instant, rtt: Duration) {
        self.last_answer = Some(now);
        self.waited_since = None;
        let quickest = self.quickest.map_or(rtt, |quickest| quickest.min(rtt));
        self.quickest = Some(quickest);
        let counts = || quickest > NEAR && rtt <= quickest + quickest / PROMPT;
        if self.window >= self.most || (self.window >= OPENING && !counts()) {
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

    const TICK: Duration = Duration::from_millis(10);

    #[test]
    fn the_budget_is_kept_and_repeats_push_it_back() {
        let (mut pace, start) = (Pace::new(64), Instant::now());
        assert_eq!(pace.wait_until(Some(100), start), None);
        pace.book(Some(100), start);
        assert_eq!(pace.wait_until(Some(100), start), Some(start + TICK));
        assert_eq!(pace.wait_until(None, start), None, "no budget, no waiting");
        pace.book(Some(100), start);
        assert_eq!(pace.wait_until(Some(100), start), Some(start + TICK * 2));
        // Long idle: what was not asked is not saved up.
        let later = start + TICK * 100;
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
        assert!(!pace.lost(start, start + TICK), "a silent peer");
        pace.answered(start + TICK, TICK);
        assert!(pace.lost(start, start + TICK * 2));
        assert_eq!(pace.window(), 32);
        assert!(
            !pace.lost(start + TICK, start + TICK * 2),
            "the same flight"
        );
        let mut now = start + TICK * 3;
        for _ in 0..10 {
            pace.answered(now, TICK);
            pace.lost(now, now);
            now += TICK;
        }
        assert_eq!(pace.window(), FLOOR);
    }

    #[test]
    fn the_window_grows_by_one_for_each_windowful_of_answers_up_to_the_limit() {
        let (mut pace, start) = (Pace::new(10), Instant::now());
        pace.answered(start, TICK);
        assert!(pace.lost(start, start) && pace.is_narrowed());
        for _ in 0..FLOOR {
            pace.answered(start, TICK);
        }
        assert_eq!(pace.window(), FLOOR + 1);
        for _ in 0..100 {
            pace.answered(start, TICK);
        }
        assert_eq!((pace.window(), pace.is_narrowed()), (10, false));
    }

    #[test]
    fn beyond_the_opening_the_window_grows_with_prompt_answers_from_afar_alone() {
        let start = Instant::now();
        let check = |quickest: Duration, rtt: Duration, grows| {
            let mut pace = Pace::new(1000);
            pace.answered(start, quickest);
            for _ in 0..OPENING {
                pace.answered(start, rtt);
            }
            let grown = pace.window() - OPENING;
            assert_eq!((grown, pace.is_narrowed()), (grows, false), "{rtt:?}");
        };
        check(TICK, TICK, 1);
        check(TICK, TICK + TICK / PROMPT, 1);
        let queued = TICK + TICK / PROMPT + Duration::from_micros(1);
        check(TICK, queued, 0);
        check(NEAR, NEAR, 0);
    }

    #[test]
    fn the_window_of_a_silent_address_widens_step_by_step_and_waits_a_second_where_it_answered_before()
     {
        let (mut pace, start) = (Pace::new(300), Instant::now());
        let step = STEP;
        assert_eq!(pace.widens_at(start), Some(start + step));
        assert_eq!(pace.widens_at(start + step / 2), Some(start + step));
        pace.widen(start + step);
        assert_eq!(pace.window(), OPENING * 2);
        assert_eq!(pace.widens_at(start + step), Some(start + step * 2));
        pace.answered(start + step, step);
        let silent = start + step + SILENT;
        assert_eq!(pace.widens_at(start + step), Some(silent));
        pace.widen(silent);
        assert_eq!((pace.window(), pace.widens_at(silent)), (300, None));
        assert_eq!(Pace::new(64).widens_at(start), None, "as wide as it may be");
        let mut lossy = Pace::new(300);
        lossy.answered(start, step);
        assert!(lossy.lost(start, start));
        assert_eq!(lossy.widens_at(start), None, "loss is told otherwise");
    }
}
