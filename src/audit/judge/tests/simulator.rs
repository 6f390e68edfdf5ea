//! A small honest world: authorities that change at random and lag behind each other, and caches that only ever count
//! down what they were given, each with a cap and several backends.
//!
//! Deliberately absent: anything dishonest.

use std::{cell::RefCell, collections::HashMap};

use chrono::{DateTime, Utc};

use crate::{
    audit::testing::{NAME, Reply, Scene, at, data, name, question, resolver, rrset, secs},
    names::DnsName,
    types::{Question, Rcode, RecordType, Source, SourceKind, Value},
};

/// Numbers from a seed (SplitMix64): the same seed gives the same world.
#[derive(Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).cast_signed().rem_euclid(bound)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len().cast_signed() as i64) as usize].clone()
    }
}

/// From when an owner holds what, and under which TTL.
type Timeline = Vec<(DateTime<Utc>, Value, u32)>;

/// One backend of a resolver.
#[derive(Clone)]
struct Backend {
    site: Option<&'static str>,
    cap: u32,
    held: HashMap<DnsName, (Value, u32, DateTime<Utc>)>,
}

#[derive(Clone)]
pub(super) struct Simulation {
    dice: Dice,
    timelines: HashMap<DnsName, Timeline>,
    /// How far ns2 lags behind ns1, seconds.
    lag: i64,
    backends: HashMap<String, Vec<Backend>>,
}

const TARGETS: [&str; 2] = ["one.example.com", "two.example.com"];

/// Long enough for every server to be polled in every epoch: a period, the lag, and the second asking.
const SHORTEST_EPOCH: i64 = 95;

pub(super) fn begin() -> DateTime<Utc> {
    at("06:00")
}

