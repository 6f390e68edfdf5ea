//! The one task that owns everything: questions, sockets, budgets and timers.
//!
//! It waits for commands, datagrams, outcomes of streams and the next instant at which something is due; then it does
//! what has become possible. No lock is held anywhere, and no question has a task or a future of its own. Deliberately
//! absent: what one question goes through, which its neighbours have: `attempt`, `arrival` and `finish`.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{
        Semaphore,
        mpsc::{self, UnboundedReceiver, UnboundedSender},
    },
    task::yield_now,
    time::{Instant, sleep_until},
};

use super::{
    cookies::{Cookies, Secret},
    counters::{Alarm, Tallies},
    destination::{Destination, Next},
    inquiry::{Inquiry, Letter},
    poller::{Poller, Ready},
    slab::{Key, Slab},
    socket::Socket,
    timers::Timers,
};
use crate::{
    probe::{
        Limits,
        stream::{Outcome, Streams},
    },
    types::{Observation, SourceKind},
};

/// Commands obeyed before datagrams are looked at again.
const COMMANDS: usize = 256;
/// How often old sockets and forgotten addresses are looked for.
const SWEEP: Duration = Duration::from_secs(1);
/// An address that nobody has asked for this long is forgotten, with its cookies, window and budget.
const FORGOTTEN: Duration = Duration::from_mins(5);

/// What a handle says to the driver.
pub(super) enum Command {
    /// A batch begins; its observations go here.
    Open(u64, UnboundedSender<Observation>),
    /// A question of a batch.
    Put(Box<Inquiry>),
    /// A batch was dropped, and with it what is under way for it.
    Close(u64),
}

/// What is due after a while.
pub(super) enum Due {
    /// The attempt with this number was not answered in time.
    Silence(Key, u32),
    /// The attempt with this number may try again to send its datagram.
    Again(Key, u32),
    /// Old sockets and forgotten addresses.
    Sweep,
}

pub(super) struct BatchEntry {
    pub(super) observations: UnboundedSender<Observation>,
    /// The questions under way.
    pub(super) inquiries: Vec<Key>,
}

/// See the module.
pub(super) struct Driver {
    commands: UnboundedReceiver<Command>,
    pub(super) outcomes: UnboundedReceiver<Outcome>,
    pub(super) poller: Poller,
    pub(super) streams: Streams,
    pub(super) limits: Limits,
    pub(super) secret: Secret,
    /// When the driver last looked at the clock.
    pub(super) now: Instant,
    pub(super) inquiries: Slab<Box<Inquiry>>,
    pub(super) batches: HashMap<u64, BatchEntry>,
    pub(super) destinations: Slab<Destination>,
    by_address: HashMap<(SocketAddr, SourceKind), Key>,
    pub(super) sockets: Slab<Socket>,
    /// Sockets with datagrams to send.
    pub(super) unsent: VecDeque<Key>,
    /// Room for what one of them sends.
    pub(super) letters: Vec<Letter>,
    /// Room for the sockets and ids that a question leaves.
    pub(super) ended: Vec<(Key, u16)>,
    /// Whose question each number given to the streams is.
    pub(super) errands: HashMap<u64, Key>,
    pub(super) last_errand: u64,
    pub(super) timers: Timers<Due>,
    /// Destinations that may have something to start, each once.
    pub(super) able: VecDeque<Key>,
    /// Destinations whose budget is spent or whose window is full, by when that may be otherwise.
    paced: BinaryHeap<Reverse<(Instant, Key)>>,
    pub(super) in_flight: usize,
    /// Questions finished since their room was last given back.
    pub(super) finished: usize,
    /// A socket was not read to its end.
    pub(super) unread: bool,
    sweeping: bool,
    room: Arc<Semaphore>,
    pub(super) tallies: Arc<Tallies>,
    pub(super) alarm: Alarm,
}

impl Driver {
    /// Needs a tokio runtime.
    pub(super) fn new(
        limits: Limits,
        commands: UnboundedReceiver<Command>,
        room: Arc<Semaphore>,
        tallies: Arc<Tallies>,
    ) -> io::Result<Self> {
        let (sender, outcomes) = mpsc::unbounded_channel();
        Ok(Self {
            commands,
            outcomes,
            poller: Poller::new()?,
            streams: Streams::new(sender),
            limits,
            secret: Secret::new(),
            now: Instant::now(),
            inquiries: Slab::new(),
            batches: HashMap::new(),
            destinations: Slab::new(),
            by_address: HashMap::new(),
            sockets: Slab::new(),
            unsent: VecDeque::new(),
            letters: Vec::new(),
            ended: Vec::new(),
            errands: HashMap::new(),
            last_errand: 0,
            timers: Timers::new(),
            able: VecDeque::new(),
            paced: BinaryHeap::new(),
            in_flight: 0,
            finished: 0,
            unread: false,
            sweeping: false,
            room,
            tallies,
            alarm: Alarm::default(),
        })
    }

    /// Runs until no handle is left.
    pub(super) async fn run(mut self) {
        let mut commands = Vec::with_capacity(COMMANDS);
        let mut ready = Vec::new();
        let mut armed = None;
        let mut sleep = pin!(sleep_until(self.now));
        loop {
            // A timer that is early does no harm; setting it for every question would cost.
            if let Some(due) = self.next_due()
                && armed.is_none_or(|armed| due < armed)
            {
                sleep.as_mut().reset(due);
                armed = Some(due);
            }
            tokio::select! {
                count = self.commands.recv_many(&mut commands, COMMANDS) => {
                    if count == 0 {
                        return;
                    }
                }
                () = self.poller.readable() => {}
                () = yield_now(), if self.unread => {}
                Some(outcome) = self.outcomes.recv() => self.outcome(outcome),
                () = &mut sleep, if armed.is_some() => armed = None,
            }
            self.now = Instant::now();
            self.listen(&mut ready);
            for command in commands.drain(..) {
                self.obey(command);
            }
            self.expire();
            self.start();
            self.send();
            self.publish();
        }
    }

