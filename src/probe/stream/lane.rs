//! The way to one target: a queue of errands, and at most one connection at a time that they go over.
//!
//! A lane is one task. It connects when it has an errand, and ends when its connection does and nothing is left. Deliberately
//! absent: which lane an errand takes, which is [`super::pool`]'s; and what goes over the connection.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Target,
    desk::Job,
    docket::{Docket, Overdue},
    multiplex, pipeline,
    session::Session,
    tcp,
    tls::Configs,
};
use crate::types::{NoReply, Transport};

/// Most errands under way at once over one connection.
pub(super) const WINDOW: usize = 64;
/// How long a connection is kept without use.
const IDLE: Duration = Duration::from_secs(10);
/// How long a connection is used at all, so that another server behind an anycast address, and another certificate, come to
/// light.
const LIFETIME: Duration = Duration::from_mins(1);

/// One lane's task.
pub(super) struct Lane {
    pub(super) target: Arc<Target>,
    pub(super) docket: Docket,
    configs: Configs,
    resume: bool,
    jobs: mpsc::UnboundedReceiver<Job>,
    arrived: Vec<Job>,
    /// No more jobs will come: the sender is gone, or the lane is closed and everything in it was read.
    drained: bool,
    /// When the peer last gave a sign of life on this connection.
    heard: Option<Instant>,
    used: Instant,
    opened: Instant,
}

/// Why waiting ended.
pub(super) enum Woken {
    /// Errands may have come in.
    Jobs,
    /// These are over.
    Overdue(Vec<Overdue>),
}

impl Lane {
    pub(super) fn new(
        target: Arc<Target>,
        configs: Configs,
        resume: bool,
        jobs: mpsc::UnboundedReceiver<Job>,
    ) -> Self {
        let now = Instant::now();
        Self {
            docket: Docket::new(target.transport),
            target,
            configs,
            resume,
            jobs,
            arrived: Vec::new(),
            drained: false,
            heard: None,
            used: now,
            opened: now,
        }
    }

    /// Runs until nothing is left to do.
    pub(super) async fn run(mut self) {
        let mut window = WINDOW;
        loop {
            while self.docket.is_empty() {
                if self.drained {
                    return;
                }
                self.wait().await;
            }
            window = match self.target.transport {
                Transport::Tcp => Box::pin(self.over_tcp(window)).await,
                Transport::Tls => Box::pin(self.over_tls(window)).await,
                _ => Box::pin(self.over_session(window)).await,
            };
            if self.docket.is_empty() {
                self.close();
            }
        }
    }

    async fn over_tcp(&mut self, window: usize) -> usize {
        let opening = tcp::connect(self.target.address, self.patience());
        match self.while_opening(opening).await {
            Some(stream) => pipeline::serve(self, stream, window).await,
            None => window,
        }
    }

    async fn over_tls(&mut self, window: usize) -> usize {
        let (target, configs) = (Arc::clone(&self.target), self.configs.clone());
        let (resume, patience) = (self.resume, self.patience());
        let opening = async move { tcp::connect_tls(&target, &configs, resume, patience).await };
        match self.while_opening(opening).await {
            Some(stream) => pipeline::serve(self, stream, window).await,
            None => window,
        }
    }

    async fn over_session(&mut self, window: usize) -> usize {
        let (target, configs) = (Arc::clone(&self.target), self.configs.clone());
        let (resume, patience) = (self.resume, self.patience());
        let opening = async move { Session::open(&target, &configs, resume, patience).await };
        if let Some(opened) = self.while_opening(opening).await {
            multiplex::serve(self, opened).await;
        }
        window
    }

    /// Opens a connection while errands come and go. `None`: it failed, and everybody was told; or nobody waits any more.
    async fn while_opening<T>(
        &mut self,
        opening: impl Future<Output = Result<T, NoReply>>,
    ) -> Option<T> {
        let mut opening = pin!(opening);
        while !self.docket.is_empty() {
            let opened = tokio::select! {
                opened = &mut opening => opened,
                _woken = self.wait() => continue,
            };
            let now = Instant::now();
            (self.heard, self.used, self.opened) = (None, now, now);
            match opened {
                Ok(connection) => return Some(connection),
                Err(why) => {
                    tracing::debug!(source.address = %self.target.address, transport = %self.target.transport, why = why.text(), "no connection");
                    self.close();
                    self.docket.fail_all(why);
                }
            }
        }
        None
    }

    /// How long a lack of sockets may be waited out: so that it is told as such to the first whose time is over.
    fn patience(&self) -> Instant {
        self.docket.next_deadline().unwrap_or_else(Instant::now)
    }

    /// Waits until errands come in, or some are overdue, or the lane is idle; an idle lane is closed. May be dropped at any
    /// time without loss.
    pub(super) async fn wait(&mut self) -> Woken {
        let wake = self
            .docket
            .next_deadline()
            .unwrap_or_else(|| self.used + IDLE);
        tokio::select! {
            count = self.jobs.recv_many(&mut self.arrived, WINDOW), if !self.drained => {
                self.take_in(count);
                Woken::Jobs
            }
            () = sleep_until(wake) => {
                let now = Instant::now();
                if self.docket.is_empty() {
                    self.close();
                }
                Woken::Overdue(self.expire(now))
            }
        }
    }

    fn take_in(&mut self, count: usize) {
        let now = Instant::now();
        self.used = now;
        self.drained = count == 0;
        for job in self.arrived.drain(..) {
            self.docket.take(job, now);
        }
        if now - self.opened > LIFETIME {
            self.close();
        }
    }

    /// Ends what is overdue. A peer that gave no sign of life while it was waited for gets no more errands this way.
    fn expire(&mut self, now: Instant) -> Vec<Overdue> {
        let overdue = self.docket.expire(now);
        let unheard = |over: &Overdue| self.heard.is_none_or(|heard| over.taken >= heard);
        if overdue.iter().any(unheard) {
            self.close();
        }
        overdue
    }

    /// The peer gave a sign of life.
    pub(super) fn hear(&mut self, now: Instant) {
        (self.heard, self.used) = (Some(now), now);
    }

    /// Takes no errand any more that is not here yet: the next go another way.
    pub(super) fn close(&mut self) {
        self.jobs.close();
    }

    /// Whether the connection has done everything it ever will.
    pub(super) fn is_done(&self) -> bool {
        self.drained && self.docket.is_empty()
    }
}
