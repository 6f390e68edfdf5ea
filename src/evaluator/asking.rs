//! Puts a round's questions: resolvers and authoritative servers at the same moment, chains followed across zones.
//!
//! Deliberately absent: judgement, and any memory of answers. Only where zones are served is remembered, by `probe`.

use std::{collections::HashSet, net::SocketAddr, sync::Arc};

use chrono::Utc;
use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::sync::Mutex;

use crate::{
    audit::judge::{Unplaced, Zones},
    config::Group,
    names::DnsName,
    probe::{Ask, Delegations, Prober},
    types::{Flags, Observation, Question, RecordType, Source, Value, Zone},
};

/// Aliases followed from one name; real chains have one to four.
const LONGEST_CHAIN: usize = 12;

/// Times a suspicious resolver is asked again, each over a fresh socket.
const RESOLVER_AGAIN: u8 = 2;

/// A round's replies, and the zones its names lie in.
#[derive(Debug, Default)]
pub struct Asked {
    /// In order of receipt.
    pub observations: Vec<Observation>,
    /// The zone of every name asked, chain targets included.
    pub zones: Zones,
}

/// Puts questions. Cheap to clone.
#[derive(Clone)]
pub struct Asker {
    prober: Prober,
    delegations: Delegations,
}

impl Asker {
    /// An asker over the probe adapter.
    pub fn new(prober: Prober, delegations: Delegations) -> Self {
        Self {
            prober,
            delegations,
        }
    }

    /// Puts every question of the group to all its resolvers, `samples` times each, and to its authorities once.
    pub async fn ask(&self, group: &Group, samples: impl Fn(&Question, SocketAddr) -> u8) -> Asked {
        let questions: Vec<_> = group.questions().collect();
        let chain = Chain::new(self, group);
        // The walk comes first, so that the questions themselves leave at the same moment.
        join_all(group.names.iter().map(|name| chain.zone(name))).await;
        let resolvers = self.ask_resolvers(group, &questions, samples);
        let authorities = chain.follow(questions.clone());
        let (mut observations, ()) = tokio::join!(resolvers, authorities);
        chain.finish(&mut observations)
    }

    /// Puts the suspicious pairs again: each resolver twice, one after another, and the questions' authorities once.
    pub async fn ask_again(
        &self,
        group: &Group,
        pairs: &[(Question, SocketAddr)],
        zones: &mut Zones,
    ) -> Vec<Observation> {
        let wanted: HashSet<_> = pairs.iter().cloned().collect();
        let mut questions: Vec<_> = pairs.iter().map(|(question, _)| question.clone()).collect();
        questions.sort();
        questions.dedup();
        let chain = Chain::new(self, group);
        let resolvers = self.ask_resolvers(group, &questions, |question, address| {
            if wanted.contains(&(question.clone(), address)) {
                RESOLVER_AGAIN
            } else {
                0
            }
        });
        let (mut observations, ()) = tokio::join!(resolvers, chain.follow(questions.clone()));
        let asked = chain.finish(&mut observations);
        zones.extend(asked.zones);
        asked.observations
    }

    async fn ask_resolvers(
        &self,
        group: &Group,
        questions: &[Question],
        samples: impl Fn(&Question, SocketAddr) -> u8,
    ) -> Vec<Observation> {
        let mut asking = FuturesUnordered::new();
        for resolver in &group.resolvers {
            let how = Ask {
                max_qps: Some(resolver.max_qps),
                ..how(group)
            };
            for source in resolver.sources() {
                for question in questions {
                    let count = samples(question, source.address);
                    asking.push(self.ask_times(source.clone(), question, how.clone(), count));
                }
            }
        }
        let mut observations = Vec::new();
        while let Some(some) = asking.next().await {
            observations.extend(some);
        }
        observations
    }

