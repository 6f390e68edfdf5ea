//! The resolvers' side of a round: every question at every address, in one loop over one batch.
//!
//! Deliberately absent: a task or future for each question, and authorities.

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
};

use super::{Asker, Moment, due};
use crate::{
    audit::judge,
    probe::{Ask, Batch},
    types::{Observation, Question, Source},
};

/// One address, and how it is asked in this round.
pub(super) struct Lane {
    pub(super) source: Arc<Source>,
    pub(super) ask: Arc<Ask>,
    pub(super) stance: Stance,
}

/// Whether an address is asked everything.
pub(super) enum Stance {
    /// It is.
    Open,
    /// Only this one question, unless it is answered: then the others follow at once, or at their moments.
    Canary {
        question: Question,
        held_back: Vec<Question>,
    },
    /// The one question was not answered.
    Closed,
}

/// What a round's resolvers said.
#[derive(Default)]
pub(super) struct Replies {
    pub(super) observations: Vec<Observation>,
    /// The addresses that were asked one question only.
    pub(super) held_back: BTreeSet<Source>,
}

/// The loop's state.
pub(super) struct Resolvers<S> {
    batch: Batch,
    lanes: Vec<Lane>,
    by_source: HashMap<Arc<Source>, usize>,
    samples: S,
    /// Samples still to be taken of pairs that want several.
    more: HashMap<(usize, Question), u8>,
    under_way: usize,
    observations: Vec<Observation>,
}

impl<S: Fn(&Question, SocketAddr) -> u8> Resolvers<S> {
    /// `samples`: how often a question is put to an address, one after another; not at all where it says 0.
    pub(super) fn new(asker: &Asker, lanes: Vec<Lane>, samples: S) -> Self {
        let sources = lanes.iter().enumerate();
        Self {
            batch: asker.prober.batch(),
            by_source: sources
                .map(|(at, lane)| (lane.source.clone(), at))
                .collect(),
            lanes,
            samples,
            more: HashMap::new(),
            under_way: 0,
            observations: Vec::new(),
        }
    }

    /// Puts the questions at their moments, until every reply is there.
    pub(super) async fn run(mut self, moments: &[Moment]) -> Replies {
        let mut moments = moments.iter();
        let mut next = moments.next();
        loop {
            let waits = self.under_way > 0;
            tokio::select! {
                () = due(next), if next.is_some() => {
                    if let Some(moment) = next {
                        self.release(moment).await;
                    }
                    next = moments.next();
                }
                Some(observation) = self.batch.next(), if waits => self.take(observation).await,
                else => break,
            }
        }
        let closed = self.lanes.into_iter();
        let closed = closed.filter(|lane| !matches!(lane.stance, Stance::Open));
        Replies {
            observations: self.observations,
            held_back: closed.map(|lane| Source::clone(&lane.source)).collect(),
        }
    }

    async fn release(&mut self, moment: &Moment) {
        for question in &moment.questions {
            for lane in 0..self.lanes.len() {
                self.put_first(lane, question).await;
            }
        }
    }

    /// Puts a question for the first time in this round, or keeps it until the canary has come back.
    async fn put_first(&mut self, lane: usize, asked: &Question) {
        let count = match &mut self.lanes[lane].stance {
            Stance::Open => (self.samples)(asked, self.lanes[lane].source.address),
            Stance::Canary { question, .. } if question == asked => 1,
            Stance::Canary { held_back, .. } => {
                held_back.push(asked.clone());
                0
            }
            Stance::Closed => 0,
        };
        if count > 1 {
            self.more.insert((lane, asked.clone()), count - 1);
        }
        if count > 0 {
            self.push(lane, asked.clone()).await;
        }
    }

    async fn push(&mut self, lane: usize, question: Question) {
        let Lane { source, ask, .. } = &self.lanes[lane];
        let (source, ask) = (source.clone(), ask.clone());
        self.under_way += 1;
        self.batch.push(source, question, ask).await;
    }

    /// Takes a reply in, and puts what waited for it.
    async fn take(&mut self, observation: Observation) {
        self.under_way -= 1;
        if let Some(lane) = self.by_source.get(&observation.source).copied() {
            self.open(lane, &observation).await;
            self.ask_more(lane, &observation.question).await;
        }
        self.observations.push(observation);
    }

    async fn ask_more(&mut self, lane: usize, question: &Question) {
        let key = (lane, question.clone());
        let Some(left) = self.more.get_mut(&key) else {
            return;
        };
        *left -= 1;
        if *left == 0 {
            self.more.remove(&key);
        }
        self.push(lane, key.1).await;
    }

    /// Opens an address whose canary was answered, or closes it for this round.
    async fn open(&mut self, lane: usize, observation: &Observation) {
        let here = &mut self.lanes[lane];
        if !matches!(here.stance, Stance::Canary { .. }) {
            return;
        }
        let peeks = here.ask.options.recursion_desired == Some(false);
        if judge::is_turned_away(observation, peeks) {
            here.stance = Stance::Closed;
            return;
        }
        if let Stance::Canary { held_back, .. } = std::mem::replace(&mut here.stance, Stance::Open)
        {
            for question in held_back {
                self.put_first(lane, &question).await;
            }
        }
    }
}