    /// The next instant at which anything has to be done unasked.
    fn next_due(&mut self) -> Option<Instant> {
        let inquiries = &self.inquiries;
        let timer = self.timers.next(|due| match due {
            Due::Silence(key, sequence) | Due::Again(key, sequence) => inquiries
                .get(*key)
                .is_some_and(|inquiry| inquiry.sequence == *sequence),
            Due::Sweep => true,
        });
        let paced = self.paced.peek().map(|Reverse((at, _))| *at);
        timer.into_iter().chain(paced).min()
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open(batch, observations) => {
                let entry = BatchEntry {
                    observations,
                    inquiries: Vec::new(),
                };
                self.batches.insert(batch, entry);
            }
            Command::Put(inquiry) => self.put(inquiry),
            Command::Close(batch) => self.cancel(batch),
        }
    }

    fn put(&mut self, mut inquiry: Box<Inquiry>) {
        let destination = self.destination(inquiry.source.address, inquiry.source.kind);
        inquiry.destination = Some(destination);
        let batch = inquiry.batch;
        let Some(entry) = self.batches.get_mut(&batch) else {
            return;
        };
        inquiry.place = entry.inquiries.len();
        let key = self.inquiries.insert(inquiry);
        entry.inquiries.push(key);
        if let Some(destination) = self.destinations.get_mut(destination) {
            destination.wait(key);
        }
        self.list(destination);
    }

    fn destination(&mut self, address: SocketAddr, kind: SourceKind) -> Key {
        if let Some(key) = self.by_address.get(&(address, kind)) {
            return *key;
        }
        let cookies = Cookies::new(&self.secret, address);
        let most = self.limits.in_flight_per_server.max(1);
        let new = Destination::new(address, cookies, most, self.now);
        let key = self.destinations.insert(new);
        self.by_address.insert((address, kind), key);
        if !self.sweeping {
            self.sweeping = true;
            self.timers.add(self.now, SWEEP, Due::Sweep);
        }
        key
    }

    /// Notes that a destination may have something to start.
    pub(super) fn list(&mut self, key: Key) {
        if let Some(destination) = self.destinations.get_mut(key)
            && !destination.listed
            && destination.has_waiting()
        {
            destination.listed = true;
            self.able.push_back(key);
        }
    }

    /// Reads every socket that has something to say.
    fn listen(&mut self, ready: &mut Vec<Ready>) {
        self.unread = false;
        loop {
            let more = self.poller.ready(ready);
            for Ready { socket, errors } in ready.drain(..) {
                self.hear(socket, errors);
            }
            if !more || self.unread {
                self.unread |= more;
                return;
            }
        }
    }

    /// Does what is due.
    fn expire(&mut self) {
        while let Some(due) = self.timers.pop(self.now) {
            match due {
                Due::Silence(key, sequence) => self.silence(key, sequence),
                Due::Again(key, sequence) => self.again(key, sequence),
                Due::Sweep => self.sweep(),
            }
        }
        while let Some(Reverse((at, key))) = self.paced.peek().copied() {
            if at > self.now {
                return;
            }
            self.paced.pop();
            if let Some(destination) = self.destinations.get_mut(key)
                && destination.paced == Some(at)
            {
                destination.paced = None;
                self.list(key);
            }
        }
    }

    /// Starts what may be started, one question of each destination after another.
    fn start(&mut self) {
        let mut throttled = 0;
        while self.in_flight < self.limits.in_flight.max(1)
            && let Some(key) = self.able.pop_front()
        {
            let Some(destination) = self.destinations.get_mut(key) else {
                continue;
            };
            destination.listed = false;
            match destination.next(&mut self.inquiries, self.now, &mut throttled) {
                Next::Start(inquiry) => {
                    self.list(key);
                    self.in_flight += 1;
                    self.begin(inquiry);
                }
                Next::Later(until) if destination.paced.is_none_or(|set| until < set) => {
                    destination.paced = Some(until);
                    self.paced.push(Reverse((until, key)));
                }
                Next::Later(_) | Next::Nothing => {}
            }
        }
        if throttled > 0 {
            self.tallies.throttled.fetch_add(throttled, Relaxed);
        }
    }

    /// Closes old sockets and forgets addresses that nobody asks any more.
    fn sweep(&mut self) {
        self.sweep_sockets();
        let (destinations, inquiries, now) = (&mut self.destinations, &self.inquiries, self.now);
        self.by_address.retain(|_, key| {
            let Some(destination) = destinations.get_mut(*key) else {
                return false;
            };
            destination.tidy(inquiries);
            let forget = destination.is_idle() && now >= destination.last_used + FORGOTTEN;
            if forget {
                destinations.remove(*key);
            }
            !forget
        });
        self.sweeping = self.destinations.len() > 0;
        if self.sweeping {
            self.timers.add(self.now, SWEEP, Due::Sweep);
        }
    }

    fn publish(&mut self) {
        if self.finished > 0 {
            self.room.add_permits(self.finished);
            self.finished = 0;
        }
        let set = |to: &AtomicU64, value: usize| to.store(value as u64, Relaxed);
        set(&self.tallies.in_flight, self.in_flight);
        set(
            &self.tallies.queued,
            self.inquiries.len().saturating_sub(self.in_flight),
        );
    }
}
