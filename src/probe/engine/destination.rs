//! One address that is asked, as a resolver or as an authority: who waits for it, and what it may be asked now.
//!
//! Deliberately absent: sockets' contents and datagrams.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    net::SocketAddr,
};

use tokio::time::Instant;

use super::{
    cookies::Cookies,
    inquiry::Inquiry,
    pace::Pace,
    slab::{Key, Slab},
};
use crate::types::Question;

/// See the module.
pub(super) struct Destination {
    pub(super) address: SocketAddr,
    pub(super) cookies: Cookies,
    pub(super) pace: Pace,
    waiting: VecDeque<Key>,
    /// The questions under way, and who waits to put the same.
    asked: HashMap<Question, VecDeque<Key>>,
    pub(super) in_flight: usize,
    /// The sockets that further questions may use.
    pub(super) pool: Vec<Key>,
    /// Every socket there is, pooled or not.
    pub(super) open: usize,
    /// When last so many were under way that they had to share sockets.
    pub(super) crowded: Option<Instant>,
    /// It stands in the driver's list of those that may have something to start.
    pub(super) listed: bool,
    /// The time that is set to go on.
    pub(super) paced: Option<Instant>,
    pub(super) last_used: Instant,
}

/// What a destination can do now.
pub(super) enum Next {
    /// Start this one, whose place is taken.
    Start(Key),
    /// Nothing before this instant.
    Later(Instant),
    /// Nothing before something is finished, or comes in.
    Nothing,
}

impl Destination {
    pub(super) fn new(address: SocketAddr, cookies: Cookies, most: usize, now: Instant) -> Self {
        Self {
            address,
            cookies,
            pace: Pace::new(most),
            waiting: VecDeque::new(),
            asked: HashMap::new(),
            in_flight: 0,
            pool: Vec::new(),
            open: 0,
            crowded: None,
            listed: false,
            paced: None,
            last_used: now,
        }
    }

    /// Lets a question wait for its turn.
    pub(super) fn wait(&mut self, inquiry: Key) {
        self.waiting.push_back(inquiry);
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether nothing here is worth remembering for.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.asked.is_empty() && self.in_flight == 0 && self.open == 0
    }

    /// What can be done now. `throttled` counts questions that the budget or a narrowed window holds back, each once.
    pub(super) fn next(
        &mut self,
        inquiries: &mut Slab<Box<Inquiry>>,
        now: Instant,
        throttled: &mut u64,
    ) -> Next {
        while let Some(key) = self.waiting.front().copied() {
            let Some(inquiry) = inquiries.get_mut(key) else {
                self.waiting.pop_front();
                continue;
            };
            let mut hold = || {
                if !inquiry.throttled {
                    inquiry.throttled = true;
                    *throttled += 1;
                }
            };
            if self.in_flight >= self.pace.window() {
                if self.pace.is_narrowed() {
                    hold();
                }
                match self.pace.widens_at(now) {
                    Some(at) if at <= now => self.pace.widen(now),
                    Some(at) => return Next::Later(at),
                    None => return Next::Nothing,
                }
                continue;
            }
            if let Some(until) = self.pace.wait_until(inquiry.ask.max_qps, now) {
                hold();
                return Next::Later(until);
            }
            self.waiting.pop_front();
            if !inquiry.holds_question {
                match self.asked.entry(inquiry.question.clone()) {
                    Entry::Occupied(mut behind) => {
                        behind.get_mut().push_back(key);
                        continue;
                    }
                    Entry::Vacant(vacant) => vacant.insert(VecDeque::new()),
                };
                inquiry.holds_question = true;
            }
            self.pace.book(inquiry.ask.max_qps, now);
            self.in_flight += 1;
            self.last_used = now;
            return Next::Start(key);
        }
        Next::Nothing
    }

    /// A question is finished: whoever waits to put the same is next.
    pub(super) fn release(&mut self, question: &Question, inquiries: &mut Slab<Box<Inquiry>>) {
        let Some(behind) = self.asked.get_mut(question) else {
            return;
        };
        while let Some(key) = behind.pop_front() {
            if let Some(inquiry) = inquiries.get_mut(key) {
                inquiry.holds_question = true;
                self.waiting.push_front(key);
                return;
            }
        }
        self.asked.remove(question);
    }

    /// Forgets who waits and was given up, where those are many.
    pub(super) fn tidy(&mut self, inquiries: &Slab<Box<Inquiry>>) {
        self.waiting.retain(|key| inquiries.get(*key).is_some());
        for behind in self.asked.values_mut() {
            behind.retain(|key| inquiries.get(*key).is_some());
        }
    }
}
