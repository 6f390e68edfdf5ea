//! Many queries on one stream of octets, answered in any order (RFC 7766 sections 6.2.1.1 and 7).
//!
//! An answer is known by its id and its question. A server that closes having answered some of what was put to it gets no
//! more than that many at a time from then on. Deliberately absent: edns-tcp-keepalive (RFC 7828): we close sooner than most servers would, and
//! one that closes first is asked again.

use std::{collections::HashMap, future::poll_fn, io, pin::Pin, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{
    io::{
        AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split,
    },
    time::{Instant, timeout},
};

use super::{
    docket::Overdue,
    framing::{self, Frames},
    lane::{Lane, WINDOW, Woken},
    session::Answered,
    tcp,
};
use crate::{clock, probe::message::Fit, types::NoReply};

const READ_OCTETS: usize = 16 * 1024;
/// Most ids that are kept back since their answers may still come; with more the connection is as good as dead.
const MOST_ABANDONED: usize = 256;
/// Most messages in a row that are nobody's answer.
const MOST_STRAY: u32 = 1000;
/// How long the peer gets to take our farewell.
const FAREWELL: Duration = Duration::from_millis(200);

/// One connection in use.
struct Pipeline<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    frames: Frames,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    written: usize,
    /// Octets may still be held by the layer below.
    unflushed: bool,
    /// The peer takes no octets any more.
    is_deaf: bool,
    /// The ids in the outbox.
    batch: Vec<u16>,
    ids: HashMap<u16, Id>,
    under_way: usize,
    window: usize,
    answered: usize,
    stray: u32,
}

/// Whose an id is.
#[derive(Clone, Copy)]
enum Id {
    /// An errand's, put at this instant.
    Of(u64, Instant),
    /// Nobody's any more; its answer may still come.
    Abandoned,
}

/// What happened next.
enum Event {
    Woken(Woken),
    Read(io::Result<usize>),
    Written(io::Result<(usize, Instant)>),
    Flushed(io::Result<()>),
}

/// Puts the lane's errands over `stream` until it ends, or there is nothing more to put. At most `window` are under way; gives
/// the window for the next connection.
pub(super) async fn serve<S: AsyncRead + AsyncWrite>(
    lane: &mut Lane,
    stream: S,
    window: usize,
) -> usize {
    let mut pipeline = Pipeline::new(stream, window);
    if let Some(why) = pipeline.run(lane).await {
        return pipeline.give_up(lane, why);
    }
    // Whatever becomes of it, nobody waits for anything here.
    let _ = timeout(FAREWELL, pipeline.writer.shutdown()).await;
    window
}

impl<S: AsyncRead + AsyncWrite> Pipeline<S> {
    fn new(stream: S, window: usize) -> Self {
        let (reader, writer) = split(stream);
        Self {
            reader,
            writer,
            frames: Frames::default(),
            inbox: vec![0; READ_OCTETS],
            outbox: Vec::new(),
            written: 0,
            unflushed: false,
            is_deaf: false,
            batch: Vec::new(),
            ids: HashMap::new(),
            under_way: 0,
            window,
            answered: 0,
            stray: 0,
        }
    }

    /// Runs until the connection ends, and says why it did; `None` where it was we who had no more use for it.
    async fn run(&mut self, lane: &mut Lane) -> Option<NoReply> {
        loop {
            self.fill(lane);
            if lane.is_done() {
                return None;
            }
            match self.next(lane).await {
                Event::Woken(Woken::Jobs) => {}
                Event::Woken(Woken::Overdue(overdue)) => self.abandon(lane, &overdue),
                Event::Read(Ok(0)) => return Some(NoReply::Protocol),
                Event::Read(Ok(octets)) => self.read(lane, octets),
                Event::Written(Ok((octets, at))) => self.wrote(octets, at),
                Event::Flushed(Ok(())) => self.unflushed = false,
                Event::Read(Err(error)) => {
                    return Some(tcp::ended(lane.target.address, &error));
                }
                // What was answered before can still be read, and so can the end.
                Event::Written(Err(_)) | Event::Flushed(Err(_)) => {
                    self.is_deaf = true;
                    lane.close();
                }
            }
            if self.stray > MOST_STRAY {
                return Some(NoReply::Protocol);
            }
        }
    }

    async fn next(&mut self, lane: &mut Lane) -> Event {
        let rest = self.outbox.get(self.written..).unwrap_or_default();
        let is_busy = !self.is_deaf && (self.unflushed || !rest.is_empty());
        tokio::select! {
            read = self.reader.read(&mut self.inbox) => Event::Read(read),
            pushed = push(&mut self.writer, rest), if is_busy => pushed,
            woken = lane.wait() => Event::Woken(woken),
        }
    }

