//! Random honest worlds: authorities that change at random and lag behind each other, and caches that only ever count down
//! what they were given, each with its own cap, floor and habits, several behind one address.
//!
//! Every value is there long enough to be seen by a poll at each server. Deliberately absent: anything dishonest.

use std::{cell::RefCell, collections::HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::testing::{
        ALIEN, Cache, Data, Habits, Meddling, NAME, Recursor, Reply, Scene, Scope, World, at, data,
        farm, name, question, rrset, secs,
    },
    names::DnsName,
    types::{Question, RecordType, Source, SourceKind, Value},
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

    pub(super) fn one_in(&mut self, times: i64) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len().cast_signed() as i64) as usize].clone()
    }

    fn instant(&mut self) -> DateTime<Utc> {
        begin() + TimeDelta::milliseconds(self.below(LENGTH * 1_000))
    }
}

#[derive(Clone)]
pub(super) struct Simulation {
    dice: Dice,
    world: World,
    chain: bool,
    /// When values or TTLs change.
    changes: Vec<DateTime<Utc>>,
    /// Servers whose last reply was lost, and questions whose last reply from a server was: the next one is not.
    lost: HashSet<(Source, Option<Question>)>,
    /// When somebody on the way answers in everybody's place.
    intercepted: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

const APEX: &str = "example.com";
const SERVERS: [&str; 2] = ["ns1", "ns2"];
const TARGETS: [&str; 2] = ["one.example.com", "two.example.com"];
const RESOLVERS: [(&str, &str); 2] = [("google", "8.8.8.8"), ("isp", "192.0.2.53")];

/// Seconds that a world goes on changing for.
const LENGTH: i64 = 5_400;

/// How far one server may be behind another, seconds: less than makes a split.
const LAG: i64 = 40;

/// Long enough for every server to be polled in every epoch: two periods (a reply may be lost), the lag, the second asking.
const SHORTEST_EPOCH: i64 = 120 + LAG + 10;

/// The latest that a reply comes in after it was given, milliseconds.
const LATEST: i64 = 1_500;

pub(super) fn begin() -> DateTime<Utc> {
    at("06:00")
}

impl Simulation {
    /// A world where `NAME` is an address set; with `chain`, now and then an alias of one of two targets.
    pub(super) fn new(seed: u64, chain: bool) -> Self {
        let mut dice = Dice(seed);
        let mut world = World::default();
        let always = DateTime::<Utc>::MIN_UTC;
        let servers = SERVERS.map(str::to_owned).to_vec();
        world.servers.delegate(&name(APEX), servers, always);
        let least = dice.pick(&[0, 1, 5, 30, 60]);
        let denials = dice.pick(&[1, 60, 300, 900]).max(least);
        world.servers.deny_for(&name(APEX), denials, always);
        let mut changes = Vec::new();
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
                changes.extend(change(&mut world, &mut dice, &name(target), (&held, least)));
                values.push(Value::Cname(name(target)));
            }
        }
        values.extend([Value::Nodata, Value::Nxdomain]);
        changes.extend(change(&mut world, &mut dice, &name(NAME), (&values, least)));
        for (id, _) in RESOLVERS {
            let recursor = recursor(&mut dice, id, least);
            world.recursors.borrow_mut().insert(id.to_owned(), recursor);
        }
        Self {
            dice,
            world,
            chain,
            changes,
            lost: HashSet::new(),
            intercepted: Vec::new(),
        }
    }

    /// The same, where now and then somebody on the way answers everything himself, rightly or wrongly.
    pub(super) fn with_strangers(mut self) -> Self {
        self.intercepted = (0..=self.dice.below(3))
            .map(|_| {
                let from = self.dice.instant();
                (from, from + secs(self.dice.below(1_200)))
            })
            .collect();
        self
    }

    /// The same, where the caches of each resolver are picked at random and are of one place, by whose name all of them go that
    /// give one.
    pub(super) fn in_one_place(self) -> Self {
        let seed = self.dice.0;
        for recursor in self.world.recursors.borrow_mut().values_mut() {
            *recursor = std::mem::take(recursor).picking_at_random(seed);
            for cache in &mut recursor.caches {
                cache.site = cache.site.take().map(|_| "fra3".to_owned());
            }
        }
        self
    }

    /// Whether somebody has answered in everybody's place, and no longer does.
    pub(super) fn was_intercepted(&self, now: DateTime<Utc>) -> bool {
        self.intercepted.iter().any(|(_, until)| *until <= now)
    }

    /// Whether a question at an instant never comes to whom it was put to.
    fn is_intercepted(&self, now: DateTime<Utc>) -> bool {
        let mut windows = self.intercepted.iter();
        windows.any(|(from, until)| *from <= now && now < *until)
    }

    /// The scene that watches this world, under a policy that allows every TTL.
    pub(super) fn scene(&self) -> Scene {
        let resolvers = RESOLVERS.map(|(id, ip)| farm(id, ip, None));
        let mut scene = Scene::new().with_resolvers(&resolvers);
        scene.site = None;
        scene.policy.max_ttl = u32::MAX;
        scene.policy.max_negative_ttl = u32::MAX;
        scene.samples = 2;
        scene.pace = [secs(2), secs(4)];
        if self.chain {
            let targets = TARGETS.map(|target| question(target, RecordType::A));
            scene.targets = targets.to_vec();
        }
        scene
    }

    /// How often a value or a TTL changes from the beginning until then.
    pub(super) fn changes_until(&self, until: DateTime<Utc>) -> usize {
        let changes = self.changes.iter();
        changes.filter(|at| (begin()..until).contains(at)).count()
    }

    fn answer(&mut self, source: &Source, question: &Question, now: DateTime<Utc>) -> Reply {
        let mut reply = self.world.answer(source, question, now);
        if self.dice.one_in(3) {
            reply.late = TimeDelta::milliseconds(self.dice.below(LATEST));
        }
        if source.kind == SourceKind::Authority && self.is_lost(source, question) {
            return Reply::silence();
        }
        if self.is_intercepted(now) {
            reply = self.stranger(question, reply);
        }
        reply
    }

    /// What somebody on the way makes of a reply: never with authority, and a lie now and then.
    fn stranger(&mut self, question: &Question, reply: Reply) -> Reply {
        let lie = data().link(question.name.as_str(), rrset(&[ALIEN]), 600);
        let said = if self.dice.one_in(3) {
            Reply {
                late: reply.late,
                ..lie
            }
        } else {
            reply
        };
        Reply {
            authoritative: false,
            ..said
        }
    }

    fn is_lost(&mut self, source: &Source, question: &Question) -> bool {
        let keys = [None, Some(question.clone())].map(|asked| (source.clone(), asked));
        let drawn = self.dice.one_in(20);
        // Both are taken back, whichever of them spares this reply.
        let [server, asked] = keys.each_ref().map(|key| self.lost.remove(key));
        let lost = drawn && !server && !asked;
        if lost {
            self.lost.extend(keys);
        }
        lost
    }
}

