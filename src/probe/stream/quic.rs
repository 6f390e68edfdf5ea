//! DNS over QUIC (RFC 9250): one connection, a stream for each question.
//!
//! Deliberately absent: whether a message answers the question, and zone transfers, the only questions with more than one
//! message.

use std::sync::Arc;

use futures::FutureExt as _;
use quinn::{ReadError, ReadExactError, RecvStream, VarInt, WriteError};
use tokio::time::Instant;

use super::{
    Target,
    session::{Answered, Failed, Opened},
    tls::{Alpn, Configs},
};
use crate::{clock, types::NoReply};

pub(super) mod connection;
mod failure;
mod socket;

use connection::{Connection, Manner};

/// `DOQ_NO_ERROR` (RFC 9250 section 4.3).
const NO_ERROR: u32 = 0x0;
/// `DOQ_REQUEST_CANCELLED`: nobody waits for the answer any more.
const REQUEST_CANCELLED: u32 = 0x3;

/// A connection that stands.
#[derive(Clone)]
pub(super) struct Session(Arc<Connection>);

impl Session {
    /// Connects and shakes hands. A lack of sockets is waited out until `patience`.
    pub(super) async fn open(
        target: &Target,
        configs: &Configs,
        resume: bool,
        patience: Instant,
    ) -> Result<Opened<Self>, NoReply> {
        let manner = Manner {
            alpn: Alpn::Doq,
            resume,
            farewell: NO_ERROR,
        };
        let connection = Connection::open(target, configs, manner, patience).await?;
        let quinn = connection.quinn().clone();
        Ok(Opened {
            session: Self(connection),
            driver: Box::pin(async move { drop(quinn.closed().await) }),
        })
    }

    /// Puts one query and reads the message that answers it.
    pub(super) async fn exchange(self, query: Vec<u8>) -> Result<Answered, Failed> {
        let octets = u16::try_from(query.len()).map_err(|_| broken())?;
        let opened = self.0.quinn().open_bi().await;
        let (mut question, receive) = opened.map_err(|error| self.0.failed(&error))?;
        let mut answer = Answer {
            receive,
            connection: &self.0,
        };
        let before = self.0.heard().await;
        let sent = Instant::now();
        match question
            .write_all(&[&octets.to_be_bytes(), query.as_slice()].concat())
            .await
        {
            // Who does not want the question may still have something to say to it.
            Ok(()) | Err(WriteError::Stopped(_)) => {}
            Err(WriteError::ConnectionLost(error)) => return Err(self.0.failed(&error)),
            Err(_) => return Err(broken()),
        }
        // The end of the stream says that the question is complete (section 4.2).
        let _ = question.finish();
        let bytes = self.0.or_silence(before, answer.message()).await?;
        let (received, at) = (Instant::now(), clock::now());
        answer.must_end()?;
        Ok(Answered {
            bytes,
            at,
            rtt: received - sent,
            age: 0,
        })
    }
}

/// The receiving half of a question's stream; dropped before its end, it tells the server not to go on.
struct Answer<'a> {
    receive: RecvStream,
    connection: &'a Connection,
}

impl Answer<'_> {
    async fn message(&mut self) -> Result<Vec<u8>, Failed> {
        let mut octets = [0; 2];
        self.read(&mut octets).await?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(octets))];
        self.read(&mut message).await?;
        Ok(message)
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<(), Failed> {
        self.receive
            .read_exact(buffer)
            .await
            .map_err(|error| match error {
                ReadExactError::ReadError(ReadError::ConnectionLost(error)) => {
                    self.connection.failed(&error)
                }
                ReadExactError::FinishedEarly(_) | ReadExactError::ReadError(_) => broken(),
            })
    }

    /// A second message, or anything else, is against the protocol (section 4.2). Waiting for the end would delay the answer.
    fn must_end(&mut self) -> Result<(), Failed> {
        match self.receive.read_chunk(1, true).now_or_never() {
            Some(Ok(Some(_))) => Err(broken()),
            _ => Ok(()),
        }
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        // An error says that it had ended.
        let _ = self.receive.stop(VarInt::from_u32(REQUEST_CANCELLED));
    }
}

/// The server broke the rules on this stream.
fn broken() -> Failed {
    Failed::Stream(NoReply::Protocol)
}
