//! A resolver: one or more caches behind one address, and what it does to some questions on purpose or in distress.
//!
//! Deliberately absent: how a copy ages, which is `cache`.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    cache::{Cache, Found, Key},
    servers::{Asks, Servers, chain},
    timeline::Timeline,
};
use crate::{
    audit::testing::Reply,
    names::DnsName,
    types::{Question, Rcode, Value},
};

/// Questions closer together than this belong to one round.
const ROUND: TimeDelta = TimeDelta::seconds(20);

fn with_all(reply: Reply, ede: impl IntoIterator<Item = u16>) -> Reply {
    ede.into_iter().fold(reply, Reply::with_ede)
}

/// Which questions at which backend something is about; everything where nothing is said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub(crate) site: Option<String>,
    pub(crate) owners: Vec<DnsName>,
}

impl Scope {
    fn covers(&self, site: Option<&String>, owner: &DnsName) -> bool {
        self.site.as_ref().is_none_or(|only| Some(only) == site)
            && (self.owners.is_empty() || self.owners.contains(owner))
    }
}

/// How a resolver treats a question.
#[derive(Debug, Clone)]
pub(crate) enum Conduct {
    /// As an honest cache does.
    Honest,
    /// It does not answer.
    Silent,
    /// It reaches no authority.
    CutOff,
    /// It says this to each question, with these extended errors.
    Says(Rcode, Vec<u16>),
    /// It says that no such name exists, in Quad9's way.
    Blocks,
    /// It gives this value, with this TTL each time and these extended errors.
    Answers(Key, Value, u32, Vec<u16>),
    /// It refuses what goes beyond so many questions a round.
    Limits(usize),
}

/// What happens to a cache from outside.
#[derive(Debug, Clone)]
pub(crate) enum Meddling {
    /// It forgets everything, and fetches these anew in that very instant.
    Fetch(Vec<Key>),
    /// Somebody else's value comes in.
    Plant(Key, Value, u32),
}

/// A resolver.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recursor {
    pub(crate) id: String,
    pub(crate) caches: Vec<Cache>,
    conduct: Vec<(DateTime<Utc>, Scope, Conduct)>,
    meddling: Vec<(DateTime<Utc>, Scope, Meddling)>,
    preferred: Timeline<Option<String>>,
    /// The NSID of whoever answers in its stead.
    stranger: Timeline<Option<String>>,
    minimises: bool,
    /// Up to where meddling has been done.
    done: usize,
    turns: HashMap<Question, usize>,
    /// What its picks follow from; `None`: its caches take turns.
    picks: Option<u64>,
    fetches: usize,
    asked: Option<(DateTime<Utc>, usize)>,
}

impl Recursor {
    pub(crate) fn new(id: &str, caches: Vec<Cache>) -> Self {
        Self {
            id: id.to_owned(),
            caches,
            ..Self::default()
        }
    }

    /// The same, which asks for the names above first, and believes a denial of them.
    pub(crate) fn minimising(self, minimises: bool) -> Self {
        Self { minimises, ..self }
    }

    /// From `at` on it treats these questions so.
    pub(crate) fn behave(&mut self, at: DateTime<Utc>, scope: Scope, conduct: Conduct) {
        self.conduct.push((at, scope, conduct));
    }

    /// At `at` this happens to its caches. In order of time.
    pub(crate) fn meddle(&mut self, at: DateTime<Utc>, scope: Scope, what: Meddling) {
        self.meddling.push((at, scope, what));
    }

    /// The same, which picks a cache at random for every question.
    pub(crate) fn picking_at_random(self, seed: u64) -> Self {
        Self {
            picks: Some(seed),
            ..self
        }
    }

    /// From `at` on it asks this server before any other.
    pub(crate) fn prefer(&mut self, at: DateTime<Utc>, server: Option<String>) {
        self.preferred.set(at, server);
    }

    /// From `at` on somebody answers in its stead, who shows this NSID; `None`: it answers itself.
    pub(crate) fn show(&mut self, at: DateTime<Utc>, stranger: Option<String>) {
        self.stranger.set(at, stranger);
    }

    /// The cache that answers.
    fn pick(&mut self, question: &Question) -> usize {
        let turn = self.turns.entry(question.clone()).or_default();
        *turn += 1;
        let Some(seed) = self.picks else {
            return (*turn - 1) % self.caches.len();
        };
        // The same at every run.
        let mut hasher = DefaultHasher::new();
        (seed, question, *turn).hash(&mut hasher);
        usize::try_from(hasher.finish() % self.caches.len() as u64).unwrap()
    }

