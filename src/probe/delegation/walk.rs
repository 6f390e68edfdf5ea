//! One walk: questions to the servers of a zone about where a name lies, within a budget.
//!
//! Deliberately absent: memory beyond the walk, except of cuts to start from.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use tokio::time::sleep;

use super::{
    cut::{Cut, NsSet},
    said::{Said, said},
};
use crate::{
    names::DnsName,
    probe::{Ask, Prober, message::Sections},
    types::{Observation, Question, RecordType, Source, SourceKind, Transport},
};

/// How long after one server the next is asked as well, until one says something usable.
const HEDGE: Duration = Duration::from_millis(300);
/// Questions one walk may put: many times what a sound tree needs, and an end to what a hostile one could cost.
const BUDGET: u32 = 300;

/// What every walk shares.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) prober: Prober,
    pub(super) root_hints: Vec<SocketAddr>,
    pub(super) port: u16,
    pub(super) ipv6: bool,
    pub(super) ask: Ask,
    /// The cuts found so far, for walks to start at.
    pub(super) cuts: Arc<Mutex<HashMap<DnsName, Arc<Cut>>>>,
}

/// Where a name lies below a cut.
pub(super) enum Located {
    Inside,
    Cut(Arc<Cut>),
}

/// Reads what a server of a zone says about a name; `None` where it is of no use, so that the next is asked.
pub(super) type Read<T> = fn(&DnsName, &DnsName, &Observation, &Sections) -> Option<T>;

/// One walk.
pub(super) struct Walk<'a> {
    pub(super) settings: &'a Settings,
    pub(super) now: DateTime<Utc>,
    budget: AtomicU32,
}

impl<'a> Walk<'a> {
    pub(super) fn new(settings: &'a Settings, now: DateTime<Utc>) -> Self {
        Self {
            settings,
            now,
            budget: AtomicU32::new(BUDGET),
        }
    }

    /// The root, which is not found but known.
    pub(super) fn root(&self) -> Arc<Cut> {
        Arc::new(Cut {
            apex: DnsName::root(),
            delegation: None,
            servers: self.settings.root_hints.clone(),
            found_at: self.now,
        })
    }

    /// Where `name` lies, as the servers of `above` say; `None` where none of them says anything usable.
    pub(super) async fn locate(&self, above: &Cut, name: &DnsName) -> Option<Located> {
        let question = question(name, RecordType::SOA);
        let (zone, servers) = (&above.apex, &above.servers);
        let set = match self.first(zone, servers, &question, said).await? {
            Said::Inside => return Some(Located::Inside),
            Said::Referred(set) => Some(set),
            Said::Deeper(apex) => self.shared_delegation(above, &apex).await,
        };
        // A deeper zone without NS records has no servers of its own to name: it is watched as part of its parent.
        let Some(set) = set else {
            return Some(Located::Inside);
        };
        let cut = Arc::new(Cut {
            apex: set.owner.clone(),
            servers: self.servers_of(&set).await,
            delegation: Some(set),
            found_at: self.now,
        });
        let mut cuts = self
            .settings
            .cuts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        cuts.insert(cut.apex.clone(), Arc::clone(&cut));
        Some(Located::Cut(cut))
    }

    /// The delegation of `apex` where a server of its parent holds the child, too, and so does not refer to it.
    ///
    /// Another of the parent's servers may still show the referral. If none does, nobody can see the parent's own copy,
    /// and what its servers hand out in its place, the child's NS set, counts as the parent's.
    async fn shared_delegation(&self, above: &Cut, apex: &DnsName) -> Option<NsSet> {
        let question = question(apex, RecordType::NS);
        let replies = self.ask_all(&above.servers, &question).await;
        let mut messages = replies.iter().map(|(_, message)| message);
        let own = |message: &Sections| {
            NsSet::read(apex, &message.answers, &message.additionals, &above.apex)
        };
        messages
            .clone()
            .find_map(|message| NsSet::referral(&above.apex, apex, message))
            .or_else(|| messages.find_map(own))
    }

    /// The cut to start from on the way to `name`: the deepest one known, fresh and with servers; else the root.
    pub(super) fn nearest(&self, name: &DnsName) -> Arc<Cut> {
        let cuts = self
            .settings
            .cuts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut here = Some(name.clone());
        while let Some(name) = here {
            let usable =
                |cut: &&Arc<Cut>| !cut.servers.is_empty() && cut.found_at + cut.lasts() > self.now;
            if let Some(cut) = cuts.get(&name).filter(usable) {
                return Arc::clone(cut);
            }
            here = name.parent();
        }
        self.root()
    }

    /// The first usable thing that any of the servers says. They are asked one after another, from a random one on,
    /// without waiting for the slow.
    pub(super) async fn first<T>(
        &self,
        zone: &DnsName,
        servers: &[SocketAddr],
        question: &Question,
        read: Read<T>,
    ) -> Option<T> {
        let start = rand::random_range(0..servers.len().max(1));
        let order = servers.iter().cycle().skip(start).take(servers.len());
        let mut asked = FuturesUnordered::new();
        for (nth, server) in (0..).zip(order) {
            asked.push(self.ask_after(HEDGE * nth, *server, question));
        }
        while let Some(reply) = asked.next().await {
            let usable =
                reply.and_then(|(seen, message)| read(zone, &question.name, &seen, &message));
            if usable.is_some() {
                return usable;
            }
        }
        None
    }

    async fn ask_after(
        &self,
        delay: Duration,
        server: SocketAddr,
        question: &Question,
    ) -> Option<(Observation, Sections)> {
        sleep(delay).await;
        self.ask(server, question).await
    }

    /// One question to every server at once; those that say nothing are left out.
    pub(super) async fn ask_all(
        &self,
        servers: &[SocketAddr],
        question: &Question,
    ) -> Vec<(Observation, Sections)> {
        let mut asked = Vec::new();
        for server in servers {
            asked.push(self.ask(*server, question));
        }
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// One question to one server; `None` where nothing came that decodes, or the budget is spent.
    pub(super) async fn ask(
        &self,
        server: SocketAddr,
        question: &Question,
    ) -> Option<(Observation, Sections)> {
        let spend = |left: u32| left.checked_sub(1);
        let (all, none) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.budget.fetch_update(all, none, spend).is_err() {
            tracing::warn!(dns.name = %question.name, "a delegation leads nowhere; the walk is given up");
            return None;
        }
        let source = Source {
            kind: SourceKind::Authority,
            id: server.to_string(),
            address: server,
            transport: Transport::Udp,
        };
        let Settings { prober, ask, .. } = self.settings;
        let seen = prober.ask(&source, question, ask).await;
        let message = Sections::of(&seen)?;
        Some((seen, message))
    }
}

pub(super) fn question(name: &DnsName, rtype: RecordType) -> Question {
    Question {
        name: name.clone(),
        rtype,
    }
}