/// The world as a scene asks it.
pub(super) fn answers(
    simulation: &RefCell<Simulation>,
) -> impl Fn(&Source, &Question, DateTime<Utc>) -> Reply {
    move |source, question, now| simulation.borrow_mut().answer(source, question, now)
}

/// What a source says at an instant, asked until no packet is lost.
pub(super) fn heard(
    simulation: &RefCell<Simulation>,
    source: &Source,
    question: &Question,
    now: DateTime<Utc>,
) -> Reply {
    let mut asked = std::iter::repeat_with(|| answers(simulation)(source, question, now));
    asked.find(|reply| !reply.links.is_empty()).unwrap()
}

fn addresses(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| rrset(&[text])).collect()
}

/// What an owner holds over time: each value, or only its TTL, changes at every server, a little later at some. Says when.
fn change(
    world: &mut World,
    dice: &mut Dice,
    owner: &DnsName,
    (values, least): (&[Value], u32),
) -> Vec<DateTime<Utc>> {
    let mut changes = Vec::new();
    let mut from = begin() - secs(3_600);
    let mut value = dice.pick(values);
    let mut before = None;
    while from < begin() + secs(LENGTH) {
        if !dice.one_in(4) {
            value = dice.pick(values);
        }
        let ttl = dice
            .pick(&[0, 1, 5, 30, 60, 299, 300, 900, 3_600])
            .max(least);
        for server in SERVERS {
            let at = from + TimeDelta::milliseconds(dice.below(LAG * 1_000));
            let data = Data::Holds(value.clone(), ttl);
            world
                .servers
                .serve(server, None, (owner, RecordType::A), data, at);
        }
        if before.replace((value.clone(), ttl)) != Some((value.clone(), ttl)) {
            changes.push(from);
        }
        let is_first = from < begin();
        from += secs(SHORTEST_EPOCH + dice.below(600));
        if is_first {
            from = from.max(begin() + secs(SHORTEST_EPOCH));
        }
    }
    changes
}

/// One to four caches behind one address, with or without names, now and then emptied.
fn recursor(dice: &mut Dice, id: &str, least: u32) -> Recursor {
    let has_nsid = dice.one_in(2);
    let sites = ["fra3", "ams1", "lhr2", "mia1"];
    let count = 1 + dice.below(4) as usize;
    let caches = sites[..count].iter().map(|site| {
        let habits = Habits {
            cap: dice.pick(&[10, 60, 200, 3_600, 86_400]).max(least),
            floor: dice.pick(&[0, least]),
            busy: dice.one_in(2),
            prefetch: dice.pick(&[0, 10, 25]),
            rounding: dice.pick(&[0, 1]),
            ..Habits::default()
        };
        Cache::new(has_nsid.then(|| (*site).to_owned()), habits)
    });
    let mut recursor = Recursor::new(id, caches.collect());
    let mut emptied: Vec<_> = (0..dice.below(8)).map(|_| dice.instant()).collect();
    emptied.sort();
    for at in emptied {
        let asked = dice.one_in(2).then(|| (name(NAME), RecordType::A));
        let anew = Meddling::Fetch(asked.into_iter().collect());
        let site = dice.pick(&sites).to_owned();
        let scope = Scope {
            site: (has_nsid && dice.one_in(2)).then_some(site),
            owners: Vec::new(),
        };
        recursor.meddle(at, scope, anew);
    }
    for _ in 0..dice.below(4) {
        let server = dice.pick(&[None, Some("ns1"), Some("ns2")]);
        recursor.prefer(dice.instant(), server.map(str::to_owned));
    }
    recursor
}
