//! A small Internet for tests: authoritative servers whose data change, and caching resolvers that fetch from them.
//!
//! What servers hold is known for every instant; time only goes forward at caches. Deliberately absent: packets, and what
//! ought to be said of all this.

mod cache;
mod recursor;
mod servers;
mod timeline;

use std::{cell::RefCell, collections::BTreeMap};

use chrono::{DateTime, Utc};

use super::Reply;
use crate::types::{Question, Source, SourceKind};
pub(crate) use cache::{Cache, Habits, Stale};
pub(crate) use recursor::{Conduct, Meddling, Recursor, Scope};
pub(crate) use servers::{Data, Manner, Servers};

/// Everything that can be asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) servers: Servers,
    pub(crate) recursors: RefCell<BTreeMap<String, Recursor>>,
}

impl World {
    /// What a source answers at an instant.
    pub(crate) fn answer(&self, source: &Source, question: &Question, at: DateTime<Utc>) -> Reply {
        match source.kind {
            SourceKind::Authority => self.servers.reply(&source.id, question, at),
            SourceKind::Resolver => {
                let mut recursors = self.recursors.borrow_mut();
                let recursor = recursors.get_mut(&source.id);
                recursor.map_or_else(Reply::silence, |recursor| {
                    recursor.reply(&self.servers, question, at)
                })
            }
        }
    }
}
