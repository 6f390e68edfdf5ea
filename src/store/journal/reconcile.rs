//! The database is back: everything that the journal holds goes into it, in one transaction, and the journal is emptied.
//!
//! A crash between the two repeats it: steps and messages are known by their ids, an attempt by its number. What people did
//! meanwhile stays. Deliberately absent: deciding when.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Journal, Judged, Outcome, Record, Tried};
use crate::{
    audit::{
        incident::{Incident, Transition},
        ledger::Ledger,
    },
    store::{
        Store, StoreError,
        finish::{self, Place},
        incidents, outbox,
    },
};

/// How long the database may take for all of it: nobody tells anything meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);

impl Journal {
    /// Remembers what an earlier life left in the outbox: should the database go away, it is told from here, and before what
    /// follows it.
    pub async fn recall(&self, store: &Store) -> Result<(), StoreError> {
        if self.is_there() {
            let most = super::MOST_REMEMBERED;
            self.remember(store.waiting_messages(&self.vantage, most).await?);
        }
        Ok(())
    }

    /// Gives the database everything that it does not have yet, and empties the journal. Returns how many records that were.
    ///
    /// After an error everything is as it was before.
    pub async fn reconcile(&self, store: &Store) -> Result<u64, StoreError> {
        if !self.is_pending() {
            return Ok(0);
        }
        let gate = self.gate.clone().write_owned().await;
        let (this, store) = (self.clone(), store.clone());
        // To its end, whoever asked for it: what the database took must not stand here any more.
        let reconciling = tokio::spawn(async move {
            let _gate = gate;
            this.reconcile_all(&store).await
        });
        reconciling.await.unwrap_or(Ok(0))
    }

    async fn reconcile_all(&self, store: &Store) -> Result<u64, StoreError> {
        let (records, ledgers) = self.to_be_stored();
        if records.is_empty() && ledgers.is_empty() {
            return Ok(0);
        }
        let storing = store.take_journal(&self.vantage, &records, &ledgers);
        match tokio::time::timeout(PATIENCE, storing).await {
            Ok(Err(error)) if !error.is_transient() => {
                tracing::error!(%error, "the database does not take over the journal; telling from there until it does");
                return Err(StoreError::Behind);
            }
            Ok(stored) => stored?,
            Err(_) => return Err(StoreError::Silent(PATIENCE)),
        }
        let this = self.clone();
        let emptying = tokio::task::spawn_blocking(move || this.empty());
        emptying.await.unwrap_or_default();
        if !records.is_empty() {
            let records = records.len();
            tracing::info!(records, "the database has taken over the journal");
        }
        Ok(records.len() as u64)
    }

    fn to_be_stored(&self) -> (Vec<Record>, BTreeMap<String, Ledger>) {
        let kept = self.lock();
        let ledgers = kept.ledgers.iter();
        let unstored = ledgers.filter(|(_, (_, is_stored))| !is_stored);
        let unstored = unstored.map(|(group, (ledger, _))| (group.clone(), ledger.clone()));
        (kept.records.clone(), unstored.collect())
    }

    fn empty(&self) {
        let mut kept = self.lock();
        kept.reconciled += kept.records.len() as u64;
        kept.records.clear();
        kept.waiting = super::Waiting::default();
        for (_, is_stored) in kept.ledgers.values_mut() {
            *is_stored = true;
        }
        if let Some(Err(error)) = kept.file.as_mut().map(super::JournalFile::clear) {
            // The same again at the next start, which changes nothing.
            tracing::error!(%error, "the journal cannot be emptied");
        }
    }
}

impl Store {
    /// Records in the outbox what became of an attempt at a message that was leased.
    pub async fn record_attempt(
        &self,
        id: Uuid,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        end_attempt(&mut transaction, id, outcome, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Takes over what a journal holds, in its order, and the ledgers of groups as they stand now.
    async fn take_journal(
        &self,
        vantage: &str,
        records: &[Record],
        ledgers: &BTreeMap<String, Ledger>,
    ) -> Result<(), StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let mut transaction = self.pool.begin().await?;
        for group in ledgers.keys() {
            finish::lock_group(&mut transaction, vantage_id, group).await?;
        }
        for record in records {
            match record {
                Record::Judged(judged) => take_judged(&mut transaction, vantage_id, judged).await?,
                Record::Waiting { messages } => {
                    let messages: Vec<_> = messages.iter().map(|one| one.message.clone()).collect();
                    outbox::enqueue(&mut transaction, &messages).await?;
                }
                Record::Tried(tried) => take_tried(&mut transaction, tried).await?,
            }
        }
        for (group, ledger) in ledgers {
            let place = Place {
                vantage_id,
                group: group.clone(),
            };
            incidents::write_ledger(&mut transaction, &place, ledger).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

async fn take_judged(
    connection: &mut PgConnection,
    vantage_id: i16,
    judged: &Judged,
) -> Result<(), StoreError> {
    let stepped = judged.steps.iter().map(|step: &Transition| &step.incident);
    let latest: BTreeMap<Uuid, &Incident> = stepped.map(|one| (one.id, one)).collect();
    incidents::upsert_all(connection, vantage_id, &latest).await?;
    incidents::append_steps(connection, &judged.steps).await?;
    outbox::displace(connection, &judged.messages).await?;
    outbox::enqueue(connection, &judged.messages).await
}

async fn take_tried(connection: &mut PgConnection, tried: &Tried) -> Result<(), StoreError> {
    let Tried {
        message_id,
        attempt,
        at,
        outcome,
    } = tried;
    if !outbox::count_attempt(connection, *message_id, *attempt).await? {
        return Ok(());
    }
    end_attempt(connection, *message_id, outcome, *at).await
}

async fn end_attempt(
    connection: &mut PgConnection,
    id: Uuid,
    outcome: &Outcome,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    match outcome {
        Outcome::Delivered { detail } => outbox::delivered(connection, id, at, detail).await,
        Outcome::Failed {
            again_at,
            tell_fallback,
            detail,
        } => {
            let again = outbox::Again {
                at: *again_at,
                tell_fallback: *tell_fallback,
            };
            outbox::retry(connection, id, again, at, detail).await
        }
        Outcome::Buried { detail } => outbox::bury(connection, id, at, detail).await,
        Outcome::Held { by } => outbox::hold(connection, id, at, by).await,
    }
}
