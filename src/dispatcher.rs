//! From the outbox to the channels: leases a message, has it delivered, records how it went.
//!
//! No transaction is open while a receiver is waited for, and nothing is sent that is not recorded. Delivery is at least
//! once: a lease that runs out (a crash, a database gone between reply and record) sends the message again, under
//! the same id. Deliberately absent: what messages say, and which incidents deserve one.

mod away;
pub mod backoff;
mod bell;
pub mod lanes;
mod outcome;
mod quiet;
mod refresh;
mod threads;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio::{sync::Mutex, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    audit::quiet::Silence,
    clock,
    config::{Channel, Config},
    metrics::Metrics,
    notify::{Delivery, Form, Notifier, remarks::Remarks},
    store::{
        Store, StoreError,
        journal::{Journal, UnderWay},
        outbox::{Claim, DisabledChannel, LeasedMessage, StandingMessage},
    },
};
use away::remembered;
use bell::Bell;
use lanes::{Lanes, Pace, Pass};

/// How long a message is ours: longer than an attempt can take ([`crate::notify::deliver::TIMEOUT`]).
pub const LEASE: Duration = Duration::from_secs(30);
/// Most deliveries under way over all channels.
const MOST_UNDER_WAY: usize = 32;
/// How long deliveries under way may still take after a shutdown began; the whole service has five seconds.
const FAREWELL: Duration = Duration::from_millis(2_500);
/// How long giving back the leases may take then.
const LAST_WORD: Duration = Duration::from_secs(1);
/// How long the database may take for one look at the outbox: one that is frozen is away.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the outbox is looked at when nothing rings: from the first, while there is something to do, to the last.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Brings messages from the outbox to the channels. Cheap to clone; clones share what is under way.
#[derive(Clone)]
pub struct Dispatcher {
    store: Store,
    notifier: Notifier,
    channels: Arc<[Arc<Channel>]>,
    vantage: Arc<str>,
    instance: Arc<str>,
    metrics: Arc<Metrics>,
    lanes: Lanes,
    /// Held from the look at the lanes until the leased message is in its own.
    turn: Arc<Mutex<()>>,
    /// By which what is kept quiet is told from the rest; without it, nothing is kept quiet.
    config: Option<Arc<Config>>,
    /// When it was last looked at what is held back.
    looked_at: Arc<std::sync::Mutex<Option<DateTime<Utc>>>>,
    /// The silences as they were last read.
    silences: Arc<std::sync::Mutex<Vec<Silence>>>,
    /// What stood at receivers that forget, as it was last read.
    standing: Arc<std::sync::Mutex<Vec<StandingMessage>>>,
    /// From which messages are told while the database is away.
    journal: Journal,
}

/// A leased message on its way.
struct Job {
    message: LeasedMessage,
    under_way: UnderWay,
    /// `None`: the channel is no longer configured.
    channel: Option<(Arc<Channel>, Pass)>,
    /// Why the channel takes nothing.
    disabled: Option<DisabledChannel>,
    /// What keeps it quiet.
    quiet: Option<String>,
}

impl Dispatcher {
    /// A dispatcher for these channels and the messages of this vantage. `instance` names the holder of its leases: no
    /// two running instances may share it, and the same one after a restart should.
    pub fn new(
        store: Store,
        notifier: Notifier,
        channels: impl IntoIterator<Item = Arc<Channel>>,
        vantage: &str,
        instance: &str,
    ) -> Self {
        Self {
            store,
            notifier,
            channels: channels.into_iter().collect(),
            vantage: Arc::from(vantage),
            instance: Arc::from(instance),
            metrics: Arc::default(),
            lanes: Lanes::default(),
            turn: Arc::default(),
            config: None,
            looked_at: Arc::default(),
            silences: Arc::default(),
            standing: Arc::default(),
            journal: Journal::absent(vantage),
        }
    }

    /// The same, keeping quiet what silences, or this configuration's windows of maintenance, ask for.
    #[must_use]
    pub fn keeping_quiet(self, config: Arc<Config>) -> Self {
        Self {
            config: Some(config),
            ..self
        }
    }

    /// The same, telling from this journal while the database is away.
    #[must_use]
    pub fn with_journal(self, journal: Journal) -> Self {
        Self { journal, ..self }
    }

