//! How much is asked at once: in flight overall, in flight and per second at one address, and open files.
//!
//! Deliberately absent: back-off. Whom to leave alone for a while is the scheduler's business.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};

/// Descriptors one question can hold: two UDP attempts and a TCP connection.
const DESCRIPTORS_PER_QUESTION: u64 = 3;
/// Descriptors left to everything else in the process.
const DESCRIPTORS_KEPT_FREE: u64 = 256;

/// How many questions may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Overall.
    pub in_flight: usize,
    /// To one address.
    pub in_flight_per_server: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 512,
            in_flight_per_server: 64,
        }
    }
}

/// Where questions wait for their turn.
pub(super) struct Gate {
    overall: Arc<Semaphore>,
    per_server: usize,
    servers: Mutex<HashMap<SocketAddr, Arc<Server>>>,
}

struct Server {
    in_flight: Arc<Semaphore>,
    /// The earliest instant at which the next paced datagram may go out.
    next: Mutex<Option<Instant>>,
}

/// The right to have one question in flight; dropped, it is given back.
pub(super) struct Turn {
    server: Arc<Server>,
    pace: Option<Duration>,
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Gate {
    pub(super) fn new(limits: Limits) -> io::Result<Self> {
        let in_flight = affordable(limits.in_flight.max(1))?;
        Ok(Self {
            overall: Arc::new(Semaphore::new(in_flight)),
            per_server: limits.in_flight_per_server.max(1),
            servers: Mutex::default(),
        })
    }

    /// Waits for a turn at `address`. The overall permit is taken last, so that a slow server's queue holds none.
    pub(super) async fn enter(&self, address: SocketAddr, max_qps: Option<u32>) -> Turn {
        let server = self.server(address);
        let pace = max_qps.map(|qps| Duration::from_secs(1) / qps.max(1));
        // The semaphores are never closed, so no permit is ever refused.
        let here = Arc::clone(&server.in_flight).acquire_owned().await.ok();
        if let Some(slot) = pace.map(|pace| server.book(pace)) {
            sleep_until(slot).await;
        }
        let overall = Arc::clone(&self.overall).acquire_owned().await.ok();
        Turn {
            server,
            pace,
            _permits: [here, overall],
        }
    }

    fn server(&self, address: SocketAddr) -> Arc<Server> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let server = servers.entry(address).or_insert_with(|| {
            Arc::new(Server {
                in_flight: Arc::new(Semaphore::new(self.per_server)),
                next: Mutex::default(),
            })
        });
        Arc::clone(server)
    }
}

impl Server {
    /// Books the next free slot and says when it is.
    fn book(&self, pace: Duration) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let slot = next.map_or(now, |next| next.max(now));
        *next = Some(slot + pace);
        slot
    }
}

impl Turn {
    /// Counts a repeated attempt against the pace: later questions wait for it, it does not wait itself.
    pub(super) fn count_repeat(&self) {
        if let Some(pace) = self.pace {
            self.server.book(pace);
        }
    }
}

/// Raises the soft limit of open files to what `in_flight` questions need, and says how many the result carries.
fn affordable(in_flight: usize) -> io::Result<usize> {
    let needed = in_flight as u64 * DESCRIPTORS_PER_QUESTION + DESCRIPTORS_KEPT_FREE;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` is no limit at all.
    let Some(soft) = current.filter(|soft| *soft < needed) else {
        return Ok(in_flight);
    };
    let raised = maximum.map_or(needed, |hard| hard.min(needed)).max(soft);
    if raised > soft {
        let limit = Rlimit {
            current: Some(raised),
            maximum,
        };
        setrlimit(Resource::Nofile, limit)?;
    }
    let carried = raised.saturating_sub(DESCRIPTORS_KEPT_FREE) / DESCRIPTORS_PER_QUESTION;
    let carried = usize::try_from(carried)
        .unwrap_or(in_flight)
        .clamp(1, in_flight);
    if carried < in_flight {
        tracing::warn!(
            probe.in_flight = carried,
            "the limit of open files allows fewer questions at once"
        );
    }
    Ok(carried)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn address() -> SocketAddr {
        "192.0.2.1:53".parse().unwrap()
    }

    #[tokio::test]
    async fn questions_to_one_address_keep_their_pace_and_repeats_push_it_back() {
        let gate = Gate::new(Limits::default()).unwrap();
        let start = Instant::now();
        for nth in 0..4 {
            let turn = gate.enter(address(), Some(100)).await;
            assert!(
                start.elapsed() >= Duration::from_millis(nth * 20),
                "question {nth}"
            );
            turn.count_repeat();
        }
        let other = gate.server("192.0.2.2:53".parse().unwrap());
        let now = Instant::now();
        assert!(other.book(Duration::from_secs(1)) < now + Duration::from_secs(1));
    }

    #[tokio::test]
    async fn no_more_than_the_limit_enter_and_a_dropped_turn_lets_the_next_in() {
        let limits = Limits {
            in_flight: 3,
            in_flight_per_server: 2,
        };
        let gate = Gate::new(limits).unwrap();
        let (second_server, third_server) = (
            "192.0.2.2:53".parse().unwrap(),
            "192.0.2.3:53".parse().unwrap(),
        );
        let first = gate.enter(address(), None).await;
        let _second = gate.enter(address(), None).await;
        assert!(gate.enter(address(), None).now_or_never().is_none());
        let _elsewhere = gate.enter(second_server, None).await;
        assert!(gate.enter(third_server, None).now_or_never().is_none());
        drop(first);
        assert!(gate.enter(address(), None).now_or_never().is_some());
    }
}
