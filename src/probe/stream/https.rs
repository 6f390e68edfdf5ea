//! DNS over HTTP/2 (RFC 8484): one connection.
//!
//! Deliberately absent: everything, so far.

use super::{
    Target,
    session::{Answered, Failed, Opened},
    tls::Configs,
};
use crate::types::NoReply;

/// A connection that stands.
#[derive(Clone)]
pub(super) struct Session;

impl Session {
    /// Connects and shakes hands.
    #[expect(clippy::unused_async, reason = "a stub")]
    pub(super) async fn open(
        _target: &Target,
        _configs: &Configs,
        _resume: bool,
    ) -> Result<Opened<Self>, NoReply> {
        Err(NoReply::NoRoute)
    }

    /// Puts one query and reads the message that answers it.
    #[expect(clippy::unused_async, reason = "a stub")]
    pub(super) async fn exchange(self, _query: Vec<u8>) -> Result<Answered, Failed> {
        Err(Failed::Stream(NoReply::NoRoute))
    }
}