impl Simulation {
    /// A world where `NAME` is an address set; with `chain`, now and then an alias of one of two targets.
    pub(super) fn new(seed: u64, chain: bool) -> Self {
        let mut dice = Dice(seed);
        let mut timelines = HashMap::new();
        let mut values = addresses(&["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
        values.push(rrset(&["192.0.2.1", "192.0.2.2"]));
        if chain {
            for (nth, target) in TARGETS.iter().enumerate() {
                let own: Vec<_> = (0..3)
                    .map(|n| format!("198.51.100.{}", 10 * nth + n))
                    .collect();
                let own: Vec<&str> = own.iter().map(String::as_str).collect();
                let mut held = addresses(&own);
                held.push(Value::Nodata);
                timelines.insert(name(target), timeline(&mut dice, &held));
                values.push(Value::Cname(name(target)));
            }
        }
        values.extend([Value::Nodata, Value::Nxdomain]);
        timelines.insert(name(NAME), timeline(&mut dice, &values));
        let backends = ["google", "isp"].map(|id| (id.to_owned(), backends(&mut dice)));
        Self {
            lag: dice.below(20),
            timelines,
            backends: HashMap::from(backends),
            dice,
        }
    }

    /// The scene that watches this world.
    pub(super) fn scene(&self) -> Scene {
        let mut scene = Scene::new().with_resolvers(&[
            resolver("google", "8.8.8.8", None),
            resolver("isp", "192.0.2.53", None),
        ]);
        scene.samples = 2;
        let targets = TARGETS
            .iter()
            .filter(|target| self.timelines.contains_key(&name(target)));
        scene.targets = targets
            .map(|target| question(target, RecordType::A))
            .collect();
        scene
    }

    fn said(&self, owner: &DnsName, is_first: bool, now: DateTime<Utc>) -> (Value, u32) {
        let now = if is_first { now } else { now - secs(self.lag) };
        let timeline = &self.timelines[owner];
        let known = timeline.iter().rfind(|(from, ..)| *from <= now);
        let (_, value, ttl) = known.unwrap_or(&timeline[0]);
        (value.clone(), *ttl)
    }

    fn authority(&self, source: &Source, question: &Question, now: DateTime<Utc>) -> Reply {
        let look = |owner: &DnsName| self.said(owner, source.id == "ns1", now);
        chain(&question.name, look)
    }

    fn resolver(&mut self, source: &Source, question: &Question, now: DateTime<Utc>) -> Reply {
        let count = self.backends[&source.id].len().cast_signed() as i64;
        let nth = self.dice.below(count) as usize;
        let site = self.backends[&source.id][nth].site;
        let reply = chain(&question.name, |owner| {
            self.cached((&source.id, nth), owner, now)
        });
        match site {
            Some(site) => reply.at_site(site),
            None => reply,
        }
    }

    /// What a backend holds now: fetched at some instant since the last copy expired, if others asked for it.
    fn cached(
        &mut self,
        (id, nth): (&str, usize),
        owner: &DnsName,
        now: DateTime<Utc>,
    ) -> (Value, u32) {
        let backend = self.backends[id][nth].clone();
        let known = backend.held.get(owner).cloned();
        let mut free_from = known
            .as_ref()
            .map_or(begin(), |(_, ttl, since)| *since + secs(i64::from(*ttl)));
        let mut copy = known.filter(|(_, ttl, since)| now < *since + secs(i64::from(*ttl)));
        while copy.is_none() {
            let idle = (now - free_from).num_milliseconds().max(0);
            let fetched = free_from + chrono::TimeDelta::milliseconds(self.dice.below(idle + 1));
            let is_first = self.dice.below(2) == 0;
            let (value, ttl) = self.said(owner, is_first, fetched);
            let held = ttl.min(backend.cap);
            free_from = fetched + secs(i64::from(held));
            if now < free_from || held == 0 || fetched == now {
                copy = Some((value, held, fetched));
            }
        }
        let (value, held, fetched) = copy.unwrap_or((Value::Nodata, 0, now));
        let backends = self.backends.get_mut(id).unwrap();
        backends[nth]
            .held
            .insert(owner.clone(), (value.clone(), held, fetched));
        // Rounded up, as some caches do: a second more than is left.
        let left = i64::from(held) - (now - fetched).num_seconds();
        (value, u32::try_from(left.max(0)).unwrap())
    }
}

/// The world as a scene asks it.
pub(super) fn answers(
    simulation: &RefCell<Simulation>,
) -> impl Fn(&Source, &Question, DateTime<Utc>) -> Reply {
    move |source, question, now| match source.kind {
        SourceKind::Authority => simulation.borrow().authority(source, question, now),
        SourceKind::Resolver => simulation.borrow_mut().resolver(source, question, now),
    }
}

fn addresses(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| rrset(&[text])).collect()
}

fn timeline(dice: &mut Dice, values: &[Value]) -> Timeline {
    let (mut from, mut timeline) = (begin() - secs(3_600), Timeline::new());
    while from < begin() + secs(5_400) {
        let value = dice.pick(values);
        let ttl = dice.pick(&[1, 5, 30, 60, 299, 300, 900, 3_600]);
        timeline.push((from, value, ttl));
        from += secs(SHORTEST_EPOCH + dice.below(600));
        if timeline.len() == 1 {
            from = from.max(begin() + secs(SHORTEST_EPOCH));
        }
    }
    timeline
}

fn backends(dice: &mut Dice) -> Vec<Backend> {
    let has_nsid = dice.below(2) == 0;
    let sites = ["fra3", "ams1", "lhr2"];
    let count = 1 + dice.below(3) as usize;
    sites[..count]
        .iter()
        .map(|site| Backend {
            site: has_nsid.then_some(*site),
            cap: dice.pick(&[10, 60, 200, 3_600, 86_400]),
            held: HashMap::new(),
        })
        .collect()
}

/// An answer, alias by alias.
fn chain(asked: &DnsName, mut look: impl FnMut(&DnsName) -> (Value, u32)) -> Reply {
    let (mut reply, mut owner) = (data(), asked.clone());
    loop {
        let (value, ttl) = look(&owner);
        if value == Value::Nxdomain {
            reply.status = Reply::rcode(Rcode::NXDOMAIN).status;
        }
        reply = reply.link(owner.as_str(), value.clone(), ttl);
        match value {
            Value::Cname(target) => owner = target,
            _ => return reply,
        }
    }
}
