//! Questions put to real sources over the network, one by one and as they are: no cache, nothing merged.
//!
//! Whatever happens, [`Prober::ask`] gives an observation: a timeout is data, not an error. Deliberately absent: what an
//! answer means, and which questions to ask.

use std::{io, sync::Arc, time::Duration};

use crate::types::{Endpoint, Observation, QueryOptions, Question, Source};

mod delegation;
mod engine;
#[doc(hidden)]
pub mod fuzzing;
mod limits;
mod message;
mod received;
mod socket_error;
mod stream;

pub use delegation::{Delegations, WalkError};
pub use engine::{Batch, Counters};
pub use limits::Limits;
pub use message::{describe, hex_dump};
pub use stream::{EndpointError, check_endpoint};

use engine::Engine;

/// How patiently one question is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// How long one UDP attempt is waited for; a TCP attempt gets twice that.
    pub timeout: Duration,
    /// UDP attempts before TCP is tried; at least one is made.
    pub attempts: u8,
    /// Most questions a second to the source's address, as what it is asked as; `None`: no pacing. Repeated attempts count,
    /// and never wait.
    pub max_qps: Option<u32>,
    /// What is said beside the question.
    pub options: QueryOptions,
    /// Whom an encrypted transport must find at the source's address.
    pub endpoint: Option<Arc<Endpoint>>,
    /// Over a socket or connection that no earlier question used.
    pub fresh: bool,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(1),
            attempts: 2,
            max_qps: None,
            options: QueryOptions::default(),
            endpoint: None,
            fresh: false,
        }
    }
}

/// Puts questions to sources, within limits. Cheap to clone; clones share the limits, and one task that does the work.
///
/// One question runs like this:
///
/// 1. It waits for its turn: behind the same question to the same address, for the budget of this address, for a place in
///    flight at this address (few until it has answered, fewer while datagrams get lost there), for one in flight overall.
///    That wait is in no time that is reported. An address is paced apart as a resolver and as an authority.
/// 2. UDP, `attempts` times, each under a fresh random id on a port of the kernel's choice: one of its own, or, where many
///    questions are under way at the address, one of several that they share for a short while. Earlier attempts stay open:
///    a late reply counts, with the time since *its* datagram was sent, by the kernel's clock. ICMP ends the attempt at
///    once that its datagram was made for.
/// 3. TCP, when a reply was truncated or all of UDP stayed silent. A source that is asked over a stream has this alone.
/// 4. Once more without EDNS, when the reply was FORMERR without an OPT record (RFC 6891 section 7); once more with a new
///    cookie, when it was BADCOOKIE (RFC 7873 section 5.3), then over TCP.
///
/// Where UDP was truncated and TCP then fails there is no reply, and the TC flag says why: half an answer is never taken
/// for an answer. A reply that is truncated over a stream, too, counts as malformed. Without any reply, the most telling reason counts: what the peer did (a port or connection refused)
/// before what it said (another question's answer) before no route before silence. A lack of this host's own
/// (descriptors, buffers, ports) is waited out within the attempt, and is logged and reported as no route when it lasts:
/// it says nothing against the source.
#[derive(Clone)]
pub struct Prober {
    engine: Engine,
}

impl Prober {
    /// Starts the task that does the work, which ends with the last handle; raises this process's soft limit of open files
    /// to what the limits need, where the hard limit allows. Where it does not, questions share sockets, or wait for them.
    ///
    /// # Errors
    ///
    /// The kernel refused to raise the soft limit, or an epoll instance. Retrying does not help; lower
    /// [`Limits::in_flight`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its I/O and time drivers.
    pub fn new(limits: Limits) -> io::Result<Self> {
        limits::raise_open_files(limits.in_flight)?;
        Ok(Self {
            engine: Engine::start(limits)?,
        })
    }

    /// Puts one question: unless its options say otherwise, RD=1 and AD=1 to a resolver, RD=0 and a cookie to an authority.
    /// Cancelled by dropping.
    pub async fn ask(&self, source: &Source, question: &Question, ask: &Ask) -> Observation {
        let mut batch = self.batch();
        let ask = Arc::new(ask.clone());
        batch.push(source.clone(), question.clone(), ask).await;
        match batch.next().await {
            Some(observation) => observation,
            // The runtime is ending, and this future with it.
            None => std::future::pending().await,
        }
    }

    /// Many questions under way at once, without a task or a future for each.
    pub fn batch(&self) -> Batch {
        self.engine.batch()
    }

    /// What was done so far, by this prober and its clones.
    pub fn counters(&self) -> Counters {
        self.engine.counters()
    }
}
