//! One query until it is answered or given up: UDP attempts, then TCP.
//!
//! The order is [`super::Prober`]'s documentation. Deliberately absent: limits, and what the reply says beyond "it fits"
//! and "it is truncated".

use std::{future, io, pin::pin, time::Duration};

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    Ask,
    limits::Turn,
    message::{Query, is_truncated},
    socket_error, tcp,
    udp::{Attempt, Datagram},
};
use crate::types::{NoReply, Source, Transport};

/// A reply that fits its query.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    pub(super) at: DateTime<Utc>,
    pub(super) rtt: Duration,
    pub(super) transport: Transport,
}

/// What a question has cost and met so far.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) attempts: u8,
    pub(super) mismatched: u16,
    pub(super) truncated: bool,
    pub(super) no_reply: Option<NoReply>,
    pub(super) last_tried: Transport,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            attempts: 0,
            mismatched: 0,
            truncated: false,
            no_reply: None,
            last_tried: Transport::Udp,
        }
    }
}

impl Tally {
    fn count(&mut self, transport: Transport) {
        self.attempts = self.attempts.saturating_add(1);
        self.last_tried = transport;
    }

    /// Keeps the most telling reason: refused before no route before silence.
    fn note(&mut self, why: NoReply) {
        let weight = |why| match why {
            NoReply::Timeout => 0,
            NoReply::NoRoute => 1,
            _ => 2,
        };
        if self
            .no_reply
            .is_none_or(|known| weight(known) < weight(why))
        {
            self.no_reply = Some(why);
        }
    }
}

/// One query at one source.
pub(super) struct Exchange<'a> {
    source: &'a Source,
    query: &'a Query,
    ask: &'a Ask,
    turn: &'a Turn,
    tally: Tally,
    open: FuturesUnordered<BoxFuture<'static, Datagram>>,
}

/// How waiting for datagrams ended.
enum Waited {
    Reply(Received),
    Truncated,
    Failed,
    Silence,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        source: &'a Source,
        query: &'a Query,
        ask: &'a Ask,
        turn: &'a Turn,
        tally: Tally,
    ) -> Self {
        Self {
            source,
            query,
            ask,
            turn,
            tally,
            open: FuturesUnordered::new(),
        }
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Runs every attempt there is, until one is answered.
    pub(super) async fn run(&mut self) -> Option<Received> {
        if self.source.transport == Transport::Udp {
            for _ in 0..self.ask.attempts.max(1) {
                match self.attempt_udp().await {
                    Waited::Reply(received) => return Some(received),
                    Waited::Truncated => break,
                    Waited::Failed | Waited::Silence => {}
                }
            }
        }
        self.attempt_tcp().await
    }

    async fn attempt_udp(&mut self) -> Waited {
        self.count(Transport::Udp);
        let deadline = Instant::now() + self.ask.timeout;
        match start(self.source, self.query, deadline).await {
            Ok(attempt) => self.open.push(Box::pin(attempt.next())),
            Err(error) => {
                self.tally
                    .note(socket_error::why(self.source.address, &error));
                return Waited::Failed;
            }
        }
        self.wait_until(deadline).await
    }

    fn count(&mut self, transport: Transport) {
        if self.tally.attempts > 0 {
            self.turn.count_repeat();
        }
        self.tally.count(transport);
    }

    /// Waits for a reply at any open socket.
    async fn wait_until(&mut self, deadline: Instant) -> Waited {
        loop {
            let datagram = tokio::select! {
                Some(datagram) = self.open.next() => datagram,
                () = sleep_until(deadline) => {
                    self.tally.note(NoReply::Timeout);
                    return Waited::Silence;
                }
            };
            if let Some(waited) = self.take(datagram) {
                return waited;
            }
        }
    }

    /// What a datagram means for the waiting; `None`: it goes on.
    fn take(&mut self, datagram: Datagram) -> Option<Waited> {
        match datagram {
            Datagram::Reply { bytes, .. } if is_truncated(&bytes) => {
                self.tally.truncated = true;
                Some(Waited::Truncated)
            }
            Datagram::Reply {
                bytes,
                at,
                sent,
                received,
            } => Some(Waited::Reply(Received {
                bytes,
                at,
                rtt: received - sent,
                transport: Transport::Udp,
            })),
            Datagram::Mismatch(attempt) => {
                self.tally.mismatched = self.tally.mismatched.saturating_add(1);
                self.open.push(Box::pin(attempt.next()));
                None
            }
            Datagram::Failed(error) => {
                self.tally
                    .note(socket_error::why(self.source.address, &error));
                Some(Waited::Failed)
            }
        }
    }

    /// One TCP attempt, during which a late datagram still counts.
    async fn attempt_tcp(&mut self) -> Option<Received> {
        self.count(Transport::Tcp);
        let (address, query) = (self.source.address, self.query.renewed());
        let deadline = Instant::now() + self.ask.timeout * 2;
        let mut mismatched = 0;
        let result = {
            let mut connection = pin!(timeout_at(
                deadline,
                tcp::exchange(address, &query, deadline, &mut mismatched)
            ));
            loop {
                tokio::select! {
                    result = &mut connection => break result,
                    waited = self.late_datagram() => if let Waited::Reply(received) = waited {
                        return Some(received);
                    },
                }
            }
        };
        self.tally.mismatched = self.tally.mismatched.saturating_add(mismatched);
        match result {
            Ok(Ok(received)) => return Some(received),
            Ok(Err(error)) => self
                .tally
                .note(socket_error::why(self.source.address, &error)),
            Err(_elapsed) => self.tally.note(NoReply::Timeout),
        }
        None
    }

    /// The next word from the open sockets; never, where none is open.
    async fn late_datagram(&mut self) -> Waited {
        loop {
            let Some(datagram) = self.open.next().await else {
                return future::pending().await;
            };
            if let Some(waited) = self.take(datagram) {
                return waited;
            }
        }
    }
}

async fn start(source: &Source, query: &Query, deadline: Instant) -> io::Result<Attempt> {
    loop {
        match Attempt::start(source.address, query.renewed()).await {
            Ok(attempt) => return Ok(attempt),
            Err(error) => socket_error::wait_out(error, deadline).await?,
        }
    }
}
