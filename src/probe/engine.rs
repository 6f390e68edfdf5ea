//! The engine that puts questions: handles on one side, one task that owns everything on the other.
//!
//! Deliberately absent: locks, and anything that one question alone would need a task for.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::sync::{
    Semaphore,
    mpsc::{self, UnboundedReceiver, UnboundedSender},
};

mod arrival;
mod attempt;
mod clock;
mod cookies;
mod counters;
mod destination;
mod driver;
mod finish;
mod inquiry;
mod pace;
mod packets;
mod poller;
mod pool;
mod slab;
mod socket;
mod timers;

pub use counters::Counters;

use super::{Ask, Limits};
use crate::types::{Observation, Question, Source};
use counters::Tallies;
use driver::{Command, Driver};
use inquiry::Inquiry;

/// Questions that wait beyond those in flight before [`Batch::push`] waits itself.
const WAITING: usize = 4096;

/// A handle on a running engine.
#[derive(Clone)]
pub(super) struct Engine {
    commands: UnboundedSender<Command>,
    room: Arc<Semaphore>,
    tallies: Arc<Tallies>,
    batches: Arc<AtomicU64>,
}

impl Engine {
    /// Starts one in the present runtime.
    pub(super) fn start(limits: Limits) -> io::Result<Self> {
        let (commands, receiver) = mpsc::unbounded_channel();
        let room = limits.in_flight.saturating_add(WAITING);
        let room = Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS)));
        let tallies = Arc::new(Tallies::default());
        let driver = Driver::new(limits, receiver, Arc::clone(&room), Arc::clone(&tallies))?;
        tokio::spawn(driver.run());
        Ok(Self {
            commands,
            room,
            tallies,
            batches: Arc::default(),
        })
    }

    pub(super) fn batch(&self) -> Batch {
        let (sender, observations) = mpsc::unbounded_channel();
        let id = self.batches.fetch_add(1, Relaxed);
        // Where the engine is gone, with its runtime, nothing will ever come.
        let _ = self.commands.send(Command::Open(id, sender));
        Batch {
            id,
            commands: self.commands.clone(),
            room: Arc::clone(&self.room),
            observations,
            under_way: 0,
        }
    }

    pub(super) fn counters(&self) -> Counters {
        self.tallies.read()
    }
}

/// Many questions under way. Dropping it cancels them, and their places are free at once.
pub struct Batch {
    id: u64,
    commands: UnboundedSender<Command>,
    room: Arc<Semaphore>,
    observations: UnboundedReceiver<Observation>,
    under_way: usize,
}

impl Batch {
    /// Hands one question over. Waits while the prober has as many waiting as it holds: 4,096 beyond those in flight.
    pub async fn push(
        &mut self,
        source: impl Into<Arc<Source>>,
        question: Question,
        ask: Arc<Ask>,
    ) {
        // The driver gives the room back when the question is finished. The semaphore is never closed.
        if let Ok(room) = self.room.acquire().await {
            room.forget();
        }
        let inquiry = Box::new(Inquiry::new(self.id, source.into(), question, ask));
        if self.commands.send(Command::Put(inquiry)).is_ok() {
            self.under_way += 1;
        }
    }

    /// The next finished observation, in order of completion; `None` when none is under way.
    pub async fn next(&mut self) -> Option<Observation> {
        if self.under_way == 0 {
            return None;
        }
        let observation = self.observations.recv().await?;
        self.under_way -= 1;
        Some(observation)
    }

    /// Questions handed over whose observation was not taken yet.
    pub fn under_way(&self) -> usize {
        self.under_way
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // Where the engine is gone, so is everything under way.
        let _ = self.commands.send(Command::Close(self.id));
    }
}
