//! Puts a round's questions: resolvers and authoritative servers at the same moment, chains followed across zones.
//!
//! Deliberately absent: judgement, and any memory of answers. Only where zones are served is remembered, by `probe`.

mod calibrating;
mod chain;
mod moments;
mod resolvers;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until};

use crate::{
    audit::judge::{Again, Zones},
    config::Group,
    names::DnsName,
    probe::{Ask, Counters, Delegations, Prober},
    types::{ClientSubnet, Flags, Observation, QueryOptions, Question, Resolver, Source},
};
pub use calibrating::CanaryError;
use chain::Chain;
use moments::{Load, Moments};
use resolvers::{Lane, Resolvers, Stance};

/// Times a suspicious resolver is asked again, each over a fresh socket.
const RESOLVER_AGAIN: u8 = 2;

/// The part of a period within which everything suspicious is asked again.
const AGAIN_WITHIN: u32 = 8;

/// A round's replies, and the zones its names lie in.
#[derive(Debug, Default)]
pub struct Asked {
    /// In order of receipt.
    pub observations: Vec<Observation>,
    /// The zone of every name asked, chain targets included.
    pub zones: Zones,
    /// The resolver addresses that were asked one question only, and did not answer it.
    pub held_back: BTreeSet<Source>,
}

impl Asked {
    /// Takes in what was asked after it.
    pub(super) fn extend(&mut self, later: Self) {
        self.observations.extend(later.observations);
        self.zones.extend(later.zones);
        self.held_back.extend(later.held_back);
    }
}

/// Puts questions. Cheap to clone.
#[derive(Clone)]
pub struct Asker {
    prober: Prober,
    delegations: Delegations,
    authority_qps: u32,
}

/// What leaves at one moment: one name's questions.
struct Moment {
    at: Instant,
    questions: Vec<Question>,
}

/// Waits for a moment; for ever where there is none.
async fn due(moment: Option<&Moment>) {
    match moment {
        Some(moment) if moment.at <= Instant::now() => {}
        Some(moment) => sleep_until(moment.at).await,
        None => std::future::pending().await,
    }
}

impl Asker {
    /// An asker over the probe adapter. `authority_qps`: most questions a second to one address of an authority.
    pub fn new(prober: Prober, delegations: Delegations, authority_qps: u32) -> Self {
        Self {
            prober,
            delegations,
            authority_qps,
        }
    }

    /// Puts every question of the group to all its resolvers, `samples` times each, and to its authorities once, which
    /// are asked for the SOA records of its names' zones, too, and for the names between. All
    /// questions of one name leave at one moment; the moments are spread as the slowest address demands.
    ///
    /// An address for which `canary` gives a question is asked that one first, and the others once it was answered.
    pub async fn ask(
        &self,
        group: &Group,
        samples: impl Fn(&Question, SocketAddr) -> u8,
        canary: impl Fn(&Source) -> Option<Question>,
    ) -> Asked {
        let chain = Chain::new(self, group).with_zones();
        // The walk comes first, so that the questions themselves leave at the same moment.
        join_all(group.names.iter().map(|name| chain.zone(name))).await;
        let led_to = group.targets.iter();
        join_all(led_to.map(|target| chain.zone(&target.question.name))).await;
        let lanes = lanes(group, false, false, canary);
        let first: HashSet<&DnsName> = lanes
            .iter()
            .filter_map(|lane| match &lane.stance {
                Stance::Canary { question, .. } => Some(&question.name),
                _ => None,
            })
            .collect();
        let by_name = by_name(group.questions());
        let types = by_name.values().map(BTreeSet::len).max().unwrap_or(0);
        // To the nearest: the limits of each address hold whatever is planned.
        let names = by_name.len().max(1);
        let beside = (chain.zone_questions().await + names / 2) / names;
        let pace = self.pace(group, types, beside, group.samples);
        let moments = timetable(by_name, &pace, group.policy.period, |name| {
            first.contains(name)
        });
        drop(first);
        let resolvers = Resolvers::new(self, lanes, samples);
        let (replies, ()) = tokio::join!(resolvers.run(&moments), follow(&chain, &moments));
        Asked {
            held_back: replies.held_back,
            ..chain.finish(replies.observations)
        }
    }

    /// Puts what is in doubt again: each resolver twice, one after another, and the questions' authorities once; beside
    /// them the asides with CD=1, whose replies are flagged as that.
    pub async fn ask_again(
        &self,
        group: &Group,
        again: &Again,
        zones: &mut Zones,
    ) -> Vec<Observation> {
        let questions = |pairs: &[(Question, SocketAddr)]| -> Vec<Question> {
            pairs.iter().map(|(question, _)| question.clone()).collect()
        };
        let chain = Chain::new(self, group);
        let asked_again = [questions(&again.plain), again.origins.clone()].concat();
        let moments = self.moments_again(group, asked_again, RESOLVER_AGAIN);
        let aside_moments = self.moments_again(group, questions(&again.unchecked), 1);
        let plain = self.pairs(group, &again.plain, RESOLVER_AGAIN, false);
        let asides = self.pairs(group, &again.unchecked, 1, true);
        let (replies, asides, ()) = tokio::join!(
            plain.run(&moments),
            asides.run(&aside_moments),
            follow(&chain, &moments)
        );
        let asides = asides.observations.into_iter().map(|mut reply| {
            reply.flags = reply.flags.with(Flags::ASIDE, true);
            reply
        });
        let replies = replies.observations.into_iter().chain(asides);
        let asked = chain.finish(replies.collect());
        zones.extend(asked.zones);
        asked.observations
    }