    pub(super) fn reply(
        &mut self,
        servers: &Servers,
        question: &Question,
        now: DateTime<Utc>,
    ) -> Reply {
        self.meddle_until(servers, now);
        let nth = self.pick(question);
        let site = self.caches[nth].site.clone();
        let asked = self.count(now);
        let mut covered = self
            .conduct
            .iter()
            .filter(|(from, scope, _)| *from <= now && scope.covers(site.as_ref(), &question.name));
        let reply = match covered.next_back().map(|(_, _, conduct)| conduct.clone()) {
            Some(Conduct::Silent) => return Reply::silence(),
            Some(Conduct::Says(rcode, ede)) => with_all(Reply::rcode(rcode), ede),
            Some(Conduct::Blocks) => {
                let reply = chain(&question.name, |_| Some((Value::Nxdomain, 0)));
                reply.signed_as_blocked()
            }
            Some(Conduct::Limits(most)) if asked > most => Reply::rcode(Rcode::REFUSED),
            Some(Conduct::Answers((owner, rtype), value, ttl, ede))
                if (&owner, rtype) == (&question.name, question.rtype) =>
            {
                with_all(chain(&owner, |_| Some((value.clone(), ttl))), ede)
            }
            conduct => {
                let cut_off = matches!(conduct, Some(Conduct::CutOff));
                self.cached(servers, nth, question, (now, cut_off))
            }
        };
        let stranger = self.stranger.at(now).cloned().flatten();
        match stranger.or(site) {
            Some(site) => reply.at_site(&site),
            None => reply,
        }
    }

    /// How many questions of this round were asked so far, this one included.
    fn count(&mut self, now: DateTime<Utc>) -> usize {
        let (since, asked) = self.asked.get_or_insert((now, 0));
        if now - *since > ROUND {
            (*since, *asked) = (now, 0);
        }
        *asked += 1;
        *asked
    }

    fn cached(
        &mut self,
        servers: &Servers,
        nth: usize,
        question: &Question,
        (now, cut_off): (DateTime<Utc>, bool),
    ) -> Reply {
        let preferred = self.preferred.at(now).cloned().flatten();
        let (cache, turns) = (&mut self.caches[nth], &mut self.fetches);
        let asks = Asks {
            viewer: &self.id,
            preferred: preferred.as_ref(),
            minimises: self.minimises,
        };
        let says_stale = cache.habits.stale.is_some_and(|stale| stale.ede);
        let mut stale = None;
        let reply = chain(&question.name, |owner| {
            let key = (owner.clone(), question.rtype);
            let turn = *turns;
            let found = cache.look(&key, now, |at| {
                let fetched = servers.fetch(asks, (owner, question.rtype), at, turn);
                *turns += 1;
                fetched.filter(|_| !cut_off)
            });
            match found {
                Found::Copy(value, ttl, is_stale) => {
                    let code = if value == Value::Nxdomain { 19 } else { 3 };
                    stale = stale.or((is_stale && says_stale).then_some(code));
                    Some((value, ttl))
                }
                Found::Nothing => None,
            }
        });
        if reply.links.is_empty() {
            return Reply::rcode(Rcode::SERVFAIL).with_ede(22);
        }
        with_all(reply, stale)
    }

    /// Does to the caches what has happened up to `now`.
    fn meddle_until(&mut self, servers: &Servers, now: DateTime<Utc>) {
        while let Some((at, scope, what)) = self.meddling.get(self.done).cloned()
            && at <= now
        {
            self.done += 1;
            let preferred = self.preferred.at(at).cloned().flatten();
            for cache in &mut self.caches {
                let site = cache.site.clone();
                let covered = |key: &Key| scope.covers(site.as_ref(), &key.0);
                match &what {
                    Meddling::Plant(key, value, ttl) if covered(key) => {
                        cache.plant(key, (value.clone(), *ttl), at);
                    }
                    Meddling::Plant(..) => {}
                    Meddling::Fetch(keys) => {
                        cache.forget(covered);
                        for key in keys.iter().filter(|key| covered(key)) {
                            let asks = Asks {
                                viewer: &self.id,
                                preferred: preferred.as_ref(),
                                minimises: self.minimises,
                            };
                            let fetched = servers.fetch(asks, (&key.0, key.1), at, self.fetches);
                            self.fetches += 1;
                            if let Some(fresh) = fetched {
                                cache.plant(key, fresh, at);
                            }
                        }
                    }
                }
            }
        }
    }
}