    /// Puts what waits into the outbox, once the last batch is out.
    fn fill(&mut self, lane: &mut Lane) {
        if self.is_deaf || self.written < self.outbox.len() {
            return;
        }
        self.outbox.clear();
        self.written = 0;
        let now = Instant::now();
        while self.under_way < self.window.max(self.answered).min(WINDOW)
            && let Some((number, query)) = lane.docket.start()
        {
            let id = free_id(&self.ids);
            query.set_id(id);
            if framing::put(query.bytes(), &mut self.outbox) {
                self.ids.insert(id, Id::Of(number, now));
                self.under_way += 1;
                self.batch.push(id);
            } else {
                lane.docket.fail(number, NoReply::Protocol);
            }
        }
    }

    fn wrote(&mut self, octets: usize, at: Instant) {
        self.written += octets;
        self.unflushed = true;
        if self.written < self.outbox.len() {
            return;
        }
        for id in self.batch.drain(..) {
            if let Some(Id::Of(_, sent)) = self.ids.get_mut(&id) {
                *sent = at;
            }
        }
    }

    fn read(&mut self, lane: &mut Lane, octets: usize) {
        let (now, at) = (Instant::now(), clock::now());
        let mut messages = Vec::new();
        let octets = self.inbox.get(..octets).unwrap_or_default();
        self.frames.feed(octets, &mut messages);
        for bytes in messages {
            lane.hear(now);
            self.stray += 1;
            self.take(lane, bytes, now, at);
        }
    }

    /// Finds whose answer this is.
    fn take(&mut self, lane: &mut Lane, bytes: Vec<u8>, now: Instant, at: DateTime<Utc>) {
        let id = bytes.first_chunk().map(|id| u16::from_be_bytes(*id));
        match id.and_then(|id| Some((id, *self.ids.get(&id)?))) {
            Some((id, Id::Abandoned)) => drop(self.ids.remove(&id)),
            Some((id, Id::Of(number, sent))) => {
                let fit = lane.docket.query(number).map(|query| query.fit(&bytes));
                if fit != Some(Fit::Reply) {
                    lane.docket
                        .mismatch(number, fit == Some(Fit::OtherQuestion));
                    return;
                }
                self.ids.remove(&id);
                self.under_way -= 1;
                self.answered += 1;
                self.stray = 0;
                let rtt = now.saturating_duration_since(sent);
                lane.docket.answer(
                    number,
                    Answered {
                        bytes,
                        at,
                        rtt,
                        age: 0,
                    },
                );
            }
            // Under another id it can be laid to the charge of nobody, unless there is one alone.
            None if self.under_way == 1 => {
                if let Some(number) = self.numbers().next() {
                    lane.docket.mismatch(number, false);
                }
            }
            None => {}
        }
    }

    /// Keeps back the ids of what is overdue: an answer that comes late must not be taken for another's.
    fn abandon(&mut self, lane: &mut Lane, overdue: &[Overdue]) {
        for id in self.ids.values_mut() {
            if let Id::Of(number, _) = *id
                && overdue.iter().any(|over| over.number == number)
            {
                *id = Id::Abandoned;
                self.under_way -= 1;
            }
        }
        if self.ids.len() - self.under_way > MOST_ABANDONED {
            lane.close();
        }
    }

    /// The connection ended under what was on its way: where it had been of use before, that is put once more (RFC 7766
    /// section 6.2.4).
    fn give_up(self, lane: &mut Lane, why: NoReply) -> usize {
        let again = self.answered > 0;
        for number in self.numbers() {
            lane.docket.lose(number, why, again);
        }
        if again && self.under_way > 0 {
            self.answered.min(WINDOW)
        } else {
            self.window
        }
    }

    fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.ids.values().filter_map(|id| match id {
            Id::Of(number, _) => Some(*number),
            Id::Abandoned => None,
        })
    }
}

/// Hands octets over and says at which instant, or flushes what was handed over. May be dropped at any time without loss.
async fn push<W: AsyncWrite + Unpin>(writer: &mut W, octets: &[u8]) -> Event {
    if octets.is_empty() {
        return Event::Flushed(writer.flush().await);
    }
    let handed = poll_fn(|context| {
        let now = Instant::now();
        let written = Pin::new(&mut *writer).poll_write(context, octets);
        written.map_ok(|octets| (octets, now))
    });
    Event::Written(match handed.await {
        Ok((0, _)) => Err(io::ErrorKind::BrokenPipe.into()),
        handed => handed,
    })
}

fn free_id(ids: &HashMap<u16, Id>) -> u16 {
    loop {
        let id = rand::random();
        if !ids.contains_key(&id) {
            return id;
        }
    }
}
