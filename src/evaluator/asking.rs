//! Puts a round's questions: resolvers and authoritative servers at the same moment, chains followed across zones.
//!
//! Deliberately absent: judgement, and any memory of answers. Only where zones are served is remembered, by `probe`.

mod chain;

use std::{collections::HashSet, net::SocketAddr};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};

use crate::{
    audit::judge::Zones,
    config::Group,
    probe::{Ask, Delegations, Prober},
    types::{Observation, Question, Source},
};
use chain::Chain;

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
        ..Ask::default()
    }
}
