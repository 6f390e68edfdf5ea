//! Many questions under way for one asker.
//!
//! Deliberately absent: order. Whoever needs it remembers what was asked.

use std::{collections::VecDeque, sync::Arc};

use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};

use super::{Ask, Prober};
use crate::types::{Observation, Question, Source};

/// Most questions that one batch has under way.
const MOST: usize = 4_096;

/// Many questions under way. Dropping it cancels them.
pub struct Batch {
    prober: Prober,
    under_way: FuturesUnordered<BoxFuture<'static, Observation>>,
    finished: VecDeque<Observation>,
}

impl Prober {
    /// A batch without any question yet.
    pub fn batch(&self) -> Batch {
        Batch {
            prober: self.clone(),
            under_way: FuturesUnordered::new(),
            finished: VecDeque::new(),
        }
    }
}

impl Batch {
    /// Hands one question over. Waits while as many as the batch holds are under way.
    pub async fn push(&mut self, source: Source, question: Question, ask: Arc<Ask>) {
        while self.under_way.len() >= MOST {
            self.finished.extend(self.under_way.next().await);
        }
        let prober = self.prober.clone();
        let asking = async move { prober.ask(&source, &question, &ask).await };
        self.under_way.push(Box::pin(asking));
    }

    /// The next finished observation, in order of completion; `None` when none is under way. Nothing is lost where the
    /// wait is given up.
    pub async fn next(&mut self) -> Option<Observation> {
        match self.finished.pop_front() {
            Some(finished) => Some(finished),
            None => self.under_way.next().await,
        }
    }
}
