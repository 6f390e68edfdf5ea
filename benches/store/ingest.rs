//! Rounds on their way into the history and the database, as the service takes them there.
//!
//! Deliberately absent: verdicts, which are written on change only.

use std::time::{Duration, Instant};

use dns_auditor::{
    audit::history::{History, SpanChange},
    store::Store,
    types::Observation,
};

use crate::{
    cost::{Meter, Server, Spent, own_cpu},
    world::World,
};

/// Observations of a transaction, as in the service.
pub const CHUNK: usize = 2_000;

/// The service's side of a database.
pub struct Service<'a> {
    pub store: &'a Store,
    pub world: &'a World,
    history: History,
}

impl<'a> Service<'a> {
    pub fn new(store: &'a Store, world: &'a World) -> Self {
        Self {
            store,
            world,
            history: History::default(),
        }
    }

    /// Takes in and records what a round heard.
    pub async fn round(&mut self, nth: usize, heard: Vec<Observation>) {
        let (due, gap) = (self.world.due(nth), self.world.period * 3);
        let round = self
            .store
            .begin_round("here", "dialers", due, due)
            .await
            .unwrap()
            .unwrap();
        let recorded: Vec<(Observation, SpanChange)> = heard
            .into_iter()
            .map(|one| {
                let change = self.history.absorb(&one, gap);
                (one, change)
            })
            .collect();
        for chunk in recorded.chunks(CHUNK) {
            self.store.record(round, chunk).await.unwrap();
        }
    }

    /// Records rounds: what that cost, without making up what they hear.
    pub async fn rounds(&mut self, server: &Server, rounds: std::ops::Range<usize>) -> Spent {
        let meter = Meter::start(server);
        let (mut made_up, mut idle) = (Duration::ZERO, 0.0);
        for nth in rounds {
            let (began, cpu) = (Instant::now(), own_cpu());
            let heard = self.world.round(nth);
            made_up += own_cpu().saturating_sub(cpu);
            idle += began.elapsed().as_secs_f64();
            self.round(nth, heard).await;
        }
        let spent = meter.spent();
        Spent {
            seconds: spent.seconds - idle,
            ours: spent.ours.saturating_sub(made_up),
            ..spent
        }
    }
}
