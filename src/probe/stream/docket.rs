//! The errands of one connection: which wait, which are on their way, and which are overdue.
//!
//! Deliberately absent: sockets, ids and the clock.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tokio::time::Instant;

use super::{
    desk::{Job, Ticket},
    session::Answered,
};
use crate::{
    probe::{message::Query, received::Received},
    types::{NoReply, Transport},
};

/// How often an errand may lose its connection before it is given up. Twice, for a server that closes after each answer: many are
/// lost with the first connection, and then each that was put just before its end was seen.
const MOST_LOSSES: u8 = 2;

/// The errands of one connection, by their tickets' numbers.
pub(super) struct Docket {
    transport: Transport,
    entries: HashMap<u64, Entry>,
    waiting: VecDeque<u64>,
    deadlines: BTreeSet<(Instant, u64)>,
}

struct Entry {
    query: Query,
    deadline: Instant,
    ticket: Ticket,
    taken: Instant,
    mismatched: u16,
    wrong_question: bool,
    losses: u8,
}

impl Entry {
    fn close(self, result: Result<Received, NoReply>) {
        // Somebody answered something, and that tells more than the silence or the end that followed.
        let result = match result {
            Err(NoReply::Timeout | NoReply::Protocol) if self.wrong_question => {
                Err(NoReply::WrongQuestion)
            }
            result => result,
        };
        self.ticket.close(result, self.mismatched);
    }
}

/// An errand that is over because its time was.
pub(super) struct Overdue {
    pub(super) number: u64,
    /// When the connection took it.
    pub(super) taken: Instant,
}

impl Docket {
    pub(super) fn new(transport: Transport) -> Self {
        Self {
            transport,
            entries: HashMap::new(),
            waiting: VecDeque::new(),
            deadlines: BTreeSet::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The earliest deadline.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Takes an errand in, to wait.
    pub(super) fn take(&mut self, job: Job, now: Instant) {
        let number = job.ticket.number();
        self.deadlines.insert((job.deadline, number));
        self.waiting.push_back(number);
        self.entries.insert(
            number,
            Entry {
                query: job.query,
                deadline: job.deadline,
                ticket: job.ticket,
                taken: now,
                mismatched: 0,
                wrong_question: false,
                losses: 0,
            },
        );
    }

    /// The next errand that waits, which then is on its way. What was cancelled while it waited goes unasked.
    pub(super) fn start(&mut self) -> Option<(u64, &mut Query)> {
        while let Some(number) = self.waiting.pop_front() {
            match self.entries.get(&number) {
                Some(entry) if entry.ticket.is_wanted() => {
                    let entry = self.entries.get_mut(&number)?;
                    return Some((number, &mut entry.query));
                }
                Some(_) => drop(self.remove(number)),
                None => {}
            }
        }
        None
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The query of an errand that is not over.
    pub(super) fn query(&self, number: u64) -> Option<&Query> {
        self.entries.get(&number).map(|entry| &entry.query)
    }

    /// When the time of an errand is over.
    pub(super) fn deadline(&self, number: u64) -> Option<Instant> {
        self.entries.get(&number).map(|entry| entry.deadline)
    }

    /// An errand is answered.
    pub(super) fn answer(&mut self, number: u64, answer: Answered) {
        let transport = self.transport;
        let Some(entry) = self.remove(number) else {
            return;
        };
        let received = Received {
            query: entry.query.into_bytes(),
            bytes: answer.bytes,
            at: answer.at,
            rtt: answer.rtt,
            transport,
            age: answer.age,
        };
        entry.ticket.close(Ok(received), entry.mismatched);
    }

    /// Something came for an errand and was no answer to it.
    pub(super) fn mismatch(&mut self, number: u64, wrong_question: bool) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.mismatched = entry.mismatched.saturating_add(1);
            entry.wrong_question |= wrong_question;
        }
    }

    /// An errand failed.
    pub(super) fn fail(&mut self, number: u64, why: NoReply) {
        if let Some(entry) = self.remove(number) {
            entry.close(Err(why));
        }
    }

    /// All errands failed.
    pub(super) fn fail_all(&mut self, why: NoReply) {
        self.waiting.clear();
        self.deadlines.clear();
        for (_, entry) in self.entries.drain() {
            entry.close(Err(why));
        }
    }

    /// The connection ended under an errand. With `again` it is put once more, before all that wait.
    pub(super) fn lose(&mut self, number: u64, why: NoReply, again: bool) {
        match self.entries.get_mut(&number) {
            Some(entry) if again && entry.losses < MOST_LOSSES => {
                entry.losses += 1;
                self.waiting.push_front(number);
            }
            _ => self.fail(number, why),
        }
    }

    /// Ends every errand whose time is over.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Overdue> {
        let mut overdue = Vec::new();
        while let Some((deadline, number)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.deadlines.pop_first();
            if let Some(entry) = self.entries.remove(&number) {
                let taken = entry.taken;
                entry.close(Err(NoReply::Timeout));
                overdue.push(Overdue { number, taken });
            }
        }
        overdue
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.entries.remove(&number)?;
        self.deadlines.remove(&(entry.deadline, number));
        Some(entry)
    }
}
