//! Rounds while the database is away: judged by what was last known, and their steps written to the journal.
//!
//! Deliberately absent: their observations and verdicts, which are lost; the next round that is recorded takes the history on
//! from what was heard meanwhile.

use std::sync::{MutexGuard, PoisonError, atomic::Ordering};

use chrono::{DateTime, Utc};

use super::{Evaluator, messages::ToldBefore, recording::Recorder};
use crate::{
    audit::{declared::Declared, incident::Transition, ledger::Ledger},
    clock,
    config::Group,
    store::{
        NewMessage, RoundId, StoreError,
        journal::{Journal, Judged, Record},
    },
};

/// Where a round is recorded.
#[derive(Debug)]
pub(super) enum Desk {
    /// In the database.
    Database(RoundId),
    /// In the journal, since the database is away.
    Journal(StoreError),
}

impl Evaluator {
    /// The same, judging on while the database is away, and writing what there is to tell into this journal.
    #[must_use]
    pub fn with_journal(self, journal: Journal) -> Self {
        for group in &self.config.groups {
            let known = self.journal.ledger(&group.name);
            // What an earlier life left there and the database does not take is newer.
            if let Some(ledger) = known.filter(|_| journal.ledger(&group.name).is_none()) {
                journal.know(&group.name, &ledger);
            }
        }
        Self { journal, ..self }
    }

    /// Begins the round that was due at `due_at`, and reads what it is judged by; `None` where it has run before.
    pub(super) async fn begin(
        &self,
        recorder: &Recorder<'_>,
        due_at: DateTime<Utc>,
        started: DateTime<Utc>,
    ) -> Result<Option<Desk>, StoreError> {
        // One that was away is not waited for again, and no round is late for it.
        let there = if self.is_away() {
            self.store.ping().await
        } else {
            Ok(())
        };
        let begun = match there {
            Ok(()) => recorder.begin(due_at, started).await,
            Err(error) => Err(error),
        };
        let read = match begun {
            Ok(None) => return Ok(None),
            Ok(Some(round)) => self.read_known(recorder).await.map(|()| round),
            Err(error) => Err(error),
        };
        Ok(Some(match read {
            Ok(round) => Desk::Database(round),
            Err(error) => Desk::Journal(self.go_without(error)?),
        }))
    }

    /// Reads what people declared, and what was measured of resolvers: either may change while the service runs, and stays
    /// as it was where the database is away.
    async fn read_known(&self, recorder: &Recorder<'_>) -> Result<(), StoreError> {
        let now = clock::now();
        let declared = recorder.declared(now).await?;
        *self.known_declared() = declared;
        let calibrations = recorder.calibrations(now).await?;
        *self.calibrations() = calibrations;
        Ok(())
    }

    /// The group's ledger with everything that the journal held; where the database is away, as it was last known.
    pub(super) async fn ledger(
        &self,
        recorder: &Recorder<'_>,
        group: &Group,
        desk: &mut Desk,
    ) -> Result<Ledger, StoreError> {
        if let Desk::Database(_) = desk {
            let read = match self.journal.reconcile(&self.store).await {
                Ok(_) => recorder.ledger().await,
                Err(error) => Err(error),
            };
            match read {
                Ok(ledger) => {
                    self.journal.know(&group.name, &ledger);
                    return Ok(ledger);
                }
                Err(error) => *desk = Desk::Journal(self.go_without(error)?),
            }
        }
        Ok(self.journal.ledger(&group.name).unwrap_or_default())
    }

    /// Who was told of these incidents before; where the database is away nobody is known, and the channels' matchers decide
    /// alone.
    pub(super) async fn told_before(
        &self,
        recorder: &Recorder<'_>,
        steps: &[Transition],
        desk: &mut Desk,
    ) -> Result<ToldBefore, StoreError> {
        if let Desk::Database(_) = desk {
            match recorder.told_before(&self.config, steps).await {
                Ok(told) => return Ok(told),
                Err(error) => *desk = Desk::Journal(self.go_without(error)?),
            }
        }
        Ok(ToldBefore::new())
    }

    /// Goes on without the database, where it is away and a journal stands in; an error otherwise.
    pub(super) fn go_without(&self, error: StoreError) -> Result<StoreError, StoreError> {
        if !error.is_transient() || !self.journal.is_there() {
            return Err(error);
        }
        self.is_away.store(true, Ordering::Relaxed);
        Ok(error)
    }

    /// Writes down what a round that is not recorded came to. `why`: why it is not; returned where the journal does not take
    /// it either. Then nothing is told, and the next round finds it again.
    pub(super) async fn write_down(
        &self,
        group: &Group,
        ledger: &Ledger,
        steps: &[Transition],
        messages: &[NewMessage],
        why: StoreError,
    ) -> Result<StoreError, StoreError> {
        if steps.is_empty() {
            self.journal.advance(&group.name, ledger.clone());
            return Ok(why);
        }
        let judged = Judged {
            group: group.name.clone(),
            ledger: ledger.clone(),
            steps: steps.to_vec(),
            messages: messages.to_vec(),
        };
        let entered = self.journal.enter().await;
        match entered.append(Record::Judged(judged)).await {
            Ok(()) => Ok(why),
            Err(error) => {
                let group = &group.name;
                tracing::error!(%group, %error, steps = steps.len(), "the journal does not take the steps of a round; nothing is told of them yet");
                Err(why)
            }
        }
    }

    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    pub(super) fn known_declared(&self) -> MutexGuard<'_, Declared> {
        let known = self.known_declared.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }
}
