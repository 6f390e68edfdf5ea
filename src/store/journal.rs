//! What stands in for PostgreSQL while it is away: an fsynced file below `data_dir`, from which alerts go out all the same.
//!
//! What is not recorded is not told; while the database is away, the journal is the record. A round that cannot be recorded is
//! judged by the last known ledger, and its steps and messages are written here before anybody is told. Ids are those that the
//! database would have (incident, number of the step, channel), so that whatever crashes between writing, telling, noting
//! and reconciling gives the same message again, never another one.
//!
//! ```text
//! round judged ──append──► journal ──dispatcher──► channel ──append──► journal
//!                             └── the database is back: everything in one transaction ──► incident, outbox ──► emptied
//! ```
//!
//! Whoever asks the database for incidents or messages reconciles first, so that nobody sees it without what the journal holds.
//! Deliberately absent: observations and verdicts of rounds that were not recorded. Those of the steps are in their incidents.

mod file;
mod reconcile;
mod record;
mod told;
mod waiting;

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, OwnedRwLockReadGuard, RwLock};
use uuid::Uuid;

pub use file::JournalError;
pub use record::{Carried, Judged, Outcome, Record, Tried};

use super::NewMessage;
use crate::audit::ledger::Ledger;
use file::JournalFile;
use waiting::Waiting;

/// Messages of the outbox that are remembered at most, to be told from the journal should the database go away.
const MOST_REMEMBERED: usize = 2_000;

/// The journal of one vantage. Cheap to clone; clones are one.
#[derive(Debug, Clone)]
pub struct Journal {
    vantage: Arc<str>,
    kept: Arc<Mutex<Kept>>,
    /// Held for reading by whoever writes or tells, for writing while everything goes into the database: nothing is told from
    /// here and there at once.
    gate: Arc<RwLock<()>>,
    bell: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Kept {
    /// `None`: it cannot be written, and nothing is told while the database is away.
    file: Option<JournalFile>,
    records: Vec<Record>,
    waiting: Waiting,
    /// Each group's ledger as it was last known, and whether the database has it so.
    ledgers: BTreeMap<String, (Ledger, bool)>,
    /// Messages of the outbox that are not told yet, in order.
    remembered: Vec<Carried>,
    /// Messages of rounds that are just being recorded: whether the outbox has them is not known yet.
    unconfirmed: Vec<Carried>,
    under_way: HashSet<Uuid>,
    reconciled: u64,
}

/// How much a journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalDepth {
    /// Whether it can be written to.
    pub is_there: bool,
    /// Records that the database has not taken yet.
    pub records: u64,
    /// Octets of the file.
    pub octets: u64,
    /// Messages in it that wait to be told.
    pub waiting: u64,
    /// When the oldest of them was written.
    pub oldest_waiting: Option<DateTime<Utc>>,
    /// Records that the database has taken since the start.
    pub reconciled: u64,
}