    /// The resolvers' side of asking pairs again, each `times` times over fresh sockets.
    fn pairs(
        &self,
        group: &Group,
        pairs: &[(Question, SocketAddr)],
        times: u8,
        unchecked: bool,
    ) -> Resolvers<impl Fn(&Question, SocketAddr) -> u8 + use<>> {
        let wanted: HashSet<_> = pairs.iter().cloned().collect();
        let lanes = lanes(group, true, unchecked, |_| None);
        Resolvers::new(self, lanes, move |question: &Question, address| {
            if wanted.contains(&(question.clone(), address)) {
                times
            } else {
                0
            }
        })
    }

    /// When the questions are put again.
    fn moments_again(&self, group: &Group, questions: Vec<Question>, times: u8) -> Vec<Moment> {
        let by_name = by_name(questions.into_iter());
        let types = by_name.values().map(BTreeSet::len).max().unwrap_or(0);
        let pace = self.pace(group, types, 0, times);
        timetable(by_name, &pace, group.policy.period / AGAIN_WITHIN, |_| {
            false
        })
    }

    /// What the prober counts of itself.
    pub fn counters(&self) -> Counters {
        self.prober.counters()
    }

    /// What a moment of `types` questions costs each kind of address; an authority is asked `beside` more.
    fn pace(&self, group: &Group, types: usize, beside: usize, samples: u8) -> Vec<Load> {
        let count = |questions| u32::try_from(questions).unwrap_or(u32::MAX);
        let types = count(types);
        let resolvers = group.resolvers.iter().map(|resolver| Load {
            questions: types.saturating_mul(samples.into()),
            max_qps: resolver.max_qps,
        });
        let authorities = Load {
            questions: types.saturating_add(count(beside)),
            max_qps: self.authority_qps,
        };
        resolvers.chain([authorities]).collect()
    }

    /// How authorities are asked.
    fn how_authorities(&self, group: &Group) -> Ask {
        Ask {
            timeout: group.timeout,
            attempts: group.attempts,
            max_qps: Some(self.authority_qps),
            options: authority_options(group.options),
            ..Ask::default()
        }
    }
}

/// Every address of the group's resolvers; `unchecked` with CD=1.
fn lanes(
    group: &Group,
    fresh: bool,
    unchecked: bool,
    canary: impl Fn(&Source) -> Option<Question>,
) -> Vec<Lane> {
    let mut lanes = Vec::new();
    for resolver in &group.resolvers {
        let mut options = resolver_options(resolver, group.options);
        if unchecked {
            options.checking_disabled = Some(true);
        }
        let ask = Arc::new(Ask {
            timeout: group.timeout,
            attempts: group.attempts,
            max_qps: Some(resolver.max_qps),
            options,
            endpoint: resolver.endpoint.clone(),
            fresh,
        });
        lanes.extend(resolver.sources().map(|source| Lane {
            ask: ask.clone(),
            stance: canary(&source).map_or(Stance::Open, |question| Stance::Canary {
                question,
                held_back: Vec::new(),
            }),
            source: source.into(),
        }));
    }
    lanes
}

/// What is said beside a question to a resolver: its own word before the group's. One that passes subnets on is told to
/// hide ours, so that its answers do not depend on where we stand.
fn resolver_options(resolver: &Resolver, group: QueryOptions) -> QueryOptions {
    let mut options = resolver.options.over(group);
    if resolver.traits.ecs {
        options.ecs = options.ecs.or(Some(ClientSubnet::Hidden));
    }
    options
}

/// What is said beside a question to an authority: the group's word, without what only resolvers understand.
fn authority_options(group: QueryOptions) -> QueryOptions {
    QueryOptions {
        recursion_desired: None,
        checking_disabled: None,
        ecs: group.ecs.filter(|ecs| matches!(ecs, ClientSubnet::Of(_))),
        ..group
    }
}

fn by_name(questions: impl Iterator<Item = Question>) -> BTreeMap<DnsName, BTreeSet<Question>> {
    let mut names: BTreeMap<DnsName, BTreeSet<Question>> = BTreeMap::new();
    for question in questions {
        let name = question.name.clone();
        names.entry(name).or_default().insert(question);
    }
    names
}

/// The moments of a round that begins now, in an order that nobody can foresee; `first` names those that go before.
fn timetable(
    names: BTreeMap<DnsName, BTreeSet<Question>>,
    pace: &[Load],
    within: Duration,
    first: impl Fn(&DnsName) -> bool,
) -> Vec<Moment> {
    let start = Instant::now();
    let mut names: Vec<_> = names.into_iter().map(Some).collect();
    let is_first = |name: usize| names[name].as_ref().is_some_and(|(name, _)| first(name));
    let plan = Moments::plan(names.len(), pace, within, rand::random(), is_first);
    let moments = plan.order.into_iter().filter_map(|(name, offset)| {
        let (_, questions) = names[name].take()?;
        Some(Moment {
            at: start + offset,
            questions: questions.into_iter().collect(),
        })
    });
    moments.collect()
}

/// Follows every question at its authorities, from its moment on.
async fn follow(chain: &Chain<'_>, moments: &[Moment]) {
    let mut moments = moments.iter();
    let mut next = moments.next();
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = due(next), if next.is_some() => {
                under_way.extend(next.map(|moment| chain.follow(&moment.questions)));
                next = moments.next();
            }
            Some(()) = under_way.next() => {}
            else => break,
        }
    }
}