    /// The same, counting what it does here.
    #[must_use]
    pub fn counted_by(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// Makes one attempt at the oldest message that is due at `now` and whose channel is free, and records it.
    /// `Ok(false)`: there was none.
    pub async fn step(&self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.step_with(None, now).await
    }

    /// As [`Dispatcher::step`], for one message and no other.
    pub async fn step_for(&self, message: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.step_with(Some(message), now).await
    }

    async fn step_with(&self, only: Option<Uuid>, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.tell_after_all(now).await?;
        match self.take(only, now).await? {
            Some(job) => self.carry_out(job, now).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Delivers until `shutdown`, then gives deliveries under way a few seconds and returns what is left.
    pub async fn run(self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.start_afresh()).await;
        let (notifier, channels) = (self.notifier.clone(), Arc::clone(&self.channels));
        tokio::spawn(async move {
            let channels = channels.iter().map(Arc::as_ref);
            notifier.remember_hosts(channels).await;
        });
        tokio::spawn(self.clone().keep_fresh(shutdown.clone()));
        let bell = Bell::hang(self.store.clone(), shutdown.clone());
        let mut under_way = JoinSet::new();
        let mut pause = PAUSES[0];
        let mut readable = true;
        loop {
            // Cut off in the middle, a message may be leased and not sent: the leases are given back below.
            let filled = shutdown.run_until_cancelled(self.fill(&mut under_way, !readable));
            match filled.await {
                None => break,
                Some(Ok(true)) => (pause, readable) = (PAUSES[0], true),
                Some(Ok(false)) => (pause, readable) = ((pause * 2).min(PAUSES[1]), true),
                Some(Err(error)) => {
                    if readable {
                        tracing::error!(%error, "the outbox cannot be read; trying every few seconds");
                    }
                    (pause, readable) = (PAUSES[1], false);
                }
            }
            let opening = self.lanes.next_opening(clock::now());
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(ended) = under_way.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a delivery broke off; its lease will end");
                    }
                }
                () = bell.rung() => {}
                () = self.journal.rung() => {}
                () = clock::sleep(opening.unwrap_or(pause).min(pause)) => {}
            }
        }
        let farewell = async { while under_way.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            under_way.shutdown().await;
        }
        // Without an answer the leases end by themselves, or with the next start.
        let _ = tokio::time::timeout(LAST_WORD, self.release()).await;
    }

    /// Starts a delivery for every message that can go now, from the journal where the outbox is away. `Ok(true)`: there was
    /// one in the outbox. `is_away`: it was at the last look.
    async fn fill(&self, under_way: &mut JoinSet<()>, is_away: bool) -> Result<bool, StoreError> {
        if is_away {
            self.tell_from_journal(under_way).await;
            self.store.ping().await?;
        }
        let filled = tokio::time::timeout(PATIENCE, self.fill_from_outbox(under_way)).await;
        let filled = filled.unwrap_or(Err(StoreError::Silent(PATIENCE)));
        if filled.is_err() {
            self.tell_from_journal(under_way).await;
        }
        filled
    }

    async fn tell_from_journal(&self, under_way: &mut JoinSet<()>) {
        if let Err(error) = self.fill_from_journal(under_way).await
            && self.journal.is_there()
        {
            tracing::error!(%error, "the journal does not take what waits in the outbox; it is told when the database is back");
        }
    }

    async fn fill_from_outbox(&self, under_way: &mut JoinSet<()>) -> Result<bool, StoreError> {
        self.journal.reconcile(&self.store).await?;
        self.tell_after_all(clock::now()).await?;
        let mut any = false;
        while under_way.len() < MOST_UNDER_WAY {
            let now = clock::now();
            let Some(job) = self.take(None, now).await? else {
                break;
            };
            any = true;
            let this = self.clone();
            under_way.spawn(async move {
                if let Err(error) = this.carry_out(job, now).await {
                    tracing::error!(%error, "an attempt cannot be recorded; it will be repeated when its lease ends");
                }
            });
        }
        Ok(any)
    }

    /// Leases the next message and enters its channel's lane.
    async fn take(
        &self,
        only: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Option<Job>, StoreError> {
        let _turn = self.turn.lock().await;
        self.journal.reconcile(&self.store).await?;
        let disabled = self.store.disabled_channels(&self.vantage, now).await?;
        let mut busy = self.busy(now);
        if only.is_none() {
            busy.extend(self.waiting_for_chance(&disabled));
        }
        let probe = self.lanes.to_be_probed(now);
        let claim = Claim {
            instance: &self.instance,
            vantage: &self.vantage,
            lease_for: LEASE,
            except: &busy,
            probe: &probe,
            only,
        };
        let Some(message) = self.store.lease(&claim, now).await? else {
            return Ok(None);
        };
        let under_way = self.journal.under_way(message.id);
        self.journal.remember([remembered(&message, &self.vantage)]);
        let quiet = self.kept_quiet_by(&message, now).await?;
        let channel = self.enter(&message.channel, now);
        // A test is how somebody finds out that the channel is there again.
        let disabled = disabled
            .into_iter()
            .find(|one| one.channel == message.channel && message.incident_id.is_some());
        Ok(Some(Job {
            message,
            under_way,
            channel,
            disabled,
            quiet,
        }))
    }

    /// The channels that take nothing at `now`.
    fn busy(&self, now: DateTime<Utc>) -> Vec<String> {
        let paces = self.channels.iter();
        let paces = paces.map(|channel| (channel.id.as_str(), Pace::of(&channel.receiver)));
        self.lanes.busy(paces, now)
    }

    /// Enters the lane of a channel; `None` where it is no longer configured.
    fn enter(&self, channel: &str, now: DateTime<Utc>) -> Option<(Arc<Channel>, Pass)> {
        let mut channels = self.channels.iter();
        let channel = channels.find(|known| known.id == channel)?;
        let pace = Pace::of(&channel.receiver);
        Some((
            Arc::clone(channel),
            self.lanes.enter(&channel.id, pace, now),
        ))
    }

    /// The disabled channels whose messages nobody else tells: they wait until the channel gets another chance.
    fn waiting_for_chance(&self, disabled: &[DisabledChannel]) -> Vec<String> {
        let ids = disabled.iter().map(|one| &one.channel);
        ids.filter(|id| !self.has_fallback(id)).cloned().collect()
    }

    fn has_fallback(&self, id: &str) -> bool {
        let mut channels = self.channels.iter();
        channels.any(|channel| channel.id == id && channel.fallback.is_some())
    }

    async fn carry_out(&self, job: Job, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Job {
            message,
            under_way: _under_way,
            channel,
            disabled,
            quiet,
        } = job;
        let Some((channel, _pass)) = channel else {
            let why = "the channel is no longer configured";
            let outcome = self.give_up(&message, why.to_owned());
            return self.record(&message, outcome, now).await;
        };
        if let Some(by) = quiet {
            let outcome = self.hold(&message, by);
            return self.record(&message, outcome, now).await;
        }
        if let Some(DisabledChannel { since, reason, .. }) = disabled {
            let why = format!("the channel is disabled since {since}: {reason}");
            let outcome = self.give_up(&message, why);
            return self.record(&message, outcome, now).await;
        }
        let (delivery, took) = self.send(&channel, &message, now).await;
        let now = outcome::ended(now, took);
        if let Delivery::Gone { why } = &delivery {
            self.disable(&channel.id, now, why).await?;
        }
        let outcome = self.weigh(&message, &delivery, took, now);
        self.record(&message, outcome, now).await
    }

    /// Sends a message once, with what is known only now.
    pub(super) async fn send(
        &self,
        channel: &Channel,
        message: &LeasedMessage,
        now: DateTime<Utc>,
    ) -> (Delivery, Duration) {
        let remarks = Remarks {
            history_of: outcome::is_history(message, now).then_some(message.created_at),
            instead_of: message.instead_of.as_deref(),
            sample: false,
        };
        let body = remarks.on(Form::of(&channel.receiver), message.body.clone());
        let begun = Instant::now();
        let delivery = self.deliver(message, channel, &body, now).await;
        (delivery, begun.elapsed())
    }

    /// Gives every channel a chance, whose configuration may have changed, and back what an earlier life had leased.
    async fn start_afresh(&self) {
        if let Err(error) = self.journal.reconcile(&self.store).await {
            tracing::warn!(%error, "the journal cannot be reconciled yet");
        }
        match self.store.enable_channels(&self.vantage).await {
            Ok(0) => {}
            Ok(channels) => tracing::info!(channels, "disabled channels get another chance"),
            Err(error) => tracing::warn!(%error, "disabled channels stay so for up to an hour"),
        }
        // What waits may wait for long, and nobody knows any more why.
        let now = clock::now();
        self.channels
            .iter()
            .for_each(|channel| self.lanes.failed(&channel.id, now));
        self.release().await;
    }

    /// Gives back every lease of this instance, its own of an earlier life included.
    async fn release(&self) {
        if let Err(error) = self.store.release_leases(&self.instance).await {
            tracing::warn!(%error, "leases cannot be given back; they end by themselves");
        }
    }
}