impl Journal {
    /// Where a vantage's journal lies. Other characters than letters, digits, `-` and `_` of its name are written as `%XX`.
    pub fn path(data_dir: &Path, vantage: &str) -> PathBuf {
        let name: String = vantage
            .bytes()
            .map(|octet| match octet {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => {
                    char::from(octet).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect();
        data_dir.join("journal").join(format!("{name}.journal"))
    }

    /// Opens or makes the journal of a vantage, with what an earlier life left in it.
    pub fn open(data_dir: &Path, vantage: &str) -> Result<Self, JournalError> {
        let path = Self::path(data_dir, vantage);
        let directory = path.parent().unwrap_or(data_dir);
        fs::create_dir_all(directory).map_err(|source| JournalError::Io {
            path: directory.to_owned(),
            source,
        })?;
        let (file, said) = JournalFile::open(&path)?;
        let mut kept = Kept {
            file: Some(file),
            ..Kept::default()
        };
        for said in said {
            kept.take_in(serde_json::from_slice(&said)?);
        }
        Ok(Self::over(vantage, kept))
    }

    /// A journal that takes nothing: what cannot be recorded in the database is not told.
    pub fn absent(vantage: &str) -> Self {
        Self::over(vantage, Kept::default())
    }

    fn over(vantage: &str, kept: Kept) -> Self {
        Self {
            vantage: Arc::from(vantage),
            kept: Arc::new(Mutex::new(kept)),
            gate: Arc::default(),
            bell: Arc::default(),
        }
    }

    /// Whether it takes anything.
    pub fn is_there(&self) -> bool {
        self.lock().file.is_some()
    }

    /// Whether it holds anything that the database does not have.
    pub fn is_pending(&self) -> bool {
        let kept = self.lock();
        !kept.records.is_empty() || kept.ledgers.values().any(|(_, is_stored)| !is_stored)
    }

    /// How much it holds.
    pub fn depth(&self) -> JournalDepth {
        let kept = self.lock();
        let (waiting, oldest_waiting) = kept.waiting.depth();
        JournalDepth {
            is_there: kept.file.is_some(),
            records: kept.records.len() as u64,
            octets: kept.file.as_ref().map_or(0, JournalFile::octets),
            waiting,
            oldest_waiting,
            reconciled: kept.reconciled,
        }
    }

    /// A group's ledger as it was last known: read, recorded, or judged while the database was away.
    pub fn ledger(&self, group: &str) -> Option<Ledger> {
        self.lock()
            .ledgers
            .get(group)
            .map(|(ledger, _)| ledger.clone())
    }

    /// Remembers a group's ledger, as the database has it.
    pub fn know(&self, group: &str, ledger: &Ledger) {
        let known = (ledger.clone(), true);
        self.lock().ledgers.insert(group.to_owned(), known);
    }

    /// Remembers a group's ledger that took no step and that the database does not have: of a round that was not recorded.
    pub fn advance(&self, group: &str, ledger: Ledger) {
        let mut kept = self.lock();
        kept.ledgers.insert(group.to_owned(), (ledger, false));
    }

    /// Remembers messages that the outbox has: they are told from here if it goes away before they are told.
    pub fn remember(&self, messages: impl IntoIterator<Item = Carried>) {
        let mut kept = self.lock();
        if kept.file.is_none() {
            return;
        }
        for one in messages {
            // Leased: the outbox has it, though whoever wrote it does not know that yet.
            kept.confirm(one.message.id);
            let mut known = kept.remembered.iter();
            match known.position(|known| known.message.id == one.message.id) {
                // Whoever wrote it knows its fallback, whoever tried it its attempts.
                Some(at) => {
                    let known = &mut kept.remembered[at];
                    known.attempts = one.attempts.max(known.attempts);
                    known.available_at = one.available_at;
                }
                None if kept.remembered.len() < MOST_REMEMBERED => kept.remembered.push(one),
                None => {}
            }
        }
    }

    /// Expects that the outbox takes these messages: until [`Journal::confirm`] says so nothing of them is told from here, since
    /// a crash would leave messages of steps that nobody recorded.
    pub fn expect(&self, messages: &[NewMessage]) {
        let mut kept = self.lock();
        if kept.file.is_some() {
            let expected = messages.iter().cloned().map(Carried::new);
            kept.unconfirmed.extend(expected);
        }
    }

    /// Remembers messages that were expected: the outbox has them. Those that were told meanwhile are forgotten already.
    pub fn confirm(&self, messages: &[NewMessage]) {
        let mut kept = self.lock();
        for message in messages {
            kept.confirm(message.id);
        }
    }

    /// Forgets messages that the outbox did not take.
    pub fn forget(&self, messages: &[NewMessage]) {
        let is_among = |one: &Carried| messages.iter().any(|message| message.id == one.message.id);
        let mut kept = self.lock();
        kept.unconfirmed.retain(|one| !is_among(one));
        kept.remembered.retain(|one| !is_among(one));
    }

    /// Whether a message waits here to be told.
    pub fn holds(&self, message: Uuid) -> bool {
        self.lock().waiting.has(message)
    }

    /// Notes what became of a remembered message, as the outbox has recorded it: what is over is forgotten.
    pub fn recorded(&self, tried: &Tried) {
        let mut kept = self.lock();
        let mut known = kept.remembered.iter();
        let Some(at) = known.position(|one| one.message.id == tried.message_id) else {
            return;
        };
        let stand_in = kept.remembered[at].stand_in(tried.at);
        let told_instead = match tried.outcome {
            Outcome::Failed {
                again_at,
                tell_fallback,
                ..
            } => {
                let one = &mut kept.remembered[at];
                (one.attempts, one.available_at) = (tried.attempt, again_at);
                if tell_fallback {
                    one.message.fallback = None;
                }
                stand_in.filter(|_| tell_fallback)
            }
            Outcome::Buried { .. } => {
                kept.remembered.remove(at);
                stand_in
            }
            Outcome::Delivered { .. } | Outcome::Held { .. } => {
                kept.remembered.remove(at);
                None
            }
        };
        kept.remembered.extend(told_instead);
    }

    /// Whether messages of the outbox are remembered, which the journal would have to tell if it goes away now.
    pub fn remembers_any(&self) -> bool {
        !self.lock().remembered.is_empty()
    }

    /// Notes that a message is being sent, until what is returned is dropped: nobody else takes it from here meanwhile.
    pub fn under_way(&self, message: Uuid) -> UnderWay {
        self.lock().under_way.insert(message);
        UnderWay(self.clone(), message)
    }

    /// The first message that may be sent from here at `now`, as [`Carried`] and marked as under way.
    pub fn take_due(
        &self,
        except: &[String],
        probe: &[String],
        now: DateTime<Utc>,
    ) -> Option<(Carried, UnderWay)> {
        let mut kept = self.lock();
        let due = kept.waiting.due(&kept.under_way, except, probe, now);
        let due = due.cloned()?;
        let id = due.message.id;
        kept.under_way.insert(id);
        Some((due, UnderWay(self.clone(), id)))
    }

    /// Comes in to write or to tell; waits while the database takes everything over.
    pub async fn enter(&self) -> Entered {
        Entered {
            journal: self.clone(),
            _gate: self.gate.clone().read_owned().await,
        }
    }

    /// Returns when messages were written since the last call, at once if that was before.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Writes a record, those of the remembered messages before it, and waits until the disk has them.
    async fn append(&self, record: Option<Record>) -> Result<(), JournalError> {
        let this = self.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut kept = this.lock();
            if !kept.remembered.is_empty() {
                let messages = kept.remembered.clone();
                kept.append(Record::Waiting { messages })?;
                kept.remembered.clear();
            }
            record.map_or(Ok(()), |record| kept.append(record))
        });
        written.await.unwrap_or(Err(JournalError::Absent))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// An expected message is in the outbox.
    fn confirm(&mut self, message: Uuid) {
        let mut expected = self.unconfirmed.iter();
        let Some(at) = expected.position(|one| one.message.id == message) else {
            return;
        };
        let one = self.unconfirmed.remove(at);
        if self.remembered.len() < MOST_REMEMBERED {
            self.remembered.push(one);
        }
    }

    fn append(&mut self, record: Record) -> Result<(), JournalError> {
        let said = serde_json::to_vec(&record)?;
        let file = self.file.as_mut().ok_or(JournalError::Absent)?;
        file.append(&said)?;
        self.take_in(record);
        Ok(())
    }

    fn take_in(&mut self, record: Record) {
        self.waiting.note(&record);
        if let Record::Judged(judged) = &record {
            let ledger = (judged.ledger.clone(), false);
            self.ledgers.insert(judged.group.clone(), ledger);
        }
        self.records.push(record);
    }
}

/// Somebody who writes to the journal or tells from it.
#[derive(Debug)]
pub struct Entered {
    journal: Journal,
    _gate: OwnedRwLockReadGuard<()>,
}

impl Entered {
    /// Writes a record; when it returns, the disk has it. An error leaves the journal as it was.
    pub async fn append(&self, record: Record) -> Result<(), JournalError> {
        let rings = matches!(record, Record::Judged(_));
        self.journal.append(Some(record)).await?;
        if rings {
            self.journal.bell.notify_one();
        }
        Ok(())
    }

    /// Takes over the messages of the outbox that are remembered: the database cannot be asked for them.
    pub async fn take_over(&self) -> Result<(), JournalError> {
        if !self.journal.remembers_any() {
            return Ok(());
        }
        self.journal.append(None).await
    }
}

/// A message that is being sent. Dropped: no longer.
#[derive(Debug)]
pub struct UnderWay(Journal, Uuid);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().under_way.remove(&self.1);
    }
}
