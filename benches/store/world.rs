//! What is observed: names at four resolvers, two of them of three sites, and at one authority, minute by minute, the same at every run.
//!
//! Answers stand for weeks, but for one name in a hundred that changes with every fetch; caches count down from 300 s; round
//! trips have a tail, and one question in two thousand stays unanswered. Deliberately absent: packets, which `bench-probe`
//! measures.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::types::{
    Answer, Flags, Link, NoReply, Observation, Question, Rcode, RecordType, Source, SourceKind,
    Status, Transport, Value,
};

/// Four resolvers and an authority.
pub const SOURCES: usize = 5;

const TTL: u64 = 300;

pub struct World {
    pub names: Vec<Question>,
    sources: Vec<Arc<Source>>,
    pub start: DateTime<Utc>,
    pub period: Duration,
    /// How long an answer of a steady name stands.
    pub stands: Duration,
}

impl World {
    pub fn new(names: usize, start: &str, period: Duration, stands: Duration) -> Self {
        let question = |nth| Question {
            name: format!("dialer{nth}.example.com").parse().unwrap(),
            rtype: RecordType::A,
        };
        let resolvers = [
            "quad9 9.9.9.9",
            "cloudflare 1.1.1.1",
            "google 8.8.8.8",
            "office 192.0.2.53",
        ];
        let mut sources: Vec<_> = resolvers
            .map(|one| source(SourceKind::Resolver, one).into())
            .into();
        sources.push(source(SourceKind::Authority, "ns1.example.com 192.0.2.1").into());
        Self {
            names: (0..names).map(question).collect(),
            sources,
            start: start.parse().unwrap(),
            period,
            stands,
        }
    }

    pub fn series(&self) -> usize {
        self.names.len() * SOURCES
    }

    pub fn due(&self, round: usize) -> DateTime<Utc> {
        self.start + TimeDelta::from_std(self.period).unwrap() * i32::try_from(round).unwrap()
    }

    /// What a round hears, in order of question.
    pub fn round(&self, round: usize) -> Vec<Observation> {
        let series = 0..self.series();
        series
            .map(|nth| self.observation(nth / SOURCES, nth % SOURCES, round))
            .collect()
    }

    fn observation(&self, name: usize, source: usize, round: usize) -> Observation {
        let mut chance = Chance::of([name, source, round]);
        let asked = &self.names[name];
        // A round is spread over its period; timers are late by a little.
        let spread = self.period.as_micros() as u64 * name as u64 / self.names.len() as u64;
        // Behind two of the four, a question may reach any of three servers.
        let site = if source < 2 {
            [0, 0, 0, 0, 0, 1, 1, 2][chance.below(8)]
        } else {
            0
        };
        let source = &self.sources[source];
        let rtt_us = round_trip(source, site, &mut chance);
        let sent =
            self.due(round) + TimeDelta::microseconds((spread + chance.next() % 800).cast_signed());
        let at = sent + TimeDelta::microseconds(rtt_us.cast_signed());
        let plain = Observation {
            source: source.clone(),
            question: asked.clone(),
            at,
            answer: Arc::new(Answer::failure(Status::NoReply(NoReply::Timeout))),
            ttls: Vec::new(),
            serial: None,
            flags: Flags::RD,
            ede: Vec::new(),
            nsid: None,
            ecs_scope: None,
            edns_size: None,
            edns_version: None,
            age: 0,
            wire: None,
            rtt: Duration::ZERO,
            transport: Transport::Udp,
            attempts: 3,
            mismatched: 0,
            size: 0,
        };
        if chance.below(2_000) == 0 {
            return plain;
        }
        let is_resolver = source.kind == SourceKind::Resolver;
        let left = if is_resolver {
            left(name, source, site, at)
        } else {
            TTL
        };
        let fetched = at.timestamp().cast_unsigned() + left;
        let flags = if is_resolver {
            Flags::RD.with(Flags::RA, true)
        } else {
            Flags::AA
        };
        Observation {
            answer: self.answer(name, fetched),
            ttls: vec![vec![left as u32]],
            flags,
            nsid: is_resolver.then(|| format!("{}-{site}", source.id).into_bytes()),
            edns_size: Some(1232),
            edns_version: Some(0),
            rtt: Duration::from_micros(rtt_us),
            attempts: if chance.below(500) == 0 { 2 } else { 1 },
            size: 64,
            ..plain
        }
    }

    fn answer(&self, name: usize, fetched: u64) -> Arc<Answer> {
        let offset = Chance::of([name]).next();
        let version = if self.names.len() > 1 && name % 100 == 7 {
            Chance::of([name, fetched as usize]).next() % 8
        } else {
            (fetched + offset % self.stands.as_secs()) / self.stands.as_secs() % 200
        };
        let address = format!(
            "198.{}.{}.{}",
            18 + version / 100,
            name / 250 % 250,
            name % 250
        );
        let address = if version == 0 {
            address
        } else {
            format!("203.{}.{}.{}", version % 100, name / 250 % 250, name % 250)
        };
        Arc::new(Answer {
            status: Status::Rcode(Rcode::NOERROR),
            links: vec![Link {
                owner: self.names[name].name.clone(),
                value: Value::Rrset([address].into()),
            }],
        })
    }
}

/// Seconds that are left of what the site's cache fetched last.
fn left(name: usize, source: &Source, site: usize, at: DateTime<Utc>) -> u64 {
    let offset = Chance::of([name, site, source.id.len()]).next() % TTL;
    TTL - (at.timestamp().cast_unsigned() + offset) % TTL
}

fn source(kind: SourceKind, words: &str) -> Source {
    let (id, address) = words.split_once(' ').unwrap();
    Source {
        kind,
        id: id.to_owned(),
        address: format!("{address}:53").parse().unwrap(),
        transport: Transport::Udp,
    }
}

/// Microseconds: a base for each site, noise of some milliseconds, and a long tail.
fn round_trip(source: &Source, site: usize, chance: &mut Chance) -> u64 {
    let base = 8_000 + 1_700 * source.id.len() as u64 + 9_000 * site as u64;
    let noise = chance.next() % 50;
    let tail = if chance.below(100) == 0 {
        chance.next() % 60_000
    } else {
        0
    };
    base + noise * noise + chance.next() % 300 + tail
}

/// Numbers without a pattern that are the same at every run (splitmix64).
struct Chance(u64);

impl Chance {
    fn of<const N: usize>(seed: [usize; N]) -> Self {
        let mixed = seed.iter().fold(0x2020_0830_u64, |mixed, part| {
            let mut chance = Self(mixed ^ *part as u64);
            chance.next()
        });
        Self(mixed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: u64) -> usize {
        (self.next() % limit) as usize
    }
}