    async fn ask_times(
        &self,
        source: Source,
        question: &Question,
        how: Ask,
        count: u8,
    ) -> Vec<Observation> {
        let mut observations = Vec::with_capacity(count.into());
        for _ in 0..count {
            observations.push(self.prober.ask(&source, question, &how).await);
        }
        observations
    }
}

fn how(group: &Group) -> Ask {
    Ask {
        timeout: group.timeout,
        attempts: group.attempts,
        max_qps: None,
    }
}

/// The authorities' side of a round: every question at every server of its zone, and every alias target likewise.
struct Chain<'a> {
    asker: &'a Asker,
    group: &'a Group,
    asked: Mutex<HashSet<Question>>,
    found: Mutex<Asked>,
}

impl<'a> Chain<'a> {
    fn new(asker: &'a Asker, group: &'a Group) -> Self {
        Self {
            asker,
            group,
            asked: Mutex::default(),
            found: Mutex::default(),
        }
    }

    async fn follow(&self, questions: Vec<Question>) {
        join_all(
            questions
                .into_iter()
                .map(|question| self.follow_one(question)),
        )
        .await;
    }

    /// Asks a name's servers, then those of whatever it is an alias of. A link that many names share is asked once.
    async fn follow_one(&self, question: Question) {
        let rtype = question.rtype;
        let mut here = vec![question.name];
        for _ in 0..LONGEST_CHAIN {
            let links = join_all(
                here.into_iter()
                    .map(|name| self.ask_link(Question { name, rtype })),
            )
            .await;
            here = links.into_iter().flatten().collect();
            if here.is_empty() {
                break;
            }
        }
    }

    /// Asks every server of the name's zone; returns the names outside it that the answers lead to.
    async fn ask_link(&self, question: Question) -> Vec<DnsName> {
        if !self.asked.lock().await.insert(question.clone()) {
            return Vec::new();
        }
        let Some(zone) = self.zone(&question.name).await else {
            return Vec::new();
        };
        let how = how(self.group);
        let replies = join_all(zone.servers.iter().map(async |server| {
            self.asker
                .prober
                .ask(&server.source(), &question, &how)
                .await
        }));
        let replies = replies.await;
        let mut targets: Vec<_> = replies
            .iter()
            .filter_map(|reply| leads_to(reply, &zone, question.rtype))
            .collect();
        targets.sort();
        targets.dedup();
        self.found.lock().await.observations.extend(replies);
        targets
    }

    async fn zone(&self, name: &DnsName) -> Option<Arc<Zone>> {
        let is_ours = self.group.names.contains(name);
        let zone = if is_ours && !self.group.authorities.is_empty() {
            self.asker
                .delegations
                .configured_for(name, &self.group.authorities, Utc::now())
                .await
        } else {
            match self.asker.delegations.zone_of(name, Utc::now()).await {
                Ok(zone) => zone,
                Err(error) => {
                    let unplaced = Unplaced {
                        silent: error.silent_zone(),
                        why: error.to_string(),
                    };
                    self.found
                        .lock()
                        .await
                        .zones
                        .insert_unplaced(name.clone(), unplaced);
                    return None;
                }
            }
        };
        self.found.lock().await.zones.insert(zone.clone());
        Some(zone)
    }

    fn finish(self, observations: &mut Vec<Observation>) -> Asked {
        let mut asked = self.found.into_inner();
        asked.observations.append(observations);
        asked.observations.sort_by_key(|observation| observation.at);
        asked
    }
}

/// The first name of an authoritative answer's chain that its own zone does not hold.
fn leads_to(reply: &Observation, zone: &Zone, rtype: RecordType) -> Option<DnsName> {
    if !reply.flags.has(Flags::AA) {
        return None;
    }
    let foreign = reply
        .answer
        .links
        .iter()
        .find(|link| !link.owner.is_within(&zone.apex));
    if let Some(link) = foreign {
        return Some(link.owner.clone());
    }
    match &reply.answer.last()?.value {
        Value::Cname(target) if rtype != RecordType::CNAME => Some(target.clone()),
        _ => None,
    }
}
