//! What the judgement of one sample may look at, worked out once for all samples of the round.
//!
//! Deliberately absent: judgement.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::SocketAddr,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{RoundInput, dns64, evidence, quorum};
use crate::{
    audit::{
        evidence::Baseline,
        history::{History, LinkKey, Standing, is_authoritative},
        signs::Signs,
    },
    names::DnsName,
    types::{Observation, Question, RecordType, Resolver, SourceKind, Value},
};

/// The round, its standings, and who was asked again.
pub(super) struct Context<'a> {
    pub(super) history: &'a History,
    pub(super) input: &'a RoundInput<'a>,
    pub(super) quorums: HashMap<Question, Option<Value>>,
    signs: &'a Signs<'a>,
    standings: HashMap<LinkKey, Standing<'a>>,
    rounds: Asked<'a>,
}

/// What the authorities said in this round: at the first asking, and when asked again.
#[derive(Default)]
struct Asked<'a> {
    twice: HashSet<&'a Question>,
    first: HashMap<LinkKey, DateTime<Utc>>,
    again: HashMap<LinkKey, HashMap<SocketAddr, DateTime<Utc>>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        history: &'a History,
        input: &'a RoundInput<'a>,
        signs: &'a Signs<'a>,
    ) -> Self {
        let mut context = Self {
            history,
            input,
            quorums: quorum::of_round(input),
            signs,
            standings: HashMap::new(),
            rounds: Asked::of(input),
        };
        for observation in input.observations {
            let rtype = observation.question.rtype;
            context.prepare(&observation.question.name, rtype);
            for link in &observation.answer.links {
                context.prepare(&link.owner, rtype);
                let addresses = link.value.addresses();
                let id = &observation.source.id;
                if rtype == RecordType::AAAA
                    && dns64::is_likely(input, id, &addresses, &observation.ede)
                {
                    context.prepare(&link.owner, RecordType::A);
                }
                if let Value::Cname(target) = &link.value {
                    context.prepare(target, rtype);
                }
            }
        }
        context
    }

    fn prepare(&mut self, owner: &DnsName, rtype: RecordType) {
        let key = LinkKey {
            owner: owner.clone(),
            rtype,
        };
        if !self.standings.contains_key(&key)
            && let Some(standing) = self.input.standing(self.history, &key)
        {
            self.standings.insert(key, standing);
        }
    }

    pub(super) fn standing(&self, owner: &DnsName, rtype: RecordType) -> Option<&Standing<'a>> {
        self.standings.get(&LinkKey {
            owner: owner.clone(),
            rtype,
        })
    }

    pub(super) fn resolver(&self, id: &str) -> Option<&'a Resolver> {
        self.input.resolver(id)
    }

    /// Whether an authority was asked again about the link after `seen`, and answered.
    pub(super) fn answered_again(&self, link: &LinkKey, seen: DateTime<Utc>) -> bool {
        let mut servers = self.rounds.again.get(link).into_iter().flatten();
        servers.any(|(_, at)| *at >= seen)
    }

    /// Whether this server was asked again about the link after `seen`, and answered.
    pub(super) fn answered_again_at(
        &self,
        server: SocketAddr,
        link: &LinkKey,
        seen: DateTime<Utc>,
    ) -> bool {
        let servers = self.rounds.again.get(link);
        let heard = servers.and_then(|servers| servers.get(&server));
        heard.is_some_and(|at| *at >= seen)
    }

    /// Whether an authority answered for the link after `seen`, asked again or for the first time.
    pub(super) fn answered_since(&self, link: &LinkKey, seen: DateTime<Utc>) -> bool {
        let first = self.rounds.first.get(link);
        first.is_some_and(|at| *at >= seen) || self.answered_again(link, seen)
    }

    /// Whether an authority had been heard of the link in this round when something came in at `at`, or was heard when asked
    /// for the first time. What comes in while none is heard may be anybody's.
    pub(super) fn is_accompanied(&self, link: &LinkKey, at: DateTime<Utc>) -> bool {
        self.rounds.first.contains_key(link)
            || (self.rounds.again.get(link).into_iter().flatten()).any(|(_, heard)| *heard <= at)
    }

    /// Whether an authority answered for the link in this round.
    pub(super) fn is_answered(&self, link: &LinkKey) -> bool {
        self.rounds.first.contains_key(link) || self.rounds.again.contains_key(link)
    }

    /// Whether an authority answered for the link since `seen`: when asked again, where that has been done for the
    /// question already.
    pub(super) fn is_heard(
        &self,
        question: &Question,
        link: &LinkKey,
        seen: DateTime<Utc>,
    ) -> bool {
        if self.rounds.twice.contains(question) {
            self.answered_again(link, seen)
        } else {
            self.rounds.first.contains_key(link)
        }
    }

    /// An authority's denial, in this round, of a name between this one and the apex of its zone.
    pub(super) fn cut_above(&self, owner: &DnsName) -> Option<&'a Observation> {
        let zone = self.input.zones.zone_of(owner)?;
        self.signs.cuts.above(owner, &zone.apex).first().copied()
    }

    /// What is right at the end of a question's chain, as its authorities serve it now.
    pub(super) fn baseline_of(&self, question: &Question) -> Option<Baseline> {
        let mut owner = question.name.clone();
        let mut seen = BTreeSet::new();
        let mut found = None;
        while seen.insert(owner.clone()) {
            let Some(standing) = self.standing(&owner, question.rtype) else {
                break;
            };
            found = evidence::authority_baseline(standing).or(found);
            match standing.current.first().map(|current| current.value) {
                Some(Value::Cname(target)) if question.rtype != RecordType::CNAME => {
                    owner = target.clone();
                }
                _ => break,
            }
        }
        let quorum = self.quorums.get(question).and_then(Option::as_ref);
        found.or_else(|| quorum.map(evidence::quorum_baseline))
    }
}

impl<'a> Asked<'a> {
    fn of(input: &'a RoundInput) -> Self {
        let mut by_server: BTreeMap<_, Vec<&Observation>> = BTreeMap::new();
        for one in input.observations {
            if one.source.kind == SourceKind::Authority {
                let key = (&one.question, one.source.address);
                by_server.entry(key).or_default().push(one);
            }
        }
        let mut asked = Self::default();
        for ((question, _), mut replies) in by_server {
            // The order of receipt, whatever order they are handed in.
            replies.sort_by_key(|reply| (reply.at, is_authoritative(reply)));
            if replies.len() > 1 {
                asked.twice.insert(question);
            }
            for (nth, reply) in replies.into_iter().enumerate() {
                asked.take(input, reply, nth > 0);
            }
        }
        asked
    }

    fn take(&mut self, input: &RoundInput, reply: &Observation, is_again: bool) {
        if !is_authoritative(reply) {
            return;
        }
        for link in &reply.answer.links {
            if !input.zones.lists(&link.owner, reply.source.address) {
                continue;
            }
            let key = LinkKey {
                owner: link.owner.clone(),
                rtype: reply.question.rtype,
            };
            // What is said to one who asks again is as old as the question.
            let rtt = TimeDelta::from_std(reply.rtt).unwrap_or_default();
            let heard_at = if is_again { reply.at - rtt } else { reply.at };
            let last = if is_again {
                let servers = self.again.entry(key).or_default();
                servers.entry(reply.source.address).or_insert(heard_at)
            } else {
                self.first.entry(key).or_insert(heard_at)
            };
            *last = (*last).max(heard_at);
        }
    }
}
