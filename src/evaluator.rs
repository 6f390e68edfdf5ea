//! One round of one group, from its questions to its recorded judgement.
//!
//! [`asking`] puts the questions, `audit` judges, `store` records; this module is the order in which that happens.
//! Deliberately absent: when a round is due (`scheduler`) and how a step is told (`dispatcher`).

pub mod asking;
mod judging;
mod memory;
pub mod messages;
mod recording;
mod stance;
mod unrecorded;
mod watch;

use std::{
    collections::HashMap,
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use crate::{
    audit::{
        calibration::Calibration,
        context::{self, Place, Setting},
        declared::Declared,
        history::{History, SpanChange},
        keep::Keeper,
        ledger::Ledger,
        round::Conclusion,
    },
    clock,
    config::{Config, Group},
    metrics::{Metrics, RoundReport, Throttled},
    store::{
        RoundOutcome, Store, StoreError,
        journal::Journal,
        replay::{Batches, Checkpoint, NewContext, SessionId},
    },
    types::{Observation, Question, Source},
};
use asking::{Asked, Asker};
use judging::judged_by;
pub use judging::setting;
use memory::{Loss, Memory};
use recording::{Recordable, Recorder};
use stance::Stance;
use unrecorded::Desk;
pub use watch::{Audit, Watch, audit_once};

/// What a round has heard, and what that did to the spans: one change an observation.
struct Heard {
    asked: Asked,
    changes: Vec<SpanChange>,
    batches: Batches,
    /// When everybody had answered, or had been given up.
    at: DateTime<Utc>,
}

/// Runs rounds. One for the whole service.
pub struct Evaluator {
    config: Arc<Config>,
    asker: Asker,
    store: Store,
    metrics: Arc<Metrics>,
    /// Shared by all groups, since links are: locked for moments, never across an await.
    memory: std::sync::Mutex<Memory>,
    /// This process, as a replay knows it.
    session: SessionId,
    /// What was measured of resolvers, as it was read last.
    calibrations: std::sync::Mutex<Vec<Calibration>>,
    /// Each group's, as its last recorded round left it.
    ledgers: std::sync::Mutex<HashMap<String, Ledger>>,
    /// Each group's: asking does not wait for the database.
    stances: std::sync::Mutex<HashMap<String, Stance>>,
    /// What was kept of each group; taken out by a round, and put back once that is recorded.
    keepers: std::sync::Mutex<HashMap<String, Keeper>>,
    /// What people declared, as it was read last.
    known_declared: std::sync::Mutex<Declared>,
    /// What stands in for the database while that is away; it also knows each group's ledger as it was last.
    journal: Journal,
    /// Whether the database was away when it was needed last.
    is_away: AtomicBool,
}

impl Evaluator {
    /// An evaluator over the service's adapters, with the history that the store holds.
    pub async fn restore(
        config: Arc<Config>,
        asker: Asker,
        store: Store,
        metrics: Arc<Metrics>,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let mut history = History::default();
        let gap = config
            .groups
            .iter()
            .map(|group| context::longest_gap(&group.policy))
            .max()
            .unwrap_or_default();
        history.restore(
            store
                .restore_spans(&config.vantage, now - context::REMEMBERED)
                .await?,
            gap,
        );
        history.restore_caps(store.learned_caps(&config.vantage).await?);
        let mut open = HashMap::new();
        let journal = Journal::absent(&config.vantage);
        for group in &config.groups {
            let ledger = store.load_ledger(&config.vantage, &group.name).await?;
            journal.know(&group.name, &ledger);
            open.insert(group.name.clone(), Stance::after(&ledger));
        }
        let keepers = keepers(&config, &store, now).await?;
        let calibrations = store.calibrations(&config.vantage, now).await?;
        let declared = store.declared(now).await?;
        let session = store.begin_session(&config.vantage, &history, now).await?;
        let counting = asker.clone();
        metrics.count_probes(move || counting.counters());
        Ok(Self {
            config,
            asker,
            store,
            metrics,
            memory: std::sync::Mutex::new(Memory::begin(history, now)),
            session,
            calibrations: std::sync::Mutex::new(calibrations),
            ledgers: std::sync::Mutex::default(),
            stances: std::sync::Mutex::new(open),
            keepers: std::sync::Mutex::new(keepers),
            known_declared: std::sync::Mutex::new(declared),
            journal,
            is_away: AtomicBool::new(false),
        })
    }

    /// Runs the round that was due at `due_at`; `None` where it has run before.
    ///
    /// A database that is away is waited for, a bounded time. The questions are put all the same, so that the history in
    /// memory has no gap; the round is judged as of when everybody had answered, however long that wait was. Where there is a
    /// journal, the round is judged by what was last known, and its steps are written there.
    /// An error leaves the incidents as they were before the round: the next round finds and tells them.
    pub async fn run_round(
        &self,
        group: &Group,
        turn: &Mutex<()>,
        due_at: DateTime<Utc>,
    ) -> Result<Option<RoundReport>, StoreError> {
        let started = clock::now();
        let recorder = || Recorder::new(&self.store, &self.config.vantage, group, self.is_away());
        let targets = self.memory().targets(group, started);
        let group = &*Arc::new(group.following(targets));
        let mut loss = Loss(Some(&self.memory));
        let first = recorder();
        let (begun, heard) = tokio::join!(self.begin(&first, due_at, started), self.hear(group));
        let Some(desk) = begun? else {
            return Ok(None);
        };
        // Rounds of a group may overlap in their asking, never in their judging.
        let _turn = turn.lock().await;
        let report = self
            .judge_and_record(desk, group, heard, recorder())
            .await?;
        if report.unrecorded.is_none() {
            loss.0 = None;
            self.metrics
                .round_finished(&group.name, clock::now() - started, &report);
        } else {
            self.metrics.round_judged(&group.name, &report);
        }
        Ok(Some(report))
    }

    /// Puts the questions, and those again whose replies must not be believed at once. The database is not waited for.
    async fn hear(&self, group: &Group) -> Heard {
        let mut asked = self.ask(group).await;
        let setting = self.setting(group);
        let (changes, step) = self.take_in(&setting, &mut asked.observations);
        let batches = Batches::first(step, &asked.observations);
        let mut heard = Heard {
            asked,
            changes,
            batches,
            at: clock::now(),
        };
        self.hear_again(group, setting, &mut heard).await;
        heard
    }

    async fn ask(&self, group: &Group) -> Asked {
        let stance = self.stances().get(&group.name).cloned();
        let stance = stance.unwrap_or_default();
        let samples = |question: &Question, address| {
            if stance.suspects.contains(&(question.clone(), address)) {
                3
            } else {
                group.samples
            }
        };
        let (questions, now): (Vec<_>, _) = (group.questions().collect(), clock::now());
        let canary = |source: &Source| {
            let period = group.policy.period;
            let canary = stance.throttles.canary(source, &questions, period, now);
            canary.cloned()
        };
        self.asker.ask(group, samples, canary).await
    }

    /// Asks again what must not be believed at once, by what was last known of declarations.
    async fn hear_again(&self, group: &Group, setting: Setting, heard: &mut Heard) {
        let declared = self.known_declared().clone();
        let context = judged_by(setting, &heard.asked, declared);
        let observations = &heard.asked.observations;
        let again = context.doubtful(&self.memory().history, observations, heard.at);
        if again.is_empty() {
            return;
        }
        let zones = &mut heard.asked.zones;
        let mut more = self.asker.ask_again(group, &again, zones).await;
        let (changes, step) = self.take_in(&context.setting, &mut more);
        heard.batches.again = Some((step, more.len()));
        heard.changes.extend(changes);
        heard.asked.observations.extend(more);
        heard.at = clock::now();
    }

    /// Takes a batch of replies into the history: what that did to the spans, and which step it was.
    fn take_in(
        &self,
        setting: &Setting,
        observations: &mut [Observation],
    ) -> (Vec<SpanChange>, i64) {
        context::as_stored(observations);
        self.memory().absorb(setting, observations)
    }

    /// What of a group's configuration, and of what was measured of its resolvers, decides of its verdicts.
    fn setting(&self, group: &Group) -> Setting {
        setting(&group.calibrated(&self.calibrations(), clock::now()))
    }

    async fn judge_and_record(
        &self,
        mut desk: Desk,
        group: &Group,
        heard: Heard,
        recorder: Recorder<'_>,
    ) -> Result<RoundReport, StoreError> {
        let Heard {
            asked,
            changes,
            batches,
            at,
        } = heard;
        let declared = self.known_declared().clone();
        let context = judged_by(self.setting(group), &asked, declared);
        // Read afresh each round: a person may have taken or ended an incident, and what could not be recorded is found
        // again by the next round.
        let mut ledger = self.ledger(&recorder, group, &mut desk).await?;
        // However long the database was waited for: time in which nobody was heard proves nothing.
        let now = self.memory().instant_after_last(&group.name, at);
        let observations = &asked.observations;
        let read = ledger.clone();
        let place = Place {
            vantage: &self.config.vantage,
            group: &group.name,
            now,
        };
        let (conclusion, judged, caps) = {
            let mut memory = self.memory();
            let (conclusion, judged) = memory.conclude(place, &context, observations, &mut ledger);
            (conclusion, judged, memory.new_caps())
        };
        let Conclusion {
            verdicts,
            findings: found,
            transitions,
        } = conclusion;
        let read = self.as_read(&group.name, read, judged.is_first);
        let told = self.told_before(&recorder, &transitions, &mut desk).await?;
        let messages = messages::for_transitions(&self.config, group, &transitions, &told);
        let stance = Stance::after(&ledger);
        let is_blind = ledger.is_blind();
        let throttled = Throttled::of(
            &verdicts,
            &asked.held_back,
            &stance.throttles,
            context.setting.questions.len(),
        );

        let new_context = NewContext {
            session: self.session,
            batches,
            judged_step: judged.step,
            judged_at: now,
            context: &context,
            ledger: read.as_ref(),
        };
        let outcome = RoundOutcome {
            verdicts: &verdicts,
            findings: &found,
            ledger: &ledger,
            transitions: &transitions,
            messages: &messages,
            caps: &caps,
            now,
        };
        let heard = Recordable {
            observations: asked.observations,
            changes,
            context: new_context,
            outcome,
        };
        let observations = heard.samples();
        // Before they can be told: what is told is forgotten.
        self.journal.expect(&messages);
        let outcome = match desk {
            Desk::Database(round) => self.record(round, group, &recorder, heard).await,
            Desk::Journal(why) => Err(why),
        };
        let unrecorded = match outcome {
            Ok(()) => {
                self.is_away.store(false, Ordering::Relaxed);
                self.journal.confirm(&messages);
                self.journal.know(&group.name, &ledger);
                self.memory().caps_are_stored(caps);
                self.ledgers().insert(group.name.clone(), ledger);
                if let Some(checkpoint) = judged.checkpoint {
                    self.write(checkpoint).await;
                }
                None
            }
            Err(error) => {
                self.journal.forget(&messages);
                let why = self.go_without(error)?;
                let written = self.write_down(group, &ledger, &transitions, &messages, why);
                Some(written.await?)
            }
        };
        self.stances().insert(group.name.clone(), stance);
        Ok(RoundReport {
            verdicts,
            findings: found,
            transitions,
            observations,
            throttled,
            unrecorded,
            is_blind,
        })
    }

    fn calibrations(&self) -> MutexGuard<'_, Vec<Calibration>> {
        self.calibrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn stances(&self) -> MutexGuard<'_, HashMap<String, Stance>> {
        self.stances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keepers(&self) -> MutexGuard<'_, HashMap<String, Keeper>> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledgers(&self) -> MutexGuard<'_, HashMap<String, Ledger>> {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger as it was read, where a replay cannot know it: it is not what the group's last round left, because a
    /// person acted or because that round was not recorded, or the replay begins after that.
    fn as_read(&self, group: &str, read: Ledger, is_first: bool) -> Option<Ledger> {
        let is_known = self.ledgers().get(group) == Some(&read);
        (is_first || !is_known).then_some(read)
    }

    /// A checkpoint is a convenience: without it, a replay goes through more rounds.
    async fn write(&self, checkpoint: Checkpoint) {
        let written = self.store.write_checkpoint(self.session, checkpoint);
        if let Err(error) = written.await {
            tracing::warn!(%error, "the history was not set aside for replays");
        }
    }
}

/// What each group's keeper must know of the time before this process.
async fn keepers(
    config: &Config,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<HashMap<String, Keeper>, StoreError> {
    let mut keepers = HashMap::new();
    for group in &config.groups {
        let standing = store.standing_replies(&config.vantage, &group.name).await?;
        keepers.insert(group.name.clone(), Keeper::resume(standing, now));
    }
    Ok(keepers)
}
