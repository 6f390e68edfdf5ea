//! Questions put to real sources over the network, one by one and as they are: no cache, nothing shared.
//!
//! Whatever happens, [`Prober::ask`] gives an observation: a timeout is data, not an error. Deliberately absent:
//! encrypted transports, what an answer means, and which questions to ask.

use std::{io, sync::Arc, time::Duration};

use crate::types::{
    self, Endpoint, Flags, NoReply, Observation, QueryOptions, Question, Source, SourceKind,
    Status, Wire,
};

mod delegation;
mod exchange;
#[doc(hidden)]
pub mod fuzzing;
mod limits;
mod message;
mod socket_error;
mod tcp;
mod udp;

pub use delegation::{Delegations, WalkError};
pub use limits::Limits;
pub use message::{describe, hex_dump};

use exchange::{Exchange, Tally};
use limits::Gate;
use message::{Manner, Query, Reading, Reply};

/// How patiently one question is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// How long one UDP attempt is waited for; a TCP attempt gets twice that.
    pub timeout: Duration,
    /// UDP attempts before TCP is tried; at least one is made.
    pub attempts: u8,
    /// Most questions a second to the source's address; `None`: no pacing. Repeated attempts count, and never wait.
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

/// Puts questions to sources, within limits. Cheap to clone; clones share the limits.
///
/// One question runs like this:
///
/// 1. It waits for its turn: in flight at this address, pacing of this address, in flight overall. That wait is in no
///    time that is reported.
/// 2. UDP, `attempts` times, each over a fresh socket on a port of the kernel's choice and under a fresh random id. The
///    sockets of earlier attempts stay open: a late reply counts, with the time since *its* datagram was sent.
///    A refused port ends the attempt at once.
/// 3. TCP, when a reply was truncated or all of UDP stayed silent, and alone for a source asked over TCP.
/// 4. Once more without EDNS, when the reply was FORMERR without an OPT record (RFC 6891 section 7).
///
/// Where UDP was truncated and TCP then fails there is no reply, and the TC flag says why: half an answer is never taken
/// for an answer. Without any reply, the most telling reason counts: a refused port or connection before no route
/// before silence. A lack of this host's own (descriptors, buffers, ports) is waited out within the attempt, and is
/// logged and reported as no route when it lasts: it says nothing against the source.
#[derive(Clone)]
pub struct Prober {
    gate: Arc<Gate>,
}

impl Prober {
    /// Prepares the limits, and raises this process's soft limit of open files to what they need, where the hard limit
    /// allows; where it does not, fewer questions are in flight.
    ///
    /// # Errors
    ///
    /// The kernel refused to raise the soft limit. Retrying does not help; lower [`Limits::in_flight`].
    pub fn new(limits: Limits) -> io::Result<Self> {
        Ok(Self {
            gate: Arc::new(Gate::new(limits)?),
        })
    }

    /// Puts one question: RD=1 and AD=1 to a resolver, RD=0 to an authority. Cancelled by dropping.
    pub async fn ask(&self, source: &Source, question: &Question, ask: &Ask) -> Observation {
        self.put(source, question, ask, false).await
    }

    /// As [`Prober::ask`] with CD=1: an answer where the plain question got SERVFAIL means that validation failed (RFC
    /// 4035 section 3.2.2). Resolvers echo the flag, so that the observation shows it.
    pub async fn ask_unchecked(
        &self,
        source: &Source,
        question: &Question,
        ask: &Ask,
    ) -> Observation {
        self.put(source, question, ask, true).await
    }

    async fn put(
        &self,
        source: &Source,
        question: &Question,
        ask: &Ask,
        checking_disabled: bool,
    ) -> Observation {
        let turn = self.gate.enter(source.address, ask.max_qps).await;
        let recursion = source.kind == SourceKind::Resolver;
        let manner = Manner {
            recursion,
            authentic_data: recursion,
            checking_disabled,
            edns: true,
            dnssec: false,
            ecs: None,
            cookie: None,
            random_case: false,
        };
        let mut query = Query::new(question, &manner);
        let mut exchange = Exchange::new(source, &query, ask, &turn, Tally::default());
        let mut received = exchange.run().await;
        let mut tally = exchange.into_tally();
        let is_refused = received
            .as_ref()
            .is_some_and(|received| query.is_edns_refused_by(&Reply::decode(&received.bytes)));
        if is_refused {
            query = Query::new(
                question,
                &Manner {
                    edns: false,
                    ..manner
                },
            );
            let mut exchange = Exchange::new(source, &query, ask, &turn, tally);
            if let Some(again) = exchange.run().await {
                received = Some(again);
            }
            tally = exchange.into_tally();
        }
        observe(source, question, &query, received.as_ref(), &tally)
    }
}

fn observe(
    source: &Source,
    question: &Question,
    query: &Query,
    received: Option<&exchange::Received>,
    tally: &Tally,
) -> Observation {
    let silence = || Status::NoReply(tally.no_reply.unwrap_or(NoReply::Timeout));
    let reading = received.map_or_else(
        || Reading::without_data(silence(), Flags::default()),
        |received| Reply::decode(&received.bytes).read(question),
    );
    Observation {
        source: source.clone(),
        question: question.clone(),
        at: received.map_or_else(types::now, |received| received.at),
        answer: Arc::new(reading.answer),
        ttls: reading.ttls,
        serial: reading.serial,
        flags: reading.flags.with(Flags::TC, tally.truncated),
        ede: reading.ede,
        nsid: reading.nsid,
        ecs_scope: reading.ecs_scope,
        edns_size: reading.edns_size,
        edns_version: reading.edns_version,
        age: 0,
        wire: received.map(|received| {
            Arc::new(Wire {
                query: query.bytes().into(),
                reply: received.bytes.as_slice().into(),
            })
        }),
        rtt: received.map_or(Duration::ZERO, |received| received.rtt),
        transport: received.map_or(tally.last_tried, |received| received.transport),
        attempts: tally.attempts,
        mismatched: tally.mismatched,
        size: received.map_or(0, |received| {
            u16::try_from(received.bytes.len()).unwrap_or(u16::MAX)
        }),
    }
}
